"""`msaspec logs` and `msaspec.deploy.aws.stream`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

from msaspec.deploy.aws import stream
from msaspec.deploy.aws.fault import Fault
from msaspec.deploy.aws.stream import LATE, Line
from msaspec.deploy.aws.target import Aws
from tests import template, told
from tests.deploy.by_hand import (
    MANIFEST,
    Answer,
    Client,
    Commands,
    Waiting,
    cloudformation,
    context,
    deployed,
    fake,
    refusal,
)
from tests.deploy.recorded import Heard

START = 1_700_000_000
"""Now, in the time of `Waiting`."""
GROUP = "shop-cartloggroup"


def event(id: str, at: int, message: str = "", stream: str = "s1") -> dict[str, Any]:
    """An event as CloudWatch Logs tells it, some milliseconds after the start."""
    return {
        "eventId": id,
        "timestamp": START * 1000 + at,
        "logStreamName": stream,
        "message": message or id,
        "ingestionTime": START * 1000 + at + 9,
    }


def logs(*looks: list[Answer] | Exception) -> Client:
    """A log group: the pages of one look after the other, without what lies before the start that was asked for."""
    left = list(looks)

    def look(logGroupName: str, startTime: int) -> Answer:
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, Exception):
            return found
        kept = [[each for each in page["events"] if each["timestamp"] >= startTime] for page in found]  # type: ignore[index]
        return {"pages": [{"events": page, "searchedLogStreams": []} for page in kept]}

    return Client(filter_log_events=look)


def page(*events: dict[str, Any]) -> Answer:
    """A page of events."""
    return {"events": list(events)}


def times(number: int) -> Callable[[], bool]:
    """Says to go on some times, then no more."""
    left = [True] * number
    return lambda: bool(left) and left.pop()


def shown(client: Client, *, grow: int = 0, waiting: Waiting | None = None, since: float = START) -> list[str]:
    """The messages of a group, looked at once and as many times more as `grow` says."""
    aws = fake(logs=client, pace=(waiting or Waiting()).pace)
    return [line.message for line in stream.lines(aws, GROUP, since, grow=grow > 0, go_on=times(grow))]


def test_lines_come_in_the_order_of_time() -> None:
    """Over pages and streams the older line is first; of two at the same time, that which was told first."""
    pages = [
        page(event("c", 30), event("a", 10)),
        page(),
        page(event("b", 20, stream="s2"), event("d", 30, stream="s2")),
    ]
    assert shown(logs(pages)) == ["a", "b", "c", "d"]


def test_the_window_begins_where_it_was_asked_for() -> None:
    """The beginning is in milliseconds, of the one group."""
    client = logs([page()])
    assert shown(client, since=START - 0.5) == []
    assert client.words("filter_log_events") == [{"logGroupName": GROUP, "startTime": START * 1000 - 500}]


def test_a_time_before_all_time_is_the_beginning() -> None:
    """CloudWatch knows no time before 1970, so nobody asks for one."""
    client = logs([page()])
    shown(client, since=-5.0)
    assert client.words("filter_log_events")[0]["startTime"] == 0


def test_each_line_is_shown_once() -> None:
    """Looks overlap, since lines may come late, and what was shown is not shown again."""
    first = [page(event("a", 0), event("b", 40_000))]
    second = [page(event("a", 0), event("b", 40_000), event("c", 41_000))]
    assert shown(logs(first, second, second), grow=3) == ["a", "b", "c"]


def test_a_late_line_is_shown() -> None:
    """A line that is delivered after a newer one comes all the same, if it is not later than CloudWatch is."""
    first = [page(event("b", LATE))]
    second = [page(event("late", 1), event("b", LATE))]
    assert shown(logs(first, second), grow=1) == ["b", "late"]


def test_the_window_moves_with_the_log() -> None:
    """Each look begins a little before the newest line, never before where it was asked to begin."""
    waiting = Waiting(time=START + 3600.0)
    client = logs([page(event("a", 10))], [page(event("b", 100_000))], [page(event("c", 50_000))])
    shown(client, grow=2, waiting=waiting)
    starts = [words["startTime"] - START * 1000 for words in client.words("filter_log_events")]
    assert starts == [0, 0, 100_000 - LATE]


def test_a_clock_that_is_ahead_hides_nothing() -> None:
    """A line from the future, of a host whose clock is wrong, does not move the window past what others write."""
    first = [page(event("ahead", 3_600_000, stream="wrong"))]
    second = [page(event("ahead", 3_600_000, stream="wrong"), event("a", 500))]
    assert shown(logs(first, second), grow=1) == ["ahead", "a"]


def test_pauses_grow_while_nothing_comes() -> None:
    """Waiting backs off to its longest, and begins anew with a new line."""
    waiting = Waiting()
    looks: list[list[Answer]] = [[page()], [page()], [page()], [page()], [page()], [page(event("a", 0))], [page()]]
    shown(logs(*looks), grow=6, waiting=waiting)
    assert waiting.pauses == [1.0, 1.5, 2.25, 3.375, 5.0, 1.0]


def test_without_growing_there_is_one_look() -> None:
    """Nobody waits."""
    waiting, client = Waiting(), logs([page(event("a", 0))])
    assert shown(client, waiting=waiting) == ["a"]
    assert (waiting.pauses, len(client.calls)) == ([], 1)


def test_a_lost_connection_is_waited_out() -> None:
    """Following goes on when the network is back; where it was never there, that is told."""
    lost = EndpointConnectionError(endpoint_url="https://logs")
    client = logs([page(event("a", 1, "one"))], lost, [page(event("b", 2, "two"))])
    assert shown(client, grow=2) == ["one", "two"]
    with pytest.raises(EndpointConnectionError):
        shown(logs(lost), grow=2)


def test_control_characters_are_made_visible() -> None:
    """Nothing in a line, or in the name of its stream, steers the terminal."""
    client = logs([page(event("a", 0, "red \x1b[31m\rx\x07\ty\n", stream="s\x1b[2J"))])
    (line,) = stream.lines(fake(logs=client), GROUP, START, grow=False)
    assert (line.message, line.stream) == ("red \ufffd[31m\ufffdx\ufffd\ty", "s\ufffd[2J")


def test_a_group_that_is_gone_is_told() -> None:
    """A log group that was deleted is a fault, not an empty log; other refusals stay what they are."""
    with pytest.raises(Fault, match=f"The log group {GROUP} no longer exists"):
        shown(logs(refusal("ResourceNotFoundException")))
    error = refusal("AccessDeniedException")
    with pytest.raises(type(error)) as caught:
        shown(logs(error))
    assert caught.value is error


@given(st.integers(0, 4_102_444_800_000))
def test_times_are_exact(at: int) -> None:
    """To the millisecond, in UTC."""
    from datetime import UTC, datetime, timedelta

    written = Line("a", at, "s", "m").time
    assert written.endswith("Z")
    assert datetime.fromisoformat(written) - datetime(1970, 1, 1, tzinfo=UTC) == timedelta(milliseconds=at)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a manifest."""
    monkeypatch.chdir(tmp_path)
    Path("msa.yaml").write_text(MANIFEST, "utf-8")
    return tmp_path


