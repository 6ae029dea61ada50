"""A plugin of pytest that leads the sandbox through scenarios that were recorded against AWS.

A scenario is a program of LocalStack's tests, in a checkout that is no part of this project: it calls the API, and says
which answers to compare. The answers of AWS stand in the `*.snapshot.json` beside it. What it imports of LocalStack is
played by `localstack_modules` and `processes`.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from msaspec import sandbox
from tests.parity import localstack_modules
from tests.parity.answers import Comparison
from tests.parity.explained import Place, explained

PROGRAMS = "tests/aws/services/"
RESULTS = os.environ.get("MSASPEC_PARITY_RESULTS")
localstack_modules.installed()


class Snapshot:
    """What a scenario records: here each answer is compared."""

    def __init__(self, recorded: dict[str, Any], services: Mapping[int, tuple[str, Any]]) -> None:
        self.recorded = recorded
        self.comparison = Comparison()
        self.answers: list[tuple[str, Any, str]] = []
        self.transform = _Transform()
        self._services = services

    def add_transformer(self, transformer: Any, **options: Any) -> None:
        """Take what a scenario says of values that vary, and of lists without an order."""
        for one in transformer if isinstance(transformer, list) else [transformer]:
            if isinstance(one, localstack_modules.RegexTransformer):
                self.comparison.replacements.append((one.pattern, one.replacement))
            elif isinstance(one, localstack_modules.SortingTransformer):
                self.comparison.sorting.append((one.key, one.function))

    def add_transformers_list(self, transformers: Any, **options: Any) -> None:
        """Take several."""
        self.add_transformer([] if isinstance(transformers, localstack_modules.Anything) else list(transformers))

    def match(self, key: str, value: Any) -> None:
        """Note an answer."""
        self.answers.append((key, _plain(value), self._service(value)))

    def _service(self, value: Any) -> str:
        """The service that gave an answer; CloudFormation where that cannot be told."""
        found = set(self._services_in(value))
        return found.pop() if len(found) == 1 else "cloudformation"

    def _services_in(self, value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if id(value) in self._services:
                yield self._services[id(value)][0]
                return
            for item in value.values():
                yield from self._services_in(item)
        elif isinstance(value, (list, tuple)):
            for item in value:
                yield from self._services_in(item)

    def __getattr__(self, name: str) -> Any:
        return localstack_modules.Anything()

    def report(self, scenario: str) -> tuple[list[str], list[tuple[str, str]]]:
        """Where answers differ from the recorded ones: without a reason, and each with its reason."""
        bare: list[str] = []
        reasoned: list[tuple[str, str]] = []
        for key, value, service in self.answers:
            if key not in self.recorded:
                bare.append(f"{key}: not recorded")
                continue
            pair = self.comparison.sorted(key, self.recorded[key]), self.comparison.sorted(key, value)
            for each in self.comparison.differences(*pair, key):
                why = explained(Place(scenario, service), each)
                reasoned.append((str(each), why)) if why else bare.append(str(each))
        return bare, reasoned


class _Transform:
    def regex(self, regex: Any, replacement: str) -> localstack_modules.RegexTransformer:
        return localstack_modules.RegexTransformer(regex, replacement)

    def __getattr__(self, name: str) -> Any:
        return lambda *words, **options: []


def _plain(value: Any) -> Any:
    """A value as it would be recorded; texts that hold JSON are parsed, as there."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, str) and value[:1] in "{[":
        with contextlib.suppress(ValueError):
            return _plain(json.loads(value))
    if isinstance(value, Exception):
        return str(value)
    return value


class Calls:
    """What a scenario asked so far: whose each answer is, and which stacks it has."""

    def __init__(self) -> None:
        self.services: dict[int, tuple[str, Any]] = {}
        self.stacks: dict[str, str] = {}

    def note(self, parsed: Any, model: Any, **words: Any) -> None:
        """Note an answer."""
        service = model.service_model.service_name
        self._walk(service, parsed)
        if service == "cloudformation" and parsed.get("StackId") and "Error" not in parsed:
            self.stacks[parsed["StackId"]] = model.name

    def _walk(self, service: str, value: Any) -> None:
        if isinstance(value, dict):
            self.services[id(value)] = service, value  # the value, so that its id stays its own
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            self._walk(service, item)


class Clients:
    """A client of each service of the sandbox."""

    def __init__(self, world: Any, calls: Calls, region: str = "us-east-1") -> None:
        self._world, self._calls, self._region = world, calls, region

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        client = self._world.client("lambda" if name == "lambda_" else name.replace("_", "-"), self._region)
        client.meta.events.register_last("after-call", self._calls.note, unique_id="parity")
        return client


@pytest.fixture(scope="session")
def world() -> Iterator[Any]:
    """A sandbox, whose waiters do not wait long."""
    import botocore.waiter

    botocore.waiter.time = types.SimpleNamespace(sleep=lambda seconds: time.sleep(0.02))
    with sandbox.start(run_any_code=True) as world:
        yield world


@pytest.fixture(scope="session")
def calls() -> Calls:
    """What was asked."""
    return Calls()


@pytest.fixture(scope="session")
def aws_client(world: Any, calls: Calls) -> Clients:
    """Clients of the account."""
    return Clients(world, calls)


@pytest.fixture(scope="session")
def aws_client_no_retry(aws_client: Clients) -> Clients:
    """The same."""
    return aws_client


@pytest.fixture(scope="session")
def secondary_aws_client(world: Any, calls: Calls) -> Clients:
    """Clients of another Region."""
    return Clients(world, calls, "us-west-1")


@pytest.fixture(scope="session")
def aws_client_factory(world: Any, calls: Calls) -> Any:
    """Clients of any Region."""
    return lambda *words, region_name="us-east-1", **options: Clients(world, calls, region_name)


@pytest.fixture(scope="session")
def region_name() -> str:
    """The Region of the account."""
    return "us-east-1"


@pytest.fixture(scope="session")
def secondary_region_name() -> str:
    """Another Region."""
    return "us-west-1"


@pytest.fixture(scope="session")
def account_id() -> str:
    """The account."""
    return localstack_modules.HELPERS["TEST_AWS_ACCOUNT_ID"]


@pytest.fixture(scope="session")
def partition() -> str:
    """The partition of the Regions."""
    return "aws"


@pytest.fixture
def cleanups() -> Iterator[list[Any]]:
    """What is to be done at the end."""
    found: list[Any] = []
    yield found
    for each in reversed(found):
        with contextlib.suppress(Exception):
            each()


def recorded(node: Any) -> dict[str, Any]:
    """Return the answers of AWS that are there for a scenario."""
    file = Path(str(node.path)).with_suffix(".snapshot.json")
    found = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return dict(found.get(PROGRAMS + _id(node), {}).get("recorded-content") or {})


def _id(node: Any) -> str:
    return str(node.nodeid.split(PROGRAMS)[-1])


@pytest.fixture
def snapshot(request: Any, calls: Calls) -> Snapshot:
    """What the scenario compares."""
    each = Snapshot(recorded(request.node), calls.services)
    request.node.parity = each
    return each


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Try everything that was recorded, also what LocalStack skips."""
    items[:] = [item for item in items if recorded(item)]
    for item in items:
        for node in item.listchain():
            node.own_markers = [mark for mark in node.own_markers if mark.name not in ("skip", "skipif", "xfail")]


@pytest.fixture(autouse=True)
def _scenario(request: Any, calls: Calls) -> None:
    calls.services.clear()
    calls.stacks.clear()
    request.node.calls = calls


def _lacking(item: Any) -> list[str]:
    """What the stacks of a scenario say that the sandbox lacks."""
    calls, found = getattr(item, "calls", None), []
    client = item.funcargs["world"].client("cloudformation") if "world" in getattr(item, "funcargs", {}) else None
    for stack in calls.stacks if calls and client else ():
        with contextlib.suppress(Exception):
            events = client.describe_stack_events(StackName=stack)["StackEvents"]
            found += [each["ResourceStatusReason"] for each in events if "FAILED" in each["ResourceStatus"]]
    return found


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Any:
    """Write what came of a scenario to the file of results, as a line of JSON."""
    outcome = yield
    report = outcome.get_result()
    if RESULTS and (report.when == "call" or (report.when == "setup" and report.outcome != "passed")):
        each = getattr(item, "parity", None)
        bare, reasoned = each.report(_id(item)) if each else ([], [])
        line = {
            "id": _id(item),
            "outcome": report.outcome,
            "error": str(call.excinfo.value)[:2000] if call.excinfo else None,
            "failures": _lacking(item) if call.excinfo else [],
            "where": str(call.excinfo.traceback[-1])[-300:] if call.excinfo else None,
            "recorded": len(recorded(item)),
            "compared": len(each.answers) if each else 0,
            "differences": bare,
            "explained": reasoned,
        }
        with open(RESULTS, "a", encoding="utf-8") as file:
            file.write(json.dumps(line, default=str) + "\n")
