"""Signals: who of a stack's resources waits for which, and what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from msaspec.sandbox.awaited import Awaited
from msaspec.sandbox.controls import Controls
from msaspec.sandbox.resource import Failed


@dataclass(frozen=True)
class Heard:
    """What a resource that waits heard, or what came of its waiting."""

    logical_id: str
    status: Literal["IN_PROGRESS", "COMPLETE", "FAILED"]
    reason: str | None = None


@dataclass
class _Wait:
    awaited: Awaited
    until: float
    heard: int = 0


class Signals:
    """The signals that come for the resources of one stack, and those that wait for them."""

    def __init__(self, controls: Controls, awaited: bool, cancelled: Callable[[], bool]) -> None:
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
        """Takes a signal."""
        self._came.setdefault(logical_id, {}).setdefault(unique_id, status)
        self._controls.wake()

    def wait(self, logical_id: str, awaited: Awaited) -> None:
        """Has a resource wait, from now on."""
        self._waits[logical_id] = _Wait(awaited, time.monotonic() + awaited.seconds)

    def give_up(self) -> None:
        """Has nothing wait any more."""
        self._waits.clear()

    def hear(self, patiently: bool) -> Iterator[Heard]:
        """What those that wait have to hear by now; `patiently` where it is to be something. Raises Failed where the
        operation is cancelled, and Ended when the sandbox ends."""
        if not self._waits:
            return
        if patiently:
            self._controls.wait(self._stirs, min(wait.until for wait in self._waits.values()))
        if self._cancelled():
            raise Failed("Resource operation cancelled")
        for logical_id, wait in list(self._waits.items()):
            yield from self._listen(logical_id, wait)

    def _stirs(self) -> bool:
        return self._cancelled() or any(len(self._came[name]) > wait.heard for name, wait in self._waits.items())

    def _listen(self, logical_id: str, wait: _Wait) -> Iterator[Heard]:
        for unique_id, status in list(self._came[logical_id].items())[wait.heard :]:
            if status == "FAILURE":
                yield from self._end(logical_id, wait.awaited.failed(unique_id))
                return
            wait.heard += 1
            yield Heard(logical_id, "IN_PROGRESS", f"Received SUCCESS signal with UniqueId {unique_id}")
            if wait.heard == wait.awaited.count:
                del self._waits[logical_id]
                yield Heard(logical_id, "COMPLETE")
                return
        if time.monotonic() >= wait.until:
            yield from self._end(logical_id, wait.awaited.late(wait.heard))

    def _end(self, logical_id: str, said: tuple[str, ...]) -> Iterator[Heard]:
        del self._waits[logical_id]
        *before, why = said
        yield from (Heard(logical_id, "IN_PROGRESS", each) for each in before)
        yield Heard(logical_id, "FAILED", why)
