"""A deployment for people: sentences, tables and progress on stderr, outputs on stdout."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence

import click

from msaspec import listing
from msaspec.changes import Change
from msaspec.deploy.events import Event
from msaspec.deploy.progress import Progress
from msaspec.deploy.teller import Output
from msaspec.diagnostic import Diagnostic
from msaspec.place import Path
from msaspec.report import text as report
from msaspec.telling.lines import lines
from msaspec.telling.live import Live
from msaspec.telling.question import ask


class Text:
    """Tells people. On a terminal progress is a live tree, elsewhere a line an event."""

    def __init__(self, terminal: bool | None = None) -> None:
        able = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._terminal = able if terminal is None else terminal
        self._live: Live | None = None

    def note(self, message: str) -> None:
        """A sentence."""
        self._say(message)

    def diagnosed(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Diagnostics with their manifest lines."""
        if diagnostics:
            self._say(report.render(diagnostics))

    def details(self, lines: Iterable[str]) -> None:
        """Lines, indented."""
        for line in lines:
            self._say(f"  {line}")

    def _say(self, text: str) -> None:
        """Writes to stderr; above the tree, while one stands there: what went past it would be painted over."""
        if self._live:
            self._live.say(text)
        else:
            click.echo(text, err=True)

    def proposed(self, stack: str, changes: Sequence[Change], place: Callable[[Path], str] | None = None) -> None:
        """The changes by manifest entry."""
        click.echo(f"\n{click.style(f'The stack {stack}', bold=True)}", err=True)
        if changes:
            click.echo(listing.to_text(changes, place, brief=True), err=True)
        click.echo(f"{listing.summary(changes)}\n", err=True)

    def begins(self, progress: Progress) -> None:
        """Shows the tree."""
        if self._terminal:
            self._live = Live(progress)

    def moved(self, progress: Progress, events: Sequence[Event]) -> None:
        """Draws the tree again, or writes the lines."""
        if self._live:
            self._live.refresh()
            return
        for line in lines(progress, events):
            click.echo(line, err=True)

    def ends(self, progress: Progress) -> None:
        """Leaves the last picture standing."""
        if self._live:
            self._live.refresh()
            self._live.stop()
            self._live = None

    def outputs(self, stack: str, outputs: Sequence[Output]) -> None:
        """A line an output, data on stdout."""
        width = max((len(output.key) for output in outputs), default=0)
        for output in outputs:
            what = click.style(f"   {output.description}" if output.description else "", dim=True)
            click.echo(f"{output.key:{width}}   {output.value}{what}")

    def asks(self, question: str) -> bool:
        """Asks on the terminal; the answer is no unless it is yes."""
        return ask(question)
