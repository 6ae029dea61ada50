"""The one error value: a coded sentence about one place in a file, with a hint.

Every stage that finds fault with what the user wrote yields `Diagnostic` values and goes on, so that all
faults are told at once; a stage that cannot go on raises `Invalid` with what it has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from inspect import cleandoc

from msaspec.place import Path, Span


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
        self, path: Path, message: str, *, hint: str | None, key: bool = False, span: Span | None = None
    ) -> Diagnostic:
        """A diagnostic of this kind about `path`; `key=True` points at the key instead of its value."""
        return Diagnostic(self.id, self.severity, _shown(message), hint and _shown(hint), path, key=key, span=span)


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
    """The source line that `span` points into, without its line break."""

    def placed(self, span: Span | None, excerpt: str | None) -> Diagnostic:
        """The same diagnostic with its place in the file."""
        return replace(self, span=span, excerpt=excerpt)


def _shown(sentence: str) -> str:
    """The sentence on one line: what it quotes may hold anything."""
    return sentence if sentence.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in sentence)


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
        told = {(diagnostic.code, diagnostic.span, text) for text in (diagnostic.message, _of_any_service(diagnostic))}
        if not told & seen:
            first.append(diagnostic)
        seen |= told
    return first


def _of_any_service(diagnostic: Diagnostic) -> str:
    """The message without the name of the service: what stands in `defaults` is read once for each."""
    if diagnostic.path[:1] != ("services",) or len(diagnostic.path) < 2:
        return diagnostic.message
    name = diagnostic.path[1]
    return diagnostic.message.replace(f"`services.{name}", "`defaults").replace(f"`{name}`", "`defaults`")
