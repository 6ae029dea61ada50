"""A deployment told: to people and to programs."""

from __future__ import annotations

import io
import re
import sys
from datetime import UTC, datetime
from typing import Any

import click
import pytest

from msaspec.deploy.aws.events import Feed, read
from msaspec.deploy.aws.pace import Pace
from msaspec.deploy.operation import Operation
from msaspec.deploy.progress import Progress
from msaspec.deploy.reporter import Output, Reporter
from msaspec.deploy.reporters.json import Json
from msaspec.deploy.reporters.lines import lines
from msaspec.deploy.reporters.text import Text
from msaspec.deploy.watch import follow
from msaspec.diagnostics.diagnostic import Code, Severity
from msaspec.messages.deploying import MayCreateAgain
from msaspec.messages.general import Configuration
from msaspec.messages.progress import Unanswered
from msaspec.update.changes import Action, Change
from tests import told as programs
from tests.deploy.by_hand import context
from tests.deploy.recorded import STACK, STACK_ID, Heard, Recorded, aws, event, plays

FAILED = Code("MSA620", "A deployment failed", "Manual.", Severity.ERROR)
MEDIA = ("buckets", "media")
CHANGES = [Change("MediaBucket", "AWS::S3::Bucket", Action.ADD, entry=MEDIA, stateful=True)]
ROWS = [
    event("CREATE_IN_PROGRESS", at=0),
    event("CREATE_IN_PROGRESS", "MediaBucket", 1, physical=""),
    event("CREATE_FAILED", "MediaBucket", 2, reason="my-bucket\n already \x1b[31mexists"),
    event("ROLLBACK_IN_PROGRESS", at=3, reason="Failed: [MediaBucket]"),
    event("DELETE_SKIPPED", "MediaBucket", 4),
    event("ROLLBACK_COMPLETE", at=5),
]
PLAIN = [
    "12:00:00  shop  CREATE_IN_PROGRESS",
    "12:00:01  buckets.media  MediaBucket  CREATE_IN_PROGRESS",
    "12:00:02  buckets.media  MediaBucket  CREATE_FAILED  my-bucket already \ufffd[31mexists",
    "12:00:03  shop  ROLLBACK_IN_PROGRESS  Failed: [MediaBucket]",
    "12:00:04  buckets.media  MediaBucket  DELETE_SKIPPED",
    "12:00:05  shop  ROLLBACK_COMPLETE",
]


def progress() -> Progress:
    """The operation that is told."""
    return Progress(STACK, lambda name: MEDIA, {"MediaBucket": MEDIA})


def told(reporter: Reporter) -> None:
    """A deployment from its first to its last word."""
    reporter.say(Configuration("A sentence."))
    reporter.proposed(STACK, CHANGES, lambda entry: "msa.yaml:4")
    there = aws(Pace(sleep=lambda seconds: None), cloudformation=Recorded(describe_stack_events=plays()))
    feed = Feed(there, STACK_ID)
    follow(context(there, reporter), Operation("it", STACK_ID, feed, past=tuple(read(ROWS))), progress())
    reporter.diagnosed([FAILED.at(MEDIA, "It failed.", hint="Try again.")])
    reporter.details(["last", "words"])
    reporter.outputs(STACK, [Output("Url", "https://x", "Where it is."), Output("LongName", "y")])


def test_lines() -> None:
    """A line an event: time, entry, resource, status, reason; nothing in it steers the terminal."""
    told = [click.unstyle(line) for line in lines(progress(), read(ROWS))]
    assert told == PLAIN


def test_what_goes_on_is_no_line() -> None:
    """CloudFormation tells a creation three times: that it begins, that it goes on, and that it ended."""
    rows = [
        event("CREATE_IN_PROGRESS", "CartRole", 1, id="r1"),
        event("CREATE_IN_PROGRESS", "CartRole", 2, reason="Resource creation Initiated", id="r2"),
        event("CREATE_COMPLETE", "CartRole", 3, id="r3"),
    ]
    told = [click.unstyle(line).split()[-1] for line in lines(progress(), read(rows))]
    assert told == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]


