"""Diagnostics for programs: a JSON array."""

from __future__ import annotations

import json
from collections.abc import Iterable

from msaspec.diagnostic import Diagnostic
from msaspec.place import render as render_path


def render(diagnostics: Iterable[Diagnostic]) -> str:
    """An array of objects: code, severity, message, hint, path, file, line, column, length."""
    return json.dumps([as_object(diagnostic) for diagnostic in diagnostics], indent=2)


def as_object(diagnostic: Diagnostic) -> dict[str, object]:
    """The fields of a diagnostic."""
    span = diagnostic.span
    return {
        "code": diagnostic.code,
        "severity": str(diagnostic.severity),
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "path": render_path(diagnostic.path),
        "file": span.file if span else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "length": span.length if span else None,
    }
