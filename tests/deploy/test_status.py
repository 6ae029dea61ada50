"""`msaspec status`, and the commands that messages name."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from msaspec import pipeline
from msaspec.cli import main
from msaspec.deploy import overview, state
from msaspec.deploy.fault import Fault
from msaspec.deploy.here import Here
from tests import goldens, template
from tests.deploy import recorded
from tests.deploy.by_hand import cloudformation, connect, deployed, fake

SHOP = (goldens.EXAMPLES / "msa.yaml").read_text("utf-8")
MAIN = template.template_of(SHOP)
CHANGED = datetime(2026, 7, 24, 9, 30, tzinfo=UTC)
FAILED = {"CartServiceInstance": {"ResourceStatus": "UPDATE_FAILED", "ResourceStatusReason": "It  never\nanswered."}}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the example."""
    monkeypatch.chdir(tmp_path)
    Path("msa.yaml").write_text(SHOP, "utf-8")
    return tmp_path


def main_stack(**more: Any) -> dict[str, Any]:
    """The system's stack."""
    parameters = [{"ParameterKey": "UserServiceImageTag", "ParameterValue": "1.0"}]
    parameters += [{"ParameterKey": "CartServiceImageTag", "ParameterValue": "2.0"}]
    whole = {"Parameters": parameters, "EnableTerminationProtection": True, "LastUpdatedTime": CHANGED, **more}
    return deployed("shop", MAIN, **whole)


def registry_stack() -> dict[str, Any]:
    """The stack of the image repositories."""
    stack, _ = pipeline.compile_registry(pipeline.load(SHOP, "msa.yaml"))
    assert stack
    return deployed("shop-registry", stack.template)


def status(patch: pytest.MonkeyPatch, *arguments: str, stacks: list[dict[str, Any]] | None = None) -> Result:
    """What the command says of these stacks."""
    known = [main_stack(), registry_stack()] if stacks is None else stacks
    connect(patch, fake(cloudformation=cloudformation(*known)))
    return CliRunner().invoke(main, ["status", *arguments])


