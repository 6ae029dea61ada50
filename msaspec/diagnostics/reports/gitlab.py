"""Diagnostics as a Code Quality report of GitLab, for `artifacts: reports: codequality`.

Source: docs.gitlab.com, "Code Quality", "Code Quality report format". GitLab identifies findings by the fingerprint.
"""

from __future__ import annotations

from collections.abc import Iterable

from msaspec.diagnostics import printable
from msaspec.diagnostics.diagnostic import Diagnostic, Severity
from msaspec.diagnostics.report import ALONE, Subject, fingerprints, sentences

SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"}


def render(diagnostics: Iterable[Diagnostic], about: Subject = ALONE) -> str:
    """Return an array of objects; an empty one says that all is well."""
    found = list(diagnostics)
    issues = [_issue(each, mark, about) for each, mark in zip(found, fingerprints(found, about), strict=True)]
    return printable.to_json(issues, indent=2, ascii=True)


def _issue(diagnostic: Diagnostic, fingerprint: str, about: Subject) -> dict[str, object]:
    span = about.place(diagnostic)
    return {
        "description": sentences(diagnostic),
        "check_name": diagnostic.code,
        "fingerprint": fingerprint,
        "severity": SEVERITIES[diagnostic.severity],
        "location": {"path": about.path(span.file), "lines": {"begin": span.line}},
    }