def test_the_colours_of_lines() -> None:
    """What failed and a way back are red, what is left out yellow, a good end green, what goes on has none."""
    shown = {row["ResourceStatus"]: line for row, line in zip(ROWS, lines(progress(), read(ROWS)), strict=True)}
    good = next(iter(lines(progress(), read([event("UPDATE_COMPLETE")]))))
    colours = {"CREATE_FAILED": "red", "ROLLBACK_COMPLETE": "red", "DELETE_SKIPPED": "yellow"}
    for status, colour in colours.items():
        assert click.style(status, fg=colour) in shown[status]
    assert click.style("UPDATE_COMPLETE", fg="green") in good
    assert click.style("CREATE_IN_PROGRESS") in shown["CREATE_IN_PROGRESS"]


def test_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """Every line is one object with its event, and nothing is said anywhere else."""
    told(Json())
    out, err = capsys.readouterr()
    objects = programs.rows(out)
    assert err == ""
    assert [each["event"] for each in objects] == [
        *("configuration", "change", "begin"),
        *("stack", "resource", "resource", "stack", "resource", "stack"),
        *("end", "diagnostic", "detail", "detail", "output", "output"),
    ]
    by_event = {each.pop("event"): each for each in objects[::-1]}
    assert {event: each.pop("level") for event, each in by_event.items()} == {
        **dict.fromkeys(("begin", "stack", "resource", "end"), "progress"),
        **dict.fromkeys(("change", "output"), "result"),
        **dict.fromkeys(("configuration", "detail"), "info"),
        "diagnostic": "error",
    }
    codes = {event: each.pop("code") for event, each in by_event.items()}
    assert codes == {event: programs.catalogue.kinds()[event].code for event in codes} | {"diagnostic": "MSA620"}
    at = "2026-07-24T12:00:0"
    known = {"entry": "buckets.media", "logical_id": "MediaBucket", "type": "AWS::S3::Bucket"}
    assert by_event["configuration"] == {"message": "A sentence.", "what": "A sentence."}
    assert by_event["change"] == {
        "stack": STACK,
        "place": "msa.yaml:4",
        **known,
        "action": "add",
        "retained": None,
        "stateful": True,
        "deletes_first": False,
        "protected": False,
        "left_behind": [],
        "values": [],
        "properties": [],
    }
    assert by_event["begin"] == {"stack": STACK}
    assert by_event["stack"] == {"at": f"{at}0+00:00", "stack": STACK, "status": "CREATE_IN_PROGRESS", "reason": None}
    assert by_event["resource"] == {
        "at": f"{at}1+00:00",
        "stack": STACK,
        "status": "CREATE_IN_PROGRESS",
        **known,
        "id": None,
        "reason": None,
    }
    assert objects[5]["reason"] == ROWS[2]["ResourceStatusReason"], "programs get the very words"
    assert by_event["end"] == {
        "stack": STACK,
        "status": "ROLLBACK_COMPLETE",
        "reason": "Failed: [MediaBucket]",
        "seconds": 5.0,
    }
    assert by_event["diagnostic"] == {
        "severity": "error",
        "message": "It failed.",
        "hint": "Try again.",
        "path": "buckets.media",
        **dict.fromkeys(("file", "line", "column", "length", "page")),
    }
    assert by_event["detail"] == {"line": "last"}
    assert by_event["output"] == {"stack": STACK, "key": "Url", "value": "https://x", "description": "Where it is."}


def test_programs_hear_of_an_operation_that_was_left(capsys: pytest.CaptureFixture[str]) -> None:
    """It has no end yet, so no seconds either."""
    Json().ends(progress())
    (end,) = programs.rows(capsys.readouterr().out, "end")
    assert (end["stack"], end["status"], end["reason"], end["seconds"]) == (STACK, "", None, None)


