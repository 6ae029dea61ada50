"""A deployment for people: sentences, tables and progress on stderr, outputs on stdout."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import click

from msaspec.deploy.aws.events import Event
from msaspec.deploy.progress import Progress
from msaspec.deploy.reporter import Output
from msaspec.deploy.reporters.lines import lines
from msaspec.deploy.reporters.live import Live
from msaspec.deploy.reporters.question import ask
from msaspec.diagnostics import printable
from msaspec.diagnostics.place import Path
from msaspec.diagnostics.terminal import moving
from msaspec.messages.message import Message
from msaspec.messages.reporters import text as messages
from msaspec.update import listing
from msaspec.update.changes import Change


class Text(messages.Text):
    """Tells people. On a terminal progress is a live tree, elsewhere a line an event."""

    def __init__(self, asking: Callable[[str], bool] = ask, *, terminal: bool | None = None) -> None:
        self._ask = asking
        self._terminal = moving(sys.stderr) if terminal is None else terminal
        self._live: Live | None = None

    def _say(self, text: str) -> None:
        """Write to stderr; above the tree, while one stands there: what went past it would be painted over."""
        if self._live:
            self._live.say(printable.page(text))
        else:
            super()._say(text)

    def proposed(self, stack: str, changes: Sequence[Change], place: Callable[[Path], str] | None = None) -> None:
        """Write the changes by manifest entry."""
        printable.echo(f"\n{click.style(f'The stack {stack}', bold=True)}", err=True)
        if changes:
            printable.echo(listing.to_text(changes, place, brief=True), err=True)
        printable.echo(f"{listing.summary(changes)}\n", err=True)

    def begins(self, progress: Progress) -> None:
        """Show the tree."""
        if self._terminal:
            self._live = Live(progress)

    def moved(self, progress: Progress, events: Sequence[Event]) -> None:
        """Draws the tree again, or writes the lines."""
        if self._live:
            self._live.refresh()
            return
        for line in lines(progress, events):
            printable.echo(line, err=True)

    def ends(self, progress: Progress) -> None:
        """Leaves the last picture standing."""
        if self._live:
            self._live.refresh()
            self._live.stop()
            self._live = None

    def outputs(self, stack: str, outputs: Sequence[Output]) -> None:
        """Write a line for each output to stdout."""
        width = max((len(output.key) for output in outputs), default=0)
        for output in outputs:
            about = f"   {printable.line(output.description)}" if output.description else ""
            value = printable.line(output.value)
            printable.echo(f"{output.key:{width}}   {value}{click.style(about, dim=True)}")

    def asks(self, question: Message) -> bool:
        """Asks on the terminal; the answer is no unless it is yes."""
        return self._ask(question.sentence())
