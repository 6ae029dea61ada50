"""Diagnostics as SARIF 2.1.0, the form of OASIS for results of static analysis: GitHub's code scanning, Azure DevOps,
editors.

Columns count UTF-16 code units unless the log says otherwise; msaspec's count code points, so it says so. Every result
has a location, without which code scanning refuses the log. In a message, braces around a number and brackets before
parentheses have a meaning, and are escaped. Other braces stay single, although section 3.11.5 of the standard doubles
them: consumers show a message as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from msaspec.diagnostics import pages, printable
from msaspec.diagnostics.diagnostic import Diagnostic, Severity
from msaspec.diagnostics.place import Span
from msaspec.diagnostics.report import ALONE, Subject, fingerprints, logical, sentences

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
ROOT = "%SRCROOT%"
"""The name by which code scanning knows the root of the repository."""
FINGERPRINT = "msaspec/v1"
_PLACEHOLDER = re.compile(r"\{(\d+)\}")
_LINK = re.compile(r"\[(?=[^\[\]]*\]\()")


def render(diagnostics: Iterable[Diagnostic], about: Subject = ALONE) -> str:
    """Return a log with one run."""
    found = list(diagnostics)
    codes = {code: number for number, code in enumerate(sorted({each.code for each in found}))}
    marks = fingerprints(found, about)
    driver: dict[str, object] = {"name": "msaspec", "rules": [_rule(code, about) for code in codes]}
    if about.version:
        driver["version"] = about.version
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": _location(file, about)} for file in about.files],
        "results": [_result(each, codes, mark, about) for each, mark in zip(found, marks, strict=True)],
    }
    return printable.to_json({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ascii=True)


def _rule(id: str, about: Subject) -> dict[str, object]:
    code = about.code(id)
    page = f"Read its manual page with: msaspec explain {id}"
    address = pages.page(id)
    link = {"helpUri": address} if address else {}
    if code is None:
        title = f"The rule {id} of cfn-lint"
        return {
            "id": id,
            "shortDescription": {"text": title},
            "fullDescription": {"text": title},
            "help": {"text": page},
            **link,
        }
    return {
        "id": id,
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": " ".join(code.manual.split())},
        "help": {"text": f"{code.manual}\n\n{page}"},
        **link,
        "defaultConfiguration": {"level": LEVELS[code.severity]},
    }


def _result(diagnostic: Diagnostic, codes: Mapping[str, int], mark: str, about: Subject) -> dict[str, object]:
    span = about.place(diagnostic)
    location: dict[str, object] = {
        "physicalLocation": {"artifactLocation": _location(span.file, about), "region": _region(span, diagnostic)}
    }
    if path := logical(diagnostic):
        location["logicalLocations"] = [{"fullyQualifiedName": path}]
    return {
        "ruleId": diagnostic.code,
        "ruleIndex": codes[diagnostic.code],
        "level": LEVELS[diagnostic.severity],
        "message": {"text": _message(sentences(diagnostic, page=False))},
        "locations": [location],
        "partialFingerprints": {FINGERPRINT: mark},
    }


def _message(text: str) -> str:
    r"""Return a text that has no placeholders and no links.

    >>> print(_message("Write {0}, `${A}` or [x](y)."))
    Write {{0}}, `${A}` or \[x](y).
    """
    return _LINK.sub(r"\\[", _PLACEHOLDER.sub(r"{{\1}}", text))


def _region(span: Span, diagnostic: Diagnostic) -> dict[str, object]:
    region: dict[str, object] = {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.line,
        "endColumn": span.column + span.length,
    }
    return {**region, "snippet": {"text": diagnostic.excerpt}} if diagnostic.excerpt and diagnostic.span else region


def _location(file: str, about: Subject) -> dict[str, str]:
    path = about.path(file)
    if path.startswith("/") or path[1:2] == ":":
        return {"uri": f"file:///{quote(path.lstrip('/'), errors='replace')}"}
    return {"uri": quote(path, errors="replace"), "uriBaseId": ROOT}
