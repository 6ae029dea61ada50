"""To whom a deployment is told. The forms of it are files in `reporters/`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from msaspec.deploy.aws.events import Event
from msaspec.deploy.progress import Progress
from msaspec.diagnostics.place import Path
from msaspec.messages.message import Message
from msaspec.messages.reporter import Teller
from msaspec.update.changes import Change


@dataclass(frozen=True)
class Output:
    """An output of a stack."""

    key: str
    value: str
    description: str = ""


def as_outputs(values: Mapping[str, str], descriptions: Mapping[str, str]) -> list[Output]:
    """Output in their order: first what a browser can open."""
    outputs = [Output(key, value, descriptions.get(key, "")) for key, value in values.items()]
    return sorted(outputs, key=lambda output: (not output.value.startswith(("http://", "https://")), output.key))


class Declined(Exception):
    """The user said no. Nothing was changed."""


class Interrupted(Declined):
    """The user answered a question by Ctrl-C, or there was nobody to answer. Nothing was changed."""


class Reporter(Teller, Protocol):
    """Hears what a deployment does, and asks on its behalf."""

    def proposed(self, stack: str, changes: Sequence[Change], place: Callable[[Path], str] | None = None) -> None:
        """Report what a change set would do; `place` gives the place of an entry in the manifest."""

    def begins(self, progress: Progress) -> None:
        """Start following an operation."""

    def moved(self, progress: Progress, events: Sequence[Event]) -> None:
        """Something happened in it; the progress has taken it in."""

    def ends(self, progress: Progress) -> None:
        """Stop following the operation: it is over, or the user has seen enough."""

    def outputs(self, stack: str, outputs: Sequence[Output]) -> None:
        """Report the outputs of a stack."""

    def asks(self, question: Message) -> bool:
        """Whether the user says yes. Only called where somebody can answer. Raises Interrupted on Ctrl-C."""
