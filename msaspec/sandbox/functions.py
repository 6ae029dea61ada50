"""Lambda functions: every invocation runs the function's real source in a process of its own, as the user.

That is no barrier, so only msaspec's own functions run, which are known by their source, and they get no variables
but those that they read. Others run only with `run_any_code`.

A call that is meant for a database instance or a broker cannot arrive, since nothing listens at the address that the
emulated AWS gives out. It goes to the PostgreSQL, MariaDB or RabbitMQ server that was handed over; without one, and for
DocumentDB, it is recorded and succeeds.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Set
from functools import cache
from importlib import resources
from itertools import product
from typing import Any

from msaspec.aws import bootstrap, functions, secret_texts
from msaspec.aws.hardening import rotation
from msaspec.engines import engines
from msaspec.sandbox import scratch
from msaspec.sandbox.world import Database, RabbitMq, World, current

HANDLER = "index.handler"
READ = frozenset({"CLUSTER", "RUNNER", "SECONDS", "STACK"})
"""What msaspec's own functions read of the variables that a template gives them."""
_TABLE = re.compile(re.escape(rotation.TABLE) + r"[^'\\\n]*'\)\n\Z")
"""The line with which the source of a rotation ends. It is a text that nothing leads out of."""
_PROGRAM = """
import importlib, json, sys, time
sys.path.insert(0, ".")
class Context:
    aws_request_id = "sandbox"
    end = time.monotonic() + float(sys.argv[3])
    def get_remaining_time_in_millis(self):
        return int((self.end - time.monotonic()) * 1000)
module, _, function = sys.argv[1].rpartition(".")
try:
    answer = getattr(importlib.import_module(module), function)(json.load(sys.stdin), Context())
    failed = False
except Exception as error:
    answer = {"errorMessage": str(error), "errorType": type(error).__name__}
    failed = True
with open(sys.argv[2], "w") as file:
    json.dump([failed, answer], file)
"""


def invoke(
    self: Any, function_name: str, qualifier: str | None, body: Any, headers: Any, response_headers: Any
) -> str | bytes | None:
    """Lambda's Invoke, in place of moto's."""
    function = self.get_function(function_name, qualifier)
    failed, answer = run(current(), function, json.loads(body) if body else {})
    if failed:
        response_headers["x-amz-function-error"] = "Unhandled"
    return json.dumps(answer).encode()


def run(world: World, function: Any, event: dict[str, Any]) -> tuple[bool, Any]:
    """Whether a function failed, and what it answered."""
    own = function.handler == HANDLER and _source(function) in own_sources()
    if not own and not world.settings.run_any_code:
        said = f"The sandbox runs only msaspec's own functions, and {function.function_name} has another source."
        return _not_run(f"{said} With --run-any-code it runs as you, on this machine.")
    if engine := _databases(world, function.region).get(str(event.get("Host"))):
        server = _server(world, engine)
        if server is None:
            world.database_calls.append(event)
            return False, None
        event = event | _of(server, event)
    elif event.get("Host") in _brokers(world, function.region):
        if world.settings.rabbitmq is None:
            world.broker_calls.append(event)
            return False, None
        event = event | _of_brokers(world.settings.rabbitmq)
    elif own and "Host" in event:
        said = f"The sandbox has no database instance and no broker at {event['Host']}, and connects to nothing else."
        return _not_run(said)
    with scratch.folder() as directory:
        zipfile.ZipFile(io.BytesIO(function.code_bytes)).extractall(directory)
        answer = directory / "answer.json"
        seconds = int(function.timeout or 3)
        command = [sys.executable, "-c", _PROGRAM, function.handler, str(answer), str(seconds)]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
            cwd=directory,
            env=_environment(world, function, own=own),
        ) as process:
            try:
                with world.controls.stopping(process.kill):
                    _, errors = process.communicate(json.dumps(event), timeout=seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                said = f"Task timed out after {seconds}.00 seconds"
                return True, {"errorMessage": said, "errorType": "Sandbox.Timedout"}
        if not answer.exists():
            return True, {"errorMessage": f"The function ended: {errors[-500:]}", "errorType": "Runtime.ExitError"}
        failed, value = json.loads(answer.read_text())
        return bool(failed), value


def _databases(world: World, region: str) -> Mapping[str, str]:
    """Return the engines of the database instances and clusters, by their addresses."""
    rds = world.client("rds", region)
    instances, clusters = rds.describe_db_instances()["DBInstances"], rds.describe_db_clusters()["DBClusters"]
    return {
        **{each["Endpoint"]["Address"]: each["Engine"] for each in instances},
        **{each["Endpoint"]: each["Engine"] for each in clusters},
    }


def _brokers(world: World, region: str) -> Set[str]:
    """Return the addresses of the brokers."""
    mq = world.client("mq", region)
    found = [mq.describe_broker(BrokerId=each["BrokerId"]) for each in mq.list_brokers()["BrokerSummaries"]]
    endpoints = [url for each in found for instance in each["BrokerInstances"] for url in instance["Endpoints"]]
    return {url.partition("://")[2].partition(":")[0] for url in endpoints}


def _of_brokers(server: RabbitMq) -> dict[str, Any]:
    """Who answers in place of a broker."""
    login = {"username": server.user, "password": server.password}
    return {"Host": server.host, "Api": str(server.api), "ca": server.ca.read_text(), **login}


def _server(world: World, engine: str) -> Database | None:
    """Return what acts as the database instances of an engine, which is spelled as RDS does."""
    if engine.endswith(("postgres", "postgresql")):
        return world.postgres
    return world.settings.mariadb if engine in ("aurora-mysql", "mariadb", "mysql") else None


def _of(server: Database, event: Mapping[str, Any]) -> dict[str, Any]:
    """Who answers in place of a database instance, and its master where the function logs in as one."""
    place = {"Host": server.host, "Port": str(server.port)}
    return place if "Database" in event else {**place, "username": server.user, "password": server.password}


@cache
def own_sources() -> Set[str]:
    """Return the sources of msaspec's own functions, as templates carry them."""
    files = [file.name for file in resources.files("msaspec.aws.lambdas").iterdir() if file.name.endswith(".py")]
    whole = {functions.source(name.removesuffix(".py")) for name in files if name != "__init__.py"}
    for programs in {each.bootstrap for each in engines().values()}:
        for set_up, turns, guest, left in product((False, True), repeat=4):
            whole.update(bootstrap.sources(programs, set_up=set_up, turns=turns, guest=guest, left=left))
        whole.add(bootstrap.rotation(programs))
    return whole | {secret_texts.source(again=True)}


def _source(function: Any) -> str | None:
    """Return the one file of a function's code; None where there are others."""
    with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as archive:
        names = archive.namelist()
        found = archive.read(names[0]).decode("utf-8", "replace") if names == ["index.py"] else None
    return _TABLE.sub("", found) if found else None


def _not_run(why: str) -> tuple[bool, Any]:
    return True, {"errorMessage": why, "errorType": "Sandbox.NotRun"}


def _environment(world: World, function: Any, *, own: bool) -> Mapping[str, str]:
    given = function.environment_vars or {}
    if own:  # nothing that leads Python or its libraries to code of others
        given = {name: value for name, value in given.items() if name in READ}
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "SYSTEMROOT") if key in os.environ}
    return {
        **kept,
        # As in Lambda, there are no shared files of the AWS CLI.
        **dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull),
        **world.assumed(function.role),
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
        "CA_BUNDLE_URL": world.ca.as_uri(),
        "NO_PROXY": "127.0.0.1,localhost",
        **given,
    }
