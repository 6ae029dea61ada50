"""How far an operation is, by manifest entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from msaspec.deploy.aws.events import ordered, read
from msaspec.deploy.progress import Progress
from msaspec.diagnostics.place import Path
from tests.deploy.recorded import NOON, event

CART, MEDIA = ("services", "cart"), ("buckets", "media")


def entry_of(name: str) -> Path:
    """The entry of a resource of these tests."""
    return CART if name.startswith("Cart") else MEDIA


def after(*rows: dict[str, Any], expected: dict[str, Path] | None = None) -> Progress:
    """The progress after these rows, told at once."""
    progress = Progress("shop", entry_of, expected)
    progress.apply(ordered(read(rows)))
    return progress


def state(progress: Progress) -> dict[str, Any]:
    """All that can be seen of it."""
    rows = {entry: asdict(row) for entry, row in sorted(progress.rows.items())}
    return {
        "status": progress.status,
        "reason": progress.reason,
        "began": progress.began,
        "ended": progress.ended,
        **rows,
    }  # type: ignore[dict-item]


def seconds(count: float) -> timedelta:
    """A time."""
    return timedelta(seconds=count)


def test_before_anything_happens() -> None:
    """What is to change is there, and nothing of it is done."""
    progress = Progress(
        "shop", entry_of, {"CartRole": (*CART, "uses", "media"), "CartInstance": CART, "MediaBucket": MEDIA}
    )
    assert [(row.entry, row.done, row.total, row.current) for row in progress.rows.values()] == [
        (CART, 0, 2, None),
        (MEDIA, 0, 1, None),
    ]
    assert (progress.status, progress.elapsed(NOON), progress.rows[CART].elapsed(NOON)) == ("", seconds(0), seconds(0))


def test_what_is_at_work_for_longest_is_shown() -> None:
    """Of several the first that began; what has ended counts as done."""
    progress = after(
        event("CREATE_IN_PROGRESS"),
        event("CREATE_IN_PROGRESS", "CartRole", 1),
        event("CREATE_IN_PROGRESS", "CartInstance", 2),
        event("CREATE_COMPLETE", "CartRole", 5),
        expected={"CartRole": CART, "CartInstance": CART, "CartAlarm": CART},
    )
    row = progress.rows[CART]
    assert row.current
    assert (row.done, row.total, row.current.logical_id) == (1, 3, "CartInstance")
    assert row.elapsed(NOON + seconds(31)) == seconds(30)
    assert progress.elapsed(NOON + seconds(31)) == seconds(31)


def test_what_failed_is_shown_before_what_goes_on() -> None:
    """And the first of what failed."""
    progress = after(
        event("CREATE_IN_PROGRESS", "CartRole", 1),
        event("CREATE_IN_PROGRESS", "CartInstance", 2),
        event("CREATE_FAILED", "CartInstance", 5, reason="No."),
    )
    current = progress.rows[CART].current
    assert current
    assert (current.logical_id, current.reason, progress.rows[CART].done) == ("CartInstance", "No.", 0)


def test_the_clock_of_an_entry_stops() -> None:
    """When all that was expected has ended; until then it runs, also between two resources."""
    rows = [event("CREATE_IN_PROGRESS", "CartRole", 1), event("CREATE_COMPLETE", "CartRole", 5)]
    assert after(*rows).rows[CART].elapsed(NOON + seconds(100)) == seconds(4)
    more = after(*rows, expected={"CartRole": CART, "CartInstance": CART})
    assert more.rows[CART].elapsed(NOON + seconds(100)) == seconds(99)


def test_the_clock_of_the_stack_stops() -> None:
    """At its last event; a clock that is behind AWS's shows nothing below zero."""
    progress = after(event("UPDATE_IN_PROGRESS"), event("UPDATE_COMPLETE", at=75))
    assert progress.elapsed(NOON + seconds(500)) == seconds(75)
    assert after(event("UPDATE_IN_PROGRESS")).elapsed(NOON - seconds(5)) == seconds(0)
    assert after(event("CREATE_IN_PROGRESS", "CartRole")).rows[CART].elapsed(NOON - seconds(5)) == seconds(0)


def test_what_was_not_expected_is_counted() -> None:
    """A resource nobody announced has its row; with a resource more than expected the total grows."""
    progress = after(
        event("DELETE_IN_PROGRESS", "MediaBucket", 1),
        event("CREATE_IN_PROGRESS", "CartA", 1),
        event("CREATE_IN_PROGRESS", "CartB", 1),
        expected={"CartA": CART},
    )
    assert {entry: row.total for entry, row in progress.rows.items()} == {CART: 2, MEDIA: 1}


def test_a_resource_that_goes_on_does_not_begin_anew() -> None:
    """CloudFormation tells twice that it is at work; its time counts from the first."""
    progress = after(
        event("CREATE_IN_PROGRESS", "CartRole", 1),
        event("CREATE_IN_PROGRESS", "CartRole", 4, reason="Resource creation Initiated"),
    )
    step = progress.rows[CART].steps["CartRole"]
    assert (step.began, step.at) == (NOON + seconds(1), NOON + seconds(4))


