"""Diagnostics for programs: a JSON array."""

from __future__ import annotations

from collections.abc import Iterable

from msaspec.diagnostics import credentials, printable
from msaspec.diagnostics.diagnostic import Diagnostic
from msaspec.diagnostics.place import render as render_path
from msaspec.diagnostics.report import ALONE, Subject


def render(diagnostics: Iterable[Diagnostic], about: Subject = ALONE) -> str:
    """Return an array of objects: code, severity, message, hint, path, file, line, column, length."""
    return printable.to_json([as_object(diagnostic) for diagnostic in diagnostics], indent=2, ascii=True)


def as_object(diagnostic: Diagnostic) -> dict[str, object]:
    """Return the fields of a diagnostic."""
    span = diagnostic.span
    return {
        "code": diagnostic.code,
        "severity": str(diagnostic.severity),
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "path": credentials.without(render_path(diagnostic.path)),
        "file": span.file if span else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "length": span.length if span else None,
    }
