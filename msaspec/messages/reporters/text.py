"""Messages for people: sentences on stderr, results on stdout."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext

from msaspec.diagnostics import printable
from msaspec.diagnostics.diagnostic import Diagnostic
from msaspec.diagnostics.report import Subject
from msaspec.diagnostics.reports import text as report
from msaspec.diagnostics.terminal import moving, width
from msaspec.messages.message import Message


class Text:
    """Tells people."""

    def say(self, message: Message) -> None:
        """Write a sentence."""
        self._say(printable.line(message.sentence()))

    def busy(self, message: Message) -> AbstractContextManager[object]:
        """Write a sentence when it begins; on a terminal a line that is gone at its end."""
        if moving(sys.stderr):
            from msaspec.messages.reporters.busy import line

            return line(message.sentence())
        self.say(message)
        return nullcontext()

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
