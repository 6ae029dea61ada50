"""Operations of stacks take their time, can be watched, held, cancelled and continued, and end as at AWS."""

from __future__ import annotations

from typing import Any

import pytest

from msaspec.sandbox.world import World
from tests.sandbox.deploying import Deployer, small

VPC = "  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}\n"
LOGS = "  Logs: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 30}}\n"
OTHER = "  Other: {Type: AWS::Logs::LogGroup, DependsOn: Logs, Properties: {RetentionInDays: 30}}\n"
BUCKET = "  Bucket: {Type: AWS::S3::Bucket, DeletionPolicy: POLICY}\n"
KEPT = "  Kept: {Type: AWS::Logs::LogGroup, DeletionPolicy: Retain}\n"


def longer(text: str) -> str:
    """The same with other log groups."""
    return text.replace("RetentionInDays: 30", "RetentionInDays: 90")


def in_stack(deployer: Deployer) -> list[str]:
    """What the stack itself went through since its last operation began, with the beginning."""
    return [status for name, status in deployer.events() if name == deployer.name]


def begin(deployer: Deployer, text: str, **words: Any) -> None:
    """Has a change set carried out, without waiting."""
    described = deployer.propose(text)
    deployer.client.execute_change_set(StackName=deployer.name, ChangeSetName=described["ChangeSetName"], **words)


def refused(deployer: Deployer, match: str) -> Any:
    """Expects an error of the API."""
    return pytest.raises(deployer.client.exceptions.ClientError, match=match)


def test_an_operation_goes_on_after_the_call(world: World, deployer: Deployer) -> None:
    """Held at a resource, the stack is in progress, what came before is there, the resource is in progress and nothing
    of it is touched; meanwhile the stack can be read and takes no other change."""
    with world.hold("Logs") as held:
        begin(deployer, small(VPC + LOGS.replace("Type:", "DependsOn: Vpc, Type:")))
        assert deployer.stack()["StackStatus"] == "CREATE_IN_PROGRESS"
        assert held.reached.wait(10)
        assert deployer.statuses() == {"Vpc": "CREATE_COMPLETE", "Logs": "CREATE_IN_PROGRESS"}
        assert not [g for g in groups(world) if deployer.name in g]
        with refused(deployer, "already exists"):
            deployer.client.create_stack(StackName=deployer.name, TemplateBody=small(VPC))
        with refused(deployer, "CREATE_IN_PROGRESS state and can not be updated"):
            deployer.client.update_stack(StackName=deployer.name, TemplateBody=small(VPC))
    assert deployer.ended() == "CREATE_COMPLETE"
    assert set(deployer.statuses().values()) == {"CREATE_COMPLETE"}


def groups(world: World) -> list[str]:
    """The names of all log groups."""
    return [group["logGroupName"] for group in world.client("logs").describe_log_groups()["logGroups"]]


def test_everything_can_be_read_while_a_deployment_runs(deployer: Deployer) -> None:
    """Events only grow, in the order of time, and no answer is torn."""
    text = small("".join(f"  Logs{number}: {{Type: AWS::Logs::LogGroup}}\n" for number in range(40)))
    begin(deployer, text)
    seen: list[str] = []
    while deployer.stack()["StackStatus"].endswith("_IN_PROGRESS"):
        told = deployer.told()[::-1]
        assert [event["EventId"] for event in told][: len(seen)] == seen
        assert sorted(event["Timestamp"] for event in told) == [event["Timestamp"] for event in told]
        seen = [event["EventId"] for event in told]
        assert len(deployer.rows()) <= 40
        assert len(deployer.client.list_change_sets(StackName=deployer.name)["Summaries"]) <= 1
        assert deployer.client.describe_events(StackName=deployer.name)["OperationEvents"]
    assert len({event["Timestamp"] for event in deployer.told()}) > 40
    assert len(deployer.told()) == 3 * 40 + 3


