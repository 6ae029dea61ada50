"""What an importer gives, how it is asked, and the last check: what a manifest would refuse is left out, and said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msaspec import pipeline
from msaspec.diagnostics.diagnostic import Diagnostic, Invalid, errors
from msaspec.diagnostics.place import Path, render
from msaspec.importing.draft import Draft
from msaspec.importing.ledger import Ledger, Row
from msaspec.source import beside

ROUNDS = 40


@dataclass(frozen=True)
class Options:
    """What a user asks of an import."""

    managed: bool = True
    """Whether stores become managed ones where the language has them; else they stay containers."""
    profiles: frozenset[str] = frozenset()
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Imported:
    """A manifest, and what became of every key of its source."""

    text: str
    rows: tuple[Row, ...]


def finish(draft: Draft, ledger: Ledger, otherwise: str, folder: str | None = None) -> Imported:
    """Return the manifest without what it would be refused for, with a comment in place of each such line. `folder` has
    the files that it names."""
    for _ in range(ROUNDS):
        found = refused(draft.text(), folder)
        if not sum(_mended(draft, ledger, each) for each in found):
            break
    return Imported(draft.text(), ledger.rows(otherwise))


def refused(text: str, folder: str | None = None) -> list[Diagnostic]:
    """Return what a manifest is refused for, in any environment."""
    try:
        document = pipeline.load(text, "msa.yaml", None if folder is None else beside.reader(folder))
    except Invalid as invalid:
        return errors(invalid.diagnostics)
    found: list[Diagnostic] = []
    for name in (None, *pipeline.environments(document)):
        try:
            pipeline.compile_main(document, name)
        except Invalid as invalid:
            found += errors(invalid.diagnostics)
    return found


def _mended(draft: Draft, ledger: Ledger, diagnostic: Diagnostic) -> bool:
    """Leave out what an error is about; return whether that was possible. What every service needs stays."""
    path = diagnostic.path
    overlay = _overlay(draft, path) if path[:1] != ("environments",) else None
    if overlay:
        path = overlay
    if len(path) < 3 or path[-1] == "image":
        return False
    at, node = path, _at(draft.data, path)
    while node is _NOTHING and len(at) > 3:
        at = at[:-1]
        node = _at(draft.data, at)
    if node is _NOTHING or at[-1] == "image":
        return False
    why = diagnostic.message
    keeper = at[: 3 if at[0] != "environments" else 5][:-1]
    draft.note(keeper, f"Left out {render(at[len(keeper) :])}: {why}")
    draft.remove(at)
    ledger.dropped(render(at), f"the manifest would refuse it: {why}")
    return True


def _overlay(draft: Draft, path: Path) -> Path | None:
    """Return the path in an environment of what the base does not have."""
    if _at(draft.data, path) is not _NOTHING:
        return None
    for name in draft.data.get("environments") or {}:
        there = ("environments", name, *path)
        if len(path) > 2 and _at(draft.data, there) is not _NOTHING:
            return there
    return None


_NOTHING = object()


def _at(data: Any, path: Path) -> Any:
    for step in path:
        known = isinstance(data, dict) and step in data
        if not known and not (isinstance(data, list) and isinstance(step, int) and step < len(data)):
            return _NOTHING
        data = data[step]
    return data
