"""A first creation that fails and is kept: what goes on from there, and what takes it away."""

from __future__ import annotations

from typing import Any

import pytest

from msaspec.deploy import resumption
from msaspec.deploy.aws.pace import Pace
from msaspec.deploy.aws.state import Resource
from msaspec.update.changes import Action, Change
from tests.deploy.account import SMALL, STORING, Account, interrupting

BOTH = SMALL + "  user: {image: docker.io/library/nginx:1, port: 8001}\n"
MOVED = SMALL.replace("8000", "8001")


def failed(account: Account, manifest: str = SMALL, *words: str, at: str = "CartInstance") -> dict[str, str]:
    """A first creation that failed; the ids of what was made."""
    account.world.refuse(at, "We have no capacity.")
    assert account.deploy(manifest, *words).exit_code == 3
    assert account.status() == "CREATE_FAILED"
    return account.ids()


def protection(account: Account) -> Any:
    """Whether the database is protected."""
    (database,) = account.world.client("rds").describe_db_instances()["DBInstances"]
    return database["DeletionProtection"]


def test_the_next_deployment_goes_on(account: Account) -> None:
    """What was made stays as it is; afterwards the stack is protected, guarded, and free to replace things again."""
    made = failed(account, STORING)
    result = account.deploy()
    assert result.exit_code == 0, result.stderr
    kept = len(made) - ("CartInstance" in made)
    assert (
        f"The creation of the stack shop failed, and {kept} resources were kept. The deployment continues from there."
        in result.stderr
    )
    assert "1 resource added; 1 output added." in result.stderr, "with the output that needs it"
    now = account.ids()
    assert {name: now[name] for name in made if name != "CartInstance"} == {
        name: id for name, id in made.items() if name != "CartInstance"
    }
    stack = account.stack()
    assert stack
    assert (stack["StackStatus"], stack["EnableTerminationProtection"]) == ("UPDATE_COMPLETE", True)
    assert "MainDatabase" in account.cloudformation.get_stack_policy(StackName="shop")["StackPolicyBody"]
    result = account.deploy(STORING.replace("8000", "8001"))
    assert result.exit_code == 0, result.stderr
    stack = account.stack()
    assert stack
    assert stack["DisableRollback"] is False
    assert account.ids()["CartInstance"] != now["CartInstance"]


def test_a_mended_manifest_goes_on(account: Account) -> None:
    """What is added, changed in place or removed meanwhile is part of it."""
    made = failed(account, BOTH, at="UserInstance")
    mended = SMALL.replace("buckets: {media: }", "buckets: {media: , logs: }")
    result = account.deploy(mended)
    assert result.exit_code == 0, result.stderr
    now = account.ids()
    assert "LogsBucket" in now
    assert not [name for name in now if name.startswith("User")]
    assert now["CartInstance"] == made["CartInstance"]


def test_it_may_fail_again(account: Account) -> None:
    """As often as it likes: each attempt adds to what there is, and none is taken for done."""
    made = failed(account)
    account.world.refuse("CartInstance", "Still none.")
    result = account.deploy()
    assert (result.exit_code, account.status()) == (3, "UPDATE_FAILED")
    assert "Still none." in result.stderr
    assert "Everything created so far is kept." in result.stderr
    status = account.run("status")
    assert (status.exit_code, "UPDATE_FAILED" in status.stdout) == (3, True)
    assert account.run("outputs").exit_code == 3
    assert account.deploy().exit_code == 0
    assert account.ids()["MediaBucket"] == made["MediaBucket"]


def test_a_failed_creation_is_taken_away(account: Account) -> None:
    """The protections of what was made do not stand in the way, and the database leaves a snapshot."""
    failed(account, STORING)
    assert protection(account) is True
    result = account.run("destroy", "--yes")
    assert result.exit_code == 0, result.stderr
    assert account.stack() is None
    assert "Turned off the deletion protection of the database instance" in result.stderr
    assert account.world.client("rds").describe_db_instances()["DBInstances"] == []
    assert account.deploy().exit_code == 0
    assert account.status() == "CREATE_COMPLETE"


def test_a_look_changes_nothing(account: Account) -> None:
    """A dry run shows what is missing and leaves all as it is."""
    made, before = failed(account), account.change_sets()
    result = account.run("deploy", "--dry-run")
    assert result.exit_code == 0, result.stderr
    assert "1 resource added; 1 output added." in result.stderr
    assert (account.status(), account.ids(), account.change_sets()) == ("CREATE_FAILED", made, before)


REPLACED = {
    "op": "add",
    "path": "/Resources/CartSecurityGroup/Properties/GroupDescription",
    "value": "another",
}


def replacing(manifest: str) -> str:
    """A manifest by which a group that was made would be replaced."""
    return f"{manifest}patches:\n  - {REPLACED}\n"


def test_a_replacement_before_the_end_is_refused(account: Account) -> None:
    """CloudFormation would fail at it. What was kept can be deleted, and all of it begun anew, by a word."""
    made, before = failed(account), account.change_sets()
    result = account.deploy(replacing(SMALL))
    assert (result.exit_code, account.status()) == (3, "CREATE_FAILED")
    assert set(account.change_sets()) <= set(before)
    assert "MSA636" in result.stderr
    assert "would be replaced before the stack has been complete once" in result.stderr
    assert "msaspec deploy --rollback" in result.stderr
    result = account.deploy(None, "--rollback")
    assert result.exit_code == 0, result.stderr
    assert account.status() == "CREATE_COMPLETE"
    assert account.ids()["Vpc"] != made["Vpc"]
    assert f"Left: the bucket {made['MediaBucket']}." in result.stderr