def test_a_resource_with_the_name_of_the_stack() -> None:
    """It is no stack, and what happens to it is not what happens to that."""
    resource = {**event("CREATE_COMPLETE", "x", 9), "LogicalResourceId": "shop"}
    progress = after(event("CREATE_IN_PROGRESS", at=1), resource)
    assert (progress.status, progress.rows[MEDIA].steps["shop"].began) == ("CREATE_IN_PROGRESS", NOON + seconds(9))


def test_a_resource_begins_anew_on_the_way_back() -> None:
    """It is at work again, and its time counts from there."""
    progress = after(
        event("CREATE_IN_PROGRESS", "CartRole", 1),
        event("CREATE_FAILED", "CartRole", 5, reason="No."),
        event("DELETE_IN_PROGRESS", "CartRole", 9),
    )
    step = progress.rows[CART].steps["CartRole"]
    assert (step.status, step.began, step.ended, step.failed) == ("DELETE_IN_PROGRESS", NOON + seconds(9), False, False)


def test_the_end_of_an_operation_stays_its_end() -> None:
    """An event of the stack that comes late does not bring it back to life: whoever follows would never end."""
    progress = Progress("shop", entry_of)
    progress.apply(read([event("UPDATE_COMPLETE", at=9)]))
    progress.apply(read([event("UPDATE_IN_PROGRESS", at=1, reason="User Initiated")]))
    progress.apply(read([event("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", at=9)]))
    assert (progress.status, progress.ended, progress.began) == (
        "UPDATE_COMPLETE",
        NOON + seconds(9),
        NOON + seconds(1),
    )


def test_the_reason_of_a_failure_is_kept() -> None:
    """The last thing the stack said stays, also when its end has no words of its own."""
    progress = after(
        event("UPDATE_IN_PROGRESS", at=1, reason="User Initiated"),
        event("UPDATE_ROLLBACK_IN_PROGRESS", at=2, reason="[CartRole] failed"),
        event("UPDATE_ROLLBACK_COMPLETE", at=3),
    )
    assert (progress.status, progress.reason) == ("UPDATE_ROLLBACK_COMPLETE", "[CartRole] failed")


STORY = [
    event("UPDATE_IN_PROGRESS", at=0, reason="User Initiated"),
    event("CREATE_IN_PROGRESS", "CartRole", 1, physical="", id="r1"),
    event("CREATE_IN_PROGRESS", "CartRole", 1, reason="Resource creation Initiated", id="r2"),
    event("CREATE_COMPLETE", "CartRole", 1),
    event("UPDATE_IN_PROGRESS", "MediaBucket", 2),
    event("UPDATE_COMPLETE", "MediaBucket", 3),
    event("CREATE_IN_PROGRESS", "CartInstance", 3),
    event("CREATE_FAILED", "CartInstance", 8, reason="Never answered"),
    event("UPDATE_ROLLBACK_IN_PROGRESS", at=8, reason="[CartInstance] failed"),
    event("UPDATE_IN_PROGRESS", "MediaBucket", 9),
    event("UPDATE_COMPLETE", "MediaBucket", 9),
    event("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", at=9),
    event("DELETE_IN_PROGRESS", "CartInstance", 10),
    event("DELETE_COMPLETE", "CartInstance", 11),
    event("DELETE_IN_PROGRESS", "CartRole", 11),
    event("DELETE_COMPLETE", "CartRole", 12),
    event("UPDATE_ROLLBACK_COMPLETE", at=12),
]
TOLD = state(after(*STORY))


@given(st.permutations(STORY), st.lists(st.integers(0, len(STORY)), max_size=4))
def test_the_order_of_delivery_does_not_count(rows: list[dict[str, Any]], cuts: list[int]) -> None:
    """However pages deliver events, in whatever order and in however many looks, the end is the same."""
    progress = Progress("shop", entry_of)
    bounds = [0, *sorted(cuts), len(rows)]
    for begin, end in pairwise(bounds):
        progress.apply(ordered(read(rows[begin:end])))
    assert state(progress) == TOLD


def test_the_story_ends_as_it_should() -> None:
    """What the permutations are compared with."""
    progress = after(*STORY)
    assert (progress.status, progress.reason) == ("UPDATE_ROLLBACK_COMPLETE", "[CartInstance] failed")
    steps = {name: step.status for row in progress.rows.values() for name, step in row.steps.items()}
    assert steps == {"CartRole": "DELETE_COMPLETE", "MediaBucket": "UPDATE_COMPLETE", "CartInstance": "DELETE_COMPLETE"}
    assert progress.rows[CART].steps["CartRole"].began == NOON + seconds(11)


def test_entries_are_asked_for_by_name() -> None:
    """Whoever shows an event finds its entry."""
    asked: list[str] = []
    find: Callable[[str], Path] = lambda name: asked.append(name) or CART  # type: ignore[func-returns-value]  # noqa: E731
    progress = Progress("shop", find)
    assert progress.entry_of(read([event("CREATE_COMPLETE", "CartRole")])[0]) == CART
    assert asked == ["CartRole"]
