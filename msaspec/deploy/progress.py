"""How far an operation is, by manifest entry: a value that events change, for whoever shows it."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from msaspec.deploy.aws.events import Event, moment
from msaspec.deploy.aws.state import is_terminal
from msaspec.diagnostics.place import Path


@dataclass
class Step:
    """What happens to one resource."""

    logical_id: str
    type: str
    status: str
    began: datetime
    at: datetime
    reason: str | None = None
    id: str | None = None
    """The physical id, once there is one."""

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return is_terminal(self.status)

    @property
    def failed(self) -> bool:
        """Whether it went wrong."""
        return self.status.endswith("_FAILED")


@dataclass
class Row:
    """A manifest entry with the resources of it that were touched."""

    entry: Path
    expected: int = 0
    """How many resources are to change."""
    steps: dict[str, Step] = field(default_factory=dict)

    @property
    def done(self) -> int:
        """How many have ended well."""
        return sum(step.ended and not step.failed for step in self.steps.values())

    @property
    def total(self) -> int:
        """How many there are to do, as far as is known."""
        return max(self.expected, len(self.steps))

    @property
    def current(self) -> Step | None:
        """What is happening: what failed, else what has been at work for longest."""
        failed = [step for step in self.steps.values() if step.failed]
        running = [step for step in self.steps.values() if not step.ended]
        return min(failed or running, key=lambda step: step.began, default=None)

    def elapsed(self, now: datetime) -> timedelta:
        """From the first thing that happened to the last, or to now."""
        if not self.steps:
            return timedelta(0)
        over = all(step.ended for step in self.steps.values()) and len(self.steps) >= self.expected
        end = max(step.at for step in self.steps.values()) if over else now
        return max(end - min(step.began for step in self.steps.values()), timedelta(0))


class Progress:
    """An operation of a stack."""

    def __init__(self, stack: str, entry_of: Callable[[str], Path], expected: Mapping[str, Path] | None = None) -> None:
        """`entry_of` gives the entry of a logical id; `expected` the entries of all that is to change."""
        self.stack = stack
        self.status = ""
        self.reason: str | None = None
        self.began: datetime | None = None
        self.ended: datetime | None = None
        self.rows: dict[Path, Row] = {}
        self._entry_of = entry_of
        self._told: dict[str, list[Event]] = {}
        for entry in (expected or {}).values():
            self._row(entry).expected += 1

    def _row(self, entry: Path) -> Row:
        return self.rows.setdefault(entry[:2], Row(entry[:2]))

    def entry_of(self, event: Event) -> Path:
        """Return the manifest entry that an event is about."""
        return self._entry_of(event.logical_id)

    def apply(self, events: Iterable[Event]) -> None:
        """Take in what happened. The order in which events come does not count, only their time."""
        for event in events:
            self.began = min(self.began or event.at, event.at)
            told = self._told.setdefault("" if event.of_stack else event.logical_id, [])
            insort(told, event, key=moment)
            if event.of_stack:
                last = told[-1]
                self.status = last.status
                self.reason = next((each.reason for each in reversed(told) if each.reason), None)
                self.ended = last.at if is_terminal(last.status) else None
                if self.ended:
                    self._close()
            else:
                self._row(self.entry_of(event)).steps[event.logical_id] = _step(told)

    def _close(self) -> None:
        """Expect nothing more: what did not happen by now does not happen."""
        for row in self.rows.values():
            row.expected = 0

    def elapsed(self, now: datetime) -> timedelta:
        """From the beginning to the end, or to now."""
        return max((self.ended or now) - self.began, timedelta(0)) if self.began else timedelta(0)


def _step(told: Sequence[Event]) -> Step:
    """Return what events in their order say of a resource. Its time counts from when it was last taken up."""
    first, last = told[0], told[-1]
    began = first.at
    for before, event in pairwise(told):
        if is_terminal(before.status) and not is_terminal(event.status):
            began = event.at
    id = next((event.physical_id for event in reversed(told) if event.physical_id), None)
    return Step(last.logical_id, last.type, last.status, began, last.at, last.reason, id)
