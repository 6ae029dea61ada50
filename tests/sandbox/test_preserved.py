"""What a failed operation leaves where rollback is disabled, and the ways out of it."""

from __future__ import annotations

from typing import Any

import pytest

from msaspec.sandbox.world import World
from tests.sandbox.deploying import Deployer, small
from tests.sandbox.test_operations import KEPT, LOGS, OTHER, VPC, begin, groups, in_stack, longer, refused, retention

TOPIC = "  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: NAME}}\n"
NOT_TERMINAL = r"non-terminal \[{}\] state.*disable-rollback parameter with {} API"


def failed_creation(world: World, deployer: Deployer) -> None:
    """A first creation that fails at `Other`, and keeps what was made."""
    world.refuse("Other", "No more")
    begin(deployer, small(LOGS + OTHER), DisableRollback=True)
    assert deployer.ended() == "CREATE_FAILED"


def failed_update(world: World, deployer: Deployer) -> None:
    """An update that fails at `Other`, and keeps what was changed."""
    assert deployer.deploy(small(LOGS)) == "CREATE_COMPLETE"
    world.refuse("Other", "No more")
    begin(deployer, small(longer(LOGS) + OTHER), DisableRollback=True)
    assert deployer.ended() == "UPDATE_FAILED"


def again(deployer: Deployer, text: str, **words: Any) -> str:
    """Another change set, with rollback still disabled."""
    begin(deployer, text, DisableRollback=True, **words)
    return deployer.ended()


def test_a_failed_creation_goes_on_from_where_it_stopped(world: World, deployer: Deployer) -> None:
    """What was made stays as it is, and the next change set makes only the rest; the stack is then updated."""
    failed_creation(world, deployer)
    assert deployer.statuses() == {"Logs": "CREATE_COMPLETE", "Other": "CREATE_FAILED"}
    assert deployer.stack()["StackStatusReason"].startswith("The following resource(s) failed to create: [Other]. ")
    assert deployer.stack()["DisableRollback"] is True
    made = deployer.ids()["Logs"]
    described = deployer.propose(small(LOGS + OTHER))
    assert [row["ResourceChange"]["LogicalResourceId"] for row in described["Changes"]] == ["Other"]
    assert again(deployer, small(LOGS + OTHER)) == "UPDATE_COMPLETE"
    assert deployer.ids()["Logs"] == made
    assert in_stack(deployer) == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]


@pytest.mark.parametrize("words", [{}, {"DisableRollback": False}])
def test_a_stack_that_failed_is_only_updated_with_rollback_disabled(
    world: World, deployer: Deployer, words: dict[str, bool]
) -> None:
    """Neither silence nor `False` will do, for change sets as for updates, after creations as after updates."""
    failed_creation(world, deployer)
    with refused(deployer, NOT_TERMINAL.format("CREATE_FAILED", "execute-change-set")):
        begin(deployer, small(LOGS + OTHER), **words)
    with refused(deployer, NOT_TERMINAL.format("CREATE_FAILED", "update-stack")):
        deployer.client.update_stack(StackName=deployer.name, TemplateBody=small(LOGS), **words)
    with refused(deployer, "already exists and cannot be created again"):
        deployer.client.create_change_set(
            StackName=deployer.name, ChangeSetName="anew", ChangeSetType="CREATE", TemplateBody=small(LOGS)
        )
    assert again(deployer, small(LOGS)) == "UPDATE_COMPLETE"
    world.refuse("Other", "No more")
    assert again(deployer, small(LOGS + OTHER)) == "UPDATE_FAILED"
    with refused(deployer, NOT_TERMINAL.format("UPDATE_FAILED", "execute-change-set")):
        begin(deployer, small(LOGS + OTHER), **words)


def test_a_failed_update_stays_as_it_is(world: World, deployer: Deployer) -> None:
    """What was changed stays changed, and the next update goes on from there."""
    failed_update(world, deployer)
    assert retention(world, deployer.ids()["Logs"]) == 90
    assert deployer.statuses() == {"Logs": "UPDATE_COMPLETE", "Other": "CREATE_FAILED"}
    assert again(deployer, small(longer(LOGS) + OTHER)) == "UPDATE_COMPLETE"
    assert deployer.statuses() == {"Logs": "UPDATE_COMPLETE", "Other": "CREATE_COMPLETE"}