def command(client: Client, *arguments: str, waiting: Waiting | None = None) -> Result:
    """What `msaspec logs` says of a stack that was made from the manifest."""
    stack = deployed("shop", template.template_of(MANIFEST.replace("image: user,", "image: 'user:1',")))
    pace = (waiting or Waiting()).pace
    return Commands(fake(cloudformation=cloudformation(stack), logs=client, pace=pace)).run("logs", *arguments)


def test_text_has_time_stream_and_line(folder: Path) -> None:
    """A line of the log is a line on stdout."""
    result = command(logs([page(event("a", 5, "up"), event("b", 6, "é", "s2"))]), "cart")
    assert result.exit_code == 0
    assert result.stdout == "2023-11-14T22:13:20.005Z s1 up\n2023-11-14T22:13:20.006Z s2 é\n"


def test_json_is_an_object_a_line(folder: Path) -> None:
    """For programs."""
    result = command(logs([page(event("a", 5, "up"), event("b", 6))]), "cart", "--format", "json")
    lines = told.rows(result.stdout, "log")
    assert (lines[0]["time"], lines[0]["stream"], lines[0]["message"]) == ("2023-11-14T22:13:20.005Z", "s1", "up")
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("words", "seconds"),
    [([], 600), (["90s"], 90), (["10m"], 600), (["2h"], 7200), (["1d"], 86400), (["0s"], 0), (["5 m"], 300)],
)
def test_since_is_a_time_ago(folder: Path, words: list[str], seconds: int) -> None:
    """Seconds, minutes, hours and days before now; ten minutes where nothing is said."""
    client = logs([page()])
    assert command(client, "user", *(["--since", *words] if words else [])).exit_code == 0
    (asked,) = client.words("filter_log_events")
    assert asked == {"logGroupName": "shop-userloggroup", "startTime": (START - seconds) * 1000}


