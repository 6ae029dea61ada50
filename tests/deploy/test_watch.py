"""An operation followed to its end: how often AWS is asked, and what goes on when it does not answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from botocore import exceptions
from botocore.parsers import ResponseParserError

from msaspec.deploy.events import Feed, read
from msaspec.deploy.fault import Fault
from msaspec.deploy.progress import Progress
from msaspec.deploy.target import Pace
from msaspec.deploy.watch import Outcome, Unwatched, follow
from tests.deploy.by_hand import Waiting, refusal
from tests.deploy.recorded import STACK, STACK_ID, Heard, Recorded, aws, event, plays

LOST = exceptions.EndpointConnectionError(endpoint_url="https://cloudformation.eu-west-1.amazonaws.com/")
SILENT = "AWS does not answer at the moment. The deployment goes on there; watching goes on too."
AGAIN = "AWS answers again."
DONE = [event("UPDATE_COMPLETE", at=600)]
BEGUN = [event("UPDATE_IN_PROGRESS", at=1)]
BEFORE = [event("CREATE_COMPLETE", at=-100)]


def followed(
    look: Callable[..., Any], teller: Heard, clock: Waiting | None = None, pace: Pace | None = None, **words: Any
) -> Outcome:
    """How an operation ends of which CloudFormation answers so."""
    clock = clock or Waiting()
    there = aws(pace or clock.pace, cloudformation=Recorded(describe_stack_events=look))
    progress = Progress(STACK, lambda name: ("buckets", "media"))
    return follow(there, Feed.from_now(there, STACK_ID), progress, teller, **words)


def test_an_operation_is_told_to_its_end() -> None:
    """What happens is told as it comes, and the last event of the stack itself ends it."""
    teller = Heard()
    resource = [event("UPDATE_IN_PROGRESS", "Media", 2), event("UPDATE_COMPLETE", "Media", 3)]
    outcome = followed(plays(BEGUN, resource, DONE, past=BEFORE), teller)
    assert outcome == Outcome("UPDATE_COMPLETE", None, tuple(read([*BEGUN, *resource, *DONE])))
    assert teller.told == [
        ("begins", STACK),
        ("moved", ["UPDATE_IN_PROGRESS"]),
        ("moved", ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]),
        ("moved", ["UPDATE_COMPLETE"]),
        ("ends", "UPDATE_COMPLETE"),
    ]


def test_what_was_before_is_told_first() -> None:
    """Who joins late sees what happened; an operation that is over by then is not asked about again."""
    teller, clock = Heard(), Waiting()
    outcome = followed(plays(past=BEGUN + DONE), teller, clock, past=read(BEGUN + DONE))
    assert (outcome.status, len(outcome.events), clock.pauses) == ("UPDATE_COMPLETE", 2, [])
    assert teller.told[1] == ("moved", ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"])


def test_another_end() -> None:
    """The caller may say what ends it."""
    status = followed(plays(BEGUN), Heard(), ended=lambda status: status == "UPDATE_IN_PROGRESS").status
    assert status == "UPDATE_IN_PROGRESS"


def test_pauses_grow_while_nothing_happens() -> None:
    """By a half up to the longest, and from the shortest again after news."""
    clock = Waiting()
    pace = Pace(2, 5, clock.sleep, lambda: clock.time)
    nothing: Iterable[Any] = []
    followed(
        plays(BEGUN, nothing, nothing, nothing, [event("UPDATE_COMPLETE", "A", 5)], nothing, DONE), Heard(), clock, pace
    )
    assert clock.pauses == [2, 2, 3, 4.5, 5, 2, 3]


def test_ten_silent_minutes() -> None:
    """A long operation without news is asked about a little more often than every longest pause, and not more."""
    clock, first, most = Waiting(), 1.0, 5.0
    end = clock.time + 600
    client = Recorded(describe_stack_events=lambda **_: {"StackEvents": [] if clock.time < end else DONE})
    there = aws(Pace(first, most, clock.sleep, lambda: clock.time), cloudformation=client)
    follow(there, Feed.from_now(there, STACK_ID), Progress(STACK, lambda name: ()), Heard())
    growing = math.ceil(math.log(most / first, 1.5))
    assert len(client.calls) <= 1 + growing + math.ceil(600 / most)
    assert len(client.calls) >= 600 / most
    assert max(clock.pauses) == most


@pytest.mark.parametrize(
    "error",
    [
        LOST,
        exceptions.ConnectTimeoutError(endpoint_url="https://x"),
        exceptions.ReadTimeoutError(endpoint_url="https://x"),
        exceptions.ProxyConnectionError(proxy_url="http://x"),
        ResponseParserError("Unable to parse response (mismatched tag), invalid XML received: b'<html>'"),
        refusal("Throttling", "Rate exceeded", operation="DescribeStackEvents"),
        refusal("ServiceUnavailable", "Unavailable", 503, "DescribeStackEvents"),
        refusal("InternalFailure", "Sorry", 500, "DescribeStackEvents"),
    ],
    ids=["lost", "connect", "read", "proxy", "page", "throttled", "unavailable", "internal"],
)
def test_a_lost_connection_is_waited_for(error: Exception) -> None:
    """CloudFormation goes on, so watching does; it is told once, and once that AWS is there again."""
    teller, clock = Heard(), Waiting()
    outcome = followed(plays(BEGUN, error, error, error, DONE), teller, clock)
    assert outcome.status == "UPDATE_COMPLETE"
    assert teller.of("note") == [SILENT, AGAIN]
    assert clock.pauses == [1, 1, 1.5, 2.25, 3.375]


def test_a_connection_that_is_lost_twice() -> None:
    """Each time is told."""
    teller = Heard()
    followed(plays(BEGUN, LOST, [], LOST, DONE), teller)
    assert teller.of("note") == [SILENT, AGAIN, SILENT, AGAIN]


def test_nothing_is_told_twice_after_a_lost_connection() -> None:
    """What is new is what was not seen, even if a later page could not be read."""
    teller = Heard()
    news = [event("UPDATE_IN_PROGRESS", f"N{number}", number) for number in range(150)]
    answers = iter(["first", "second"])

    def look(NextToken: str | None = None, **words: Any) -> Any:
        if NextToken and next(answers) == "first":
            return LOST
        return play(NextToken=NextToken, **words)

    play = plays([*BEGUN, *news], [], DONE, past=BEFORE)
    outcome = followed(look, teller)
    assert [len(statuses) for statuses in teller.of("moved")] == [151, 1]
    assert len(outcome.events) == 152


@pytest.mark.parametrize(
    "error",
    [
        refusal("AccessDenied", "no", 403, "DescribeStackEvents"),
        refusal("ExpiredToken", "no", 403, "DescribeStackEvents"),
        exceptions.UnauthorizedSSOTokenError(),
    ],
    ids=["forbidden", "expired", "sso"],
)
def test_what_does_not_pass_is_a_fault(error: Exception) -> None:
    """Waiting would not help: it is told, with the words that what was begun goes on; the picture is left whole."""
    teller = Heard()
    with pytest.raises(Fault) as raised:
        followed(plays(BEGUN, error), teller)
    assert [detail.partition(" goes on")[0] for detail in raised.value.details] == ["What was begun at the stack shop"]
    assert teller.told[-1] == ("ends", "UPDATE_IN_PROGRESS")


def test_a_bug_stays_what_it_is() -> None:
    """Nothing else is taken for a fault of AWS."""
    error = KeyError("StackEvents")
    with pytest.raises(KeyError) as raised:
        followed(plays(BEGUN, error), Heard())
    assert raised.value is error


def test_the_user_has_seen_enough() -> None:
    """Ctrl-C during a pause ends the picture, and then the watching: what is said stands below it."""
    teller, pauses = Heard(), []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    with pytest.raises(Unwatched):
        followed(plays(BEGUN), teller, pace=Pace(sleep=sleep))
    assert teller.told[-2] == ("ends", "UPDATE_IN_PROGRESS")
    assert teller.told[-1][1].startswith("What was begun at the stack shop goes on in CloudFormation.")


def test_the_user_has_seen_enough_while_aws_is_asked() -> None:
    """Ctrl-C in the middle of a request is no other thing."""
    teller = Heard()
    with pytest.raises(Unwatched):
        followed(plays(BEGUN, KeyboardInterrupt()), teller)
    assert teller.told[-2] == ("ends", "UPDATE_IN_PROGRESS")
    assert teller.told[-1][1].startswith("What was begun at the stack shop goes on in CloudFormation.")
