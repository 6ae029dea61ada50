"""A text that is not YAML, less the entry where a parser stumbles, so that the rest of it can be read.

Lines are emptied and never removed, so that all others keep their numbers. What is cut is a guess by indentation: the
key stays, since others may name it, and its value is dropped with all that is indented further.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from msaspec.diagnostics.diagnostic import Diagnostic
from msaspec.source.text import SYNTAX, TAB, UNCLOSED, Text

MOST = 20
"""About how many faults of syntax are reported."""
MAX_CHARACTERS = 256 * 1024
"""Longer texts are not read again and again."""

_OPENED = ("flow mapping", "flow sequence", "quoted scalar", "simple key")
"""What the parser was in, where the entry to blame begins and not where it noticed."""
_HEAD = re.compile(r"""( *(?:- +)*)("[^"]*"|'[^']*'|[\w.$/-]+)(?: *:(?= |$)|(?=[ \t]|$))""")


class Recovery:
    """A text and what was cut from it."""

    def __init__(self, text: Text, known: Collection[int] = ()) -> None:
        self.text = text
        self.faults: list[tuple[int, Diagnostic]] = []
        """Faults, each with the line whose value is gone, counted from 1; 0 where a value stayed."""
        self._original = text
        self._known = frozenset(known)
        self._times = 0
        self._cut: dict[int, int] = {}
        """How much was cut at lines: 1 the value of the key, 2 all."""

    def go_on(self, complaint: Diagnostic, error: Any) -> bool:
        """Cut what a complaint of the parser is about; return whether there is something left to try."""
        self._times += 1
        complaint = self._unclosed(complaint)
        if complaint.span is None or self._times > 2 * MOST or len(self.text.content) > MAX_CHARACTERS:
            return False
        lines = list(self.text.lines)
        at = complaint.span.line - 1
        known = complaint.placed(complaint.span, self._original.excerpt(complaint.span))
        if complaint.code == TAB.id and "\t" in lines[at]:
            self.faults.append((0, known))
            lines[at] = _without_tabs(lines, at)
            return self._now(lines)
        start = self._start(lines, at, error)
        closes = lines[start].strip()[:1] in ("]", "}", ")") and self._is_after_cut(lines, start)
        follows = closes or start in self._cut or at + 1 in self._known
        if not follows:
            self.faults.append((start + 1, known))
        while self._cut.get(start) == 2:
            above = _above(lines, start, self._original.lines)
            if above is None:
                return False
            start = above
        head = _HEAD.match(lines[start])
        self._cut[start] = 1 if head and start not in self._cut and not follows else 2
        end = _end(lines, start)
        for number in range(start + 1, end):
            self._cut[number] = 2
        emptied = f"{head[1]}{head[2]}:" if head and self._cut[start] == 1 else ""
        lines[start:end] = [emptied, *[""] * (end - start - 1)]
        return self._now(lines)

    def outside_cut(self, faults: Iterable[Diagnostic]) -> list[Diagnostic]:
        """Return faults of the text with the lines as they are written; without those of what was cut."""
        return [
            fault.placed(fault.span, self._original.excerpt(fault.span))
            for fault in faults
            if not fault.span or fault.span.line - 1 not in self._cut
        ]

    def _now(self, lines: list[str]) -> bool:
        if tuple(lines) == self.text.lines:
            return False
        self.text = replace(self.text, content="\n".join(lines), lines=tuple(lines))
        return True

    def _start(self, lines: list[str], at: int, error: Any) -> int:
        """Return the line of the entry to blame."""
        context, mark = getattr(error, "context", None) or "", getattr(error, "context_mark", None)
        if mark is not None and any(each in context for each in _OPENED):
            return min(int(mark.line), at)
        return at

    def _unclosed(self, complaint: Diagnostic) -> Diagnostic:
        """Return the complaint where a quote opens that is not closed, and so ends where the next one opens, lines
        below."""
        at, column = (complaint.span.line - 1, complaint.span.column - 1) if complaint.span else (0, 0)
        quote = self.text.lines[at][:column].rstrip()[-1:]
        if not quote or quote not in "\"'":
            return complaint
        for number in range(at - 1, -1, -1):
            line = self.text.lines[number].replace('\\"', "  ")
            opens = list(re.finditer(rf"(?:^|[:\[{{,-]) *(?={quote})", line))
            if opens and line.count(quote) % 2:
                span = self.text.span(number, opens[-1].end())
                return self.text.fault(SYNTAX, span, UNCLOSED, hint="Close it with the same quote.")
        return complaint

    def _is_after_cut(self, lines: list[str], at: int) -> bool:
        while at and not lines[at - 1].strip():
            at -= 1
            if at in self._cut:
                return True
        return at - 1 in self._cut


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _end(lines: list[str], start: int) -> int:
    """Return the line after the last that is indented further."""
    end = start + 1
    for number in range(start + 1, len(lines)):
        if lines[number].strip() and _indent(lines[number]) <= _indent(lines[start]):
            break
        end = number + 1
    return end


def _above(lines: list[str], start: int, original: tuple[str, ...]) -> int | None:
    """Return the line of the entry that a line belongs to."""
    indent = _indent(original[start])
    return next((n for n in range(start - 1, -1, -1) if lines[n].strip() and _indent(lines[n]) < indent), None)


def _without_tabs(lines: list[str], at: int) -> str:
    """Return the line, indented with spaces like its neighbours."""
    text = lines[at].lstrip(" \t")
    if text != lines[at] and "\t" in lines[at][: len(lines[at]) - len(text)]:
        before = next((line for line in reversed(lines[:at]) if line.strip()), "")
        after = next((line for line in lines[at + 1 :] if line.strip() and "\t" not in line), "")
        deeper = _indent(before) + 2 if before.rstrip().endswith(":") else _indent(before)
        indent = max(_indent(after), deeper) if before.rstrip().endswith(":") else deeper
        return " " * indent + text.replace("\t", " ")
    return lines[at].replace("\t", " ")
