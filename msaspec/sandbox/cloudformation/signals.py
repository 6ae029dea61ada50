"""Signals: who of a stack's resources waits for which, and what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from msaspec.sandbox.cloudformation.awaited import Awaited
from msaspec.sandbox.cloudformation.resource import Cancelled
from msaspec.sandbox.controls import Controls


@dataclass(frozen=True)
class Reaction:
    """What signals, or their absence, do to a resource that waits."""

    logical_id: str
    status: Literal["IN_PROGRESS", "COMPLETE", "FAILED"]
    reason: str | None = None


@dataclass
class _Wait:
    awaited: Awaited
    until: float
    received: int = 0


class Signals:
    """The signals that come for the resources of one stack, and those that wait for them."""

    def __init__(self, controls: Controls, cancelled: Callable[[], bool], *, awaited: bool) -> None:
        self.awaited = awaited
        """Whether anything waits; what comes otherwise is of no consequence."""
        self._controls = controls
        self._cancelled = cancelled
        self._came: dict[str, dict[str, str]] = {}
        """Statuses by logical and unique id; a second one of the same unique id says nothing new."""
        self._waits: dict[str, _Wait] = {}

    def begin(self, logical_id: str) -> None:
        """From now on signals are for what is done to a resource now. Its hosts may be faster than who makes them."""
        self._came[logical_id] = {}

    def receive(self, logical_id: str, unique_id: str, status: str) -> None:
        """Take a signal."""
        self._came.setdefault(logical_id, {}).setdefault(unique_id, status)
        self._controls.wake()

    def wait(self, logical_id: str, awaited: Awaited) -> None:
        """Let a resource wait, from now on."""
        self._waits[logical_id] = _Wait(awaited, time.monotonic() + awaited.seconds)

    def give_up(self) -> None:
        """Let nothing wait any more."""
        self._waits.clear()

    def reactions(self, *, patiently: bool) -> Iterator[Reaction]:
        """Yield the reactions of those that wait by now; `patiently`, wait until there is one. Raises Failed where
        the operation is cancelled, and Ended when the sandbox ends."""
        if not self._waits:
            return
        if patiently:
            self._controls.wait(self._stirs, min(wait.until for wait in self._waits.values()))
        if self._cancelled():
            raise Cancelled("Resource operation cancelled")
        for logical_id, wait in list(self._waits.items()):
            yield from self._listen(logical_id, wait)

    def _stirs(self) -> bool:
        return self._cancelled() or any(len(self._came[name]) > wait.received for name, wait in self._waits.items())

    def _listen(self, logical_id: str, wait: _Wait) -> Iterator[Reaction]:
        for unique_id, status in list(self._came[logical_id].items())[wait.received :]:
            if status == "FAILURE":
                yield from self._end(logical_id, wait.awaited.failed(unique_id))
                return
            wait.received += 1
            yield Reaction(logical_id, "IN_PROGRESS", f"Received SUCCESS signal with UniqueId {unique_id}")
            if wait.received == wait.awaited.count:
                del self._waits[logical_id]
                yield Reaction(logical_id, "COMPLETE")
                return
        if time.monotonic() >= wait.until:
            yield from self._end(logical_id, wait.awaited.late(wait.received))

    def _end(self, logical_id: str, said: tuple[str, ...]) -> Iterator[Reaction]:
        del self._waits[logical_id]
        *before, why = said
        yield from (Reaction(logical_id, "IN_PROGRESS", each) for each in before)
        yield Reaction(logical_id, "FAILED", why)
