"""Executions of state machines that go on, by their names: what a custom resource may wait for."""

from __future__ import annotations

_GOING_ON: set[str] = set()


def begin(name: str) -> None:
    """Remember that an execution goes on."""
    _GOING_ON.add(name)


def end(name: str) -> None:
    """Forget an execution."""
    _GOING_ON.discard(name)


def is_going_on(name: str) -> bool:
    """Whether an execution of that name goes on."""
    return name in _GOING_ON
