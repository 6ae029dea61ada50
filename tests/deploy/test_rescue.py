"""The ways out of an operation: joined, cancelled, continued."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from msaspec.deploy import rescue
from msaspec.deploy.attendance import attend
from msaspec.deploy.aws.fault import Fault
from msaspec.deploy.invocation import Invocation
from msaspec.diagnostics.diagnostic import Invalid
from msaspec.template.role import MAIN, Named
from tests import template
from tests.deploy.by_hand import context
from tests.deploy.recorded import (
    STACK,
    STACK_ID,
    Heard,
    Recorded,
    aws,
    described,
    event,
    listed,
    missing,
    original,
    plays,
)

TEMPLATE = template.compiled(
    "msaspec: 1\nname: shop\nnetwork: {placement: public}\nservices: {cart: {image: a}}\n"
).stack
NAMED = Named(MAIN, STACK)
HERE = Invocation(words=" --profile me")
BACK = [
    event("UPDATE_ROLLBACK_IN_PROGRESS", at=1, reason="User Initiated"),
    event("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", at=2),
    event("UPDATE_ROLLBACK_COMPLETE", at=3),
]
STUCK_AGAIN = [
    event("UPDATE_ROLLBACK_IN_PROGRESS", at=1),
    event("UPDATE_FAILED", "CartInstance", 2, reason="The image is gone."),
    event("UPDATE_ROLLBACK_FAILED", at=3),
]
RESOURCES = listed(
    ("CartInstance", "AWS::EC2::Instance", "UPDATE_FAILED"),
    ("CartRole", "AWS::IAM::Role", "UPDATE_FAILED"),
    ("Vpc", "AWS::EC2::VPC", "UPDATE_COMPLETE"),
)


def stack(status: Any, *events: Iterable[dict[str, Any]], **answers: Any) -> Recorded:
    """CloudFormation with a stack in which this happens."""
    return Recorded(
        describe_stacks=described(status) if isinstance(status, str) else status,
        describe_stack_events=plays(*events),
        get_template=original(TEMPLATE.template),
        list_stack_resources=RESOURCES,
        **{"cancel_update_stack": {}, "continue_update_rollback": {}, **answers},
    )


def told(act: Callable[[], None], kind: type[Fault] | type[Invalid] = Fault) -> tuple[str, str, str | None]:
    """Code, message and hint of what an act ends with."""
    with pytest.raises(kind) as raised:
        act()
    (diagnostic,) = raised.value.diagnostics
    return diagnostic.code, diagnostic.message, diagnostic.hint


def test_an_update_is_cancelled() -> None:
    """It is asked for by the stack's id, and the way back is watched to its end."""
    client, reporter = stack("UPDATE_IN_PROGRESS", BACK), Heard()
    rescue.cancel(context(aws(cloudformation=client), reporter, HERE), NAMED)
    assert client.begun("cancel_update_stack") == [{"StackName": STACK_ID}]
    assert client.names().index("describe_stack_events") < client.names().index("cancel_update_stack")
    assert reporter.told[-2:] == [
        ("ends", "UPDATE_ROLLBACK_COMPLETE"),
        ("note", "The stack shop is as it was before the update."),
    ]


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        ("CREATE_IN_PROGRESS", "A first creation cannot be cancelled. Delete it: msaspec destroy --profile me"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "See the current state: msaspec status --profile me"),
        ("UPDATE_COMPLETE", "See the current state: msaspec status --profile me"),
    ],
)
def test_what_cannot_be_cancelled(status: str, hint: str) -> None:
    """Only an update that is being made; nothing is asked of CloudFormation otherwise."""
    client = stack(status)
    assert told(lambda: rescue.cancel(context(aws(cloudformation=client), Heard(), HERE), NAMED)) == (
        "MSA619",
        f"The stack shop is {status}: there is no running update to cancel.",
        hint,
    )
    assert client.names() == ["describe_stacks", "get_template"]


def test_nothing_is_there_to_rescue() -> None:
    """A stack that is not there is told as that."""
    for act in (rescue.cancel, rescue.continue_rollback):
        code, message, _ = told(
            lambda act=act: act(context(aws(cloudformation=stack(missing())), Heard(), HERE), NAMED)
        )
        assert (code, message) == ("MSA617", "There is no stack shop in eu-west-1 of the account 123456789012.")


def test_the_way_back_of_a_cancelled_update_fails() -> None:
    """The first cause is told, and how to go on."""
    client = stack("UPDATE_IN_PROGRESS", STUCK_AGAIN)
    assert told(lambda: rescue.cancel(context(aws(cloudformation=client), Heard(), HERE), NAMED)) == (
        "MSA620",
        "AWS::S3::Bucket `CartInstance` of `services.cart` failed to update: The image is gone. "
        "The stack shop is UPDATE_ROLLBACK_FAILED.",
        "The rollback failed, too. Remove the cause, then: msaspec continue-rollback --profile me",
    )


def test_nobody_waits_for_the_way_back() -> None:
    """Then it has only begun, and the command that watches it is told."""
    client, reporter = stack("UPDATE_IN_PROGRESS"), Heard()
    rescue.cancel(context(aws(cloudformation=client), reporter, HERE), NAMED, wait=False)
    watching = "msaspec status --follow --profile me"
    assert reporter.told == [("note", f"The stack shop is rolling back. Watch it: {watching}")]
    assert client.begun("cancel_update_stack") == [{"StackName": STACK_ID}]