def test_both_stacks_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's stack first, each with its status, when it changed, and whether it is protected."""
    result = status(monkeypatch)
    assert (result.exit_code, result.stderr) == (0, "")
    heads = [line for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert heads == [
        "shop   CREATE_COMPLETE   2026-07-24 09:30 UTC   protected",
        "shop-registry   CREATE_COMPLETE   2026-07-01 00:00 UTC   not protected against deletion",
    ]


def test_entries_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each entry of the manifest stands with the number of its resources; together they are all that there are."""
    result = status(monkeypatch, "--stack", "registry")
    assert [line.split() for line in result.stdout.splitlines()[1:]] == [
        [f"services.{name}-service", "1", "resource"] for name in ("cart", "product", "user")
    ]
    lines = status(monkeypatch, "--stack", "main").stdout.splitlines()[1:]
    counts = {line.split()[0]: int(line.split()[1]) for line in lines if line.endswith(("resource", "resources"))}
    assert sum(counts.values()) == len(MAIN["Resources"])
    assert {"network", "databases.main", "buckets.media", "bastion", "services.cart-service"} <= set(counts)


def test_the_deployed_tags_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parameters of the stack stand at its end, by name."""
    lines = status(monkeypatch, "--stack", "main").stdout.splitlines()
    assert lines[-2:] == ["  CartServiceImageTag = 2.0", "  UserServiceImageTag = 1.0"]


def test_what_failed_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resource that is not well stands under its entry with what CloudFormation says, on one line."""
    reason = "Resource failed:  [CartServiceInstance]\n"
    stack = deployed("shop", MAIN, status="UPDATE_ROLLBACK_FAILED", rows=FAILED, StackStatusReason=reason)
    lines = status(monkeypatch, stacks=[stack]).stdout.splitlines()
    assert lines[0].startswith("shop   UPDATE_ROLLBACK_FAILED   ")
    assert lines[1] == "  Resource failed: [CartServiceInstance]"
    at = lines.index("    CartServiceInstance UPDATE_FAILED: It never answered.")
    assert lines[at - 1].split()[0] == "services.cart-service"
    assert len([line for line in lines if "_FAILED" in line]) == 2


def test_what_was_deleted_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a failed creation took back is listed by CloudFormation, but is not there."""
    names = [name for name in MAIN["Resources"] if name.startswith("Cart")]
    gone = {name: {"ResourceStatus": "DELETE_COMPLETE"} for name in MAIN["Resources"] if name != names[0]}
    stack = deployed("shop", MAIN, status="ROLLBACK_COMPLETE", rows=gone)
    lines = status(monkeypatch, stacks=[stack]).stdout.splitlines()
    assert [line.split() for line in lines[1:]] == [["services.cart-service", "1", "resource"]]


def test_json_is_an_object_a_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that the text tells, and the ids in AWS, for programs; also what was deleted."""
    stack = deployed("shop", MAIN, status="UPDATE_FAILED", rows=FAILED, LastUpdatedTime=CHANGED, StackStatusReason="R")
    result = status(monkeypatch, "--format", "json", stacks=[stack, registry_stack()])
    found, registry = (json.loads(line) for line in result.stdout.splitlines())
    entries = found.pop("entries")
    assert found == {
        "stack": "shop",
        "id": "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/1",
        "status": "UPDATE_FAILED",
        "reason": "R",
        "protected": False,
        "changed": "2026-07-24T09:30:00+00:00",
        "parameters": {},
    }
    rows = {row["logical_id"]: row for entry in entries for row in entry["resources"]}
    assert set(rows) == set(MAIN["Resources"])
    assert rows["CartServiceInstance"] == {
        "logical_id": "CartServiceInstance",
        "type": "AWS::EC2::Instance",
        "id": "shop-cartserviceinstance",
        "status": "UPDATE_FAILED",
        "reason": "It  never\nanswered.",
    }
    assert (registry["stack"], registry["reason"]) == ("shop-registry", None)


@pytest.mark.parametrize(
    ("arguments", "stack"), [([], "shop"), (["--stack", "registry"], "shop-registry"), (["--stack", "main"], "shop")]
)
def test_neither_stack_is_a_fault(monkeypatch: pytest.MonkeyPatch, arguments: list[str], stack: str) -> None:
    """A system that is not deployed is MSA617, ends with 3, and is named; nothing stands on stdout."""
    result = status(monkeypatch, *arguments, stacks=[])
    assert (result.exit_code, result.stdout, "MSA617" in result.stderr) == (3, "", True)
    assert f"There is no stack {stack} in eu-west-1 of the account 123456789012." in " ".join(result.stderr.split())


def test_one_stack_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first deployment got to the system there is only the registry, and that is told."""
    result = status(monkeypatch, stacks=[registry_stack()])
    assert (result.exit_code, result.stdout.split()[0]) == (0, "shop-registry")


def test_a_manifest_with_a_fault_still_names_its_stacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has broken the manifest can still look at what is deployed."""
    Path("msa.yaml").write_text(SHOP.replace("port: 8000", "port: many"), "utf-8")
    assert status(monkeypatch).exit_code == 0


def test_following_what_is_at_rest_tells_how_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--follow` has nothing to watch where no operation is in progress."""
    result = status(monkeypatch, "--follow")
    assert (result.exit_code, result.stdout) == (0, status(monkeypatch).stdout)


def test_a_failure_of_the_registry_names_its_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next command is about the stack that failed, not about the system's own."""

    def described(StackName: str) -> Any:
        name = recorded.STACK_ID if StackName.startswith("arn:") else StackName
        return recorded.missing(name) if name == "shop" else recorded.described("DELETE_IN_PROGRESS")

    begun = [recorded.event("DELETE_IN_PROGRESS"), recorded.event("DELETE_FAILED", "Repository", 1, reason="No.")]
    client = recorded.Recorded(
        describe_stacks=described,
        describe_stack_events=recorded.plays([recorded.event("DELETE_FAILED", at=2)], past=begun),
        get_template=recorded.original({"Resources": {}}),
    )
    connect(monkeypatch, recorded.aws(cloudformation=client))
    result = CliRunner().invoke(main, ["status", "--follow"])
    assert result.exit_code == 3
    assert "hint: Remove the cause, then once more: msaspec destroy --stack registry" in result.stderr


def test_entries_come_in_the_order_of_the_template() -> None:
    """What the template names first comes first, what it does not know comes last."""
    source = {
        "Metadata": {"msaspec": {"manifest": ["services.b", "services.a"]}},
        "Resources": {"BRole": {"Type": "T"}, "ARole": {"Type": "T"}, "BHost": {"Type": "T"}},
    }
    stack = deployed("shop", source)
    stack["rows"].append({"LogicalResourceId": "AOld", "ResourceType": "T", "ResourceStatus": "DELETE_FAILED"})
    aws = fake(cloudformation=cloudformation(stack))
    there = state.describe(aws, "shop")
    assert there
    found = [(entry.path, [r.logical_id for r in entry.resources]) for entry in overview.overview(aws, there).entries]
    assert found == [(("services", "b"), ["BRole", "BHost"]), (("services", "a"), ["ARole", "AOld"])]


@pytest.mark.parametrize(
    ("here", "words", "wanted"),
    [
        (Here(), ("deploy",), ["msaspec", "deploy"]),
        (Here("a b.yaml"), ("deploy", "--wait"), ["msaspec", "deploy", "--wait", "a b.yaml"]),
        (Here(environment="prod"), ("status",), ["msaspec", "status", "--env", "prod"]),
        (Here("x.yaml"), ("push", "cart"), ["msaspec", "push", "cart", "--file", "x.yaml"]),
        (Here("x.yaml"), ("logs", "cart"), ["msaspec", "logs", "cart", "x.yaml"]),
        (
            Here("$(x)", "prod", " --region r"),
            ("cancel",),
            ["msaspec", "cancel", "--env", "prod", "--region", "r", "$(x)"],
        ),
    ],
)
def test_commands_of_messages_can_be_pasted(here: Here, words: tuple[str, ...], wanted: list[str]) -> None:
    """A command that a message names leads to the same system from any shell."""
    assert shlex.split(here.command(*words)) == wanted


def test_the_hint_of_a_missing_stack_can_be_pasted() -> None:
    """It deploys what was asked for."""
    here = Here("my.yaml", "prod", " --region eu-west-1")
    with pytest.raises(Fault) as caught:
        overview.required(fake(cloudformation=cloudformation()), "shop-prod", here)
    (said,) = caught.value.diagnostics
    assert (said.hint or "").endswith("Deploy it: msaspec deploy --env prod --region eu-west-1 my.yaml")
