"""From bytes to text that a YAML parser may see, and from the parser's complaints to plain words."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Any, Protocol

from msaspec.diagnostics.diagnostic import Code, Diagnostic, Invalid, ordered
from msaspec.diagnostics.place import Path, Span

MAX_BYTES = 1024 * 1024

NOT_UTF8 = Code(
    "MSA101",
    "The file is not UTF-8",
    """
    A manifest is UTF-8 text. The message names the first byte that is not, counted in characters.

    Wrong: a file saved as UTF-16 or Latin-1.
    Right: the same file after `iconv -f LATIN1 -t UTF-8`, or "save with encoding UTF-8" in the editor.
    """,
)
TOO_LARGE = Code(
    "MSA102",
    "The file is too large",
    """
    A manifest has at most 1 MiB of text and 50,000 keys and values, with aliases counted as often as they are
    used and long texts counted by their length.

    Wrong: `env: {BUNDLE: "...a megabyte..."}`
    Right: a few dozen lines a service; large data belongs in a bucket or an image.
    """,
)
CONTROL_CHARACTER = Code(
    "MSA103",
    "An invisible character",
    """
    Control characters, byte order marks inside the text and Unicode line separators cannot be seen, and YAML
    does not allow most of them. msaspec reports every line that contains one, at its first occurrence.

    Wrong: a key with a NUL byte or a line separator pasted from elsewhere.
    Right: the text without it, or an escape in double quotes: `"\\u2028"`.
    """,
)
SYNTAX = Code(
    "MSA104",
    "Not valid YAML",
    """
    The text is not valid YAML from the named place on. Usually a bracket or quote is not closed, a line is indented
    differently from its neighbours, or a text with `: ` in it needs quotes.

    Wrong: `title: shop: the system`
    Right: `title: "shop: the system"`
    """,
)
TAB = Code(
    "MSA105",
    "A tab where YAML needs spaces",
    """
    YAML is indented with spaces only.

    Wrong: a line that begins with a tab.
    Right: the same line with two spaces for each level.
    """,
)
TAG = Code(
    "MSA111",
    "A YAML tag",
    """
    Tags such as `!Ref`, `!Sub` or `!!binary` change the meaning of a value for some programs. A manifest does not
    support them: values are what they look like.

    Wrong: `port: !!str 80` or `URL: !Ref Url`
    Right: `port: "80"` or `URL: ${main.url}`
    """,
)

_UNSEEN = "[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
"""Compiled only for a text that is not plain: that takes as long as all the rest of reading one."""
_UNPLAIN = re.compile("[^\t\n\r -~]")
_BREAK = re.compile("\r\n|\r|\n")
_WIDE = (
    ("UTF-32", codecs.BOM_UTF32_LE),
    ("UTF-32", codecs.BOM_UTF32_BE),
    ("UTF-16", codecs.BOM_UTF16_LE),
    ("UTF-16", codecs.BOM_UTF16_BE),
)


class Mark(Protocol):
    """A place as PyYAML has it: counted from 0, in characters."""

    line: int
    column: int


@dataclass(frozen=True)
class Text:
    """A file's text, without a byte order mark, and its lines, without their ends."""

    file: str
    content: str
    lines: tuple[str, ...]

    def span(self, line: int, column: int, length: int = 1) -> Span:
        """Return the place counted from 0, as a span within the text."""
        line = min(line, len(self.lines) - 1)
        size = len(self.lines[line])
        column = min(column, size)
        return Span(self.file, line + 1, column + 1, max(1, min(length, size - column)))

    def excerpt(self, span: Span | None) -> str | None:
        """Return the line that the span points into, if it points into this file."""
        if span is None or span.file != self.file or not 1 <= span.line <= len(self.lines):
            return None
        return self.lines[span.line - 1]

    def fault(
        self, code: Code, span: Span, message: str, *, hint: str | None, path: Path = (), key: bool = False
    ) -> Diagnostic:
        """Return a diagnostic that has its place and its line."""
        return code.at(path, message, hint=hint, key=key, span=span).placed(span, self.excerpt(span))


def decode(source: bytes | str, file: str) -> tuple[Text, list[Diagnostic]]:
    """Return the text of a file with a mark for each character that cannot be seen, and faults of these.

    Raises `Invalid` if it is no text, or too much of it.
    """
    if len(source) <= MAX_BYTES and isinstance(source, str):
        source = source.encode("utf-8", "surrogatepass")
    if isinstance(source, str) or len(source) > MAX_BYTES:
        message = f"The file has {len(source) / MAX_BYTES:.2f} MiB; a manifest has at most 1 MiB."
        hint = "Check that this is the manifest; keep large data in a bucket or an image."
        raise Invalid([TOO_LARGE.at((), message, hint=hint, span=Span(file, 1, 1))])
    if encoding := _wide(source):
        message = f"The file is encoded as {encoding}; a manifest is UTF-8."
        raise Invalid([NOT_UTF8.at((), message, hint="Save it as UTF-8.", span=Span(file, 1, 1))])
    source = source.removeprefix(codecs.BOM_UTF8)
    try:
        content = source.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Invalid([_not_utf8(source, error.start, file)]) from None
    text = Text(file, content, tuple(_BREAK.split(content)))
    unseen = _unseen(text)
    if not unseen:
        return text, []
    content = re.sub(_UNSEEN, "\ufffd", content)
    return Text(file, content, tuple(_BREAK.split(content))), ordered(unseen)


