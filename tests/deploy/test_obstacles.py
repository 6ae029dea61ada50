"""What can stand in the way of a deployment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from msaspec import pipeline
from msaspec.deploy import obstacles
from msaspec.deploy.aws import state
from msaspec.deploy.aws.fault import Fault
from msaspec.deploy.aws.state import Deployed
from msaspec.deploy.invocation import Invocation
from msaspec.deploy.obstacles import Looked
from msaspec.deploy.options import DeployContext, DeployOptions
from msaspec.template.stack import Stack
from tests.deploy.by_hand import Waiting, refusal
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

RDS = "AWS::RDS::DBInstance"
DOCUMENT = pipeline.load("msaspec: 1\nname: shop\n", "shop.yaml")
COMPILED = Stack(STACK, {"Resources": {}}, {})
HERE = Invocation("shop.yaml", "prod", " --region eu-west-1")
OURS = "Metadata: {msaspec: {system: shop, stack: main}}\nResources: {}"
REST = "--region eu-west-1 shop.yaml"


class Way:
    """The way to a stack in an account that answers so."""

    def __init__(self, *stacks: Any, options: DeployOptions | None = None, says: bool = True, **answers: Any) -> None:
        self.client = Recorded(describe_stacks=list(stacks), get_template=original(OURS), **answers)
        self.reporter, self.clock = Heard(says), Waiting()
        there = aws(self.clock.pace, cloudformation=self.client)
        self.context = DeployContext(there, self.reporter, HERE, document=DOCUMENT, options=options or DeployOptions())

    def passed(self) -> str | None:
        """The status of the stack, once nothing is in the way."""
        found = obstacles.look(self.context, COMPILED).deployed
        return found and found.status

    def cleared(self, status: str = "ROLLBACK_COMPLETE") -> Deployed | None:
        """What is left of a failed creation."""
        looked = Looked(COMPILED, Deployed(STACK, STACK_ID, status), anew=True)
        return obstacles.clear(self.context, looked).deployed

    def rehearsed(self) -> None:
        """What a dry run says of it."""
        looked = Looked(COMPILED, Deployed(STACK, STACK_ID, "ROLLBACK_COMPLETE"), anew=True)
        obstacles.refuse_remains(self.context, looked)

    def raced(self, request: Callable[[], Any]) -> Any:
        """What becomes of a request."""
        return obstacles.raced(self.context, STACK, request)


def told(raised: pytest.ExceptionInfo[Fault]) -> tuple[str, str, str | None]:
    """Code, message and hint of a fault."""
    (diagnostic,) = raised.value.diagnostics
    return diagnostic.code, diagnostic.message, diagnostic.hint


def in_the_way(*stacks: Any, **answers: Any) -> tuple[str, str, str | None]:
    """What is said of a stack with which nothing can be done."""
    with pytest.raises(Fault) as raised:
        Way(*stacks, **answers).passed()
    return told(raised)


@pytest.mark.parametrize("answer", [missing(), described("DELETE_COMPLETE")], ids=["missing", "deleted"])
def test_no_stack_is_in_nobodys_way(answer: Any) -> None:
    """A stack that is not there, or not any more, is made anew."""
    assert Way(answer).passed() is None


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_the_way_is_free(status: str) -> None:
    """A stack that can be changed; nothing else is asked for."""
    way = Way(described(status))
    assert way.passed() == status
    assert way.client.names() == ["describe_stacks", "get_template"]


def test_a_stack_that_is_only_proposed() -> None:
    """The empty one that a change set left is in nobody's way; its change sets say whose it is."""
    way = Way(described("REVIEW_IN_PROGRESS"), list_change_sets={"Summaries": []})
    assert way.passed() == "REVIEW_IN_PROGRESS"
    assert way.client.names() == ["describe_stacks", "list_change_sets"]


def test_another_operation() -> None:
    """It is named, with the command that watches it and the one that waits for it."""
    assert in_the_way(described("UPDATE_ROLLBACK_IN_PROGRESS")) == (
        "MSA613",
        "The stack shop is UPDATE_ROLLBACK_IN_PROGRESS: another operation is in progress.",
        f"Watch it: msaspec status --env prod --follow {REST}, "
        f"or deploy after it: msaspec deploy --env prod --wait {REST}",
    )


BEGUN = [event("UPDATE_IN_PROGRESS", at=1)]
DONE = [event("UPDATE_COMPLETE", at=2)]


def test_waiting_for_another_operation() -> None:
    """With `--wait` it is watched from its beginning, and then looked again."""
    way = Way(
        described("UPDATE_IN_PROGRESS"),
        described("UPDATE_COMPLETE"),
        options=DeployOptions(wait=True),
        describe_stack_events=plays(DONE, past=BEGUN),
    )
    assert way.passed() == "UPDATE_COMPLETE"
    assert way.reporter.told == [
        ("note", "The stack shop is UPDATE_IN_PROGRESS; waiting for it to end."),
        ("begins", STACK),
        ("moved", ["UPDATE_IN_PROGRESS"]),
        ("moved", ["UPDATE_COMPLETE"]),
        ("ends", "UPDATE_COMPLETE"),
    ]


