"""From text to a `Document`: values with their lines and columns. Nothing else in msaspec knows lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from msaspec.diagnostics import credentials
from msaspec.diagnostics.diagnostic import Diagnostic, Invalid, ordered
from msaspec.diagnostics.place import Path, Span
from msaspec.source.beside import Beside
from msaspec.source.builder import build
from msaspec.source.recovery import Recovery
from msaspec.source.scalar import Scalar
from msaspec.source.text import CONTROL_CHARACTER, MAX_BYTES, NOT_UTF8, SYNTAX, TAB, TAG, TOO_LARGE, Text, decode
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
    files: Mapping[str, Beside] = field(default_factory=dict)
    """The files beside the manifest that it names, by the name that is written."""

    def data(self) -> dict[str, Any]:
        """Return the tree as plain dicts, lists and scalars. Nothing in it is shared."""
        whole: dict[str, Any] = _plain(self.root)
        return whole

    def part(self, path: Path) -> Any:
        """Return the value at a path as plain dicts, lists and scalars; None where nothing is written."""
        node: Node | None = self.root
        for step in path:
            found = _child(node, step) if node else None
            node = found[0] if found else None
        return _plain(node) if node else None

    def span(self, path: Path, *, key: bool = False) -> Span:
        """Return the place of the value at the path, or of its key; else of the nearest written ancestor's key."""
        node = self.root
        place = node.span
        for step in path:
            found = _child(node, step)
            if found is None:
                return place
            node, place = found
        return place if key else node.span

    def inside(self, path: Path, text: str, after: int = 0) -> Span:
        """Return the place of a text inside the value at the path, the first behind so many characters of it; that of
        the value where its line does not show it."""
        span = self.span(path)
        column = (self.excerpt(span) or "").find(text, span.column - 1 + after)
        return Span(span.file, span.line, column + 1, len(text)) if text and column >= 0 else span

    def place(self, diagnostic: Diagnostic) -> Diagnostic:
        """Return the diagnostic with its span and line, where it lacks them."""
        span = diagnostic.span or self.span(diagnostic.path, key=diagnostic.key)
        if diagnostic.path[:1] == ("patches",) and _is_secret(self.data(), diagnostic.path):
            diagnostic = replace(diagnostic, hides=True)
        return diagnostic.placed(span, diagnostic.excerpt or self.excerpt(span))

    def place_entry(self, diagnostic: Diagnostic) -> Diagnostic:
        """Return the diagnostic about an entry with its span and line; as it is, where it is about none."""
        return self.place(diagnostic) if diagnostic.path else diagnostic

    def excerpt(self, span: Span) -> str | None:
        """Return the line that the span points into, if it points into this document's file."""
        return self.text.excerpt(span)


def _is_secret(data: Any, path: Path) -> bool:
    """Whether a path leads to a credential of a patch, whose name is in its path, or beside it."""
    names: list[str] = []
    for step in path:
        if not isinstance(data, dict | list):
            return False
        if isinstance(data, dict):
            beside = (data.get(key) for key in ("path", "Name", "Key") if key != step)
            names = [str(step), *(text.rpartition("/")[2] for text in beside if isinstance(text, str))]
        try:
            data = data[step]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return False
    return isinstance(data, str) and any(credentials.is_named(name, data) for name in names)


def load(text: bytes | str, file: str) -> Document:
    """Return the document in the text, which messages call `file`. Raises `Invalid` with every fault it can find."""
    document, faults = read(text, file)
    if faults:
        raise Invalid(faults)
    return document


def read(text: bytes | str, file: str) -> tuple[Document, tuple[Diagnostic, ...]]:
    """Return the document and the faults in it, whose places hold nothing to rely on. Raises `Invalid` if it has no
    tree."""
    decoded, unseen = decode(text, file)
    recovery = Recovery(decoded, [fault.span.line for fault in unseen if fault.span])
    faults: Sequence[Diagnostic] = ()
    while True:
        try:
            root = build(recovery.text)
        except Unsound as unsound:
            root, faults = unsound.root, recovery.outside_cut(unsound.diagnostics)
        except Unreadable as unreadable:
            if recovery.go_on(unreadable.complaint, unreadable.error):
                continue
            found = [fault for _, fault in recovery.faults] or ([] if unseen else [unreadable.complaint])
            raise Invalid(ordered([*unseen, *found, *recovery.outside_cut(unreadable.diagnostics[:-1])])) from None
        except Invalid as invalid:
            if not unseen and not recovery.faults:
                raise
            known = [*unseen, *(fault for _, fault in recovery.faults)]
            raise Invalid(ordered([*known, *recovery.outside_cut(invalid.diagnostics)])) from None
        break
    hidden = [replace(fault, path=_on_line(root, line)) if line else fault for line, fault in recovery.faults]
    hidden += [replace(fault, path=_on_line(root, fault.span.line)) if fault.span else fault for fault in unseen]
    return Document(root, decoded), tuple(ordered([*hidden, *faults]))


def _on_line(root: Node, line: int) -> Path:
    """Return the path of the first key or list entry on a line; that of the manifest where none does."""
    waiting: list[tuple[Path, Node]] = [((), root)]
    while waiting:
        path, node = waiting.pop()
        below: list[tuple[Path, Node, Span]] = []
        if isinstance(node.value, Mapping):
            below = [((*path, key), entry.node, entry.key_span) for key, entry in node.value.items()]
        elif isinstance(node.value, tuple):
            below = [((*path, at), item, item.span) for at, item in enumerate(node.value)]
        found = next((each for each, _, span in below if span.line == line), None)
        if found is not None:
            return found
        waiting += [(each, inner) for each, inner, span in below if span.line < line]
    return ()


def _plain(root: Node) -> Any:
    """Return a tree as plain dicts, lists and scalars."""
    top: dict[str, Any] = {}
    waiting: list[tuple[Node, Any, str | int]] = [(root, top, "root")]
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
    return top["root"]


def _child(node: Node, step: str | int) -> tuple[Node, Span] | None:
    """Return the value one step down, and the place of its key (a list entry's own place)."""
    if isinstance(step, str):
        entry = node.value.get(step) if isinstance(node.value, Mapping) else None
        if isinstance(node.value, tuple):  # A list of names is short for a map of them.
            return next(((item, item.span) for item in node.value if item.value == step), None)
        return (entry.node, entry.key_span) if entry else None
    if isinstance(node.value, tuple) and 0 <= step < len(node.value):
        return node.value[step], node.value[step].span
    return None
