"""An operation followed to its end: how often AWS is asked, and what goes on when it does not answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from botocore import exceptions
from botocore.parsers import ResponseParserError

from msaspec.deploy.aws.events import Event, Feed, read
from msaspec.deploy.aws.fault import Fault
from msaspec.deploy.aws.pace import Pace
from msaspec.deploy.aws.state import is_terminal
from msaspec.deploy.operation import Operation, Unwatched
from msaspec.deploy.progress import Progress
from msaspec.deploy.watch import Outcome, Watch, follow
from tests.deploy.by_hand import Waiting, context, refusal
from tests.deploy.recorded import NOON, STACK, STACK_ID, Heard, Recorded, aws, described, event, missing, plays

LOST = exceptions.EndpointConnectionError(endpoint_url="https://cloudformation.eu-west-1.amazonaws.com/")
SILENT = "AWS does not answer at the moment. The operation continues; msaspec keeps watching."
AGAIN = "AWS answers again."
DONE = [event("UPDATE_COMPLETE", at=600)]
BEGUN = [event("UPDATE_IN_PROGRESS", at=1)]
BEFORE = [event("CREATE_COMPLETE", at=-100)]


def followed(
    look: Callable[..., Any],
    reporter: Heard,
    clock: Waiting | None = None,
    pace: Pace | None = None,
    *,
    past: Iterable[Event] = (),
    token: str | None = None,
    came: Callable[[], bool | None] = lambda: None,
    stack: Any = None,
    ended: Callable[[str], bool] = is_terminal,
) -> Outcome:
    """How an operation ends of which CloudFormation answers so."""
    clock = clock or Waiting()
    client = Recorded(describe_stack_events=look, describe_stacks=stack or described("UPDATE_IN_PROGRESS"))
    there = aws(pace or clock.pace, cloudformation=client)
    feed = Feed.from_now(there, STACK_ID)
    operation = Operation("the update of the stack shop", STACK_ID, feed, token, tuple(past), came)
    return follow(context(there, reporter), operation, Progress(STACK, lambda name: ("buckets", "media")), ended=ended)


def test_an_operation_is_told_to_its_end() -> None:
    """What happens is told as it comes, and the last event of the stack itself ends it."""
    reporter = Heard()
    resource = [event("UPDATE_IN_PROGRESS", "Media", 2), event("UPDATE_COMPLETE", "Media", 3)]
    outcome = followed(plays(BEGUN, resource, DONE, past=BEFORE), reporter)
    assert outcome == Outcome("UPDATE_COMPLETE", None, tuple(read([*BEGUN, *resource, *DONE])))
    assert reporter.told == [
        ("begins", STACK),
        ("moved", ["UPDATE_IN_PROGRESS"]),
        ("moved", ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]),
        ("moved", ["UPDATE_COMPLETE"]),
        ("ends", "UPDATE_COMPLETE"),
    ]


def test_what_was_before_is_told_first() -> None:
    """Who joins late sees what happened; an operation that is over by then is not asked about again."""
    reporter, clock = Heard(), Waiting()
    outcome = followed(plays(past=BEGUN + DONE), reporter, clock, past=read(BEGUN + DONE))
    assert (outcome.status, len(outcome.events), clock.pauses) == ("UPDATE_COMPLETE", 2, [])
    assert reporter.told[1] == ("moved", ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"])


def test_another_end() -> None:
    """The caller may say what ends it."""
    first = [event("CREATE_IN_PROGRESS", at=1), event("CREATE_COMPLETE", at=2), event("DELETE_IN_PROGRESS", at=3)]
    status = followed(plays(first, [event("DELETE_FAILED", at=4)]), Heard(), ended=lambda s: s.startswith("DELETE_F"))
    assert status.status == "DELETE_FAILED"


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
    client = Recorded(
        describe_stack_events=lambda **_: {"StackEvents": [] if clock.time < end else [*DONE, *BEGUN]},
        describe_stacks=described("UPDATE_IN_PROGRESS"),
    )
    there = aws(Pace(first, most, clock.sleep, lambda: clock.time), cloudformation=client)
    operation = Operation("the update", STACK_ID, Feed.from_now(there, STACK_ID))
    follow(context(there, Heard()), operation, Progress(STACK, lambda name: ()))
    growing, looks = math.ceil(math.log(most / first, 1.5)), client.names().count("describe_stack_events")
    assert looks <= 1 + growing + math.ceil(600 / most)
    assert looks >= 600 / most
    assert client.names().count("describe_stacks") <= 8, "the stack itself is asked seldom"
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
    reporter, clock = Heard(), Waiting()
    outcome = followed(plays(BEGUN, error, error, error, DONE), reporter, clock)
    assert outcome.status == "UPDATE_COMPLETE"
    assert reporter.of("note") == [SILENT, AGAIN]
    assert clock.pauses == [1, 1, 1.5, 2.25, 3.375]


def test_a_connection_that_is_lost_twice() -> None:
    """Each time is told."""
    reporter = Heard()
    followed(plays(BEGUN, LOST, [], LOST, DONE), reporter)
    assert reporter.of("note") == [SILENT, AGAIN, SILENT, AGAIN]


def test_nothing_is_told_twice_after_a_lost_connection() -> None:
    """What is new is what was not seen, even if a later page could not be read."""
    reporter = Heard()
    news = [event("UPDATE_IN_PROGRESS", f"N{number}", number + 2) for number in range(150)]
    answers = iter(["first", "second"])

    def look(NextToken: str | None = None, **words: Any) -> Any:
        if NextToken and next(answers) == "first":
            return LOST
        return play(NextToken=NextToken, **words)

    play = plays([*BEGUN, *news], [], DONE, past=BEFORE)
    outcome = followed(look, reporter)
    assert [len(statuses) for statuses in reporter.of("moved")] == [151, 1]
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
    reporter = Heard()
    with pytest.raises(Fault) as raised:
        followed(plays(BEGUN, error), reporter)
    assert [detail.partition(" continues")[0] for detail in raised.value.details] == ["The operation on the stack shop"]
    assert reporter.told[-1] == ("ends", "UPDATE_IN_PROGRESS")


def test_a_bug_stays_what_it_is() -> None:
    """Nothing else is taken for a fault of AWS."""
    error = KeyError("StackEvents")
    with pytest.raises(KeyError) as raised:
        followed(plays(BEGUN, error), Heard())
    assert raised.value is error


def test_a_watch_takes_in_what_each_look_gives() -> None:
    """Without any AWS: events move it, a missing answer is reported once, its own end ends it."""
    reporter = Heard()
    watch = Watch(Progress(STACK, lambda name: ()), reporter)
    assert (watch.take([]), watch.over) == (False, False)
    assert (watch.take(read(BEGUN)), watch.over) == (True, False)
    assert [watch.take(LOST), watch.take(LOST), watch.take([])] == [False, False, False]
    assert reporter.of("note") == [SILENT, AGAIN]
    assert (watch.take(read(DONE)), watch.over) == (True, True)
    assert watch.events == read([*BEGUN, *DONE])


def test_the_user_has_seen_enough() -> None:
    """Ctrl-C during a pause ends the picture, and then the watching: what is said stands below it."""
    reporter, pauses = Heard(), []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    with pytest.raises(Unwatched):
        followed(plays(BEGUN), reporter, pace=Pace(sleep=sleep))
    assert reporter.told[-2] == ("ends", "UPDATE_IN_PROGRESS")
    assert reporter.told[-1][1].startswith("The operation on the stack shop continues in CloudFormation.")


def test_the_user_has_seen_enough_while_aws_is_asked() -> None:
    """Ctrl-C in the middle of a request is no other thing."""
    reporter = Heard()
    with pytest.raises(Unwatched):
        followed(plays(BEGUN, KeyboardInterrupt()), reporter)
    assert reporter.told[-2] == ("ends", "UPDATE_IN_PROGRESS")
    assert reporter.told[-1][1].startswith("The operation on the stack shop continues in CloudFormation.")


def test_the_operation_of_another_is_not_followed() -> None:
    """What somebody else began, before it or after it, is neither shown nor taken for its end."""
    reporter = Heard()
    mine = [
        event("UPDATE_IN_PROGRESS", at=10, token="mine"),
        event("UPDATE_ROLLBACK_IN_PROGRESS", at=12, token="mine", reason="No."),
        event("UPDATE_ROLLBACK_COMPLETE", at=13, token="mine"),
    ]
    theirs = [event("UPDATE_IN_PROGRESS", at=20, token="theirs"), event("UPDATE_COMPLETE", at=22, token="theirs")]
    before = [event("UPDATE_IN_PROGRESS", at=1, token="before"), event("UPDATE_COMPLETE", at=2, token="before")]
    outcome = followed(plays([*before, *mine, *theirs]), reporter, token="mine")
    assert (outcome.status, outcome.reason, len(outcome.events)) == ("UPDATE_ROLLBACK_COMPLETE", "No.", 3)
    assert reporter.of("moved") == [[each["ResourceStatus"] for each in mine]]


def test_somebody_cancels_it() -> None:
    """The way back may have the token of the cancellation; it is the end of the operation all the same."""
    begun = [event("UPDATE_IN_PROGRESS", at=1, token="mine")]
    back = [event("UPDATE_ROLLBACK_IN_PROGRESS", at=2, token="x"), event("UPDATE_ROLLBACK_COMPLETE", at=3, token="x")]
    assert followed(plays(begun, back), Heard(), token="mine").status == "UPDATE_ROLLBACK_COMPLETE"


def test_events_that_never_tell_of_the_end() -> None:
    """Then the stack itself does, once it has been silent for some time."""
    rest = [described("UPDATE_IN_PROGRESS"), described("UPDATE_COMPLETE", StackStatusReason="Done.")]
    outcome = followed(plays(BEGUN), Heard(), stack=rest)
    assert (outcome.status, outcome.reason, len(outcome.events)) == ("UPDATE_COMPLETE", "Done.", 1)


def test_events_that_never_come() -> None:
    """The change set was executed, and so the stack's own status is that of the end."""
    outcome = followed(plays(), Heard(), stack=described("UPDATE_COMPLETE"), came=lambda: True)
    assert (outcome.status, outcome.events) == ("UPDATE_COMPLETE", ())


