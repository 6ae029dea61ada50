"""To whom a deployment is told. The forms of it are files in `msaspec/telling`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from msaspec.changes import Change
from msaspec.deploy.events import Event
from msaspec.deploy.progress import Progress
from msaspec.diagnostic import Diagnostic
from msaspec.place import Path


@dataclass(frozen=True)
class Output:
    """An output of a stack."""

    key: str
    value: str
    description: str = ""


def as_outputs(values: Mapping[str, str], descriptions: Mapping[str, str]) -> list[Output]:
    """Outputs in their order: first what a browser can open."""
    outputs = [Output(key, value, descriptions.get(key, "")) for key, value in values.items()]
    return sorted(outputs, key=lambda output: (not output.value.startswith(("http://", "https://")), output.key))


class Teller(Protocol):
    """Hears what a deployment does, and asks on its behalf."""

    def note(self, message: str) -> None:
        """A sentence about what was done, or comes next."""

    def diagnosed(self, diagnostics: Sequence[Diagnostic]) -> None:
        """What is wrong, or may go wrong."""

    def details(self, lines: Iterable[str]) -> None:
        """Lines that belong to what was said last, such as the end of a log."""

    def proposed(self, stack: str, changes: Sequence[Change], place: Callable[[Path], str] | None = None) -> None:
        """What a change set would do; `place` gives the place of an entry in the manifest."""

    def begins(self, progress: Progress) -> None:
        """An operation is followed from now on."""

    def moved(self, progress: Progress, events: Sequence[Event]) -> None:
        """Something happened in it; the progress has taken it in."""

    def ends(self, progress: Progress) -> None:
        """It is followed no longer, since it is over or the user has seen enough."""

    def outputs(self, stack: str, outputs: Sequence[Output]) -> None:
        """What a stack gives out."""

    def asks(self, question: str) -> bool:
        """Whether the user says yes. Only called where somebody can answer. Raises Interrupted on Ctrl-C."""
