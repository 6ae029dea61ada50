"""An operation that is begun: with a token, and found again where the answer is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from msaspec.deploy.aws.answers import NotAnAnswer
from msaspec.deploy.operation import NotBegun, Operation, Unwatched, begin, joined
from tests.deploy.by_hand import Waiting, context, refusal
from tests.deploy.recorded import STACK_ID, Heard, Recorded, aws, event, plays

WHAT = "the update of the stack shop"
TIMEOUT = ReadTimeoutError(endpoint_url="https://cloudformation")
LOST: list[Exception] = [
    TIMEOUT,
    refusal("InternalFailure", status=500),
    refusal("Throttling"),
    NotAnAnswer("ExecuteChangeSet", "it is a web page"),
]
REPEATED = [
    refusal("InvalidChangeSetStatus", "ChangeSet cannot be executed in its current execution status"),
    refusal("TokenAlreadyExistsException", "A client request token already exists."),
    refusal("ValidationError", "CancelUpdateStack cannot be called from current stack status"),
]


class Beginning:
    """A request at a stack whose events CloudFormation has so, and the token that the request was given."""

    def __init__(self, error: BaseException | None = None, came: bool | None = None, events: Any = None) -> None:
        self.error, self.came, self.token = error, came, ""
        self.reporter, self.clock = Heard(), Waiting()
        self.happened: list[dict[str, Any]] = []
        self.client = Recorded(describe_stack_events=events or self.events)

    def events(self, **ignored: Any) -> Any:
        """What has happened by now; what the request did has its token."""
        own = {"ClientRequestToken": self.token}
        return {"StackEvents": [row if row["ClientRequestToken"] else row | own for row in self.happened]}

    def happens(self, token: str | None = None, status: str = "UPDATE_IN_PROGRESS") -> None:
        """Something happens at the stack; by default because of the request."""
        self.happened.insert(0, {**event(status, at=len(self.happened)), "ClientRequestToken": token})

    def begin(self, arrives: Callable[[], None] = lambda: None) -> Operation:
        """Make the request, of which this becomes."""

        def request(token: str) -> None:
            self.token = token
            arrives()
            if self.error:
                raise self.error

        there = context(aws(self.clock.pace, cloudformation=self.client), self.reporter)
        return begin(there, WHAT, STACK_ID, request, lambda: self.came)


def test_a_request_that_is_answered() -> None:
    """It has a token, and what happened before is not looked at."""
    beginning = Beginning()
    beginning.happens("another")
    operation = beginning.begin(beginning.happens)
    assert (operation.token, operation.past) == (beginning.token, ())
    assert [each.token for each in operation.feed.news()] == [beginning.token]
    assert beginning.client.names().count("describe_stack_events") == 2
    assert beginning.reporter.told == []


@pytest.mark.parametrize("error", [*LOST, *REPEATED], ids=lambda error: type(error).__name__)
def test_an_answer_that_is_lost_or_repeated(error: Exception) -> None:
    """What became of the request is looked for, by its token; it is said that it has begun."""
    beginning = Beginning(error)
    operation = beginning.begin(beginning.happens)
    assert [each.token for each in operation.past] == [operation.token] == [beginning.token]
    assert beginning.reporter.of("note") == [
        "The answer of AWS was lost, but the update of the stack shop has started."
    ]


def test_it_shows_in_another_way() -> None:
    """Where CloudFormation's events say nothing, the change set or the stack does."""
    assert Beginning(TIMEOUT, came=True).begin().token


def test_a_request_that_did_not_arrive() -> None:
    """It is looked for several times; then it is said that nothing has begun."""
    beginning = Beginning(TIMEOUT, came=False)
    with pytest.raises(NotBegun) as raised:
        beginning.begin(lambda: beginning.happens("another"))
    assert raised.value.known
    assert raised.value.diagnostics[0].code == "MSA604"
    assert raised.value.details == ("The update of the stack shop has not started. Run the command again.",)
    assert len(beginning.clock.pauses) == 4


def test_nobody_can_tell() -> None:
    """AWS does not answer that either: it is said that it is not known, and where to look."""
    answers = iter([{"StackEvents": []}])
    beginning = Beginning(TIMEOUT, events=lambda **_: next(answers, TIMEOUT))
    with pytest.raises(NotBegun) as raised:
        beginning.begin()
    assert not raised.value.known
    told = "msaspec cannot tell whether the update of the stack shop has started. Check: msaspec status --follow"
    assert raised.value.details == (told,)


@pytest.mark.parametrize("error", REPEATED, ids=lambda error: error.response["Error"]["Code"])
def test_a_refusal_that_means_what_it_says(error: ClientError) -> None:
    """Nothing of the request is found: it is raised as it is."""
    with pytest.raises(ClientError) as raised:
        Beginning(error, came=False).begin()
    assert raised.value is error


def test_a_refusal_that_means_nothing_else() -> None:
    """A missing permission is not looked after."""
    beginning = Beginning(refusal("AccessDenied", status=403))
    with pytest.raises(ClientError):
        beginning.begin(beginning.happens)
    assert beginning.client.names() == ["describe_stack_events"]


def test_ctrl_c_while_the_request_is_out() -> None:
    """What goes on is said, or that it may."""
    beginning = Beginning(KeyboardInterrupt())
    with pytest.raises(Unwatched):
        beginning.begin(beginning.happens)
    assert beginning.reporter.of("note") == [
        "Interrupted. The update of the stack shop continues in CloudFormation. Watch it: msaspec status --follow"
    ]
    for events in (None, iter([{"StackEvents": []}, KeyboardInterrupt()])):
        look = (lambda events=events, **_: next(events)) if events else None
        beginning = Beginning(KeyboardInterrupt(), events=look)
        with pytest.raises(Unwatched):
            beginning.begin()
        (said,) = beginning.reporter.of("note")
        assert said.startswith("Interrupted during the request: the update of the stack shop may have started.")


def test_an_operation_that_is_joined() -> None:
    """With all that happened since it began, and not what was before."""
    before = [event("CREATE_IN_PROGRESS", at=0), event("CREATE_COMPLETE", at=1)]
    client = Recorded(describe_stack_events=plays([], past=[*before, event("UPDATE_IN_PROGRESS", at=2)]))
    operation = joined(context(aws(cloudformation=client), Heard()), WHAT, STACK_ID)
    assert ([each.status for each in operation.past], operation.token) == (["UPDATE_IN_PROGRESS"], None)