def test_a_deletion_of_which_no_event_comes() -> None:
    """The stack is gone."""
    assert followed(plays(), Heard(), stack=missing(), came=lambda: True).status == "DELETE_COMPLETE"


def test_what_never_began() -> None:
    """Something took the request that was not AWS: the stack is as it was, and that is said."""
    reporter = Heard()
    with pytest.raises(Fault) as raised:
        followed(plays(past=BEFORE), reporter, stack=described("CREATE_COMPLETE"))
    (said,) = raised.value.diagnostics
    assert (said.code, said.hint) == ("MSA623", "The stack is CREATE_COMPLETE. Run the command again.")
    assert said.message == "The update of the stack shop did not start, although AWS accepted the request."


def test_what_nothing_tells_of() -> None:
    """Events cannot be read, and the stack is at rest: the deletion may have run and failed, so nobody says that it did
    not start."""
    with pytest.raises(Fault) as raised:
        followed(plays(*[LOST] * 100), Heard(), stack=described("DELETE_FAILED"), came=lambda: False)
    (said,) = raised.value.diagnostics
    assert said.code == "MSA670"
    assert said.message == (
        "The update of the stack shop may have ended: the stack is DELETE_FAILED, and AWS does not return its events."
    )


def test_nothing_happens_for_too_long() -> None:
    """Three hours without news end the watching, not the operation."""
    clock = Waiting()
    with pytest.raises(Fault) as raised:
        followed(plays(BEGUN), Heard(), clock)
    (said,) = raised.value.diagnostics
    assert said.code == "MSA622"
    assert said.message.startswith("Nothing has happened for 180 minutes while msaspec watched the stack shop")
    assert "continues in CloudFormation. Watch it: msaspec status --follow" in (said.hint or "")