def continued(client: Recorded, reporter: Heard | None = None, **words: Any) -> None:
    """Goes on with a way back that failed."""
    rescue.continue_rollback(context(aws(cloudformation=client), reporter or Heard(), HERE), NAMED, **words)


def test_a_way_back_is_continued() -> None:
    """Without anything else to say."""
    client, reporter = stack("UPDATE_ROLLBACK_FAILED", BACK), Heard()
    continued(client, reporter)
    assert client.begun("continue_update_rollback") == [{"StackName": STACK_ID}]
    assert reporter.told[-1] == ("note", "The stack shop is as it was before the update.")


def test_what_is_skipped() -> None:
    """It is said that it is left as it is; the role is handed on."""
    client, reporter = stack("UPDATE_ROLLBACK_FAILED", BACK), Heard()
    role = "arn:aws:iam::123456789012:role/deployer"
    continued(client, reporter, skipped=("CartRole", "shop-Inner-1ABC.Bucket"), role_arn=role)
    assert client.begun("continue_update_rollback") == [
        {"StackName": STACK_ID, "ResourcesToSkip": ["CartRole", "shop-Inner-1ABC.Bucket"], "RoleARN": role}
    ]
    left = "is left as it is. Where somebody deleted it, or changed it by hand: msaspec deploy --repair --profile me"
    but = "but for CartRole, shop-Inner-1ABC.Bucket, which CloudFormation left as it is."
    assert reporter.of("note") == [
        f"CartRole {left}",
        f"shop-Inner-1ABC.Bucket {left}",
        f"The stack shop is as it was before the update, {but}",
    ]


def test_what_is_not_stuck_cannot_be_skipped() -> None:
    """Names that are not stuck are told, with those that are; nothing is asked of CloudFormation."""
    client = stack("UPDATE_ROLLBACK_FAILED")
    assert told(lambda: continued(client, skipped=("Vpc", "Cart", "CartRole")), Invalid) == (
        "MSA614",
        "`--skip` names resources that are not stuck: Cart, Vpc.",
        "These are: CartInstance, CartRole.",
    )
    assert "continue_update_rollback" not in client.names()


def test_nothing_is_known_to_be_stuck() -> None:
    """Then the hint does not name nothing."""
    client = stack("UPDATE_ROLLBACK_FAILED")
    client.answers["list_stack_resources"] = listed()
    assert told(lambda: continued(client, skipped=("Vpc",)), Invalid)[2] == "Nothing in the stack itself is."


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "UPDATE_IN_PROGRESS"])
def test_no_way_back_that_failed(status: str) -> None:
    """There is nothing to continue."""
    client = stack(status)
    assert told(lambda: continued(client)) == (
        "MSA619",
        f"The stack shop is {status}: there is no failed rollback to continue.",
        "See the current state: msaspec status --profile me",
    )
    assert client.names() == ["describe_stacks", "get_template"]


def test_a_way_back_fails_again() -> None:
    """What failed this time is told."""
    code, message, _ = told(lambda: continued(stack("UPDATE_ROLLBACK_FAILED", STUCK_AGAIN)))
    assert (code, "The image is gone." in message) == ("MSA620", True)


def test_a_way_back_goes_on_unwatched() -> None:
    """What is skipped is told all the same."""
    client, reporter = stack("UPDATE_ROLLBACK_FAILED"), Heard()
    continued(client, reporter, skipped=("CartRole",), wait=False)
    assert [message.partition(" is ")[0] for message in reporter.of("note")] == ["CartRole", "The stack shop"]
    assert reporter.of("begins") == []


UPDATED = [event("UPDATE_IN_PROGRESS", at=1), event("UPDATE_IN_PROGRESS", "CartRole", 2)]


def attended(client: Recorded) -> Heard:
    """What is told to who joins."""
    reporter = Heard()
    attend(context(aws(cloudformation=client), reporter, HERE), STACK)
    return reporter


def test_joining_an_operation() -> None:
    """It is told from its beginning to its end."""
    client = stack("UPDATE_IN_PROGRESS", UPDATED, [event("UPDATE_COMPLETE", at=9)])
    client.answers["describe_stack_events"] = plays(
        [event("UPDATE_COMPLETE", at=9)], past=[event("CREATE_COMPLETE"), *UPDATED]
    )
    reporter = attended(client)
    assert reporter.of("moved") == [["UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"], ["UPDATE_COMPLETE"]]


def test_joining_an_operation_that_fails() -> None:
    """It ends with the first cause, by the entries that the deployed template names."""
    client = stack("UPDATE_IN_PROGRESS")
    client.answers["describe_stack_events"] = plays(STUCK_AGAIN, past=UPDATED)
    code, message, _ = told(lambda: attended(client) and None)
    assert (code, "`CartInstance` of `services.cart` failed to update" in message) == ("MSA620", True)


@pytest.mark.parametrize(
    "status", ["UPDATE_COMPLETE", "REVIEW_IN_PROGRESS", missing()], ids=["over", "proposed", "none"]
)
def test_nothing_to_join(status: Any) -> None:
    """Where nothing is in progress, nothing is told and nothing else asked for."""
    client = stack(status)
    assert (attended(client).told, client.names()) == ([], ["describe_stacks"])
