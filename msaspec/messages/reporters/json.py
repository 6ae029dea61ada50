"""Messages for programs: one JSON object a line on stdout, each with its code, event and level."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext

from msaspec.diagnostics import printable
from msaspec.diagnostics.diagnostic import Diagnostic
from msaspec.diagnostics.reports import json as report
from msaspec.messages.general import Detail
from msaspec.messages.message import Message


class Json:
    """Tells programs."""

    def say(self, message: Message) -> None:
        """Print a line."""
        printable.data(line(message))

    def busy(self, message: Message) -> AbstractContextManager[object]:
        """Print a line when it begins."""
        self.say(message)
        return nullcontext()

    def result(self, message: Message, show: Callable[[], object]) -> None:
        """Print it as a line too."""
        self.say(message)

    def diagnosed(self, diagnostics: Sequence[Diagnostic]) -> None:
        """`diagnostic`: a line for each."""
        if diagnostics:
            printable.data(report.render(diagnostics) + "\n")

    def details(self, lines: Iterable[str]) -> None:
        """`detail`: a line for each."""
        for each in lines:
            self.say(Detail(each))


def line(message: Message) -> str:
    """Return the line of a message, with its line break."""
    # ASCII, since not every console and pipe can have every letter, and a line has to be one.
    return printable.to_json(message.as_object(), ascii=True) + "\n"
