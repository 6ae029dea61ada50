"""The picture of an operation on a terminal."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console

from msaspec.deploy.aws.events import read
from msaspec.deploy.progress import Progress
from msaspec.deploy.reporters.live import Tree, clock
from msaspec.diagnostics.place import Path
from tests.deploy.recorded import NOON, STACK, event

CART, MEDIA = ("services", "cart"), ("buckets", "media")
EXPECTED = {"Vpc": ("network",), "MediaBucket": MEDIA, "CartRole": CART, "CartInstance": CART}


def entry_of(name: str) -> Path:
    """The entry of a resource of these tests."""
    return EXPECTED.get(name, ("patches", 0))


def picture(*rows: dict[str, Any], at: float = 75, name: str = STACK) -> list[str]:
    """What is drawn some seconds after noon, line by line."""
    progress = Progress(name, entry_of, EXPECTED)
    progress.apply(read(rows))
    console = Console(file=io.StringIO(), force_terminal=False, width=100)
    console.print(Tree(progress, lambda: NOON + timedelta(seconds=at)))
    drawn: Any = console.file
    return [line.rstrip() for line in drawn.getvalue().splitlines()]


def colours(*rows: dict[str, Any]) -> dict[str, str]:
    """The words of the third column and their colours."""
    progress = Progress(STACK, entry_of, EXPECTED)
    progress.apply(read(rows))
    table = Tree(progress, lambda: NOON).__rich__()
    return {str(cell): str(cell.style) for cell in table.columns[2]._cells}


BEGUN = [
    event("CREATE_IN_PROGRESS"),
    event("CREATE_IN_PROGRESS", "Vpc", 1),
    event("CREATE_COMPLETE", "Vpc", 11),
    event("CREATE_IN_PROGRESS", "CartRole", 12),
    event("CREATE_IN_PROGRESS", "CartInstance", 14),
    event("CREATE_COMPLETE", "CartRole", 30),
]
FAILED = [*BEGUN, event("CREATE_FAILED", "CartInstance", 60, reason="No.")]
BACK = [
    *FAILED,
    event("ROLLBACK_IN_PROGRESS", at=61),
    event("DELETE_IN_PROGRESS", "CartRole", 62),
    event("DELETE_IN_PROGRESS", "CartInstance", 62),
    event("DELETE_COMPLETE", "CartRole", 65),
    event("DELETE_COMPLETE", "CartInstance", 66),
    event("DELETE_IN_PROGRESS", "Vpc", 67),
    event("DELETE_COMPLETE", "Vpc", 70),
    event("ROLLBACK_COMPLETE", at=71),
]
DONE = [
    *BEGUN,
    event("CREATE_COMPLETE", "CartInstance", 60),
    event("CREATE_IN_PROGRESS", "MediaBucket", 12),
    event("CREATE_COMPLETE", "MediaBucket", 32),
    event("CREATE_COMPLETE", at=3700),
]


def test_waiting() -> None:
    """Before anything happens every entry waits, with what it has to do."""
    assert picture() == [
        "shop                   waiting",
        "├─ network        0/1  waiting",
        "├─ buckets.media  0/1  waiting",
        "└─ services.cart  0/2  waiting",
    ]


def test_in_progress() -> None:
    """What is done, what is at work, and for how long."""
    assert picture(*BEGUN) == [
        "shop                   CREATE_IN_PROGRESS   1:15",
        "├─ network        1/1  done                 0:10",
        "├─ buckets.media  0/1  waiting",
        "└─ services.cart  1/2  create CartInstance  1:03",
    ]


def test_between_two_resources() -> None:
    """What has begun and is not at work waits for what it needs."""
    drawn = picture(*BEGUN[:1], event("CREATE_IN_PROGRESS", "CartRole", 12), event("CREATE_COMPLETE", "CartRole", 30))
    assert drawn[3] == "└─ services.cart  1/2  waiting             1:03"


def test_failed() -> None:
    """What failed is named, while the stack is still on its way."""
    assert picture(*FAILED) == [
        "shop                   CREATE_IN_PROGRESS          1:15",
        "├─ network        1/1  done                        0:10",
        "├─ buckets.media  0/1  waiting",
        "└─ services.cart  1/2  CartInstance CREATE_FAILED  0:48",
    ]


def test_taken_back() -> None:
    """After a way back nothing is called done that is not there any more, and nothing waits any more."""
    assert picture(*BACK) == [
        "shop                   ROLLBACK_COMPLETE  1:11",
        "├─ network        1/1  rolled back        0:03",
        "├─ buckets.media       unchanged",
        "└─ services.cart  2/2  rolled back        0:04",
    ]


def test_done() -> None:
    """Every entry with its time, and the clock stands still."""
    assert picture(*DONE, at=9999) == [
        "shop                   CREATE_COMPLETE  61:40",
        "├─ network        1/1  done              0:10",
        "├─ buckets.media  1/1  done              0:20",
        "└─ services.cart  2/2  done              0:48",
    ]


def test_what_did_not_happen_is_unchanged() -> None:
    """A row that was expected and did not come to pass, in a part or as a whole, waits for nothing at the end."""
    part = [each for each in DONE if each["LogicalResourceId"] not in ("MediaBucket", "CartRole")]
    assert [row.split()[-2:] for row in picture(*part, at=9999)[2:]] == [
        ["buckets.media", "unchanged"],
        ["done", "0:46"],
    ]


def test_names_are_shown_as_they_are() -> None:
    """Brackets are no markup, colons no pictures."""
    drawn = picture(event("CREATE_COMPLETE", "Unforeseen", 1), name="[red]:duck:[/red]")
    assert (drawn[0].split()[0], drawn[-1]) == ("[red]:duck:[/red]", "└─ patches[0]      1/1  done")


def test_a_narrow_terminal() -> None:
    """A row stays one line."""
    progress = Progress(STACK, entry_of, EXPECTED)
    progress.apply(read(BEGUN))
    console = Console(file=io.StringIO(), force_terminal=False, width=30)
    console.print(Tree(progress, lambda: NOON))
    drawn: Any = console.file
    assert len(drawn.getvalue().splitlines()) == 4


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (BEGUN, {"CREATE_IN_PROGRESS": "yellow", "done": "green", "waiting": "dim", "create CartInstance": "yellow"}),
        (
            FAILED,
            {"CREATE_IN_PROGRESS": "yellow", "done": "green", "waiting": "dim", "CartInstance CREATE_FAILED": "red"},
        ),
        (BACK, {"ROLLBACK_COMPLETE": "red", "rolled back": "yellow", "unchanged": "dim"}),
        (DONE, {"CREATE_COMPLETE": "green", "done": "green"}),
    ],
    ids=["begun", "failed", "back", "done"],
)
def test_the_colours(rows: list[dict[str, Any]], expected: dict[str, str]) -> None:
    """Red is what is not as it should be."""
    assert colours(*rows) == expected


@pytest.mark.parametrize(("seconds", "shown"), [(0, ""), (0.9, ""), (1, "0:01"), (59.9, "0:59"), (3600, "60:00")])
def test_the_clock(seconds: float, shown: str) -> None:
    """Minutes and seconds; nothing for less than one."""
    assert clock(timedelta(seconds=seconds)) == shown


def test_a_terminal_that_knows_ascii_only() -> None:
    """The branches and what is cut off are drawn of characters that every encoding has."""
    progress = Progress(STACK, entry_of, EXPECTED)
    progress.apply(read(BEGUN))
    console = Console(file=io.StringIO(), force_terminal=False, width=24)
    console.print(Tree(progress, lambda: NOON, ascii=True))
    drawn: Any = console.file
    assert drawn.getvalue().isascii()
    assert [line[:2] for line in drawn.getvalue().splitlines()[1:]] == ["|-", "|-", "`-"]
