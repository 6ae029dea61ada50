"""The lines in which one entry names another: the topics of a queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.diagnostics.spelling import suggest
from msaspec.language.base import Model
from msaspec.language.kind import AnyKind
from msaspec.language.part import Entry, Link
from msaspec.manifest.sections import listed, quoted

UNKNOWN_LINK = Code(
    "MSA215",
    "An entry names another that is not there",
    """
    An entry may name others: a queue its topics. What it names must be an entry of the section that the message
    mentions.

    Wrong: `queues: {orders: {from: [evnts]}}` with `topics: {events: {}}`
    Right: `queues: {orders: {from: [events]}}`
    """,
)


def entries(kind: AnyKind, root: Model) -> tuple[Entry[Any], ...]:
    """Return the entries of a section in the order of their names."""
    found: tuple[Entry[Any], ...] = ()
    for name, spec in sorted(getattr(root, kind.section).items()):
        found = (*found, Entry(name, spec, (kind.section, name), found))
    return found


Entries: TypeAlias = tuple[tuple[AnyKind, tuple[Entry[Any], ...]], ...]


def linked(every: Entries, declared: Mapping[str, AnyKind | None]) -> tuple[Entries, list[Diagnostic]]:
    """Return the entries with those that they name, and who names them; and what names nothing of the kind."""
    known = {entry.name: (kind.section, entry) for kind, own in every for entry in own}
    found: list[Diagnostic] = []
    to: dict[str, list[Link]] = {}
    by: dict[str, list[Link]] = {}
    for kind, own in every:
        for entry in own:
            for name, path in kind.linked(entry):
                section, other = known.get(name, ("", None))
                if other is None or section not in kind.links:
                    found.append(_not_linked(entry, kind, name, path, declared))
                    continue
                to.setdefault(entry.name, []).append(Link(section, other, path))
                by.setdefault(name, []).append(Link(kind.section, entry, path))
    if not to:
        return every, found
    return tuple(
        (
            kind,
            tuple(replace(each, to=tuple(to.get(each.name, ())), by=tuple(by.get(each.name, ()))) for each in own),
        )
        for kind, own in every
    ), found


def _not_linked(
    entry: Entry[Any], kind: AnyKind, name: str, path: Path, declared: Mapping[str, AnyKind | None]
) -> Diagnostic:
    fits = [other for other, of in declared.items() if of and of.section in kind.links]
    hint = suggest(name, fits, f"Declare it under {listed(quoted(kind.links), 'or')}.")
    what = "is not one of" if name in declared else "is not declared under"
    message = f"`{entry.name}` names `{name}`, which {what} {listed(quoted(kind.links), 'or')}."
    return UNKNOWN_LINK.at(path, message, hint=hint, key=True)