def test_an_update_cleans_up_at_its_end(world: World, deployer: Deployer) -> None:
    """What was replaced and what is gone leaves after all is made; the token stands in every event."""
    assert deployer.deploy(small(VPC + LOGS)) == "CREATE_COMPLETE"
    old = deployer.ids()
    described = deployer.propose(small(VPC.replace("10.0", "10.1") + OTHER.replace(", DependsOn: Logs", "")))
    deployer.client.execute_change_set(
        StackName=deployer.name, ChangeSetName=described["ChangeSetName"], ClientRequestToken="mine"
    )
    assert deployer.ended() == "UPDATE_COMPLETE"
    assert in_stack(deployer) == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]
    events = deployer.events()
    cleaning = events.index((deployer.name, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"))
    assert {name for name, status in events[cleaning:] if status == "DELETE_COMPLETE"} == {"Vpc", "Logs"}
    assert events.index(("Vpc", "UPDATE_COMPLETE")) < cleaning
    assert deployer.ids().keys() == {"Vpc", "Other"}
    assert deployer.ids()["Vpc"] != old["Vpc"]
    assert {e.get("ClientRequestToken") for e in deployer.told()[: len(events)]} == {"mine"}
    assert deployer.stack()["LastUpdatedTime"] >= deployer.stack()["CreationTime"]


def test_what_cannot_be_removed_after_an_update_is_left(world: World, deployer: Deployer) -> None:
    """The update is complete nevertheless, and says so."""
    assert deployer.deploy(small(VPC + LOGS)) == "CREATE_COMPLETE"
    world.refuse("Logs", "Logs are wanted", "DELETE")
    assert deployer.deploy(small(VPC)) == "UPDATE_COMPLETE"
    assert "could not be deleted" in deployer.stack()["StackStatusReason"]
    assert deployer.ids().keys() == {"Vpc"}


def test_a_failed_creation_says_what_failed_and_lists_what_became_of_all(world: World, deployer: Deployer) -> None:
    """The resource fails first, with the reason; then the stack goes back, and lists what was removed and kept."""
    world.refuse("Vpc", "The maximum number of VPCs has been reached.")
    assert deployer.deploy(small(KEPT + LOGS + VPC.replace("Type:", "DependsOn: [Logs, Kept], Type:"))) == (
        "ROLLBACK_COMPLETE"
    )
    events = deployer.events()
    assert events.index(("Vpc", "CREATE_FAILED")) + 1 == events.index((deployer.name, "ROLLBACK_IN_PROGRESS"))
    assert deployer.reason("Vpc") == "The maximum number of VPCs has been reached."
    told = next(e for e in deployer.told() if e["ResourceStatus"] == "ROLLBACK_IN_PROGRESS")
    assert told["ResourceStatusReason"].startswith("The following resource(s) failed to create: [Vpc]. ")
    assert deployer.statuses() == {"Kept": "DELETE_SKIPPED", "Logs": "DELETE_COMPLETE", "Vpc": "DELETE_COMPLETE"}


@pytest.mark.parametrize(("choice", "status"), [("DO_NOTHING", "CREATE_FAILED"), ("DELETE", "DELETE_COMPLETE")])
def test_a_failed_creation_may_stay_or_go(world: World, deployer: Deployer, choice: str, status: str) -> None:
    """`OnStackFailure`: everything stays as it is with its reasons, or the stack is removed at once."""
    world.refuse("Other", "No more")
    described = deployer.propose(small(LOGS + OTHER), OnStackFailure=choice)
    id = described["StackId"]
    assert described["OnStackFailure"] == choice
    deployer.client.execute_change_set(ChangeSetName=described["ChangeSetId"])
    assert deployer.ended(id) == status
    kept = choice == "DO_NOTHING"
    assert deployer.statuses(id)["Logs"] == ("CREATE_COMPLETE" if kept else "DELETE_COMPLETE")
    if kept:
        rows = {row["LogicalResourceId"]: row for row in deployer.rows()}
        assert (rows["Other"]["ResourceStatus"], rows["Other"]["ResourceStatusReason"]) == ("CREATE_FAILED", "No more")
        assert "failed to create: [Other]" in deployer.stack()["StackStatusReason"]
        assert deployer.delete() == "DELETE_COMPLETE"


def test_a_failed_creation_may_leave_nothing_at_all(world: World, deployer: Deployer) -> None:
    """`RetainExceptOnCreate` of the request: what is to be retained goes, too."""
    world.refuse("Logs", "No more")
    begin(deployer, small(KEPT + LOGS.replace("Type:", "DependsOn: Kept, Type:")), RetainExceptOnCreate=True)
    assert deployer.ended() == "ROLLBACK_COMPLETE"
    assert deployer.statuses() == {"Kept": "DELETE_COMPLETE", "Logs": "DELETE_COMPLETE"}


def test_an_update_can_be_cancelled(world: World, deployer: Deployer) -> None:
    """The resource in hand is given up, what was changed is changed back, and a stack at rest has nothing to cancel."""
    assert deployer.deploy(small(LOGS)) == "CREATE_COMPLETE"
    cancel = deployer.client.cancel_update_stack
    with refused(deployer, "cannot be called from current stack status"):
        cancel(StackName=deployer.name)
    with world.hold("Vpc") as held:
        begin(deployer, small(longer(LOGS) + VPC.replace("Type:", "DependsOn: Logs, Type:")))
        assert held.reached.wait(10)
        cancel(StackName=deployer.name, ClientRequestToken="stop")
        assert deployer.ended() == "UPDATE_ROLLBACK_COMPLETE"
    assert deployer.reason("Vpc") == "Resource creation cancelled"
    assert in_stack(deployer) == [
        "UPDATE_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
    ]
    back = next(e for e in deployer.told() if e["ResourceStatus"] == "UPDATE_ROLLBACK_IN_PROGRESS")
    assert (back["ResourceStatusReason"], back["ClientRequestToken"]) == ("User Initiated", "stop")
    assert retention(world, deployer.ids()["Logs"]) == 30
    with world.hold("Logs") as held:
        begin(deployer, small(longer(LOGS)))
        assert held.reached.wait(10)
        cancel(StackName=deployer.name)
        assert deployer.ended() == "UPDATE_ROLLBACK_COMPLETE"
    assert deployer.reason("Logs") == "Resource update cancelled"
    assert deployer.deploy(small(longer(LOGS))) == "UPDATE_COMPLETE"


def retention(world: World, group: str) -> int:
    """How many days a log group keeps its lines."""
    found = world.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    return int(found[0]["retentionInDays"])


def stuck(world: World, deployer: Deployer) -> None:
    """Has a way back fail at `Logs`."""
    assert deployer.deploy(small(LOGS + OTHER)) == "CREATE_COMPLETE"
    world.refuse("Other", "Not today", "UPDATE")
    with world.hold("Other") as held:
        begin(deployer, small(longer(LOGS + OTHER)))
        assert held.reached.wait(10)
        world.refuse("Logs", "Not back either", "UPDATE")
    assert deployer.ended() == "UPDATE_ROLLBACK_FAILED"


def test_a_way_back_that_failed_is_continued(world: World, deployer: Deployer) -> None:
    """It names what is stuck, lets nothing else be done, and takes back what is stuck when it is asked again."""
    stuck(world, deployer)
    row = next(row for row in deployer.rows() if row["LogicalResourceId"] == "Logs")
    assert (row["ResourceStatus"], row["ResourceStatusReason"]) == ("UPDATE_FAILED", "Not back either")
    assert "failed to update: [Logs]" in deployer.stack()["StackStatusReason"]
    with refused(deployer, "UPDATE_ROLLBACK_FAILED state and can not be updated"):
        deployer.propose(small(LOGS))
    go_on = deployer.client.continue_update_rollback
    with refused(deployer, "not in the UPDATE_FAILED state"):
        go_on(StackName=deployer.name, ResourcesToSkip=["Other"])
    go_on(StackName=deployer.name, ClientRequestToken="again")
    assert deployer.ended() == "UPDATE_ROLLBACK_COMPLETE"
    assert retention(world, deployer.ids()["Logs"]) == 30
    assert deployer.statuses() == {"Logs": "UPDATE_COMPLETE", "Other": "UPDATE_COMPLETE"}
    assert deployer.told()[0]["ClientRequestToken"] == "again"
    with refused(deployer, "cannot be called from current stack status"):
        go_on(StackName=deployer.name)


def test_what_is_stuck_can_be_skipped(world: World, deployer: Deployer) -> None:
    """It counts as changed back, and is left as it is."""
    stuck(world, deployer)
    deployer.client.continue_update_rollback(StackName=deployer.name, ResourcesToSkip=["Logs"])
    assert deployer.ended() == "UPDATE_ROLLBACK_COMPLETE"
    assert deployer.statuses()["Logs"] == "UPDATE_COMPLETE"
    assert retention(world, deployer.ids()["Logs"]) == 90


def test_a_stack_that_is_gone_is_known_by_its_id(world: World, deployer: Deployer) -> None:
    """By name it does not exist; by id it tells what became of all, and it is listed among the deleted."""
    assert deployer.deploy(small(KEPT + LOGS)) == "CREATE_COMPLETE"
    id, name = deployer.stack()["StackId"], deployer.name
    assert deployer.delete(ClientRequestToken="bye") == "DELETE_COMPLETE"
    with refused(deployer, f"Stack with id {name} does not exist"):
        deployer.stack()
    with refused(deployer, "does not exist"):
        deployer.client.describe_stack_events(StackName=name)
    assert deployer.statuses(id) == {"Kept": "DELETE_SKIPPED", "Logs": "DELETE_COMPLETE"}
    told = deployer.told(id)
    assert (told[0]["ResourceStatus"], told[0]["ClientRequestToken"]) == ("DELETE_COMPLETE", "bye")
    assert deployer.client.describe_stacks(StackName=id)["Stacks"][0]["DeletionTime"]
    pages = deployer.client.get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"])
    assert id in [row["StackId"] for page in pages for row in page["StackSummaries"]]
    deployer.client.delete_stack(StackName=name)


def test_what_would_not_go_is_tried_again_retained_or_forced(world: World, deployer: Deployer) -> None:
    """A full bucket stops the deletion; then it may be retained, or everything be given up."""
    assert deployer.deploy(small(BUCKET.replace("POLICY", "Delete") + LOGS)) == "CREATE_COMPLETE"
    bucket = deployer.ids()["Bucket"]
    world.client("s3").put_object(Bucket=bucket, Key="a", Body=b"a")
    for words in ({"RetainResources": ["Bucket"]}, {"DeletionMode": "FORCE_DELETE_STACK"}):
        with refused(deployer, "DELETE_FAILED state"):
            deployer.client.delete_stack(StackName=deployer.name, **words)
    assert deployer.delete() == "DELETE_FAILED"
    assert deployer.stack()["StackStatusReason"] == "The following resource(s) failed to delete: [Bucket]. "
    assert deployer.statuses() == {"Bucket": "DELETE_FAILED", "Logs": "DELETE_COMPLETE"}
    id = deployer.stack()["StackId"]
    world.refuse("Bucket", "Still full", "DELETE")
    assert deployer.delete() == "DELETE_FAILED"
    assert deployer.delete(RetainResources=["Bucket"]) == "DELETE_COMPLETE"
    assert deployer.statuses(id)["Bucket"] == "DELETE_SKIPPED"
    assert world.client("s3").head_bucket(Bucket=bucket)
    assert deployer.deploy(small(LOGS)) == "CREATE_COMPLETE"
    world.refuse("Logs", "Never", "DELETE", times=2)
    assert deployer.delete() == "DELETE_FAILED"
    assert deployer.delete(DeletionMode="FORCE_DELETE_STACK") == "DELETE_COMPLETE"


def test_a_creation_can_be_given_up_by_deleting_the_stack(world: World, deployer: Deployer) -> None:
    """What is there goes, and nothing more is made; an update has to be cancelled first."""
    with world.hold("Other") as held:
        begin(deployer, small(LOGS + OTHER))
        assert held.reached.wait(10)
        assert deployer.delete() == "DELETE_COMPLETE"
    assert deployer.deploy(small(LOGS)) == "CREATE_COMPLETE"
    with world.hold("Logs") as held:
        begin(deployer, small(longer(LOGS)))
        assert held.reached.wait(10)
        with refused(deployer, "cannot be deleted while in status UPDATE_IN_PROGRESS"):
            deployer.client.delete_stack(StackName=deployer.name)
    assert deployer.ended() == "UPDATE_COMPLETE"