def test_data_is_not_deleted_to_begin_anew(account: Account) -> None:
    """Where a database was made, `destroy` tells of it first."""
    failed(account, STORING)
    result = account.deploy(None, "--rollback")
    assert (result.exit_code, account.status()) == (3, "CREATE_FAILED")
    assert "MSA616" in result.stderr
    assert "MainDatabase" in result.stderr
    assert "msaspec destroy" in result.stderr


def test_a_rolled_back_creation_does_not_fail_at_protections(account: Account) -> None:
    """With `--rollback` they are lifted as soon as the rollback begins, so that it comes to its end."""
    account.world.refuse("CartInstance", "No.")
    held = account.world.hold("CartInstance")

    def fail() -> None:
        later = account.world.hold("MainBootstrap")
        held.release()
        account.at("DescribeStackEvents", later.release, lambda: protection(account) is False)

    account.at("DescribeStackEvents", fail, held.reached.is_set)
    result = account.deploy(STORING, "--rollback")
    assert (result.exit_code, account.status()) == (3, "ROLLBACK_COMPLETE"), result.stderr
    assert "Turned off the deletion protection of the database instance" in result.stderr
    assert account.world.client("rds").describe_db_instances()["DBInstances"] == []


def test_stopping_an_attempt(account: Account) -> None:
    """`cancel` ends it; what was made is kept, since there is nothing to go back to."""
    failed(account)
    with account.world.hold("CartInstance") as held:
        account.pace = interrupting(held)
        stopped = account.deploy()
        assert stopped.exit_code == 130
        assert "Abort it: msaspec cancel" in stopped.stderr
        assert "Termination protection and the stack policy are not on yet." in stopped.stderr
        account.pace = Pace(first=0.05, most=0.2)
        result = account.run("cancel")
    assert (result.exit_code, account.settled()) == (0, "UPDATE_FAILED"), result.stderr
    assert (
        "Everything created so far is kept. Continue it: msaspec deploy. Or delete it: msaspec destroy"
    ) in result.stderr
    assert account.deploy().exit_code == 0


def test_there_is_nothing_to_roll_back_to(account: Account) -> None:
    """`continue-rollback` never asks for a rollback by which CloudFormation would delete the stack."""
    made = failed(account)
    result = account.run("continue-rollback")
    assert (result.exit_code, account.ids()) == (3, made)
    assert "MSA619" in result.stderr
    assert "Continue it: msaspec deploy. Or delete it: msaspec destroy" in result.stderr
    assert account.calls["RollbackStack"] == 0


def kept_by_another_tool(account: Account) -> dict[str, str]:
    """An update of a complete stack that failed, and was kept by whoever made it."""
    assert account.deploy(SMALL).exit_code == 0
    before = account.ids()
    body = account.cloudformation.get_template(StackName="shop", TemplateStage="Original")["TemplateBody"]
    account.world.refuse("CartLogGroup", "Locked.", "UPDATE")
    account.cloudformation.update_stack(
        StackName="shop",
        TemplateBody=body.replace("RetentionInDays: 30", "RetentionInDays: 7"),
        Capabilities=["CAPABILITY_IAM"],
        DisableRollback=True,
    )
    assert account.settled() == "UPDATE_FAILED"
    return before


def test_what_another_tool_kept_goes_back(account: Account) -> None:
    """A stack that was complete once is rolled back by `continue-rollback`, to which `deploy` leads."""
    before = kept_by_another_tool(account)
    result = account.deploy(MOVED)
    assert (result.exit_code, account.status()) == (3, "UPDATE_FAILED")
    assert "MSA614" in result.stderr
    assert "msaspec continue-rollback" in result.stderr
    result = account.run("continue-rollback")
    assert (result.exit_code, account.status()) == (0, "UPDATE_ROLLBACK_COMPLETE"), result.stderr
    assert account.ids() == before
    assert account.deploy().exit_code == 0


def test_nested_stacks_are_rolled_back() -> None:
    """AWS does not say what would be kept of them."""
    nested = {"Resources": {"Inner": {"Type": "AWS::CloudFormation::Stack"}}}
    assert not resumption.can_be_kept(nested)
    assert resumption.can_be_kept({"Resources": {"Logs": {"Type": "AWS::Logs::LogGroup"}}})


GROUP = "AWS::EC2::SecurityGroup"
RESOURCES = (
    Resource("Made", GROUP, "CREATE_COMPLETE", "sg-1"),
    Resource("Failed", GROUP, "CREATE_FAILED", "sg-2"),
    Resource("Gone", GROUP, "DELETE_COMPLETE", "sg-3"),
)


def test_what_failed_is_added_however_it_is_called() -> None:
    """CloudFormation might list it as a replacement of what was never complete."""
    rows = [
        {"LogicalResourceId": name, "Action": "Modify", "Replacement": "True"} for name in ("Made", "Failed", "Gone")
    ]
    assert [row["Action"] for row in resumption.as_added(rows, RESOURCES)] == ["Modify", "Add", "Add"]


@pytest.mark.parametrize(("name", "count"), [("Made", 1), ("Failed", 0), ("Gone", 0)])
def test_only_what_was_made_cannot_be_replaced(name: str, count: int) -> None:
    """What failed is made anew in any case."""
    changes = [Change(name, GROUP, Action.REPLACE, entry=("services", "cart"))]
    assert len(list(resumption.refused(changes, RESOURCES, "hint"))) == count
