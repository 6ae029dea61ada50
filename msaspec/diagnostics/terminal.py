"""What a stream can show: whether there are colours, how many columns it has, whether a picture can be drawn again.

Variables of the environment say more than the stream: NO_COLOR, FORCE_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM, COLUMNS
and CI. The first of those that are set decides, in this order.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TextIO
from unicodedata import category, east_asian_width

NARROWEST = 20
"""Columns below which text is left to the terminal."""
_OFF = ("", "0", "false", "no")
_STYLE = re.compile(r"\x1b\[\d+m")
_PIECE = re.compile(r"`[^`]*`\S*|(?<=: )(?:aws|docker|eval|git|msaspec) .*|\S+")
"""What no line break splits: a word, something in backticks, and a command at the end of a line, to be copied."""
_BEGIN = re.compile(r"\s*(?:= (?:hint|page): )?")


def continuous() -> bool:
    """Return whether this is a job of a system of CI. Some give their jobs a terminal, with no user."""
    return os.environ.get("CI", "").lower() not in _OFF


def coloured() -> bool | None:
    """Return whether there are colours; None where the environment says nothing, and a terminal has them."""
    if os.environ.get("NO_COLOR"):
        return False
    if forced := os.environ.get("FORCE_COLOR", "").lower():
        return forced not in _OFF
    if os.environ.get("CLICOLOR_FORCE", "").lower() not in _OFF:
        return True
    if os.environ.get("TERM") == "dumb" or os.environ.get("CLICOLOR") == "0":
        return False
    return None


def styled(stream: TextIO) -> bool:
    """Return whether a stream gets colours."""
    chosen = coloured()
    return stream.isatty() if chosen is None else chosen


def moving(stream: TextIO) -> bool:
    """Return whether a picture can keep itself up to date on a stream."""
    return stream.isatty() and os.environ.get("TERM") != "dumb" and not continuous()


def answers(stream: TextIO) -> bool:
    """Return whether a user at an input can answer."""
    return stream.isatty() and not continuous()


def width(stream: TextIO) -> int | None:
    """Return the columns of a terminal; None where the stream is none, so that a line of a log stays one."""
    if not stream.isatty():
        return None
    try:
        chosen = int(os.environ.get("COLUMNS", ""))
    except ValueError:
        chosen = 0
    if chosen <= 0:
        try:
            chosen = os.get_terminal_size(stream.fileno()).columns
        except (OSError, ValueError):
            return None
    return chosen if chosen >= NARROWEST else None


def columns(text: str) -> int:
    """Return how many columns a text takes.

    >>> columns("a\\x1b[31mb\\x1b[0m"), columns("漢字"), columns("e\\u0301")
    (2, 4, 1)
    """
    plain = _STYLE.sub("", text)
    if plain.isascii():
        return len(plain)
    return sum(0 if category(c) in ("Mn", "Me") else 2 if east_asian_width(c) in "WF" else 1 for c in plain)


def wrapped(text: str, width: int | None) -> str:
    r"""Return text whose lines are broken between words where they are wider than a terminal. What follows is indented.

    >>> print(wrapped("one two three `four five` six", 20))
    one two three
      `four five` six
    """
    if width is None:
        return text
    return "\n".join(piece for line in text.split("\n") for piece in _broken(line, width))


def _broken(line: str, width: int) -> Iterator[str]:
    if columns(line) <= width:
        yield line
        return
    begin = _BEGIN.match(line)
    start = begin.end() if begin else 0
    indent = " " * (start if line[:start].strip() else start + 2)
    if len(indent) > width // 2:
        indent = "  "
    shown, taken, end = "", 0, 0
    for match in _PIECE.finditer(line):
        gap, piece = line[end : match.start()], match[0]
        if taken and taken + len(gap) + columns(piece) > width and end > start:
            yield shown
            shown, taken, gap = indent, len(indent), ""
        shown, taken, end = shown + gap + piece, taken + len(gap) + columns(piece), match.end()
    yield shown + line[end:]
