"""Drift-aware change sets: what somebody removed by hand is made again."""

from __future__ import annotations

from msaspec.sandbox.world import World
from tests.sandbox.deploying import Deployer, small
from tests.sandbox.test_operations import LOGS, OTHER, refused


def without_logs(world: World, deployer: Deployer) -> str:
    """A stack whose log group somebody removed; the name of that."""
    assert deployer.deploy(small(LOGS + OTHER)) == "CREATE_COMPLETE"
    name = deployer.ids()["Logs"]
    world.client("logs").delete_log_group(logGroupName=name)
    return name


def test_what_is_gone_is_made_again(world: World, deployer: Deployer) -> None:
    """Only by a change set that asks for it, which says what is gone."""
    gone = without_logs(world, deployer)
    assert "didn't contain changes" in deployer.propose(small(LOGS + OTHER))["StatusReason"]
    described = deployer.propose(small(LOGS + OTHER), DeploymentMode="REVERT_DRIFT")
    (row,) = [row["ResourceChange"] for row in described["Changes"]]
    assert (row["LogicalResourceId"], row["Action"], row["ResourceDriftStatus"]) == ("Logs", "Add", "DELETED")
    assert (described["DeploymentMode"], described["StackDriftStatus"]) == ("REVERT_DRIFT", "DRIFTED")
    deployer.client.execute_change_set(ChangeSetName=described["ChangeSetId"])
    assert deployer.ended() == "UPDATE_COMPLETE"
    made = deployer.ids()["Logs"]
    assert made != gone
    assert world.client("logs").describe_log_groups(logGroupNamePrefix=made)["logGroups"]


def test_nothing_is_gone(world: World, deployer: Deployer) -> None:
    """Then there is nothing to do."""
    assert deployer.deploy(small(LOGS)) == "CREATE_COMPLETE"
    described = deployer.propose(small(LOGS), DeploymentMode="REVERT_DRIFT")
    assert "didn't contain changes" in described["StatusReason"]


def test_a_failure_leaves_it_gone(world: World, deployer: Deployer) -> None:
    """The rollback leads to what was there before, which is without it; it can be tried again."""
    without_logs(world, deployer)
    world.refuse("Logs", "No more")
    assert deployer.deploy(small(LOGS + OTHER), DeploymentMode="REVERT_DRIFT") == "UPDATE_ROLLBACK_COMPLETE"
    assert deployer.deploy(small(LOGS + OTHER), DeploymentMode="REVERT_DRIFT") == "UPDATE_COMPLETE"


def test_a_new_stack_has_no_drift(deployer: Deployer) -> None:
    """There is nothing that it could be compared with."""
    with refused(deployer, "DeploymentMode REVERT_DRIFT is not valid for a change set of type CREATE"):
        deployer.propose(small(LOGS), DeploymentMode="REVERT_DRIFT")
