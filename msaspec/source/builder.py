"""From the YAML parser's events to a tree whose every key and value knows its place.

Built without recursion and within limits, so no text makes this slow or deep. What YAML 1.1 and 1.2 read
differently is a fault, not a guess; a fault is noted and the building continues, so that all are reported at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NoReturn

import yaml

from msaspec.diagnostics.diagnostic import Code, Diagnostic, Invalid, ordered
from msaspec.diagnostics.place import Path, Span
from msaspec.source.scalar import Scalar, Surprise, resolve, shown
from msaspec.source.text import SYNTAX, TAG, TOO_LARGE, Mark, Text, complaint, tag_directive
from msaspec.source.tree import (
    ALIAS,
    AMBIGUOUS_SCALAR,
    DUPLICATE_KEY,
    EMPTY,
    KEY_NOT_TEXT,
    MAX_DEPTH,
    MAX_FAULTS,
    MAX_NODES,
    MERGE_KEY,
    NOT_A_MAPPING,
    SEVERAL_DOCUMENTS,
    TOO_DEEP,
    TOO_MANY_FAULTS,
    Entry,
    Node,
    Unreadable,
    Unsound,
)

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_PROPERTIES = re.compile(r"(?:[&!]\S*[ \t]+)+")


@dataclass(frozen=True, slots=True)
class _Anchored:
    """What an alias brings in: the node, how many keys and values it holds in all, how deep it is."""

    node: Node
    size: int
    height: int


class _Frame:
    """A list or map that is still open."""

    __slots__ = (
        "anchor", "end", "entries", "height", "items", "keep", "key", "key_span", "line", "merged", "size", "start",
    )  # fmt: skip

    def __init__(self, event: Any, start: int, size: int) -> None:
        self.anchor: str | None = event.anchor
        self.line: int = event.start_mark.line
        self.start = start
        self.end = start + 1
        self.size = size  # how many keys and values came before it
        self.height = 1
        self.entries: dict[str, Entry] | None = {} if isinstance(event, yaml.MappingStartEvent) else None
        self.items: list[Node] = []
        self.key = ""
        self.key_span: Span | None = None  # None while a key is expected
        self.keep = True  # whether the value after this key is wanted
        self.merged: list[Node] = []  # what merge keys bring in

    def reach(self, span: Span) -> None:
        """Take in the first line."""
        if span.line == self.line + 1:
            self.end = max(self.end, span.column - 1 + span.length)


class _End(Exception):
    """All that is wanted has been read."""


class _Builder:
    def __init__(self, text: Text) -> None:
        self.text = text
        self.faults: list[Diagnostic] = []
        self.stack: list[_Frame] = []
        self.anchors: dict[str, _Anchored | _Frame] = {}
        self.root: Node | None = None
        self.size = 0

    def build(self) -> Node:
        """Return the root. Raises `Invalid` if there is any fault."""
        self._directives(0)
        try:
            for event in yaml.parse(self.text.content, Loader=LOADER):
                self._take(event)
        except _End:
            pass
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            if "nesting depth" in str(error):  # libyaml looks ahead, and has a limit of its own since PyYAML 6.0.4
                self._too_deep(complaint(self.text, error).span)
            raise Unreadable(ordered(self.faults), complaint(self.text, error), error) from None
        root = self._checked_root()
        if root is not None and isinstance(root.value, Mapping) and self.faults:
            raise Unsound(ordered(self.faults), root)
        if root is None or self.faults:
            self._fail()
        return root

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._document(event)
        elif isinstance(event, yaml.DocumentEndEvent):
            self._directives(self._line_after(event))

    def _directives(self, line: int) -> None:
        """libyaml's time grows with the square of the number of tag directives: refuse the first."""
        if fault := tag_directive(self.text, line):
            self.faults.append(fault)
            self._fail()

    def _line_after(self, event: Any) -> int:
        """Return the line after an explicit document end, from where more directives may follow."""
        mark: Mark = event.end_mark
        return mark.line + 1 if event.explicit else len(self.text.lines)

    def _document(self, event: Any) -> None:
        """Report a second document: a manifest is one."""
        if self.root is None:
            return
        mark: Mark = event.start_mark
        hint = "Keep one manifest in a file; put differences between environments under `environments`."
        span = self.text.span(mark.line, mark.column, 3)
        self._fault(SEVERAL_DOCUMENTS, span, "A second YAML document begins here.", hint)
        raise _End

    def _checked_root(self) -> Node | None:
        root = self.root
        if root is None or (root.value is None and not self._written(root.span)):
            if self.faults:
                return None
            hint = "Run `msaspec init` for a first manifest, or check that this is the right file."
            self._fault(EMPTY, self.text.span(0, 0), "This file contains no manifest.", hint)
        elif not isinstance(root.value, Mapping):
            kind = "a list" if isinstance(root.value, tuple) else "a single value"
            hint = "Begin with `msaspec: 1`, then `name: ...` and `services:`."
            self._fault(NOT_A_MAPPING, root.span, f"A manifest is a map of keys to values, not {kind}.", hint)
        return root

    def _written(self, span: Span) -> bool:
        line = self.text.lines[span.line - 1]
        return line[span.column - 1 : span.column] in ("~", "n", "N")

    def _scalar(self, event: Any) -> None:
        span = self._span(event)
        self._count(1 + len(event.value) // 100, span)
        frame = self.stack[-1] if self.stack else None
        expects_key = frame is not None and frame.entries is not None and frame.key_span is None
        if frame and expects_key:
            frame.key = event.value
            node = Node(event.value, span)
            self._key(span, keep=self._is_key(event, span))
        else:
            node = Node(self._value(event, span), span)
        if event.anchor:
            self.anchors[event.anchor] = _Anchored(node, 1 + len(event.value) // 100, 0)
        if not expects_key:
            self._put(node, 0)

    def _value(self, event: Any, span: Span) -> Scalar:
        text: str = event.value
        if event.tag is not None:
            self._tag(event, span)
        elif not event.style:
            value = resolve(text)
            if not isinstance(value, Surprise):
                return value
            self._fault(AMBIGUOUS_SCALAR, span, f"`{shown(text)}` {value.reason}.", value.hint)
        else:
            self._surrogates(text, span)
        return text

    def _is_key(self, event: Any, span: Span) -> bool:
        """Whether the scalar may be a key; if not, a fault says why."""
        text: str = event.value
        if event.tag is not None:
            self._tag(event, span, key=True)
            return True
        if event.style:
            return self._surrogates(text, span)
        if text == "<<":
            hint = "Write the keys out, or put what all services share under `defaults`."
            self._fault(MERGE_KEY, span, "The merge key `<<` is not supported.", hint, key=True)
            return False
        value = resolve(text)
        if isinstance(value, Surprise):
            message = f"The key `{shown(text)}` {value.reason}."
            hint = f'Quote it: `"{shown(text, 30)}"`.'
            self._fault(AMBIGUOUS_SCALAR, span, message, hint, key=True)
        elif not isinstance(value, str):
            message = f"The key `{shown(text)}` is not text." if text else "A key is missing before the `:`."
            hint = f'Quote it: `"{shown(text, 30)}"`.' if text else "Write a key, or remove the `:`."
            self._fault(KEY_NOT_TEXT, span, message, hint, key=True)
        return True

    def _key(self, span: Span, *, keep: bool) -> None:
        """Note the key of the innermost map, unless the map has it already."""
        frame = self.stack[-1]
        frame.reach(span)
        frame.key_span, frame.keep = span, keep
        first = frame.entries.get(frame.key) if keep and frame.entries else None
        if first:
            frame.keep = False
            message = f"The key `{shown(frame.key)}` is already on line {first.key_span.line}."
            hint = "Remove one of the two, or merge their values."
            self._fault(DUPLICATE_KEY, span, message, hint, key=True)

    def _open(self, event: Any) -> None:
        span = self._span(event)
        self._count(1, span)
        if event.tag is not None:
            self._tag(event, span)
        if len(self.stack) >= MAX_DEPTH:
            self._too_deep(span)
        frame = _Frame(event, span.column - 1, self.size - 1)
        self.stack.append(frame)
        if event.anchor:
            self.anchors[event.anchor] = frame

    def _close(self, event: Any) -> None:
        frame = self.stack.pop()
        end: Mark = event.end_mark
        if end.line == frame.line:
            frame.end = max(frame.end, end.column)
        span = self.text.span(frame.line, frame.start, frame.end - frame.start)
        if frame.entries is not None:
            for merged in frame.merged:
                inner = merged.value if isinstance(merged.value, Mapping) else {}
                frame.entries = {**inner, **frame.entries}
        node = Node(tuple(frame.items) if frame.entries is None else MappingProxyType(frame.entries), span)
        if frame.anchor and self.anchors.get(frame.anchor) is frame:
            self.anchors[frame.anchor] = _Anchored(node, self.size - frame.size, frame.height)
        self._put(node, frame.height)

    def _alias(self, event: Any) -> None:
        mark: Mark = event.start_mark
        span = self.text.span(mark.line, mark.column, event.end_mark.column - mark.column)
        name = shown(event.anchor)
        target = self.anchors.get(event.anchor)
        if isinstance(target, _Anchored):
            self._count(target.size, span, alias=name)
            if len(self.stack) + target.height > MAX_DEPTH:
                self._too_deep(span)
            self._put(target.node, target.height, span)
            return
        self._count(1, span)
        if target:
            message, hint = f"The value of `&{name}` contains itself here.", "Write the value itself."
        else:
            message = f"There is no anchor `&{name}` above this alias."
            hint = f'Write `&{name}` before the value to repeat, or quote the text: `"*{name}"`.'
        self._fault(ALIAS, span, message, hint)
        self._put(Node(None, span), 0, span)

    def _put(self, node: Node, height: int, written: Span | None = None) -> None:
        """Hand a finished node to the list or map around it; `written` is where, if not at its own span."""
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        frame.height = max(frame.height, height + 1)
        span = written or node.span
        if frame.entries is None:
            frame.reach(span)
            frame.items.append(node)
        elif frame.key_span is None:
            is_text = isinstance(node.value, str)
            frame.key = str(node.value) if is_text else ""
            if not is_text:
                self._fault(KEY_NOT_TEXT, span, "A key must be text.", "Write a name, or quote the text.")
            self._key(span, keep=is_text)
        else:
            frame.reach(span)
            first = frame.entries.get(frame.key)
            if frame.keep:
                frame.entries[frame.key] = Entry(frame.key_span, node)
            elif frame.key == "<<":
                frame.merged += node.value if isinstance(node.value, tuple) else (node,)
            elif first and isinstance(first.node.value, Mapping) and isinstance(node.value, Mapping):
                # All values of a duplicate key are checked.
                whole = MappingProxyType({**node.value, **first.node.value})
                frame.entries[frame.key] = Entry(first.key_span, Node(whole, first.node.span))
            frame.key_span = None

    def _count(self, size: int, span: Span, alias: str = "") -> None:
        self.size += size
        if self.size <= MAX_NODES:
            return
        if alias:
            message = f"With the alias `*{alias}` there are more than {MAX_NODES:,} keys and values."
            self._fault(ALIAS, span, message, "Use fewer aliases; put what all services share under `defaults`.")
        else:
            message = f"The file has more than {MAX_NODES:,} keys and values."
            self._fault(TOO_LARGE, span, message, "Check that this is the manifest; if so, split the system.")
        self._fail()

    def _span(self, event: Any) -> Span:
        """Return the place of a value on its first line, without anchor and tag."""
        start: Mark = event.start_mark
        end: Mark = event.end_mark
        column = start.column
        if start.line >= len(self.text.lines):  # libyaml puts what is missing at the end behind the last line
            return self.text.span(len(self.text.lines) - 1, len(self.text.lines[-1]))
        if end.line == start.line and end.column > column and not event.anchor and not event.tag:
            return Span(self.text.file, start.line + 1, column + 1, end.column - column)
        line = self.text.lines[start.line]
        last = end.column if end.line == start.line else len(line)
        if event.anchor or event.tag:
            match = _PROPERTIES.match(line, column)
            if match and match.end() < last and line[match.end()] != "#":
                column = match.end()
        if end.line != start.line:
            rest = line[column:]
            last = column + len((rest.partition(" #")[0] if rest[:1] in "|>" else rest).rstrip())
        return self.text.span(start.line, column, last - column)

    def _tag(self, event: Any, span: Span, *, key: bool = False) -> None:
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        mark: Mark = event.start_mark
        written = self.text.lines[mark.line][mark.column : span.column - 1].rstrip()
        span = self.text.span(mark.line, mark.column, len(written))
        hint = "Remove it, and quote the value if it is text; a reference has the form `${name.attribute}`."
        self._fault(TAG, span, f"YAML tags such as `{shown(tag)}` are not supported.", hint, key=key)

    def _surrogates(self, text: str, span: Span) -> bool:
        """PyYAML without libyaml lets halves of characters through."""
        try:
            text.encode()
        except UnicodeEncodeError:
            hint = "Write the character itself; beyond U+FFFF its escape is \\U and eight digits."
            self._fault(SYNTAX, span, "An escape in this text is half of a surrogate pair.", hint)
            return False
        return True

    def _too_deep(self, span: Span | None) -> NoReturn:
        span = span or self.text.span(0, 0)
        message = f"Lists and maps are nested more than {MAX_DEPTH} levels deep here."
        self._fault(TOO_DEEP, span, message, "Check the brackets and the indentation.")
        self._fail()

    def _path(self, *, key: bool) -> Path:
        """Return the current path of the builder."""
        steps: list[str | int] = []
        for frame in self.stack:
            if frame.entries is None:
                steps.append(len(frame.items))
            elif frame.key_span is not None or (key and frame is self.stack[-1]):
                steps.append(frame.key)
        return tuple(steps)

    def _fault(self, code: Code, span: Span, message: str, hint: str | None, *, key: bool = False) -> None:
        self.faults.append(self.text.fault(code, span, message, hint=hint, path=self._path(key=key), key=key))
        if len(self.faults) == MAX_FAULTS:
            message = f"There are {MAX_FAULTS} errors up to here; msaspec did not read the rest of the file."
            self.faults.append(self.text.fault(TOO_MANY_FAULTS, span, message, hint="Correct these first."))
            self._fail()

    def _fail(self) -> NoReturn:
        raise Invalid(ordered(self.faults))


def build(text: Text) -> Node:
    """Return the tree that the text holds. Raises `Invalid` with every fault that can be found."""
    return _Builder(text).build()