def test_a_failure_stops_only_what_depends_on_it(world: World, deployer: Deployer) -> None:
    """Independent paths go on; what needs something that failed is not begun."""
    needs = VPC.replace("Type:", "DependsOn: Other, Type:")
    world.refuse("Other", "No more")
    begin(deployer, small(OTHER.replace("DependsOn: Logs, ", "") + needs + LOGS + KEPT), DisableRollback=True)
    assert deployer.ended() == "CREATE_FAILED"
    assert deployer.statuses() == {"Other": "CREATE_FAILED", "Logs": "CREATE_COMPLETE", "Kept": "CREATE_COMPLETE"}


def test_what_failed_in_place_is_changed_back(world: World, deployer: Deployer) -> None:
    """It is told as failed, and has its last stable properties."""
    taken = TOPIC.replace("TopicName: NAME", "DisplayName: before")
    assert deployer.deploy(small(taken + LOGS)) == "CREATE_COMPLETE"
    topic = deployer.ids()["Topic"]
    sns = world.client("sns")
    real, sns.tag_resource = sns.tag_resource, refusing_once(sns)
    try:
        assert again(deployer, small(taken.replace("before", "after") + longer(LOGS))) == "UPDATE_FAILED"
    finally:
        sns.tag_resource = real
    assert deployer.statuses() == {"Topic": "UPDATE_FAILED", "Logs": "UPDATE_COMPLETE"}
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"] == "before"


def refusing_once(sns: Any) -> Any:
    """A way to tag topics that fails after the topic's name was set, and then works."""
    plain, asked = sns.tag_resource, []

    def tag(**words: Any) -> Any:
        asked.append(words)
        if len(asked) == 1:
            raise RuntimeError("Tagging is not allowed")
        return plain(**words)

    return tag


def test_the_choice_sticks_and_forbids_replacements(world: World, deployer: Deployer) -> None:
    """An update that says nothing is one without rollback, which cannot replace; `False` lets it.

    An update to what the stack was leads out of the failure, though it changes nothing.
    """
    begin(deployer, small(TOPIC.replace("NAME", "one")), DisableRollback=True)
    assert deployer.ended() == "CREATE_COMPLETE"
    assert deployer.stack()["DisableRollback"] is True
    begin(deployer, small(TOPIC.replace("NAME", "two")))
    assert deployer.ended() == "UPDATE_FAILED"
    assert deployer.reason("Topic") == "Replacement type updates not supported on stack with disable-rollback."
    deployer.client.update_stack(
        StackName=deployer.name, TemplateBody=small(TOPIC.replace("NAME", "one")), DisableRollback=True
    )
    assert deployer.ended() == "UPDATE_COMPLETE"
    begin(deployer, small(TOPIC.replace("NAME", "two")), DisableRollback=False)
    assert deployer.ended() == "UPDATE_COMPLETE"
    assert deployer.ids()["Topic"].endswith(":two")
    assert deployer.stack()["DisableRollback"] is False
    assert deployer.deploy(small(TOPIC.replace("NAME", "three"))) == "UPDATE_COMPLETE"


def test_a_rollback_deletes_what_was_never_stable(world: World, deployer: Deployer) -> None:
    """`RollbackStack` after a failed creation: what is to be retained stays, all else goes, and the stack with it."""
    failed_creation(world, deployer)
    id, logs = deployer.stack()["StackId"], deployer.ids()["Logs"]
    answer = deployer.client.rollback_stack(StackName=deployer.name, ClientRequestToken="back")
    assert deployer.ended(id) == "DELETE_COMPLETE"
    assert answer["StackId"] == id
    assert logs not in groups(world)
    told = deployer.told(id)
    assert (told[0]["ClientRequestToken"], told[0]["OperationId"]) == ("back", answer["OperationId"])
    with refused(deployer, "does not exist"):
        deployer.client.rollback_stack(StackName=deployer.name)


