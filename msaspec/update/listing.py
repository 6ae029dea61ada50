"""Changes as people read them, by manifest entry, and as programs do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from click import style

from msaspec.diagnostics import printable
from msaspec.diagnostics.place import Path, render
from msaspec.messages.message import counted
from msaspec.messages.results import Changed, Property, Value
from msaspec.template.origin import label
from msaspec.update.changes import Action, Change, Replaces

_SHOWN = {
    Action.ADD: ("+", "added", "green"),
    Action.IMPORT: ("+", "imported", "green"),
    Action.MODIFY: ("~", "changes", "yellow"),
    Action.REPLACE: ("±", "replaced", "red"),
    Action.MAYBE_REPLACE: ("±", "may be replaced", "red"),
    Action.REMOVE: ("-", "removed", "red"),
}
_COUNTED = {
    Action.ADD: "added",
    Action.IMPORT: "imported",
    Action.MODIFY: "changed",
    Action.REPLACE: "replaced",
    Action.MAYBE_REPLACE: "perhaps replaced",
    Action.REMOVE: "removed",
}
_STAYS = {
    "Snapshot": ", a snapshot stays",
    "Retain": ", stays in the account",
    "RetainExceptOnCreate": ", stays in the account",
}
MOST_PROPERTIES = 4
"""Of more, the rest is counted."""
MOST_VALUES = 12
"""Of more values that change, the rest is counted."""
MOST_ALIKE = 3
"""Of more resources that come, or that go without leaving anything, an entry shows how many there are."""


def to_text(changes: Iterable[Change], place: Callable[[Path], str] | None = None, *, brief: bool = False) -> str:
    """Return the changes under the entries that they belong to. Styled; strip that where no terminal is.

    `place` gives the place of an entry in the manifest. `brief` only counts what is added or removed.
    """
    groups: dict[Path, list[Change]] = {}
    for change in changes:
        groups.setdefault(change.entry[:2], []).append(change)
    lines = []
    for entry, group in groups.items():
        where = style(f"   {printable.line(place(entry))}", dim=True) if place and entry else ""
        lines += [f"{style(printable.line(label(entry)), bold=True)}{where}", *_group(group, brief=brief)]
    return "\n".join(lines)


def _group(group: Sequence[Change], *, brief: bool) -> Iterable[str]:
    for action in (Action.ADD, Action.REMOVE):
        alike = [change for change in group if change.action is action and _leaves_nothing(change)]
        if brief and len(alike) > MOST_ALIKE:
            group = [change for change in group if change not in alike]
            sign, word, colour = _SHOWN[action]
            kinds = ", ".join(dict.fromkeys(change.type.rpartition("::")[2] for change in alike if "::" in change.type))
            yield f"  {style(printable.line(f'{sign} {len(alike)} {word}   {kinds}'.rstrip()), fg=colour)}"
    name_width = max((len(_name(change)) for change in group), default=0)
    word_width = max((len(_SHOWN[change.action][1]) for change in group), default=0)
    for change in group:
        sign, word, colour = _SHOWN[change.action]
        row = f"{sign} {_name(change):{name_width}}   {word:{word_width}}   {_what(change)}"
        yield f"  {style(printable.line(row.rstrip()), fg=colour)}"
        if len(change.values) > 1:
            yield from (f"      {printable.line(str(each))}" for each in change.values[:MOST_VALUES])
        if (more := len(change.values) - MOST_VALUES) > 0:
            yield f"      and {more} more"


def _leaves_nothing(change: Change) -> bool:
    return change.action in (Action.ADD, Action.IMPORT) or not (change.stateful or _STAYS.get(change.retained or ""))


def _name(change: Change) -> str:
    return f"{change.type.lower()} {change.logical_id}" if "::" not in change.type else change.logical_id


def _what(change: Change) -> str:
    """Return the end of a row: the type, or the properties; of a replacement, those that cause it."""
    stays = _STAYS.get(change.retained or "", "")
    if change.action in (Action.ADD, Action.IMPORT, Action.REMOVE):
        return (change.type if "::" in change.type else "") + stays
    if len(change.values) == 1:
        return f"{change.values[0]}{stays}"
    if change.values and change.action is Action.MODIFY:
        return ""  # They are below.
    causes = [changed for changed in change.properties if changed.replaces is not Replaces.NO]
    paths = list(dict.fromkeys(render(changed.path) for changed in causes or change.properties))
    more = f" and {len(paths) - MOST_PROPERTIES + 1} more" if len(paths) > MOST_PROPERTIES else ""
    return ", ".join(paths[: MOST_PROPERTIES - 1] if more else paths) + more + stays


def summary(changes: Sequence[Change]) -> str:
    """How many entries differ and what happens to how many things of each sort, in a sentence."""
    if not changes:
        return "No difference."
    entries = len({change.entry[:2] for change in changes})
    sorts: dict[str, Counter[Action]] = {"resource": Counter()}
    for change in changes:
        sort = "resource" if "::" in change.type else change.type.lower()
        sorts.setdefault(sort, Counter())[change.action] += 1
    said = [_counted(sort, found) for sort, found in sorts.items() if found]
    return f"{entries} {'entry differs' if entries == 1 else 'entries differ'}: {'; '.join(said)}."


def _counted(sort: str, found: Counter[Action]) -> str:
    """Return what happens to how many things of one sort.

    >>> _counted("resource", Counter({Action.ADD: 2, Action.MODIFY: 1}))
    '2 resources added, 1 changed'
    """
    first, *others = [(found[action], word) for action, word in _COUNTED.items() if found[action]]
    return ", ".join([f"{counted(first[0], sort)} {first[1]}", *(f"{number} {word}" for number, word in others)])


def as_message(stack: str, change: Change, place: str | None = None) -> Changed:
    """Return a change for programs; `place` is that of its entry in the manifest."""
    return Changed(
        stack,
        place,
        render(change.entry) or None,
        change.logical_id,
        change.type,
        str(change.action),
        change.retained,
        stateful=change.stateful,
        deletes_first=change.deletes_first,
        protected=change.protected,
        left_behind=tuple(dict.fromkeys(left.content.name for left in change.left)),
        properties=tuple(Property(render(e.path), str(e.replaces), e.attribute) for e in change.properties),
        values=tuple(Value(each.name, each.before, each.after) for each in change.values),
    )