@pytest.mark.parametrize("word", ["", "10", "m", "-5m", "1.5h", "5M", "1w", "5m ", "٣m", "1h30m", "12345678s", "now"])
def test_other_times_are_usage_errors(folder: Path, word: str) -> None:
    """What is no such time ends with 2, before anybody is asked."""
    client = logs([page()])
    result = command(client, "cart", "--since", word)
    assert (result.exit_code, client.calls) == (2, [])
    assert "is not a time such as 90s, 10m, 2h or 1d" in " ".join(result.stderr.split())


def test_a_very_long_time_ago_is_the_whole_log(folder: Path) -> None:
    """Further back than 1970 is from the beginning."""
    client = logs([page()])
    assert command(client, "cart", "--since", "999999d").exit_code == 0
    assert client.words("filter_log_events")[0]["startTime"] == 0


def test_following_ends_when_the_user_says_so(folder: Path) -> None:
    """`--follow` goes on after the last line, until Ctrl-C, which ends it without a word."""
    pauses = []

    class Interrupted(Waiting):
        def sleep(self, seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 3:
                raise KeyboardInterrupt

    client = logs([page(event("a", 0))], [page()], [page(event("b", 1))])
    result = command(client, "cart", "--follow", waiting=Interrupted())
    assert (result.exit_code, result.stderr) == (130, "")
    assert [line.split()[-1] for line in result.stdout.splitlines()] == ["a", "b"]
    assert pauses == [1.0, 1.5, 1.0]


def test_an_unknown_service_is_told(folder: Path) -> None:
    """A service that has no log is MSA523, with the nearest name, and ends with 1."""
    result = command(logs([page()]), "crat")
    assert (result.exit_code, "MSA523" in result.stderr) == (1, True)
    assert "Did you mean `cart`?" in result.stderr
    assert "There are logs of cart, user, web." in command(logs([page()]), "nothing").stderr


def test_what_all_jobs_share_is_no_log_of_one(folder: Path) -> None:
    """The function that runs jobs before deployments has a log group of its own, which stands in nobody's way."""
    jobs = "jobs: {migrate: {image: 'cart:1.0', run: before-deploy}}\n"
    stack = deployed("shop", template.template_of(MANIFEST + jobs))
    aws: Aws = fake(cloudformation=cloudformation(stack))
    (named,) = [row["PhysicalResourceId"] for row in stack["rows"] if row["LogicalResourceId"] == "MigrateLogGroup"]
    assert stream.group(context(aws, Heard()), "shop", "migrate") == named


def test_without_a_stack_there_is_no_log(folder: Path) -> None:
    """A system that is not deployed is MSA617 and ends with 3, with the command that deploys it."""
    result = Commands(fake(cloudformation=cloudformation())).run("logs", "cart")
    assert (result.exit_code, "MSA617" in result.stderr) == (3, True)
    assert "There is no stack shop in eu-west-1 of the account 123456789012." in " ".join(result.stderr.split())
    assert "Deploy it: msaspec deploy" in " ".join(result.stderr.split())


def test_a_log_group_that_is_not_there_yet_has_no_name() -> None:
    """Of a stack whose service never came about there is no log."""
    stack = deployed("shop", template.template_of(MANIFEST.replace("image: user,", "image: 'user:1',")))
    for row in stack["rows"]:
        row["PhysicalResourceId"] = ""
    aws: Aws = fake(cloudformation=cloudformation(stack))
    from msaspec.diagnostics.diagnostic import Invalid

    with pytest.raises(Invalid) as caught:
        stream.group(context(aws, Heard()), "shop", "cart")
    assert [(said.code, said.hint) for said in caught.value.diagnostics] == [("MSA523", None)]


def test_a_quiet_service_is_told(folder: Path) -> None:
    """Nothing on standard output, and a sentence that names the log group and how to look further back."""
    result = command(logs([page()]), "cart", "--since", "2h")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "has no lines of the last 7200 seconds. Look further back: --since 1d" in " ".join(result.stderr.split())
