"""The report of an import: what became of every key of the source. Values are never in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from msaspec.diagnostics import printable
from msaspec.diagnostics.place import render
from msaspec.importing.tree import Leaf, leaves
from msaspec.messages.message import Message
from msaspec.messages.results import ImportCounted, ImportedKey


class Verdict(StrEnum):
    """What became of a key."""

    LOST = "lost"
    REPLACED = "replaced"
    CARRIED = "carried"


@dataclass(frozen=True)
class Row:
    """A key of the source, and what became of it."""

    file: str
    key: str
    verdict: Verdict
    what: str
    """Where it is in the manifest, what is there instead, or why it is lost."""


class Ledger:
    """Every leaf of the files that were read, and its verdict. The first verdict of a leaf counts, except that a loss
    that is found later does."""

    def __init__(self) -> None:
        self._sources: dict[int, Leaf] = {}
        self._verdicts: dict[int, tuple[Verdict, str]] = {}
        self._overridden: dict[int, tuple[Verdict, str]] = {}

    def source(self, tree: Any) -> Any:
        """Take down what was read; all of it needs a verdict. Return it."""
        self._sources |= {id(leaf): leaf for leaf in leaves(tree)}
        return tree

    def carried(self, tree: Any, where: str) -> None:
        """Say that every leaf of a tree has the same meaning at a place of the manifest."""
        self._say(tree, Verdict.CARRIED, where)

    def replaced(self, tree: Any, by: str) -> None:
        """Say that something else in the manifest does what every leaf of a tree was for."""
        self._say(tree, Verdict.REPLACED, by)

    def lost(self, tree: Any, why: str) -> None:
        """Say that nothing in the manifest does what the leaves of a tree were for."""
        self._say(tree, Verdict.LOST, why)

    def overridden(self, tree: Any, why: str) -> None:
        """Say that something else in the source takes the place of every leaf of a tree, unless it counts elsewhere."""
        for leaf in leaves(tree):
            self._overridden.setdefault(id(leaf.of or leaf), (Verdict.REPLACED, why))

    def dropped(self, place: str, why: str) -> None:
        """Have what was carried to a place of the manifest be lost: it had to be left out."""
        for key, (verdict, what) in list(self._verdicts.items()):
            if verdict is not Verdict.LOST and (what == place or what.startswith((f"{place}.", f"{place}["))):
                self._verdicts[key] = (Verdict.LOST, why)

    def _say(self, tree: Any, verdict: Verdict, what: str) -> None:
        for leaf in leaves(tree):
            self._verdicts.setdefault(id(leaf.of or leaf), (verdict, what))

    def rows(self, otherwise: str) -> tuple[Row, ...]:
        """Return a row for every leaf, losses first. `otherwise` is why a leaf without a verdict is lost."""
        made = []
        for key, leaf in self._sources.items():
            verdict, what = self._verdicts.get(key) or self._overridden.get(key) or (Verdict.LOST, otherwise)
            made.append(Row(leaf.file, _key(leaf), verdict, what))
        order = list(Verdict)
        return tuple(sorted(made, key=lambda row: (order.index(row.verdict), row.file, row.key)))


def _key(leaf: Leaf) -> str:
    """Return the path of a leaf. Of `NAME=value` in a list, the name says more than the position."""
    path, text = leaf.path, leaf.text
    if path and isinstance(path[-1], int) and (name := re.match(r"[A-Za-z_][\w.-]*(?==)", text)):
        path = (*path[:-1], name[0])
    return render(path) or "(the file)"


def to_messages(rows: Iterable[Row]) -> Iterator[Message]:
    """Yield the report for programs: every key, and the counts."""
    rows = list(rows)
    yield from (ImportedKey(row.file, row.key, str(row.verdict), row.what) for row in rows)
    yield counted(rows)


def counted(rows: Sequence[Row]) -> ImportCounted:
    """Return how many keys have which verdict."""
    found = Counter(row.verdict for row in rows)
    return ImportCounted(len(rows), found[Verdict.CARRIED], found[Verdict.REPLACED], found[Verdict.LOST])


def to_text(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of the report for people: what is lost and replaced, in groups, and counts."""
    rows = list(rows)
    groups: dict[tuple[Verdict, str, str], list[Row]] = {}
    for row in rows:
        if row.verdict is not Verdict.CARRIED:
            groups.setdefault((row.verdict, _kind(row), row.what), []).append(row)
    width = min(44, max((len(kind) for _, kind, _ in groups), default=0))
    for (verdict, kind, what), each in groups.items():
        times = f" ({len(each)})" if len(each) > 1 else ""
        yield f"{verdict:8}  {printable.line(kind):{width}}  {printable.line(what)}{times}"
    yield counted(rows).sentence()


def _kind(row: Row) -> str:
    """Return a key without the names and numbers in it, so that the same key of several services is one line."""
    if row.verdict is Verdict.LOST and "environment" in row.key:
        return row.key
    return re.sub(r"\[\d+\]", "[]", re.sub(r"^services\.[^.]+", "services.*", row.key))
