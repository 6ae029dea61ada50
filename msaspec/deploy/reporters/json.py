"""A deployment for programs: one JSON object a line on stdout, each with its `event`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msaspec.deploy.aws.events import Event
from msaspec.deploy.progress import Progress
from msaspec.deploy.reporter import Output
from msaspec.deploy.reporters.question import ask
from msaspec.diagnostics import printable
from msaspec.diagnostics.diagnostic import Diagnostic
from msaspec.diagnostics.place import Path, render
from msaspec.diagnostics.reports import json as report
from msaspec.update import listing
from msaspec.update.changes import Change


class Json:
    """Tells programs."""

    def __init__(self, asking: Callable[[str], bool] = ask) -> None:
        self._ask = asking

    def _line(self, event: str, **facts: Any) -> None:
        # ASCII, since not every console and pipe can have every letter, and a line has to be one.
        printable.echo(printable.to_json({"event": event, **facts}, ascii=True))

    def note(self, message: str) -> None:
        """`note`: message."""
        self._line("note", message=message)

    def diagnosed(self, diagnostics: Sequence[Diagnostic]) -> None:
        """`diagnostic`: as `msaspec lint --format json` has it."""
        for diagnostic in diagnostics:
            self._line("diagnostic", **report.as_object(diagnostic))

    def details(self, lines: Iterable[str]) -> None:
        """`detail`: line."""
        for line in lines:
            self._line("detail", line=line)

    def proposed(self, stack: str, changes: Sequence[Change], place: Callable[[Path], str] | None = None) -> None:
        """`change`: as `msaspec diff --format json` has it."""
        for change in changes:
            where = place(change.entry[:2]) if place and change.entry else None
            self._line("change", **listing.as_object(stack, change, where))

    def begins(self, progress: Progress) -> None:
        """`begin`: stack."""
        self._line("begin", stack=progress.stack)

    def moved(self, progress: Progress, events: Sequence[Event]) -> None:
        """`stack` and `resource`: what CloudFormation's events tell, with the manifest entry or null."""
        for event in events:
            facts = {"at": event.at.isoformat(), "stack": progress.stack, "status": event.status}
            if event.of_stack:
                self._line("stack", **facts, reason=event.reason)
                continue
            entry = render(progress.entry_of(event)) or None
            known = {"entry": entry, "logical_id": event.logical_id, "type": event.type, "id": event.physical_id}
            self._line("resource", **facts, **known, reason=event.reason)

    def ends(self, progress: Progress) -> None:
        """`end`: stack, its status, and seconds."""
        seconds = (progress.ended - progress.began).total_seconds() if progress.ended and progress.began else None
        self._line("end", stack=progress.stack, status=progress.status, reason=progress.reason, seconds=seconds)

    def outputs(self, stack: str, outputs: Sequence[Output]) -> None:
        """`output`: stack, key, value, description."""
        for output in outputs:
            self._line("output", stack=stack, key=output.key, value=output.value, description=output.description)

    def asks(self, question: str) -> bool:
        """Asks on stderr."""
        return self._ask(question)
