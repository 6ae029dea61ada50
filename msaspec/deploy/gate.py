"""What is refused before it is tried: data that would go without a word of the user's, and what AWS always refuses.

Pure; the same rule offline and at AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from msaspec.diagnostics.diagnostic import Diagnostic, Severity
from msaspec.update import losses, objections
from msaspec.update.changes import Action, Change


@dataclass(frozen=True)
class Judged:
    """What would be lost: refused, or let go by the user's word."""

    refused: tuple[Diagnostic, ...]
    released: tuple[Diagnostic, ...]
    ids: frozenset[str]
    """Logical ids of the resources that were let go as a whole."""
    unused: tuple[str, ...]
    """Words that let nothing go."""


def name_of(change: Change) -> str:
    """Return what `--allow-replace` calls it: the name of its manifest entry, with that of what lies in it; the logical
    id of what a patch made."""
    entry = change.entry[1] if len(change.entry) > 1 else None
    name = entry if isinstance(entry, str) else change.logical_id
    return f"{name}.{change.content.name}" if change.content else name


def hinted(change: Change, diagnostic: Diagnostic) -> Diagnostic:
    """Return a loss with the word that lets it happen."""
    word = f"`msaspec deploy` refuses it without `--allow-replace {name_of(change)}`."
    return replace(diagnostic, hint=f"{diagnostic.hint} {word}")


def judge(changes: Iterable[Change], allowed: Collection[str], place: Callable[[Diagnostic], Diagnostic]) -> Judged:
    """Sorts the losses of some changes, and refuses what AWS always refuses.

    A word is the name of a manifest entry, with that of what lies in it, or a logical id.
    """
    told = tuple(changes)
    refused, released, ids, used = [place(each) for each in objections.refused(told)], [], set(), set()
    for change, diagnostic in losses.found(told):
        words = {name_of(change), name_of(replace(change, content=None)), change.logical_id} & set(allowed)
        if words:
            used |= words
            if change.content is None and change.action is not Action.MODIFY:
                ids.add(change.logical_id)
            released.append(place(diagnostic))
        else:
            refused.append(place(replace(hinted(change, diagnostic), severity=Severity.ERROR)))
    return Judged(tuple(refused), tuple(released), frozenset(ids), tuple(sorted(set(allowed) - used)))
