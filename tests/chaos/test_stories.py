"""Stories are written by a seed, and can be made shorter."""

from __future__ import annotations

from tests.chaos.stories import shorter, written


def test_a_seed_writes_one_story() -> None:
    """The same each time, and another one for another seed."""
    assert written(1) == written(1) != written(2)
    assert len(written(3, 12).split("; ")) == 12


def test_a_story_can_be_shorter() -> None:
    """By each of its steps, down to one."""
    assert list(shorter("a; b; c")) == ["b; c", "a; c", "a; b"]
    assert list(shorter("a")) == []
