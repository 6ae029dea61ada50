"""Diagnostics as workflow commands of GitHub Actions, which shows them as annotations at the lines of a change.

Source of the form and its escapes: docs.github.com, "Workflow commands for GitHub Actions", and `command.ts` of the
package @actions/core. GitHub shows the first ten errors and the first ten warnings of a step.
"""

from __future__ import annotations

from collections.abc import Iterable

from msaspec.diagnostics.diagnostic import Diagnostic, Severity
from msaspec.diagnostics.report import ALONE, Subject, sentences

COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_DATA, ":": "%3A", ",": "%2C"}


def render(diagnostics: Iterable[Diagnostic], about: Subject = ALONE) -> str:
    """One line a diagnostic, such as `::error file=msa.yaml,line=3,col=5,endColumn=9,title=MSA221::It ...`."""
    return "\n".join(_line(diagnostic, about) for diagnostic in diagnostics)


def _line(diagnostic: Diagnostic, about: Subject) -> str:
    properties = {"title": diagnostic.code}
    if span := diagnostic.span:
        properties = {
            "file": about.path(span.file),
            "line": str(span.line),
            "endLine": str(span.line),
            "col": str(span.column),
            "endColumn": str(span.column + span.length),
            **properties,
        }
    written = ",".join(f"{name}={_escaped(value, _PROPERTY)}" for name, value in properties.items())
    return f"::{COMMANDS[diagnostic.severity]} {written}::{_escaped(sentences(diagnostic), _DATA)}"


def _escaped(text: str, escapes: dict[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)
