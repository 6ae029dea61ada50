"""The count: what was not reached counts for nothing, and the page says what went wrong."""

from __future__ import annotations

from tests.chaos.cases import Verdict
from tests.chaos.faults import FAULTS
from tests.chaos.report import GROUPS, counted, page


def verdict(case: str, *problems: str, hits: int = 1) -> Verdict:
    """A verdict."""
    return Verdict(case, hits, 0, problems, 1.0, "")


def test_a_count() -> None:
    """Cases by operation and fault and by scenario and signal, stories with their steps, and what was wrong."""
    cases = [
        verdict("update/ExecuteChangeSet#1/closed-after/once"),
        verdict("create/ExecuteChangeSet#1/reset-after/ever", "report: a", "data: b"),
        verdict("create/SIGINT@ExecuteChangeSet#1/after"),
        verdict("create/ExecuteChangeSet#3/reset-after/ever", hits=0),
    ]
    stories = [verdict("deploy; destroy", hits=0), verdict("deploy", "1. deploy: hang: c")]
    count = counted(cases, stories, "2026-11-28", 1)
    assert (count.faults["ExecuteChangeSet"]["closed-after"].tried, count.stories.tried, count.steps) == (1, 2, 3)
    assert (count.lies["wrong reports"], count.lies["lost data"], count.lies["hangs"]) == (1, 1, 1)
    said = page(count, "")
    assert "2 faults, 1 survived; 1 kills, 1 survived; 2 stories of 3 steps, 1 survived" in said
    assert "| `ExecuteChangeSet` |  | **1 of 2** |" in said
    assert "| `create` | **0 of 1** |  |  | 1 |" in said


def test_every_fault_has_its_column() -> None:
    """One, and no other."""
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(FAULTS)
