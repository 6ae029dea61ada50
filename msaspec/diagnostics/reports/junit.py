"""Diagnostics as a report of tests in JUnit's XML, which nearly every system of CI shows.

No standard describes it. This is what Jenkins, GitLab, Azure Pipelines and CircleCI have in common: a suite for each
file, a case for each diagnostic. What does not let `lint` fail is a case that passed, with its text as the output. A
file without a diagnostic is one case that passed, since systems take a report without cases for a mistake.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from msaspec.diagnostics.diagnostic import Diagnostic
from msaspec.diagnostics.report import ALONE, Subject, sentences


def render(diagnostics: Iterable[Diagnostic], about: Subject = ALONE) -> str:
    """Return a document with the root `testsuites`."""
    files: dict[str, list[Diagnostic]] = {about.path(file): [] for file in about.files}
    for diagnostic in diagnostics:
        files.setdefault(about.path(about.place(diagnostic).file), []).append(diagnostic)
    root = Element("testsuites", name="msaspec lint")
    for file, found in files.items():
        _suite(SubElement(root, "testsuite", name=file), file, found, about)
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, "unicode")


def _suite(suite: Element, file: str, found: list[Diagnostic], about: Subject) -> None:
    failures = sum(map(about.fails, found))
    counts = {"tests": len(found) or 1, "failures": failures, "errors": 0, "skipped": 0}
    for name, count in counts.items():
        suite.set(name, str(count))
    suite.set("time", "0")
    if not found:
        SubElement(suite, "testcase", classname=file, name="no findings", file=file, time="0")
    for diagnostic in found:
        span = about.place(diagnostic)
        name = f"{span.line}:{span.column} {diagnostic.code}: {diagnostic.message}"
        case = SubElement(suite, "testcase", classname=file, name=name, file=file, line=str(span.line), time="0")
        text = f"{file}:{span.line}:{span.column}: {diagnostic.severity} {diagnostic.code}: {sentences(diagnostic)}"
        if about.fails(diagnostic):
            SubElement(case, "failure", type=diagnostic.code, message=diagnostic.message).text = text
        else:
            SubElement(case, "system-out").text = text
