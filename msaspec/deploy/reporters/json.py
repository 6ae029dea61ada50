"""A deployment for programs: beside what is said, its changes, its progress and its outputs, an object a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msaspec.deploy.aws.events import Event
from msaspec.deploy.progress import Progress
from msaspec.deploy.reporter import Output
from msaspec.deploy.reporters.question import ask
from msaspec.diagnostics.place import Path, render
from msaspec.messages import progress as moves
from msaspec.messages import results
from msaspec.messages.message import Message
from msaspec.messages.reporters import json as messages
from msaspec.update import listing
from msaspec.update.changes import Change


class Json(messages.Json):
    """Tells programs."""

    def __init__(self, asking: Callable[[str], bool] = ask) -> None:
        self._ask = asking

    def proposed(self, stack: str, changes: Sequence[Change], place: Callable[[Path], str] | None = None) -> None:
        """`change`: a line for each, as `msaspec diff` has it."""
        for change in changes:
            where = place(change.entry[:2]) if place and change.entry else None
            self.say(listing.as_message(stack, change, where))

    def begins(self, progress: Progress) -> None:
        """`begin`: stack."""
        self.say(moves.Begin(progress.stack))

    def moved(self, progress: Progress, events: Sequence[Event]) -> None:
        """`stack` and `resource`: what CloudFormation's events tell, with the manifest entry or null."""
        for event in events:
            at, stack, status, reason = event.at.isoformat(), progress.stack, event.status, event.reason
            if event.of_stack:
                self.say(moves.StackMoved(at, stack, status, reason))
                continue
            entry = render(progress.entry_of(event)) or None
            what = event.logical_id, event.type, event.physical_id
            self.say(moves.ResourceMoved(at, stack, status, entry, *what, reason))

    def ends(self, progress: Progress) -> None:
        """`end`: stack, its status, and seconds."""
        seconds = (progress.ended - progress.began).total_seconds() if progress.ended and progress.began else None
        self.say(moves.End(progress.stack, progress.status, progress.reason, seconds))

    def outputs(self, stack: str, outputs: Sequence[Output]) -> None:
        """`output`: stack, key, value, description."""
        for output in outputs:
            self.say(results.Output(stack, output.key, output.value, output.description))

    def asks(self, question: Message) -> bool:
        """Say what is asked, and ask it on stderr."""
        self.say(question)
        return self._ask(question.sentence())