def _wide(source: bytes) -> str | None:
    """Return the name of an encoding with more than one byte to each ASCII character, if the bytes look like it."""
    for name, mark in _WIDE:
        if source.startswith(mark):
            return name
    start = source[:64]
    zeros = [not any(start[offset::4]) for offset in range(4)]
    if len(start) < 4 or sum(zeros) not in (2, 3) or len(start) % 2:
        return None
    return "UTF-32" if sum(zeros) == 3 else "UTF-16" if zeros[0] == zeros[2] else None


def _not_utf8(source: bytes, bad: int, file: str) -> Diagnostic:
    before = _BREAK.split(source[:bad].decode("utf-8"))
    after = source[bad : bad + 200].decode("utf-8", "replace")
    text = Text(file, "", (*before[:-1], before[-1] + _BREAK.split(after)[0]))
    span = text.span(len(before) - 1, len(before[-1]))
    message = f"The byte 0x{source[bad]:02X} here is not UTF-8."
    return text.fault(NOT_UTF8, span, message, hint="Save the file as UTF-8, or correct this character.")


def _unseen(text: Text) -> list[Diagnostic]:
    """Return the first invisible character of each line that has one."""
    faults: list[Diagnostic] = []
    if not _UNPLAIN.search(text.content):
        return faults
    unseen = re.compile(_UNSEEN)
    for number, line in enumerate(text.lines):
        if (match := unseen.search(line)) and len(faults) < 100:
            message = f"Invisible character U+{ord(match[0]):04X}."
            hint = 'Delete it, or write it as an escape in double quotes, such as "\\u2028".'
            span = text.span(number, match.start())
            faults.append(text.fault(CONTROL_CHARACTER, span, message, hint=hint))
    return faults


def tag_directive(text: Text, line: int) -> Diagnostic | None:
    """Return the first `%TAG` directive before the document that begins at or after the line (counted from 0)."""
    for number in range(line, len(text.lines)):
        content = text.lines[number]
        if content.startswith("%TAG"):
            span = text.span(number, 0, len(content))
            return text.fault(TAG, span, "YAML tags are not supported.", hint="Delete the directive.")
        if content.strip() and content[0] not in "#%" and not content.lstrip().startswith("#"):
            return None
    return None


UNCLOSED = "The quote that opens here is never closed."
_AT, _FROM = False, True
# A part of what the parser says (in libyaml's or PyYAML's wording); whether to point at the place of the
# problem or from where the construct begins; what it means; what to do.
_PROBLEMS: tuple[tuple[str, bool, str, str], ...] = (
    ("found unexpected end of stream", _FROM, UNCLOSED,
     "Close it with the same quote; within single quotes write '' for a quote, within double quotes \\\"."),
    ("found unexpected document indicator", _FROM, UNCLOSED,
     "Close it with the same quote."),
    ("could not find expected ':'", _FROM, "A key is expected here, but no `:` follows it.",
     "Write `key: value`; indent the line further if it belongs to the text before it."),
    ("unknown escape character", _AT, "This escape is unknown in double quotes.",
     "Write a backslash as \\\\, or use single quotes, where a backslash is just a character."),
    ("unicode character escape", _AT, "This escape is half of a surrogate pair, or no character.",
     "Write the character itself; beyond U+FFFF its escape is \\U and eight digits."),
    ("hexdecimal", _AT, "This escape lacks digits.", "\\x takes 2 hexadecimal digits, \\u 4 and \\U 8."),
    ("hexadecimal", _AT, "This escape lacks digits.", "\\x takes 2 hexadecimal digits, \\u 4 and \\U 8."),
    ("expected ',' or ']'", _AT, "The list that OPENS with `[` is not closed before this.",
     "Add the missing `,` or `]`; quote an entry that holds `: `, `[` or `{`."),
    ("expected ',' or '}'", _AT, "The map that OPENS with `{` is not closed before this.",
     "Add the missing `,` or `}`; quote a value that holds `: `, `[` or `{`."),
    ("sequence entries are not allowed", _AT, "A list entry is not allowed here.",
     "Begin the list on a line of its own; quote a text that begins with `- `."),
    ("mapping keys are not allowed", _AT, "`? ` is not allowed here.", "Quote a text that begins with it."),
    ("alphabetic or numeric character", _FROM, "A name is expected right after this `&` or `*`.",
     "Quote a text that begins with `&` or `*`."),
    ("indentation indicator", _AT, "The digit after `|` or `>` is 1 to 9.", "Leave the digit out."),
    ("chomping or indentation", _AT, "A block text begins on the line after its `|` or `>`.",
     "Put the text on the lines below, indented, or quote it."),
    ("comment or line break", _AT, "A block text begins on the line after its `|` or `>`.",
     "Put the text on the lines below, indented, or quote it."),
    ("<document start>", _AT, "The document has ended before this.",
     "Remove this, or check the brackets and the indentation above it."),
    ("undefined tag handle", _AT, "YAML tags are not supported.", "Quote a text that begins with `!`."),
    ("expected '>'", _FROM, "YAML tags are not supported.", "Quote a text that begins with `!`."),
    ("tag uri", _FROM, "YAML tags are not supported.", "Quote a text that begins with `!`."),
    ("incompatible yaml", _AT, "This names a version of YAML that does not exist.", "Delete the line."),
    ("directive", _AT, "This directive is unknown or a duplicate.", "Delete the line."),
)  # fmt: skip


