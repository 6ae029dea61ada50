"""`msaspec status`, and the commands that messages name."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from msaspec import pipeline
from msaspec.deploy import overview
from msaspec.deploy.aws import state
from msaspec.deploy.aws.fault import Fault
from msaspec.deploy.aws.pace import Pace
from msaspec.deploy.invocation import Invocation
from tests import goldens, template, told
from tests.deploy import recorded
from tests.deploy.by_hand import Client, Commands, Waiting, closed, cloudformation, context, deployed, fake, refusal
from tests.deploy.recorded import Heard

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
    stack = template.registry_of(pipeline.load(SHOP, "msa.yaml"))
    assert stack
    return deployed("shop-registry", stack.template)


def hosts(state: str = "running") -> Client:
    """An EC2 that has every host which is asked for."""

    def described(Filters: Any) -> dict[str, Any]:
        found = [{"InstanceId": id, "State": {"Name": state}, "LaunchTime": CHANGED} for id in Filters[0]["Values"]]
        return {"Reservations": [{"Instances": found}]}

    return Client(describe_instances=described, describe_instance_status={"InstanceStatuses": []})


def status(
    *arguments: str,
    stacks: list[dict[str, Any]] | None = None,
    ec2: Client | None = None,
    s3: Client | None = None,
) -> Result:
    """What the command says of these stacks."""
    known = [main_stack(), registry_stack()] if stacks is None else stacks
    database = {"DBInstanceStatus": "available", "DeletionProtection": True, "BackupRetentionPeriod": 7}
    rds = Client(describe_db_instances={"DBInstances": [database]})
    s3 = s3 or Client(get_bucket_versioning={"Status": "Enabled"}, get_public_access_block=closed_block())
    aws = fake(cloudformation=cloudformation(*known), rds=rds, s3=s3, ec2=ec2 or hosts())
    return Commands(aws).run("status", *arguments)


def closed_block() -> dict[str, Any]:
    """The block of public access as msaspec makes it."""
    words = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    return {"PublicAccessBlockConfiguration": dict.fromkeys(words, True)}


def test_what_is_well_is_told_with_its_facts() -> None:
    """Services with copies, image and time, stores with their protections."""
    rows = {line.split()[0]: " ".join(line.split()) for line in status().stdout.splitlines() if " well " in line}
    assert rows["services.cart-service"] == (
        "services.cart-service well 1 of 1 running, 1 healthy, shop/cart-service:2.0, since 2026-07-24 09:30 UTC"
    )
    assert rows["databases.main"] == ("databases.main well available, deletion protection, backups 7 days, no standby")
    assert rows["buckets.media"] == "buckets.media well available, versions, public access blocked"


def test_what_is_not_well_ends_with_3() -> None:
    """A host that is stopped: said on its line, and below with the next command."""
    result = status(ec2=hosts("stopped"))
    assert result.exit_code == 3
    shown = " ".join(result.stdout.split())
    assert "services.cart-service NOT WELL its host is stopped, 0 of 1 running, 0 healthy" in shown
    assert "services.cart-service is not well: its host is stopped. Its log: msaspec logs cart-service" in result.stderr
    rows = told.rows(status("--format", "json", ec2=hosts("stopped")).stdout, "status")[0]
    assert rows["well"] is False
    assert {row["entry"] for row in rows["conditions"] if row["well"] is False} >= {"services.cart-service"}


def test_what_may_not_be_looked_at_is_unknown() -> None:
    """No fault of the system: said once, and the command succeeds."""
    result = status(ec2=closed())
    assert result.exit_code == 0
    assert "services.cart-service unknown" in " ".join(result.stdout.split())
    assert result.stderr.count("msaspec cannot tell everything") == 1
    assert "ec2" not in result.stdout


def test_a_protection_that_aws_does_not_tell_is_unknown() -> None:
    """Neither on nor off, and never left out: a reader would take it for on. Where S3 has no block, it is off."""
    cases = {"AccessDenied": "public access blocked: unknown"}
    cases["NoSuchPublicAccessBlockConfiguration"] = "no public access blocked"
    for code, said in cases.items():
        s3 = Client(get_bucket_versioning={"Status": "Enabled"}, get_public_access_block=refusal(code))
        assert f"available, versions, {said}" in " ".join(status(s3=s3).stdout.split())


def test_health_that_aws_does_not_tell_is_unknown() -> None:
    """A host that runs is not unhealthy because nobody may read its checks."""
    ec2 = hosts()
    ec2.answers["describe_instance_status"] = refusal("UnauthorizedOperation")
    assert "1 of 1 running, health unknown" in status(ec2=ec2).stdout
    found = told.rows(status("--format", "json", ec2=ec2).stdout, "status")[0]["conditions"]
    assert {each["healthy"] for each in found if each["entry"].startswith("services.")} == {None}


def test_a_list_of_resources_that_is_older_than_an_update_is_read_again() -> None:
    """A host that was replaced is not reported as terminated because CloudFormation listed the one before it."""
    stack = cloudformation(main_stack())
    rows = stack.answers["list_stack_resources"](StackName="shop")["StackResourceSummaries"]
    old = [{**row, "PhysicalResourceId": f"{row['PhysicalResourceId']}-old"} for row in rows]
    stack.answers["list_stack_resources"] = [{"StackResourceSummaries": each} for each in (old, old, rows)]
    ec2 = hosts()

    def described(Filters: Any) -> dict[str, Any]:
        states = {id: "terminated" if id.endswith("-old") else "running" for id in Filters[0]["Values"]}
        found = [{"InstanceId": id, "State": {"Name": state}} for id, state in states.items()]
        return {"Reservations": [{"Instances": found}]}

    ec2.answers["describe_instances"] = described
    database = {"DBInstanceStatus": "available"}
    aws = fake(
        cloudformation=stack,
        rds=Client(describe_db_instances={"DBInstances": [database]}),
        s3=Client(get_bucket_versioning={}, get_public_access_block=closed_block()),
        ec2=ec2,
    )
    result = Commands(aws).run("status", "--stack", "main")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "services.cart-service well" in " ".join(result.stdout.split())
    assert stack.names().count("list_stack_resources") == 3


def test_watching_looks_again_until_ctrl_c() -> None:
    """Prints again only what changed."""
    states = iter(["running", "running", "stopped"])
    waiting = Waiting()
    looks = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            raise KeyboardInterrupt

    pace = Pace(sleep=sleep, now=lambda: waiting.time)
    stack = deployed("shop", MAIN)
    database = {"DBInstanceStatus": "available"}

    def one(Filters: Any) -> Any:
        return hosts(next(states)).answers["describe_instances"](Filters)

    aws = fake(
        pace=pace,
        cloudformation=cloudformation(stack),
        rds=Client(describe_db_instances={"DBInstances": [database]}),
        s3=Client(get_bucket_versioning={}, get_public_access_block=closed_block()),
        ec2=Client(describe_instances=one, describe_instance_status={}),
    )
    result = Commands(aws).run("status", "--watch", "--stack", "main")
    assert looks == [pace.most] * 3
    assert [line.split()[0] for line in result.stdout.splitlines() if not line.startswith(" ")] == ["shop", "shop"]


def test_both_stacks_are_told() -> None:
    """The system's stack first, each with its status, when it changed, and whether it is protected."""
    result = status()
    assert (result.exit_code, result.stderr) == (0, "")
    heads = [line for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert heads == [
        "shop   CREATE_COMPLETE   2026-07-24 09:30 UTC   protected",
        "shop-registry   CREATE_COMPLETE   2026-07-01 00:00 UTC   not protected against deletion",
    ]


def test_entries_are_counted() -> None:
    """Each entry of the manifest stands with the number of its resources; together they are all that there are."""
    result = status("--stack", "registry")
    assert [line.split() for line in result.stdout.splitlines()[1:]] == [
        [f"services.{name}-service", "1", "resource"] for name in ("cart", "product", "user")
    ]
    lines = status("--stack", "main").stdout.splitlines()[1:]
    counts = {line.split()[0]: int(line.split()[1]) for line in lines if line.endswith(("resource", "resources"))}
    assert sum(counts.values()) == len(MAIN["Resources"])
    assert {"network", "databases.main", "buckets.media", "bastion", "services.cart-service"} <= set(counts)


def test_the_deployed_tags_are_told() -> None:
    """The parameters of the stack stand at its end, by name."""
    lines = status("--stack", "main").stdout.splitlines()
    assert lines[-2:] == ["  CartServiceImageTag = 2.0", "  UserServiceImageTag = 1.0"]


def test_what_failed_is_told_with_its_reason() -> None:
    """A resource that is not well stands under its entry with what CloudFormation says, on one line."""
    reason = "Resource failed:  [CartServiceInstance]\n"
    stack = deployed("shop", MAIN, status="UPDATE_ROLLBACK_FAILED", rows=FAILED, StackStatusReason=reason)
    lines = status(stacks=[stack]).stdout.splitlines()
    assert lines[0].startswith("shop   UPDATE_ROLLBACK_FAILED   ")
    assert lines[1] == "  Resource failed: [CartServiceInstance]"
    at = lines.index("    CartServiceInstance UPDATE_FAILED: It never answered.")
    assert lines[at - 1].split()[0] == "services.cart-service"
    assert len([line for line in lines if "_FAILED" in line]) == 2


def test_what_was_deleted_is_not_counted() -> None:
    """What a failed creation took back is listed by CloudFormation, but is not there."""
    names = [name for name in MAIN["Resources"] if name.startswith("Cart")]
    gone = {name: {"ResourceStatus": "DELETE_COMPLETE"} for name in MAIN["Resources"] if name != names[0]}
    stack = deployed("shop", MAIN, status="ROLLBACK_COMPLETE", rows=gone)
    lines = status(stacks=[stack]).stdout.splitlines()
    assert [line.split() for line in lines[1:]] == [["services.cart-service", "1", "resource"]]


def test_json_is_an_object_a_stack() -> None:
    """Everything that the text tells, and the ids in AWS, for programs; also what was deleted."""
    stack = deployed("shop", MAIN, status="UPDATE_FAILED", rows=FAILED, LastUpdatedTime=CHANGED, StackStatusReason="R")
    result = status("--format", "json", stacks=[stack, registry_stack()])
    found, registry = told.rows(result.stdout, "status")
    entries = found.pop("entries")
    assert {each["entry"] for each in found.pop("conditions")} >= {"databases.main", "buckets.media"}
    assert found.pop("well") is False
    assert found == {
        "code": "MSG116",
        "event": "status",
        "level": "result",
        "stack": "shop",
        "id": "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/1",
        "owner": {"system": "shop", "stack": "main"},
        "status": "UPDATE_FAILED",
        "reason": "R",
        "protected": False,
        "changed": "2026-07-24T09:30:00+00:00",
        "parameters": {},
        "protections": [{"logical_id": "MainDatabase", "id": "shop-maindatabase", "on": True}],
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
def test_neither_stack_is_a_fault(arguments: list[str], stack: str) -> None:
    """A system that is not deployed is MSA617, ends with 3, and is named; nothing stands on stdout."""
    result = status(*arguments, stacks=[])
    assert (result.exit_code, result.stdout, "MSA617" in result.stderr) == (3, "", True)
    assert f"There is no stack {stack} in eu-west-1 of the account 123456789012." in " ".join(result.stderr.split())


def test_one_stack_is_enough() -> None:
    """Before the first deployment got to the system there is only the registry, and that is told."""
    result = status(stacks=[registry_stack()])
    assert (result.exit_code, result.stdout.split()[0]) == (0, "shop-registry")


def test_a_manifest_with_a_fault_still_names_its_stacks() -> None:
    """Who has broken the manifest can still look at what is deployed."""
    Path("msa.yaml").write_text(SHOP.replace("port: 8000", "port: many"), "utf-8")
    assert status().exit_code == 0


def test_following_what_is_at_rest_tells_how_it_stands() -> None:
    """`--follow` has nothing to watch where no operation is in progress."""
    result = status("--follow")
    assert (result.exit_code, result.stdout) == (0, status().stdout)


def test_a_failure_of_the_registry_names_its_stack() -> None:
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
    result = Commands(recorded.aws(cloudformation=client)).run("status", "--follow")
    assert result.exit_code == 3
    assert "hint: Remove the cause, then run again: msaspec destroy --stack registry" in result.stderr


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
    ("invocation", "words", "wanted"),
    [
        (Invocation(), ("deploy",), ["msaspec", "deploy"]),
        (Invocation("a b.yaml"), ("deploy", "--wait"), ["msaspec", "deploy", "--wait", "a b.yaml"]),
        (Invocation(environment="prod"), ("status",), ["msaspec", "status", "--env", "prod"]),
        (Invocation("x.yaml"), ("push", "cart"), ["msaspec", "push", "cart", "--file", "x.yaml"]),
        (Invocation("x.yaml"), ("logs", "cart"), ["msaspec", "logs", "cart", "x.yaml"]),
        (
            Invocation("$(x)", "prod", " --region r"),
            ("cancel",),
            ["msaspec", "cancel", "--env", "prod", "--region", "r", "$(x)"],
        ),
    ],
)
def test_commands_of_messages_can_be_pasted(invocation: Invocation, words: tuple[str, ...], wanted: list[str]) -> None:
    """A command that a message names leads to the same system from any shell."""
    assert shlex.split(invocation.command(*words)) == wanted


def test_the_hint_of_a_missing_stack_can_be_pasted() -> None:
    """It deploys what was asked for."""
    invocation = Invocation("my.yaml", "prod", " --region eu-west-1")
    with pytest.raises(Fault) as caught:
        overview.required(context(fake(cloudformation=cloudformation()), Heard(), invocation), "shop-prod")
    (said,) = caught.value.diagnostics
    assert (said.hint or "").endswith("Deploy it: msaspec deploy --env prod --region eu-west-1 my.yaml")
