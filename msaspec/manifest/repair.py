"""A manifest without its faults, in two ways, so that the same run can report what else is wrong.

The value at a fault is replaced by what was probably intended, by another valid value, or by nothing. No repair is
right, so findings that follow from one say nothing. But what is wrong both ways is wrong whatever belongs there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from enum import Enum, auto
from functools import partial
from types import MappingProxyType
from typing import Any

from msaspec.diagnostics.diagnostic import Diagnostic
from msaspec.diagnostics.place import Path, Span
from msaspec.diagnostics.spelling import nearest
from msaspec.language.base import NAME_LENGTH
from msaspec.manifest import fillers, shape
from msaspec.manifest.jobs import USES_JOB
from msaspec.manifest.root import SAME_NAME
from msaspec.manifest.sections import CONTAINERS, SERVICES, sections
from msaspec.manifest.shape import MISSING_KEY, UNKNOWN_KEY, respelled
from msaspec.manifest.uses import UNKNOWN_NAME, UNKNOWN_SYSTEM, USES_ITSELF, USES_WORKER
from msaspec.source.document import DUPLICATE_KEY, MERGE_KEY, Document, Entry, Node
from msaspec.template.names import normal

MOST = 50
"""More faults at once are not repaired: each repair looks at the whole tree, and so many are enough for one run."""


class Way(Enum):
    """How a fault is repaired."""

    INTENDED = auto()
    """By what was probably intended."""
    OTHER = auto()
    """By nothing, or by another value."""


class Repair:
    """The repairs of one way, in turn. What is repaired again is repaired with less of it left."""

    def __init__(self, document: Document, way: Way) -> None:
        self.root = document.root
        self.way = way
        self.holes: set[Path] = set()
        """Places whose values the user did not write."""
        self._document = document
        self._times: Counter[Path] = Counter()
        self._written: dict[str, str] = {}
        """What the user calls an entry that has another name here."""

    def mend(self, faults: Iterable[Diagnostic]) -> bool:
        """Repair what is faulty in shape; return whether that was possible."""
        faults = list(faults)
        if len(faults) > MOST:
            return False
        # The last of a list first, so that it moves none of the others.
        for fault in sorted(faults, key=_order, reverse=True):
            path = fault.path
            self._times[path] += 1
            for _ in range(self._times[path] - 2):
                path = path[:-1]
            if not path and self._times[fault.path] > 1:
                return False
            if self._times[fault.path] > 1:
                self._replace(path, least=True)
            else:
                self._mend(fault)
        return True

    def cut(self, faults: Iterable[Diagnostic]) -> bool:
        """Take out values that are faulty in meaning; return whether that was possible."""
        faults = list(faults)
        if len(faults) > MOST:
            return False
        for fault in sorted(faults, key=_order, reverse=True):
            if fault.path[:1] == ("patches",):
                self._edit(fault.path[:2], lambda _: None)
            elif len(fault.path) > 2:
                self._drop_use(fault.path) if _is_use(fault.path) else self._replace(fault.path, least=True)
        return True

    def told(self, found: Iterable[Diagnostic]) -> list[Diagnostic]:
        """Return the findings that are about what the user wrote, in the names that the user wrote."""
        return [self._in_names_written(each) for each in found if not self._is_in_doubt(each)]

    def _in_names_written(self, diagnostic: Diagnostic) -> Diagnostic:
        if not self._written:
            return diagnostic
        names = "|".join(map(re.escape, self._written))
        pattern = re.compile(rf"(?<![\w-])(?:{names})(?![\w-])")

        def written(text: str) -> str:
            return pattern.sub(lambda found: self._written[found[0]], text)

        hint = diagnostic.hint and written(diagnostic.hint)
        return replace(diagnostic, message=written(diagnostic.message), hint=hint)

    def _is_in_doubt(self, diagnostic: Diagnostic) -> bool:
        """Return whether a finding is about what the user did not write, or refers to an unknown entry."""
        if any(diagnostic.path[: len(hole)] == hole for hole in self.holes):
            return True
        node, span = _at(self.root, diagnostic.path), diagnostic.span
        if node is None or not span or diagnostic.path[2:3] != ("env",):
            return False
        text = (self._document.text.excerpt(span) or "")[span.column - 1 : span.column - 1 + span.length]
        return any(f"${{{hole[1]}." in text for hole in self.holes if len(hole) == 2)

    def _mend(self, fault: Diagnostic) -> None:
        path = fault.path
        if fault.code in (DUPLICATE_KEY.id, MERGE_KEY.id) or not path:
            return
        if fault.code == UNKNOWN_KEY.id:
            self._unknown_key(path)
        elif fault.code == MISSING_KEY.id:
            self._missing_keys(path)
        elif fault.code in (UNKNOWN_NAME.id, USES_ITSELF.id, USES_JOB.id, UNKNOWN_SYSTEM.id):
            self._unknown_name(path, may_be_misspelt=fault.code == UNKNOWN_NAME.id)
        elif fault.code == USES_WORKER.id:
            self._worker(path)
        elif fault.code == SAME_NAME.id:
            self._tell_apart(path)
        elif fault.key and len(path) == 2 and path[0] in sections() and (name := _free(self._map(path[:1]), path[1])):
            self._rename(str(path[1]), name)
            self._rekey(path, name)
            self._written[name] = str(path[1])
        elif fault.key:
            self._edit(path, lambda _: None)
        else:
            self._replace(path, least=False)

    def _tell_apart(self, path: Path) -> None:
        """Rename one of two entries with one name, another one in each way, so that what names them is in doubt."""
        if self.way is Way.OTHER:
            same = [(section, name) for section in sections() for name in self._map((section,))]
            path = next((each for each in same if each != path and normal(each[1]) == normal(str(path[-1]))), path)
        name = f"{path[-1]}-2"
        self._rekey(path, name)
        self._written[name] = str(path[-1])

    def _unknown_key(self, path: Path) -> None:
        holder, key = path[:-1], str(path[-1])
        field = fillers.at(holder, self._data())
        known = fillers.keys(field) if field else {}
        meant = shape.meant(holder, key, known)
        if meant and meant not in self._map(holder):
            if self.way is Way.INTENDED:
                self._rekey(path, meant)
                return
            if known[meant].required:
                self._edit(path, lambda _: None)
                self._missing_keys(holder)
                return
        self._edit(path, lambda _: None)

    def _missing_keys(self, path: Path) -> None:
        field = fillers.at(path, self._data()) if path else fillers.root()
        written = self._map(path)
        for key, each in fillers.keys(field).items() if field else ():
            if each.required and key not in written and (values := fillers.values(each)):
                span = self._document.span(path, key=True)
                entry = Entry(span, _node(values[0 if self.way is Way.INTENDED else -1], span))
                self._edit(path, lambda node, key=key, entry=entry: _with(node, key, entry))  # type: ignore[misc]
                self.holes.add((*path, key))

    def _unknown_name(self, path: Path, *, may_be_misspelt: bool) -> None:
        """Repair a use of an unknown name: another name was intended, or nothing."""
        names = [name for section in sections() for name in self._map((section,))]
        meant = nearest(str(path[-1]), names) if may_be_misspelt else None
        if self.way is Way.INTENDED and meant and meant != path[1] and meant not in self._uses(path[:-1]):
            self._rekey(path, meant)
            self._refer(path[:2], str(path[-1]), meant)
        else:
            self._drop_use(path)

    def _drop_use(self, path: Path) -> None:
        self._edit(path, lambda _: None)
        self._refer(path[:2], str(path[-1]), None)

    def _worker(self, path: Path) -> None:
        """Repair a use of a worker: it should have a port, or should not be used."""
        if self.way is Way.OTHER:
            self._drop_use(path)
            return
        worker: Path = (SERVICES, path[-1])
        span = self._document.span(worker, key=True)
        port = Entry(span, _node(fillers.values(fillers.at((*worker, "port"), {}) or fillers.root())[0], span))
        self._edit(worker, lambda node: _with(node, "port", port))
        self.holes.add((*worker, "port"))

    def _replace(self, path: Path, *, least: bool) -> None:
        """Replace the value there by a valid one, or remove it."""
        field = fillers.at(path, self._data())
        values = fillers.values(field) if field else ()
        if not values or (not field.required and len(path) != 2 and (least or self.way is Way.OTHER)):  # type: ignore[union-attr]
            self._edit(path, lambda _: None)
            self.holes.add(path)
            return
        value = values[0] if least or self.way is Way.INTENDED else values[-1]
        self._edit(path, lambda node: _node(value, node.span))
        self.holes.add(path)

    def _rename(self, old: str, new: str) -> None:
        """Have everything that names an entry use its new name."""
        for section, name in ((each, name) for each in CONTAINERS for name in self._map((each,))):
            path: Path = (section, name)
            if old in self._uses((*path, "uses")):
                self._rekey((*path, "uses", old), new)
                self._refer(path, old, new)

    def _refer(self, service: Path, old: str, new: str | None) -> None:
        """Have the texts of a service refer to another entry, or to none."""
        pattern = re.compile(r"\$\{" + re.escape(old) + r"\.([a-z0-9_]+)\}")

        def changed(node: Node, at: Path) -> Node:
            value = node.value
            if isinstance(value, Mapping):
                value = {key: Entry(each.key_span, changed(each.node, (*at, key))) for key, each in value.items()}
                return Node(MappingProxyType(value), node.span)
            if isinstance(value, tuple):
                return Node(tuple(changed(each, (*at, number)) for number, each in enumerate(value)), node.span)
            if not isinstance(value, str) or not pattern.search(value):
                return node
            if new is None:
                self.holes.add(at)
            return Node(pattern.sub(lambda found: f"${{{new}.{found[1]}}}" if new else "x", value), node.span)

        for key in ("env", "command", "files", "sidecars"):
            self._edit((*service, key), partial(changed, at=(*service, key)))

    def _rekey(self, path: Path, key: str) -> None:
        """Rename the key at a path."""
        old = str(path[-1])

        def changed(node: Node) -> Node:
            if isinstance(node.value, Mapping):
                entries = {key if name == old else name: entry for name, entry in node.value.items()}
                return Node(MappingProxyType(entries), node.span)
            if isinstance(node.value, tuple):
                return Node(
                    tuple(Node(key, item.span) if item.value == old else item for item in node.value), node.span
                )
            return node

        self._edit(path[:-1], changed)

    def _uses(self, path: Path) -> tuple[str, ...]:
        node = _at(self.root, path)
        if node and isinstance(node.value, tuple):
            return tuple(item.value for item in node.value if isinstance(item.value, str))
        return tuple(self._map(path))

    def _map(self, path: Path) -> Mapping[str, Entry]:
        node = _at(self.root, path)
        return node.value if node and isinstance(node.value, Mapping) else {}

    def _data(self) -> dict[str, Any]:
        return Document(self.root, self._document.text).data()

    def _edit(self, path: Path, change: Callable[[Node], Node | None]) -> None:
        self.root = _edited(self.root, path, change) or self.root


def _order(fault: Diagnostic) -> list[tuple[bool, str | int]]:
    return [(isinstance(step, int), step) for step in fault.path]


def _is_use(path: Path) -> bool:
    return len(path) == 4 and path[0] in CONTAINERS and path[2] == "uses"


def _free(taken: Mapping[str, Entry], written: str | int) -> str | None:
    """Return a name that an entry could have instead."""
    name = (respelled(written) or "")[: NAME_LENGTH - 3].rstrip("-")
    return next((each for each in (name, f"{name}-x", f"{name}-xx") if each not in taken), None) if name else None


def _with(node: Node, key: str, entry: Entry) -> Node:
    entries = node.value if isinstance(node.value, Mapping) else {}
    return Node(MappingProxyType({**entries, key: entry}), node.span)


def _node(value: Any, span: Span) -> Node:
    """Return a value as a tree, all of it at one place."""
    if isinstance(value, Mapping):
        return Node(MappingProxyType({key: Entry(span, _node(each, span)) for key, each in value.items()}), span)
    return Node(tuple(_node(each, span) for each in value) if isinstance(value, list | tuple) else value, span)


def _at(node: Node, path: Path) -> Node | None:
    for step in path:
        found = next((child for at, child in _children(node) if at == step), None)
        if found is None:
            return None
        node = found
    return node


def _children(node: Node) -> Iterator[tuple[str | int, Node]]:
    if isinstance(node.value, Mapping):
        yield from ((key, entry.node) for key, entry in node.value.items())
    elif isinstance(node.value, tuple):
        yield from enumerate(node.value)


def _edited(node: Node, path: Path, change: Callable[[Node], Node | None]) -> Node | None:
    """Return the tree with the value at the path changed or removed; unchanged where there is none."""
    if not path:
        return change(node)
    step, rest = path[0], path[1:]
    if isinstance(node.value, Mapping) and isinstance(step, str) and step in node.value:
        kept, entry = dict(node.value), node.value[step]
        inner = _edited(entry.node, rest, change)
        if inner is None:
            del kept[step]
        else:
            kept[step] = Entry(entry.key_span, inner)
        return Node(MappingProxyType(kept), node.span)
    if isinstance(node.value, tuple):
        if isinstance(step, str):  # A list of names is short for a map of them.
            return Node(tuple(item for item in node.value if item.value != step), node.span) if not rest else node
        items = [_edited(item, rest, change) if at == step else item for at, item in enumerate(node.value)]
        return Node(tuple(item for item in items if item is not None), node.span)
    return node
