"""What a sandbox runs on this machine, as whom, and for whom."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from msaspec import sandbox
from msaspec.cli import main
from msaspec.sandbox import functions
from msaspec.sandbox.world import World
from tests.sandbox.deploying import Deployer, example
from tests.sandbox.test_door import get


def test_a_door_for_anyone_still_refuses_pages() -> None:
    """Who tests with a door of its own in front needs no key, and no page comes in either."""
    with sandbox.start(anyone=True) as world:
        assert get(world, "/moto-api/data.json")[0] == 200
        assert get(world, "/moto-api/data.json", Origin="https://evil.example")[0] == 403


def test_each_sandbox_has_a_key_of_its_own() -> None:
    """Made anew, and with an id that no scanner takes for one of AWS."""
    keys = set()
    for _ in range(2):
        with sandbox.start() as world:
            keys.add(world.key)
            assert len(world.key.secret) >= 40
            assert not re.search(r"A(KIA|SIA)[A-Z0-9]{16}", world.key.id)
    assert len(keys) == 2


ROLE = {
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
}


def calling(source: str, **properties: Any) -> str:
    """A template with a custom resource whose function has a source."""
    function = {"Runtime": "python3.13", "Handler": "index.handler", "Role": {"Fn::GetAtt": ["Role", "Arn"]}}
    resources = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": ROLE}},
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {**function, "Code": {"ZipFile": source}, **properties},
        },
        "Custom": {"Type": "Custom::X", "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}}},
    }
    return json.dumps({"Resources": resources})


WRITES = """
import json, urllib.request
def handler(event, context):
    open({place!r}, "w").write("ran")
    answer = json.dumps({{"Status": "SUCCESS", "PhysicalResourceId": "x"}}).encode()
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], answer, method="PUT"))
"""


@pytest.mark.parametrize("allowed", [False, True])
def test_functions_of_others_run_only_when_that_is_said(allowed: bool, tmp_path: Path) -> None:
    """Without the word the resource fails, and the reason says what would happen with it."""
    place = tmp_path / "ran"
    with sandbox.start(run_any_code=allowed) as world:
        deployer = Deployer(world.client("cloudformation"))
        status = deployer.deploy(calling(WRITES.format(place=str(place))))
        events = world.client("cloudformation").describe_stack_events(StackName=deployer.name)["StackEvents"]
        said = json.dumps([event.get("ResourceStatusReason") for event in events])
    assert place.exists() is allowed
    assert status == ("CREATE_COMPLETE" if allowed else "ROLLBACK_COMPLETE")
    assert ("only msaspec's own functions" in said) is not allowed


def test_the_functions_of_msaspec_run(tmp_path: Path) -> None:
    """Those of every template that it compiles, whose sources are known."""
    assert len(functions.own_sources()) >= 2
    with sandbox.start() as world:
        assert Deployer(world.client("cloudformation")).deploy(example()) == "CREATE_COMPLETE"
        assert world.database_calls


@pytest.fixture
def world() -> Iterator[World]:
    """A sandbox of the test's own."""
    with sandbox.start() as world:
        yield world


def invoked(world: World, source: str, event: dict[str, Any], **properties: Any) -> dict[str, Any]:
    """What a function answers."""
    deployer = Deployer(world.client("cloudformation"))
    template = json.loads(calling(source, **properties))
    del template["Resources"]["Custom"]
    assert deployer.deploy(json.dumps(template)) == "CREATE_COMPLETE"
    name = deployer.ids()["Function"]
    answer = world.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    found: dict[str, Any] = json.loads(answer["Payload"].read())
    return found


OWN = next(source for source in sorted(functions.own_sources()) if "RUNNER" in source)
RUNS = next(source for source in sorted(functions.own_sources()) if "create_connection" in source)


def test_variables_lead_an_own_function_to_no_other_code(world: World, tmp_path: Path) -> None:
    """A template that sets PYTHONPATH beside msaspec's own source runs nothing of that folder."""
    (tmp_path / "ran").mkdir()
    for module in ("sitecustomize", "usercustomize", "json", "boto3"):
        (tmp_path / f"{module}.py").write_text(f"open({str(tmp_path / 'ran' / module)!r}, 'w')")
    variables = {"PYTHONPATH": str(tmp_path), "PYTHONHOME": str(tmp_path), "PYTHONSTARTUP": str(tmp_path / "json.py")}
    invoked(world, OWN, {}, Environment={"Variables": variables})
    assert list((tmp_path / "ran").iterdir()) == []


@pytest.mark.parametrize("handler", ["os.system", "subprocess.call", "index.os.system", "json.loads"])
def test_an_own_source_has_its_own_handler(handler: str, world: World, tmp_path: Path) -> None:
    """A template that names a function of Python's library instead runs nothing."""
    event = {"touch": 1, str(tmp_path / "ran"): 2}
    answer = invoked(world, OWN, event, Handler=handler)
    assert "only msaspec's own functions" in answer["errorMessage"] or "not" in answer["errorMessage"]
    assert not (tmp_path / "ran").exists()


def test_an_own_function_connects_to_databases_of_the_sandbox_only(world: World) -> None:
    """A patch that names another host is told that there is none."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        event = {"Host": "127.0.0.1", "Port": str(listener.getsockname()[1])}
        answer = invoked(world, RUNS, event)
        with pytest.raises(TimeoutError):
            listener.accept()
    assert "no database instance and no broker at 127.0.0.1" in answer["errorMessage"]


MANIFEST = {
    "msaspec": 1,
    "name": "shop",
    "network": {"placement": "public"},
    "databases": {"main": {}},
    "services": {"web": {"image": "docker.io/library/nginx:1", "port": 80, "uses": ["main"]}},
}


@pytest.mark.parametrize("allowed", [False, True])
def test_deploy_into_the_sandbox_runs_no_code_of_the_manifest(
    allowed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A patch that replaces the source of a function makes the deployment fail, and says which word runs it."""
    monkeypatch.setenv("MSASPEC_CACHE_DIR", str(tmp_path / "cache"))
    source = f"open({str(tmp_path / 'ran')!r}, 'w')\ndef handler(event, context): pass\n"
    path = "/Resources/DatabaseBootstrapHandler/Properties/Code"
    patches = [{"op": "replace", "path": path, "value": {"ZipFile": source}}]
    (tmp_path / "msa.yaml").write_text(yaml.safe_dump(MANIFEST | {"patches": patches}), "utf-8")
    words = ["--run-any-code"] if allowed else []
    result = CliRunner().invoke(main, ["deploy", "--sandbox", "--yes", *words, str(tmp_path / "msa.yaml")])
    assert result.exit_code == 3, result.output
    assert (tmp_path / "ran").exists() is allowed
    assert ("With --run-any-code it runs as you" in result.stderr) is not allowed


def test_the_word_is_for_the_sandbox() -> None:
    """In AWS it would say nothing."""
    result = CliRunner().invoke(main, ["deploy", "--run-any-code", "--yes"])
    assert result.exit_code == 2
    assert "--sandbox" in result.stderr
