"""What is printed is data: the one place where text of others is made harmless to a terminal and to a CI log.

A manifest, a file's name, a template, cfn-lint, AWS and the log of a service can hold anything: sequences that steer a
terminal, line breaks that fake a line, and commands that a CI system obeys when it sees them in a log. `line` is for
one text inside a sentence or a row, `to_json` for programs, `echo` for everything that is printed; `page` is what
`echo` does to its text, and `data` prints what is harmless already. Nothing else in the package prints.

What a CI system obeys: GitHub Actions `::name::` at the start of a line and `##[name]` anywhere, Azure Pipelines
`##vso[` and `##[` anywhere, TeamCity `##teamcity[`.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any, TextIO

from msaspec.diagnostics import terminal

REPLACEMENT = "\ufffd"
"""Shown in place of each character that is taken out."""

MARK = re.compile(r"#(?=#(?:vso|teamcity)?\[)", re.IGNORECASE)
"""The first character of a command that is obeyed anywhere in a line."""
_AT_START = re.compile(r"^[^\S\n]*(?=::[a-z])", re.IGNORECASE | re.MULTILINE)
_STYLE = re.compile(r"(\x1b\[(?:[0-2]|3[1-7]|9[0-7])m)")
"""The styles of `click.style` that msaspec uses. Black is not among them: it would hide text."""


def line(text: str) -> str:
    """Return the text on one line, harmless wherever it is printed. Has as many characters as `text`.

    >>> line("a\\n::error::b\\x1b[2J"), line("##vso[task.complete]"), line("::error::c")
    ('a�::error::b�[2J', '�#vso[task.complete]', '�:error::c')
    """
    shown = text if text.isprintable() else "".join(c if c.isprintable() else REPLACEMENT for c in text)
    return _without_commands(shown)


def sentence(said: object) -> str:
    """Return a message as one line with a full stop.

    >>> sentence("No such file"), sentence("Why?")
    ('No such file.', 'Why?')
    """
    text = " ".join(str(said).split())
    return text if text.endswith((".", "!", "?")) else f"{text}."


def page(text: str, *, styled: bool = True) -> str:
    """Return text of several lines, harmless wherever it is printed; line breaks, tabs and msaspec's own styles stay.

    >>> page("one\\n::error::two\\x07")
    'one\\n�:error::two�'
    """
    pieces = _STYLE.split(text) if styled else [text]
    pieces[::2] = map(_visible, pieces[::2])
    # Where no terminal is, styles are left out, so a command may not be made of two pieces either.
    plain = _without_commands("".join(pieces[::2]))
    end = 0
    for number in range(0, len(pieces), 2):
        start, end = end, end + len(pieces[number])
        pieces[number] = plain[start:end]
    return "".join(pieces)


def to_json(thing: Any, *, indent: int | None = None, ascii: bool = False) -> str:
    """Return JSON without a character that steers a terminal and without a command for CI; every value stays as it is.

    >>> to_json("##[error]\\x9b")
    '"\\\\u0023#[error]\\\\u009b"'
    """
    text = json.dumps(thing, indent=indent, ensure_ascii=ascii)
    return "\n".join(map(_escaped, text.split("\n")))


def in_ascii(text: str) -> str:
    """Return JSON with an escape for each character beyond ASCII, which only its texts have.

    >>> print(in_ascii('"✓ 𝄞"'))
    "\\u2713 \\ud834\\udd1e"
    """
    return text if text.isascii() else "".join(c if c.isascii() else json.dumps(c)[1:-1] for c in text)


def echo(text: str = "", *, err: bool = False, wrap: bool = True) -> None:
    """Print text and a line break, on stdout or stderr. Colours and width are those that `terminal` finds.

    Without `wrap` long lines are left to the terminal, for what is to be copied as it is.
    """
    stream = sys.stderr if err else sys.stdout
    text = broken(page(text), terminal.width(stream)) if wrap else page(text)
    plain = _STYLE.sub("", text)
    # click takes longer to import than an answer takes to repeat; it knows consoles and streams that are not as usual.
    usual = plain.isascii() and (plain == text or sys.platform != "win32")
    if usual and "click" not in sys.modules:
        stream.write((text if terminal.styled(stream) else plain) + "\n")
        stream.flush()
        return
    import click

    # With a stream that is named, click does not write UTF-8 where another encoding is wanted.
    click.echo(text, file=stream, color=terminal.coloured())


def broken(text: str, width: int | None) -> str:
    """Return a page whose lines are broken between words, and none of which begins with a command for that."""
    shown = terminal.wrapped(text, width)
    return text if shown == text else page(shown)


def data(text: str) -> None:
    """Print text for programs on stdout, as UTF-8 whatever the locale and as it is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def is_unicode(stream: TextIO) -> bool:
    """Return whether a stream takes every character as it is."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")


def fitting(text: str, stream: TextIO) -> str:
    """Return the text with an escape for each character that the encoding of a stream lacks."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def obeyed(text: str) -> bool:
    """Return whether a CI system would take a part of the text for a command."""
    return bool(MARK.search(text) or _AT_START.search(text))


def _visible(text: str) -> str:
    return "".join(c if c.isprintable() or c in "\n\t" else REPLACEMENT for c in text)


def _without_commands(text: str) -> str:
    found = {match.end() for match in _AT_START.finditer(text)} | {match.start() for match in MARK.finditer(text)}
    return "".join(REPLACEMENT if at in found else c for at, c in enumerate(text)) if found else text


def _escaped(text: str) -> str:
    text = MARK.sub(r"\\u0023", text)
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
