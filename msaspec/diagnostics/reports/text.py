"""Diagnostics for people: place, sentence, the line with a caret, hint, the page where documents are published."""

from __future__ import annotations

from collections.abc import Iterable

from click import style

from msaspec.diagnostics import pages, printable, terminal
from msaspec.diagnostics.diagnostic import Diagnostic, Severity
from msaspec.diagnostics.report import ALONE, Subject

COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}
WIDTH = 140
"""Longer source lines are cut around the caret."""


def render(diagnostics: Iterable[Diagnostic], about: Subject = ALONE) -> str:
    """One paragraph a diagnostic. Styled; `click.echo` strips that where no terminal is."""
    return "\n\n".join("\n".join(_lines(diagnostic, about.width)) for diagnostic in diagnostics)


def _lines(diagnostic: Diagnostic, width: int | None) -> Iterable[str]:
    colour = COLOURS[diagnostic.severity]
    where = f"{printable.line(str(diagnostic.span))}: " if diagnostic.span else ""
    label = style(f"{diagnostic.severity} {diagnostic.code}", fg=colour, bold=True)
    yield f"{style(where, bold=True)}{label}: {diagnostic.message}"
    margin = ""
    if diagnostic.span and diagnostic.excerpt is not None:
        number = str(diagnostic.span.line)
        margin = " " * len(number)
        room = min(WIDTH, width - len(margin) - 5) if width else WIDTH
        line, caret = _excerpt(diagnostic.excerpt, diagnostic.span.column - 1, diagnostic.span.length, room)
        yield f"  {number} | {line}"
        yield f"  {margin} | {style(caret, fg=colour)}"
    if diagnostic.hint:
        yield f"  {margin} = hint: {diagnostic.hint}"
    if address := pages.own(diagnostic.code):
        yield f"  {margin} = page: {address}"


def _excerpt(line: str, start: int, length: int, width: int) -> tuple[str, str]:
    """Return the line and its carets, cut to a readable width."""
    cut = max(0, start - width // 2) if terminal.columns(line) > width else 0
    shown = line[cut : cut + width]
    while terminal.columns(shown) > width:  # of wide characters
        shown = shown[:-1]
    before, marked = shown[: start - cut], shown[start - cut : start - cut + length]
    indent = "".join("\t" if c == "\t" else " " * terminal.columns(c) for c in before)
    return shown, indent + "^" * max(1, terminal.columns(marked))
