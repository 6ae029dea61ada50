"""What the forms of reports have in common: what a report is about, and how it names places."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msaspec.diagnostics import credentials, pages, printable
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Span
from msaspec.diagnostics.place import render as render_path


@dataclass(frozen=True)
class Subject:
    """What a report is about, beside its diagnostics."""

    files: Sequence[str] = ()
    """The files that were looked at, by the names that diagnostics use."""
    root: str = ""
    """The folder of the repository, which systems of CI count paths from; empty where it is the working directory."""
    strict: bool = False
    """Whether warnings fail, too."""
    code: Callable[[str], Code | None] = lambda _: None
    """The kind of a diagnostic by its id; None where it is not one of msaspec's own."""
    version: str = ""
    """That of msaspec."""
    width: int | None = None
    """Columns of the terminal that shows it; None where it is none."""

    def place(self, diagnostic: Diagnostic) -> Span:
        """Return where a diagnostic is shown: for one without a place, at the beginning of the first file."""
        return diagnostic.span or Span(self.files[0] if self.files else "msa.yaml", 1, 1)

    def path(self, file: str) -> str:
        """Return the path of a file from the root of the repository, with slashes; an absolute one where it is outside
        of it. Harmless wherever it is printed."""
        full = os.path.abspath(file)
        try:
            inside = os.path.relpath(full, os.path.abspath(self.root))
        except ValueError:  # on another drive
            inside = os.pardir
        outside = inside == os.pardir or inside.startswith(os.pardir + os.sep)
        return printable.line((full if outside else inside).replace(os.sep, "/"))

    def fails(self, diagnostic: Diagnostic) -> bool:
        """Return whether a diagnostic lets `lint` end with an error."""
        return self.strict or diagnostic.severity is Severity.ERROR


ALONE = Subject()
"""Nothing is known beside the diagnostics."""


def sentences(diagnostic: Diagnostic, *, page: bool = True) -> str:
    """Return the message of a diagnostic; its hint, and the address of its page where documents are published, on lines
    of their own. Without `page` that is left to a field of the form."""
    said = [diagnostic.message]
    if diagnostic.hint:
        said.append(f"Hint: {diagnostic.hint}")
    if page and (address := pages.own(diagnostic.code)):
        said.append(f"Page: {address}")
    return "\n".join(said)


def fingerprints(diagnostics: Sequence[Diagnostic], about: Subject) -> list[str]:
    """Return a text for each diagnostic that no other has, and that stays when lines are added above it."""
    seen: dict[str, int] = {}
    found = []
    for each in diagnostics:
        parts = (about.path(about.place(each).file), each.code, logical(each), each.message)
        key = "\0".join(parts)
        seen[key] = seen.get(key, 0) + 1
        found.append(hashlib.sha256(f"{key}\0{seen[key]}".encode("utf-8", "backslashreplace")).hexdigest()[:32])
    return found


def logical(diagnostic: Diagnostic) -> str:
    """Return the path of keys to what a diagnostic is about, without credentials."""
    return printable.line(credentials.without(render_path(diagnostic.path)))