def test_waiting_for_a_deletion() -> None:
    """After it there is no stack."""
    gone = [event("DELETE_COMPLETE", at=2)]
    events = plays(gone, past=[event("DELETE_IN_PROGRESS", at=1)])
    way = Way(
        described("DELETE_IN_PROGRESS"), missing(), options=DeployOptions(wait=True), describe_stack_events=events
    )
    assert way.passed() is None


def test_an_end_that_is_not_seen_everywhere_yet() -> None:
    """Where the events tell of the end and the stack does not yet, it is looked at with pauses and not told again."""
    busy = described("UPDATE_IN_PROGRESS")
    way = Way(
        busy,
        busy,
        busy,
        described("UPDATE_COMPLETE"),
        options=DeployOptions(wait=True),
        describe_stack_events=plays(past=BEGUN + DONE),
    )
    assert way.passed() == "UPDATE_COMPLETE"
    assert way.clock.pauses == [1, 1.5]
    assert (len(way.reporter.of("note")), len(way.reporter.of("begins"))) == (1, 1)


def test_a_way_back_that_failed() -> None:
    """Every resource that is stuck is named, with its reason, and the command that goes on."""
    resources = listed(
        ("Role", "AWS::IAM::Role", "UPDATE_COMPLETE"),
        ("Queue", "AWS::SQS::Queue", "UPDATE_FAILED", "The queue\nis gone."),
        ("Topic", "AWS::SNS::Topic", "UPDATE_FAILED"),
    )
    assert in_the_way(described("UPDATE_ROLLBACK_FAILED"), list_stack_resources=resources) == (
        "MSA614",
        "The stack shop is UPDATE_ROLLBACK_FAILED. These resources could not be rolled back: "
        "Queue (AWS::SQS::Queue shop-queue, The queue is gone); Topic (AWS::SNS::Topic shop-topic).",
        f"Remove the cause, then: msaspec continue-rollback --env prod {REST}",
    )


def test_an_import_that_could_not_be_taken_back() -> None:
    """CloudFormation only continues the rollback of an update, so nobody is sent to `continue-rollback`."""
    _, message, hint = in_the_way(described("IMPORT_ROLLBACK_FAILED"), list_stack_resources=listed())
    assert message.startswith("The stack shop is IMPORT_ROLLBACK_FAILED.")
    assert hint is not None
    assert hint.endswith(f"Delete the stack: msaspec destroy --env prod {REST}")


def test_gone_resources_are_skipped() -> None:
    """The hint names what is not there any more, and what makes it again."""
    rows = listed(("Media", "AWS::S3::Bucket", "UPDATE_FAILED", "x (HandlerErrorCode: NotFound)"))
    _, _, hint = in_the_way(described("UPDATE_ROLLBACK_FAILED"), list_stack_resources=rows)
    assert hint is not None
    assert f"is left out: msaspec continue-rollback --env prod --skip Media {REST}" in hint
    assert f"Then repair it: msaspec deploy --env prod --repair {REST}" in hint


def test_a_stack_that_is_half_deleted() -> None:
    """What is left of it is named, and the command that finishes it."""
    resources = listed(
        ("Role", "AWS::IAM::Role", "DELETE_COMPLETE"), ("Bucket", "AWS::S3::Bucket", "DELETE_FAILED", "Not empty")
    )
    assert in_the_way(described("DELETE_FAILED"), list_stack_resources=resources) == (
        "MSA615",
        "The stack shop is partly deleted. These resources are left: Bucket (AWS::S3::Bucket shop-bucket, Not empty).",
        f"Complete the deletion first: msaspec destroy --env prod {REST}",
    )


def test_nothing_is_left_that_has_a_name() -> None:
    """CloudFormation may name none."""
    _, message, _ = in_the_way(described("DELETE_FAILED"), list_stack_resources=listed())
    assert message == "The stack shop is partly deleted. These resources are left: none that CloudFormation names."


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED"])
def test_a_failed_creation_that_left_nothing(status: str) -> None:
    """What was never made, is gone, or has no data is in nobody's way."""
    bare = {**listed(("Bare", RDS, "CREATE_COMPLETE"))["StackResourceSummaries"][0], "PhysicalResourceId": ""}
    resources = listed(
        ("Role", "AWS::IAM::Role", "DELETE_FAILED"),
        ("Gone", RDS, "DELETE_COMPLETE"),
        ("Never", RDS, "CREATE_FAILED"),
        ("Left", RDS, "DELETE_SKIPPED"),
    )
    resources["StackResourceSummaries"].append(bare)
    assert Way(described(status), list_stack_resources=resources).passed() == status


