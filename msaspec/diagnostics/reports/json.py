"""Diagnostics for programs: one JSON object a line, as every command prints it with `--format json`."""

from __future__ import annotations

from collections.abc import Iterable

from msaspec.diagnostics import credentials, pages, printable
from msaspec.diagnostics.diagnostic import Diagnostic
from msaspec.diagnostics.place import render as render_path
from msaspec.diagnostics.report import ALONE, Subject


def render(diagnostics: Iterable[Diagnostic], about: Subject = ALONE) -> str:
    """Return a line for each."""
    return "\n".join(printable.to_json(as_object(diagnostic), ascii=True) for diagnostic in diagnostics)


def as_object(diagnostic: Diagnostic) -> dict[str, object]:
    """Return the fields of a diagnostic. The page `docs/reference/messages.md` has them as the event `diagnostic`."""
    span = diagnostic.span
    return {
        "code": diagnostic.code,
        "event": "diagnostic",
        "level": str(diagnostic.severity),
        "severity": str(diagnostic.severity),
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "path": credentials.without(render_path(diagnostic.path)),
        "file": span.file if span else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "length": span.length if span else None,
        "page": pages.page(diagnostic.code),
    }