def test_programs_hear_every_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a console can show: another letter than it knows does not end a deployment."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", stream)
    Json().say(Configuration("żółć 🦆 \u2028"))
    written = stream.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert [row["message"] for row in programs.rows(written)] == ["żółć 🦆 \u2028"]


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal: sentences, changes and lines on stderr, outputs on stdout."""
    told(Text(terminal=False))
    out, err = capsys.readouterr()
    assert out.splitlines() == ["Url        https://x   Where it is.", "LongName   y"]
    assert err.splitlines() == [
        "A sentence.",
        "",
        "The stack shop",
        "buckets.media   msa.yaml:4",
        "  + MediaBucket   added   AWS::S3::Bucket",
        "1 entry differs: 1 resource added.",
        "",
        *PLAIN,
        "error MSA620: It failed.",
        "   = hint: Try again.",
        "  last",
        "  words",
    ]


def test_nothing_to_say_is_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    """No diagnostics, no outputs, no changes."""
    reporter = Text(terminal=False)
    reporter.diagnosed([])
    reporter.outputs(STACK, [])
    reporter.proposed(STACK, [])
    assert capsys.readouterr() == ("", "\nThe stack shop\nNo difference.\n\n")


def test_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The tree keeps itself up to date, sentences stand above it, and its last picture stays."""
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("TTY_INTERACTIVE", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    reporter, shown, stderr = Text(terminal=True), progress(), sys.stderr
    reporter.begins(shown)
    shown.apply(read(ROWS[:2]))
    reporter.moved(shown, read(ROWS[:2]))
    reporter.say(Unanswered())
    shown.apply(read(ROWS[2:]))
    reporter.moved(shown, read(ROWS[2:]))
    reporter.ends(shown)
    reporter.say(Configuration("The end."))
    out, err = capsys.readouterr()
    assert (out, sys.stderr is stderr) == ("", True)
    assert "AWS does not answer at the moment." in err
    assert "12:00:01" not in err, "the tree instead of lines"
    assert err.rstrip().endswith("The end.")
    last = re.sub("\x1b\\[[^a-zA-Z]*[a-zA-Z]", "", err[err.rindex("shop ") :]).splitlines()
    assert [line.split() for line in last[:2]] == [
        ["shop", "ROLLBACK_COMPLETE", "0:05"],
        ["└─", "buckets.media", "1/1", "rolled", "back", "0:03"],
    ]


def test_the_picture_is_put_away(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A second operation has its own, and an end without a beginning does nothing."""
    monkeypatch.setenv("TERM", "xterm")
    reporter = Text(terminal=True)
    reporter.ends(progress())
    for _ in range(2):
        reporter.begins(progress())
        reporter.ends(progress())
        assert reporter._live is None
    assert capsys.readouterr().err.count("waiting") == 4


@pytest.mark.parametrize(("term", "live"), [("xterm", True), ("dumb", False)])
def test_who_can_show_a_picture(term: str, live: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that cannot go back in its lines gets lines."""
    monkeypatch.setenv("TERM", term)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert Text()._terminal is live


@pytest.mark.parametrize("reporter", [Text(terminal=False), Json()], ids=["people", "programs"])
@pytest.mark.parametrize(("answer", "expected"), [("y\n", True), ("yes\n", True), ("n\n", False), ("\n", False)])
def test_a_question(
    reporter: Reporter, answer: str, expected: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is asked on stderr; the answer is no unless it is yes. Programs hear that it is asked."""
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert reporter.asks(MayCreateAgain(STACK)) is expected
    out = capsys.readouterr().out
    assert [row["level"] for row in programs.rows(out)] == (["question"] if isinstance(reporter, Json) else [])


def test_the_stand_in_is_a_teller() -> None:
    """What the other tests listen with hears everything that there is to hear."""
    heard = Heard()
    told(heard)
    kinds: list[Any] = [kind for kind, _ in heard.told]
    assert kinds == ["note", "proposed", "begins", "moved", "ends", "diagnosed", "details", "outputs"]
    assert read(ROWS)[0].at == datetime(2026, 7, 24, 12, 0, tzinfo=UTC)