def complaint(text: Text, error: Exception) -> Diagnostic:
    """Return what the parser stumbled over, in plain words."""
    # The attributes of PyYAML's MarkedYAMLError; other exceptions (a bad escape in pure Python) have none.
    known: Any = error
    mark: Mark | None = getattr(known, "problem_mark", None)
    opening: Mark | None = getattr(known, "context_mark", None)
    problem = str(getattr(known, "problem", None) or known).replace("\n", " ")
    if mark is None:
        message = f"This is not valid YAML: {problem}."
        return text.fault(SYNTAX, text.span(0, 0), message, hint=None)
    span = _seen(text, mark)
    before = text.lines[span.line - 1][: span.column - 1]
    here = text.lines[span.line - 1][span.column - 1 : span.column]
    if "tab character" in problem or here == "\t":
        hint = "Indent with spaces: two for each level."
        return text.fault(TAB, span, "A tab where YAML needs spaces.", hint=hint)
    if "mapping values are not allowed" in problem:
        message = "A key is not allowed here: the line above already has a value, or a different indentation."
        if ": " in before:
            message = "A second `:` on this line: a value cannot hold another key."
        return text.fault(SYNTAX, span, message, hint=_COLON_HINT)
    if "expected key" in problem or "expected <block end>" in problem or "'-' indicator" in problem:
        kind = "entry of the list" if "collection" in str(known.context) else "key of the map"
        return _stray(text, span, before, opening, kind)
    if "cannot start any token" in problem:
        message = f"A text without quotes cannot begin with {here}"
        return text.fault(SYNTAX, span, message + ".", hint="Put quotes around the text.")
    if "node content" in problem:
        found = f"`{here}`" if here else "the end of the line"
        hint = f"Write the value, or remove {found}." if here else "Write the value, and close the bracket."
        return text.fault(SYNTAX, span, f"A value is expected before {found}.", hint=hint)
    for sign, at_opening, message, advice in _PROBLEMS:
        if sign in problem.lower():
            place = _seen(text, opening) if at_opening and opening else span
            begins = f"on line {opening.line + 1}" if opening else "above"
            return text.fault(SYNTAX, place, message.replace("OPENS", f"opens {begins}"), hint=advice)
    return text.fault(SYNTAX, span, f"This is not valid YAML: {problem}.", hint=None)


_COLON_HINT = "Quote a text that holds `: `; indent a key like its neighbours."


def _stray(text: Text, span: Span, before: str, opening: Mark | None, kind: str) -> Diagnostic:
    """Something that is no part of the map or list around it."""
    if before.strip(" -"):
        hint = "Put quotes around the whole text, or begin a new line."
        return text.fault(SYNTAX, span, "The value has ended before this.", hint=hint)
    if text.lines[span.line - 1].startswith(":", span.column - 1):
        hint = "Write a key, or remove the `:`."
        return text.fault(SYNTAX, span, "A key is missing before the `:`.", hint=hint)
    if opening and opening.column == span.column - 1:
        message = f"This line is not a {kind} that begins on line {opening.line + 1}."
        hint = "A map has lines with `key: value`, a list has lines with `- value`, and none mixes them."
        return text.fault(SYNTAX, span, message, hint=hint)
    message = "This line's indentation fits no map or list above it."
    hint = "Indent it like its neighbours."
    if opening:
        hint = f"Indent it by {opening.column} to continue what begins on line {opening.line + 1}."
    return text.fault(SYNTAX, span, message, hint=hint)


def _seen(text: Text, mark: Mark) -> Span:
    """Return the mark's place; the end of the last line that holds something if it is behind all of them."""
    line, column = mark.line, mark.column
    if line < len(text.lines) and column < len(text.lines[line]):
        return text.span(line, column)
    while line and (line >= len(text.lines) or not text.lines[line].strip()):
        line -= 1
        column = len(text.lines[min(line, len(text.lines) - 1)].rstrip())
    return text.span(line, column)
