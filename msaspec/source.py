"""From text to a `Document`: values and the lines they stand on. Nothing else in msaspec knows lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msaspec.builder import Unsound, build
from msaspec.diagnostic import Diagnostic, Invalid
from msaspec.place import Path, Span
from msaspec.scalar import Scalar
from msaspec.syntax import (
    CONTROL_CHARACTER,
    MAX_BYTES,
    NOT_UTF8,
    SYNTAX,
    TAB,
    TAG,
    TOO_LARGE,
    Text,
    decode,
)
from msaspec.tree import (
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
)

__all__ = [
    "ALIAS", "AMBIGUOUS_SCALAR", "CONTROL_CHARACTER", "DUPLICATE_KEY", "EMPTY", "KEY_NOT_TEXT", "MAX_BYTES",
    "MAX_DEPTH", "MAX_FAULTS", "MAX_NODES", "MERGE_KEY", "NOT_A_MAPPING", "NOT_UTF8", "SEVERAL_DOCUMENTS",
    "SYNTAX", "TAB", "TAG", "TOO_DEEP", "TOO_LARGE", "TOO_MANY_FAULTS", "Document", "Entry", "Node", "Scalar",
    "load",
]  # fmt: skip


@dataclass(frozen=True)
class Document:
    """A tree and the text it was read from. `replace(document, root=...)` gives a changed tree its lines."""

    root: Node
    text: Text

    def data(self) -> dict[str, Any]:
        """The tree as plain dicts, lists and scalars. Nothing in it is shared."""
        top: dict[str, Any] = {}
        waiting: list[tuple[Node, Any, str | int]] = [(self.root, top, "root")]
        while waiting:
            node, holder, at = waiting.pop()
            value = node.value
            if isinstance(value, tuple):
                holder[at] = items = [None] * len(value)
                waiting.extend((item, items, position) for position, item in enumerate(value))
            elif isinstance(value, Mapping):
                holder[at] = plain = dict.fromkeys(value)
                waiting.extend((entry.node, plain, key) for key, entry in value.items())
            else:
                holder[at] = value
        data: dict[str, Any] = top["root"]
        return data

    def span(self, path: Path, key: bool = False) -> Span:
        """The place of the value at the path, or of its key; else of the nearest written ancestor's key."""
        node = self.root
        place = node.span
        for step in path:
            found = _child(node, step)
            if found is None:
                return place
            node, place = found
        return place if key else node.span

    def place(self, diagnostic: Diagnostic) -> Diagnostic:
        """The diagnostic with its span and line, where it lacks them."""
        span = diagnostic.span or self.span(diagnostic.path, diagnostic.key)
        return diagnostic.placed(span, diagnostic.excerpt or self.excerpt(span))

    def excerpt(self, span: Span) -> str | None:
        """The line that the span points into, if it points into this document's file."""
        return self.text.excerpt(span)


def load(text: bytes | str, file: str) -> Document:
    """The document in the text, which messages call `file`. Raises `Invalid` with every fault it can find."""
    document, faults = read(text, file)
    if faults:
        raise Invalid(faults)
    return document


def read(text: bytes | str, file: str) -> tuple[Document, tuple[Diagnostic, ...]]:
    """The document and the faults in it, whose places hold nothing to rely on. Raises `Invalid` if it has no tree."""
    decoded = decode(text, file)
    try:
        return Document(build(decoded), decoded), ()
    except Unsound as unsound:
        return Document(unsound.root, decoded), unsound.diagnostics


def _child(node: Node, step: str | int) -> tuple[Node, Span] | None:
    """The value one step down, and the place of its key (a list entry's own place)."""
    if isinstance(step, str):
        entry = node.value.get(step) if isinstance(node.value, Mapping) else None
        if isinstance(node.value, tuple):  # A list of names is short for a map of them.
            return next(((item, item.span) for item in node.value if item.value == step), None)
        return (entry.node, entry.key_span) if entry else None
    if isinstance(node.value, tuple) and 0 <= step < len(node.value):
        return node.value[step], node.value[step].span
    return None
