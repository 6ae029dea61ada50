"""Nothing with data is replaced or removed unless the user names it. Pure; the same rule offline and at AWS."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from msaspec.changes import Change, losses
from msaspec.diagnostic import Diagnostic, Severity


@dataclass(frozen=True)
class Judged:
    """What would be lost: refused, or let go by the user's word."""

    refused: tuple[Diagnostic, ...]
    released: tuple[Diagnostic, ...]
    ids: frozenset[str]
    """Logical ids of what was let go."""
    unused: tuple[str, ...]
    """Words that let nothing go."""


def name_of(change: Change) -> str:
    """What `--allow-replace` calls it: the name of its manifest entry; the logical id of what a patch made."""
    name = change.entry[1] if len(change.entry) > 1 else None
    return name if isinstance(name, str) else change.logical_id


def hinted(change: Change, diagnostic: Diagnostic) -> Diagnostic:
    """A loss with the word that lets it happen."""
    word = f"`msaspec deploy` refuses it without `--allow-replace {name_of(change)}`."
    return replace(diagnostic, hint=f"{diagnostic.hint} {word}")


def judge(changes: Iterable[Change], allowed: Collection[str], place: Callable[[Diagnostic], Diagnostic]) -> Judged:
    """Sorts the losses of some changes. A word is the name of a manifest entry, or a logical id."""
    refused, released, ids, used = [], [], set(), set()
    for change, diagnostic in losses(changes):
        words = {name_of(change), change.logical_id} & set(allowed)
        if words:
            used |= words
            ids.add(change.logical_id)
            released.append(place(diagnostic))
        else:
            refused.append(place(replace(hinted(change, diagnostic), severity=Severity.ERROR)))
    return Judged(tuple(refused), tuple(released), frozenset(ids), tuple(sorted(set(allowed) - used)))
