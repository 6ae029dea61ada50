"""What a user reads on a terminal while an operation is followed: nothing that is said is painted over."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import redirect_stderr
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from msaspec.deploy.aws.events import Feed
from msaspec.deploy.aws.pace import Pace
from msaspec.deploy.operation import Operation, Unwatched
from msaspec.deploy.progress import Progress
from msaspec.deploy.reporters.text import Text
from msaspec.deploy.watch import follow
from msaspec.diagnostics.diagnostic import Code
from msaspec.messages.general import Configuration
from tests.deploy.by_hand import context
from tests.deploy.recorded import STACK, STACK_ID, Recorded, aws, event, plays
from tests.deploy.screen import Screen

LOST = EndpointConnectionError(endpoint_url="https://cloudformation.eu-west-1.amazonaws.com/")
NAMES = [f"Service{number}" for number in range(9)]
BEGUN = [event("CREATE_IN_PROGRESS"), *(event("CREATE_IN_PROGRESS", name, 1) for name in NAMES)]
DONE = [*(event("CREATE_COMPLETE", name, 2) for name in NAMES), event("CREATE_COMPLETE", at=3)]
SILENT = "AWS does not answer at the moment. The operation continues; msaspec keeps watching."
AGAIN = "AWS answers again."


@pytest.fixture(params=[(40, 120), (40, 60), (6, 120), (6, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
def screen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Screen:
    """A large terminal, and such as are too small for the tree or for what is said."""
    shown = Screen(*request.param)
    words = {"TERM": "xterm", "LINES": str(shown.rows), "COLUMNS": str(shown.columns), "TTY_INTERACTIVE": "1"}
    for name, value in words.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return shown


def followed(screen: Screen, *looks: Any) -> None:
    """Follows a creation on the terminal; the user says what comes after."""
    there = aws(Pace(sleep=lambda seconds: None), cloudformation=Recorded(describe_stack_events=plays(*looks)))
    progress = Progress(STACK, lambda name: ("services", name.lower()), {n: ("services", n.lower()) for n in NAMES})
    with redirect_stderr(screen):
        follow(context(there, Text(terminal=True)), Operation("it", STACK_ID, Feed(there, STACK_ID)), progress)


def run_on(lines: Iterable[str]) -> str:
    """Lines of a terminal as the text that was wrapped there."""
    return "".join(lines)


def test_an_interrupt_is_read_on_the_screen(screen: Screen) -> None:
    """What Ctrl-C says stands whole below the last picture, however small the terminal is."""
    with pytest.raises(Unwatched):
        followed(screen, [], BEGUN, KeyboardInterrupt())
    _, seen = screen.drawn()
    said = f"The operation on the stack {STACK} continues in CloudFormation. Watch it: msaspec status --follow"
    assert " ".join(" ".join(seen).split()).endswith(said), "broken between words"


def test_a_silent_aws_is_read_above_the_tree(screen: Screen) -> None:
    """Both sentences stand there whole, once each, and the tree below them; a small terminal has scrolled them."""
    followed(screen, [], BEGUN, LOST, LOST, [], DONE)
    gone, seen = screen.drawn()
    text = run_on([*gone, *seen])
    assert (text.count(SILENT), text.count(AGAIN)) == (1, 1)
    assert text.index(SILENT) < text.index(AGAIN) < text.rindex("CREATE_COMPLETE")
    tree = [line for line in [*gone, *seen] if "service" in line]
    assert len(tree[-9:]) == 9
    assert all("done" in line for line in tree[-9:])


def test_everything_that_is_said_meanwhile_is_read(screen: Screen) -> None:
    """Diagnostics and details too, with their colours, and nothing in them is taken for markup."""
    reporter, progress = Text(terminal=True), Progress(STACK, lambda name: (), {})
    with redirect_stderr(screen):
        reporter.begins(progress)
        reporter.diagnosed([Code("MSA620", "A title", "Manual.").at((), "The list[0] of [red] it.", hint="Try.")])
        reporter.details(["last [bold]words[/]"])
        reporter.ends(progress)
        reporter.say(Configuration("The end."))
    gone, seen = screen.drawn()
    text = run_on([*gone, *seen])
    assert "The list[0] of [red] it." in text
    assert "  last [bold]words[/]" in text
    assert text.endswith("The end.")
    assert "\x1b[31m" in screen.written() or "\x1b[1;31m" in screen.written()
