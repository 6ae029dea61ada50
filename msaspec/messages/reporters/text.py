"""Messages for people: sentences on stderr, results on stdout."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence

from msaspec.diagnostics import printable
from msaspec.diagnostics.diagnostic import Diagnostic
from msaspec.diagnostics.report import Subject
from msaspec.diagnostics.reports import text as report
from msaspec.diagnostics.terminal import width
from msaspec.messages.message import Message


class Text:
    """Tells people."""

    def say(self, message: Message) -> None:
        """Write a sentence."""
        self._say(printable.line(message.sentence()))

    def result(self, message: Message, show: Callable[[], object]) -> None:
        """Print it as people read it."""
        show()

    def diagnosed(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Diagnostics with their manifest lines."""
        if diagnostics:
            self._say(report.render(diagnostics, Subject(width=width(sys.stderr))))

    def details(self, lines: Iterable[str]) -> None:
        """Lines, indented."""
        for line in lines:
            self._say(f"  {printable.line(line)}")

    def _say(self, text: str) -> None:
        printable.echo(text, err=True)