@pytest.mark.parametrize("status", ["DELETE_FAILED", "CREATE_COMPLETE"])
def test_a_failed_creation_that_left_data(status: str) -> None:
    """It is not deleted by the way: what is left is named, and the command that tells of it."""
    resources = listed(("Database", RDS, status), ("Role", "AWS::IAM::Role", "DELETE_FAILED"))
    assert in_the_way(described("ROLLBACK_COMPLETE"), list_stack_resources=resources) == (
        "MSA616",
        "The first deployment of shop failed, and resources with data are left: "
        "Database (AWS::RDS::DBInstance shop-database).",
        f"Review and delete them, then deploy again: msaspec destroy --env prod {REST}",
    )


GOING = [event("DELETE_IN_PROGRESS", at=1), event("DELETE_COMPLETE", at=2)]
FAILED_FIRST = "The first deployment of shop failed; the stack is ROLLBACK_COMPLETE and holds no data."


def test_what_a_failed_creation_left_is_deleted() -> None:
    """After a yes, by its id, and watched to its end."""
    way = Way(missing(), delete_stack={}, describe_stack_events=plays(GOING))
    assert way.cleared() is None
    assert way.client.begun("delete_stack") == [{"StackName": STACK_ID}]
    assert way.reporter.questions == ["Delete it and create it again?"]
    assert way.reporter.told == [
        ("note", FAILED_FIRST),
        ("begins", STACK),
        ("moved", ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]),
        ("ends", "DELETE_COMPLETE"),
    ]


def test_a_yes_beforehand() -> None:
    """Then nobody is asked."""
    way = Way(missing(), options=DeployOptions(yes=True), delete_stack={}, describe_stack_events=plays(GOING))
    assert way.cleared() is None
    assert way.reporter.questions == []


def test_the_user_says_no() -> None:
    """Nothing is deleted, and the command that does it is named."""
    way = Way(missing(), says=False)
    with pytest.raises(Fault) as raised:
        way.cleared()
    assert told(raised) == (
        "MSA616",
        "The stack shop must be deleted first.",
        f"Deploy, or: msaspec destroy --env prod {REST}",
    )
    assert way.client.calls == []


def test_a_mere_look_deletes_nothing() -> None:
    """It says what a deployment would have to do, and asks nothing."""
    way = Way(missing(), options=DeployOptions(dry_run=True, yes=True))
    with pytest.raises(Fault) as raised:
        way.rehearsed()
    assert told(raised)[:2] == ("MSA616", f"{FAILED_FIRST} It must be deleted first.")
    assert (way.reporter.questions, way.client.calls) == ([], [])


def test_what_a_failed_creation_left_will_not_go() -> None:
    """How far it came is told, and the command that finishes it."""
    events = [event("DELETE_IN_PROGRESS", at=1), event("DELETE_FAILED", at=2, reason="Role is in use.")]
    way = Way(missing(), delete_stack={}, describe_stack_events=plays(events))
    with pytest.raises(Fault) as raised:
        way.cleared()
    assert told(raised) == (
        "MSA615",
        "The stack shop is DELETE_FAILED.",
        f"Finish it: msaspec destroy --env prod {REST}",
    )


@pytest.mark.parametrize(
    ("code", "said", "status"),
    [
        (
            "ValidationError",
            f"Stack:{STACK_ID} is in UPDATE_IN_PROGRESS state and can not be updated.",
            "UPDATE_IN_PROGRESS",
        ),
        (
            "ValidationError",
            f"Stack:{STACK_ID} is in UPDATE_COMPLETE_CLEANUP_IN_PROGRESS state and can not be updated.",
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        ),
        ("OperationInProgressException", "Another operation is in progress", "busy"),
    ],
)
def test_another_operation_that_came_first(code: str, said: str, status: str) -> None:
    """Between looking and asking for a change set somebody else began: told like any other operation."""

    def request() -> None:
        raise refusal(code, said, operation="CreateChangeSet")

    with pytest.raises(Fault) as raised:
        Way(missing()).raced(request)
    found, message, _ = told(raised)
    assert (found, message) == ("MSA613", f"The stack shop is {status}: another operation is in progress.")


def test_a_request_that_nobody_came_before() -> None:
    """Its answer is handed on, and so is every other refusal."""
    way = Way(missing())
    assert way.raced(lambda: "made") == "made"
    error = refusal("ValidationError", "Template error", operation="CreateChangeSet")

    def request() -> None:
        raise error

    with pytest.raises(ClientError) as raised:
        way.raced(request)
    assert raised.value is error


def test_a_stack_is_looked_at_by_its_name() -> None:
    """By which it is known before it is there."""
    way = Way(described("CREATE_COMPLETE"))
    way.passed()
    assert way.client.words("describe_stacks") == [{"StackName": STACK}]
    assert state.standing("CREATE_COMPLETE") is state.Standing.READY
