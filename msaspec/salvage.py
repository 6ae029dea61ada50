"""What can still be said of a manifest whose shape is wrong in places.

Faults of shape end the reading, but a person wants to see all faults at once. So what is faulty is cut out of the tree,
the rest is read on, and of what is found there only that is kept which has nothing to do with what was cut.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from msaspec.diagnostic import Diagnostic
from msaspec.faults import MISSING_KEY
from msaspec.place import Path
from msaspec.source import Entry, Node

_NEEDED = frozenset({"msaspec", "name", "services"})
"""Keys that no manifest can be read without."""


def without(root: Node, faults: Iterable[Diagnostic]) -> Node | None:
    """The tree less what is faulty; None where so much is wrong that nothing sensible is left.

    A key or a value is cut where it is the fault; where something is missing, the entry that misses it.
    """
    for fault in sorted(faults, key=_later, reverse=True):
        path = fault.path if len(fault.path) > 2 and fault.code != MISSING_KEY.id else fault.path[:2]
        if not path or (path[0] in _NEEDED and len(path) == 1):
            return None
        root = _cut(root, path) or root
    return root


def beside(found: Iterable[Diagnostic], faults: Collection[Diagnostic]) -> list[Diagnostic]:
    """Faults of shape at places that no other fault is at, above or below, nor about what was cut out."""
    paths = {fault.path for fault in faults}
    names = {path[1] for path in paths if len(path) > 1}
    return [
        d
        for d in found
        if not any(path[: len(d.path)] == d.path or d.path[: len(path)] == path for path in paths)
        and not (len(d.path) > 3 and d.path[3] in names)
    ]


def unrelated(found: Iterable[Diagnostic], faults: Collection[Diagnostic]) -> list[Diagnostic]:
    """Faults of meaning apart from the faulty entries and from whoever uses them."""
    entries = {fault.path[:2] for fault in faults}
    return [d for d in beside(found, faults) if d.path[:2] not in entries]


def _later(fault: Diagnostic) -> list[tuple[bool, str | int]]:
    """By path, so that the last of a list is cut first and moves none of the others."""
    return [(isinstance(step, int), step) for step in fault.path]


def _cut(node: Node, path: Path) -> Node | None:
    """Without what is at the path. None for the node itself, and for a shorthand, which the path cannot enter."""
    if not path:
        return None
    step, rest = path[0], path[1:]
    if isinstance(node.value, Mapping) and isinstance(step, str):
        if step not in node.value:
            return node
        kept, entry = dict(node.value), node.value[step]
        inner = _cut(entry.node, rest)
        if inner is None:
            del kept[step]
        else:
            kept[step] = Entry(entry.key_span, inner)
        return Node(MappingProxyType(kept), node.span)
    if isinstance(node.value, tuple) and isinstance(step, int):
        items = [_cut(item, rest) if at == step else item for at, item in enumerate(node.value)]
        return Node(tuple(item for item in items if item is not None), node.span)
    return None