def test_aws_is_gone_for_good() -> None:
    """Fifteen minutes without any answer end the watching."""
    clock, begun = Waiting(), Waiting().time
    looks = iter([BEGUN])

    def look(**words: Any) -> Any:
        return {"StackEvents": next(looks, None) or []} if clock.time < begun + 5 else LOST

    with pytest.raises(Fault) as raised:
        followed(look, Heard(), clock)
    assert raised.value.diagnostics[0].message.startswith("AWS has not answered for 15 minutes")
    assert clock.time - begun < 16 * 60


def test_the_patience_can_be_chosen() -> None:
    """In minutes."""
    clock = Waiting()
    with pytest.raises(Fault) as raised:
        followed(plays(BEGUN), Heard(), clock, clock.pace.within(2))
    assert raised.value.diagnostics[0].message.startswith("Nothing has happened for 2 minutes")
    pace = Pace()
    assert pace.within(None) is pace


@pytest.mark.parametrize("wrong", [0, -86400, 86400], ids=["right", "slow", "fast"])
def test_what_takes_long_by_nature_is_said_once(wrong: int) -> None:
    """So that nobody takes it for stuck, whatever the clock of this machine says."""
    clock, reporter = Waiting(NOON.timestamp() + wrong), Heard()
    database = event("CREATE_IN_PROGRESS", "MainDatabase", 2, kind="AWS::RDS::DBInstance")
    replica = event("CREATE_IN_PROGRESS", "MainReplica1", 2, kind="AWS::RDS::DBInstance")
    quiet: list[list[Any]] = [[] for _ in range(40)]
    followed(plays([*BEGUN, database, replica], *quiet, DONE), reporter, clock)
    assert reporter.of("note") == [
        "MainDatabase is still in progress. It usually takes 5 to 30 minutes to create a database instance."
    ]


def test_what_has_just_begun_is_not_slow() -> None:
    """Even where the clock of this machine is a day ahead."""
    clock, reporter = Waiting(NOON.timestamp() + 86400), Heard()
    database = event("CREATE_IN_PROGRESS", "MainDatabase", 2, kind="AWS::RDS::DBInstance")
    followed(plays([*BEGUN, database], [], DONE), reporter, clock)
    assert reporter.of("note") == []