def test_a_rollback_goes_back_to_where_it_was_stable(world: World, deployer: Deployer) -> None:
    """Over several failed updates: what they made goes, what they changed is as it was."""
    failed_update(world, deployer)
    world.refuse("Other", "Still no more")
    assert again(deployer, small(longer(LOGS).replace("90", "180") + KEPT + OTHER)) == "UPDATE_FAILED"
    logs, kept = (deployer.ids()[name] for name in ("Logs", "Kept"))
    assert retention(world, logs) == 180
    deployer.client.rollback_stack(StackName=deployer.name, RetainExceptOnCreate=True)
    assert deployer.ended() == "UPDATE_ROLLBACK_COMPLETE"
    assert retention(world, logs) == 30
    assert kept not in groups(world)
    assert deployer.ids() == {"Logs": logs}
    assert deployer.stack()["LastOperations"][0]["OperationType"] == "ROLLBACK"
    with refused(deployer, "RollbackStack cannot be called from current stack status"):
        deployer.client.rollback_stack(StackName=deployer.name)
    assert deployer.deploy(small(LOGS + OTHER)) == "UPDATE_COMPLETE"


def test_a_rollback_keeps_what_is_to_be_retained(world: World, deployer: Deployer) -> None:
    """Without `RetainExceptOnCreate` what an update made with the policy `Retain` stays, in no stack."""
    assert deployer.deploy(small(LOGS)) == "CREATE_COMPLETE"
    world.refuse("Other", "No more")
    assert again(deployer, small(LOGS + KEPT + OTHER)) == "UPDATE_FAILED"
    kept = deployer.ids()["Kept"]
    deployer.client.rollback_stack(StackName=deployer.name)
    assert deployer.ended() == "UPDATE_ROLLBACK_COMPLETE"
    assert kept in groups(world)


def test_what_failed_can_be_deleted(world: World, deployer: Deployer) -> None:
    """After a creation as after an update; everything goes."""
    failed_creation(world, deployer)
    assert deployer.delete() == "DELETE_COMPLETE"
    failed_update(world, deployer)
    logs = deployer.ids()["Logs"]
    assert deployer.delete() == "DELETE_COMPLETE"
    assert logs not in groups(world)


def test_a_stack_that_was_to_be_left_alone_is_a_dead_end(world: World, deployer: Deployer) -> None:
    """`OnStackFailure: DO_NOTHING`: no change set, no update; it can be deleted."""
    world.refuse("Other", "No more")
    described = deployer.propose(small(LOGS + OTHER), OnStackFailure="DO_NOTHING")
    with refused(deployer, "Either DisableRollback or OnStackFailure can be specified, but not both"):
        deployer.client.execute_change_set(ChangeSetName=described["ChangeSetId"], DisableRollback=False)
    deployer.client.execute_change_set(ChangeSetName=described["ChangeSetId"])
    assert deployer.ended() == "CREATE_FAILED"
    with refused(deployer, r"contains \[on-failure: DO_NOTHING\]"):
        deployer.propose(small(LOGS))
    with refused(deployer, r"contains \[on-failure: DO_NOTHING\]"):
        deployer.client.update_stack(StackName=deployer.name, TemplateBody=small(LOGS))
    assert deployer.delete() == "DELETE_COMPLETE"


def test_a_failed_update_is_two_operations(world: World, deployer: Deployer) -> None:
    """The update and its rollback have ids of their own, and one token."""
    assert deployer.deploy(small(LOGS)) == "CREATE_COMPLETE"
    world.refuse("Other", "No more")
    begin(deployer, small(longer(LOGS) + OTHER), ClientRequestToken="mine")
    assert deployer.ended() == "UPDATE_ROLLBACK_COMPLETE"
    back, update = deployer.stack()["LastOperations"]
    assert [back["OperationType"], update["OperationType"]] == ["ROLLBACK", "UPDATE_STACK"]
    told = [event for event in deployer.told() if event.get("ClientRequestToken") == "mine"]
    assert {event["OperationId"] for event in told} == {back["OperationId"], update["OperationId"]}
    by_id = deployer.client.describe_events(OperationId=back["OperationId"])["OperationEvents"]
    assert {event["OperationType"] for event in by_id} == {"ROLLBACK"}
    assert [event["OperationStatus"] for event in by_id if "OperationStatus" in event] == ["SUCCEEDED"]
