"""Lambda functions: every invocation runs the function's real source in a process of its own.

A call that is meant for a database instance cannot arrive, since nobody listens at the address that the emulated RDS
gives out. It goes to the PostgreSQL server that was handed over; without one it is recorded and succeeds.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msaspec.sandbox.world import World, current

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
    if event.get("Host") in _databases(world, function.region):
        if world.postgres is None:
            world.database_calls.append(event)
            return False, None
        event = event | _of(world)
    with tempfile.TemporaryDirectory(prefix="msaspec-sandbox-") as directory:
        zipfile.ZipFile(io.BytesIO(function.code_bytes)).extractall(directory)
        answer = Path(directory) / "answer.json"
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
            env=_environment(world, function),
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


def _databases(world: World, region: str) -> set[str]:
    instances = world.client("rds", region).describe_db_instances()["DBInstances"]
    return {instance["Endpoint"]["Address"] for instance in instances}


def _of(world: World) -> dict[str, Any]:
    """Who answers in place of a database instance."""
    server = world.postgres
    assert server is not None
    return {"Host": server.host, "Port": str(server.port), "username": server.user, "password": server.password}


def _environment(world: World, function: Any) -> Mapping[str, str]:
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "SYSTEMROOT") if key in os.environ}
    return {
        **kept,
        # As in Lambda, there are no shared files of the AWS CLI.
        **dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull),
        **world.assumed(function.role),
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "CA_BUNDLE_URL": world.ca.as_uri(),
        "NO_PROXY": "127.0.0.1,localhost",
        **(function.environment_vars or {}),
    }
