"""To whom a command speaks. The forms of it are files in `reporters/`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from msaspec.diagnostics.diagnostic import Diagnostic
from msaspec.messages.message import Message


class Teller(Protocol):
    """Hears what a command says."""

    def say(self, message: Message) -> None:
        """Report what was done, or comes next."""

    def busy(self, message: Message) -> AbstractContextManager[object]:
        """Report what is being done in the block, which may take a while and says nothing itself."""

    def result(self, message: Message, show: Callable[[], object]) -> None:
        """Report what was asked for; `show` prints it for people."""

    def diagnosed(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Report what is wrong, or may go wrong."""

    def details(self, lines: Iterable[str]) -> None:
        """Lines that belong to what was said last, such as the end of a log."""
