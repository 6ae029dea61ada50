"""The one error value: a coded sentence about one place in a file, with a hint.

Every stage that finds fault with what the user wrote yields `Diagnostic` values and continues, so that all
faults are reported at once; a stage that cannot continue raises `Invalid` with what it has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from inspect import cleandoc

from msaspec.diagnostics import credentials, printable
from msaspec.diagnostics.place import Path, Span

WIDTH = 120
"""Characters of a line of a manual page."""
LONGEST = 20_000
"""Characters of a line that is kept for a value that is not to be shown, which needs a line of its own."""


class Severity(StrEnum):
    """How bad it is. Only an error stops a command."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Code:
    """The kind of a diagnostic: a stable id, a title, and the manual page that `msaspec explain ID` prints."""

    id: str
    title: str
    manual: str
    severity: Severity = Severity.ERROR

    def __post_init__(self) -> None:
        object.__setattr__(self, "manual", cleandoc(self.manual))

    def at(
        self,
        path: Path,
        message: str,
        *,
        hint: str | None,
        key: bool = False,
        span: Span | None = None,
        hides: bool = False,
    ) -> Diagnostic:
        """Return a diagnostic of this kind about `path`; `key=True` points at the key instead of its value.

        With `hides` the value is not shown.
        """
        return Diagnostic(self.id, self.severity, message, hint, path, key=key, span=span, hides=hides)


@dataclass(frozen=True)
class Diagnostic:
    """One fault. `span` is None until the diagnostic is placed (or when nothing in a file is to blame)."""

    code: str
    severity: Severity
    message: str
    hint: str | None
    path: Path = ()
    key: bool = False
    span: Span | None = None
    excerpt: str | None = None
    """The source line that `span` points into, without its line break, and without credentials."""
    hides: bool = False
    """Whether what `span` covers is not to be shown."""

    def __post_init__(self) -> None:
        # What a sentence quotes may hold anything, and no code that makes a diagnostic may forget it.
        object.__setattr__(self, "message", _shown(self.message))
        object.__setattr__(self, "hint", self.hint and _shown(self.hint))
        if self.excerpt:
            excerpt: str | None = _excerpt(self.excerpt)
            if excerpt and self.hides and self.span:
                start, end = self.span.column - 1, self.span.column - 1 + self.span.length
                hidden = excerpt[:start] + credentials.MASK * len(excerpt[start:end]) + excerpt[end:]
                excerpt = hidden if len(hidden) <= LONGEST else None
            object.__setattr__(self, "excerpt", excerpt)

    def placed(self, span: Span | None, excerpt: str | None) -> Diagnostic:
        """Return the same diagnostic with its place in the file."""
        return replace(self, span=span, excerpt=excerpt)


@lru_cache(maxsize=8)
def _excerpt(line: str) -> str:
    """Return a source line as it may be shown. A file of one line can have thousands of faults, all with that line."""
    return "\t".join(map(printable.line, credentials.masked(line).split("\t")))


def _shown(sentence: str) -> str:
    """Return the sentence on one line, without credentials: what it quotes may hold anything."""
    return printable.line(credentials.without(sentence))


class Invalid(Exception):
    """What the user wrote cannot be used. Carries every diagnostic, errors and warnings."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("; ".join(d.message for d in self.diagnostics))


def errors(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Those that stop a command."""
    return [d for d in diagnostics if d.severity is Severity.ERROR]


def ordered(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Without repetitions (a fault in `defaults` shows once, not once a service), by place in the file."""
    seen: set[tuple[str, Span | None, str]] = set()
    first: list[Diagnostic] = []
    for diagnostic in sorted(diagnostics, key=lambda d: (d.span is None, d.span or Span("", 0, 0), d.code, d.message)):
        keys = {(diagnostic.code, diagnostic.span, text) for text in (diagnostic.message, _of_any_service(diagnostic))}
        if not keys & seen:
            first.append(diagnostic)
        seen |= keys
    return first


def _of_any_service(diagnostic: Diagnostic) -> str:
    """Return the message without the name of the service: what `defaults` holds is read once for each."""
    if diagnostic.path[:1] != ("services",) or len(diagnostic.path) < 2:
        return diagnostic.message
    name = diagnostic.path[1]
    return diagnostic.message.replace(f"`services.{name}", "`defaults").replace(f"`{name}`", "`defaults`")
