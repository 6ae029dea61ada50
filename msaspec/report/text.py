"""Diagnostics for people: place, sentence, the line with a caret, hint."""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import east_asian_width

from click import style

from msaspec.diagnostic import Diagnostic, Severity

COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}
WIDTH = 140
"""Longer source lines are cut around the caret."""


def render(diagnostics: Iterable[Diagnostic]) -> str:
    """One paragraph a diagnostic. Styled; `click.echo` strips that where no terminal is."""
    return "\n\n".join("\n".join(_lines(diagnostic)) for diagnostic in diagnostics)


def _lines(diagnostic: Diagnostic) -> Iterable[str]:
    colour = COLOURS[diagnostic.severity]
    where = f"{diagnostic.span}: " if diagnostic.span else ""
    label = style(f"{diagnostic.severity} {diagnostic.code}", fg=colour, bold=True)
    yield f"{style(where, bold=True)}{label}: {diagnostic.message}"
    margin = ""
    if diagnostic.span and diagnostic.excerpt is not None:
        number = str(diagnostic.span.line)
        margin = " " * len(number)
        line, caret = _excerpt(diagnostic.excerpt, diagnostic.span.column - 1, diagnostic.span.length)
        yield f"  {number} | {line}"
        yield f"  {margin} | {style(caret, fg=colour)}"
    if diagnostic.hint:
        yield f"  {margin} = hint: {diagnostic.hint}"


def _excerpt(line: str, start: int, length: int) -> tuple[str, str]:
    """The line and its carets, cut to a readable width, with what a terminal cannot show made visible."""
    cut = max(0, start - WIDTH // 2) if len(line) > WIDTH else 0
    shown = line[cut : cut + WIDTH]
    before, marked = shown[: start - cut], shown[start - cut : start - cut + length]
    visible = "".join(c if c.isprintable() else "\t" if c == "\t" else "�" for c in shown)
    indent = "".join("\t" if c == "\t" else " " * _columns(c) for c in before)
    return visible, indent + "^" * max(1, sum(map(_columns, marked)))


def _columns(character: str) -> int:
    return 2 if east_asian_width(character) in "WF" else 1
