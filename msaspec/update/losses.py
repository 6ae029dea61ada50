"""Data that an update would remove, by manifest entry. Only the user's consent removes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from msaspec.compile import aws_types
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Path, render
from msaspec.language.aws_type import Effect
from msaspec.template.origin import belonging
from msaspec.update.changes import Action, Change, Replaces

DATA_LEAVES = Code(
    "MSA510",
    "A resource with data would leave the stack",
    """
    The update removes a database, a bucket, a repository or a secret in use from the template. Its `DeletionPolicy`
    decides what happens to it, and the message says which: deleted, deleted after a final snapshot, or retained in the
    account outside any stack. A renamed entry is one removed and one added entry; the data does not move.
    """,
    Severity.WARNING,
)
DATA_REPLACED = Code(
    "MSA511",
    "A resource with data would be replaced",
    """
    The update changes a property that requires replacement, so CloudFormation creates a new, empty resource in place of
    the old one. The `UpdateReplacePolicy` decides what happens to the old one, and the message says which.
    """,
    Severity.WARNING,
)


DATA_LEFT = Code(
    "MSA515",
    "Data that its service would no longer find",
    """
    A service would use a different database: its `database` changes, possibly to one that another service had; its name
    changes, and the database is named after it; its use moves to another instance; or its use is removed and no other
    service has the database. Nothing is deleted, but the service does not find its data. Name the database under
    `database` to keep it.
    """,
    Severity.WARNING,
)
BACKUPS_GO = Code(
    "MSA517",
    "Backups that would be deleted",
    """
    RDS deletes the automated backups of an instance when `backups` becomes 0, and with them recovery to a point in
    time. Manual snapshots stay.
    """,
    Severity.WARNING,
)


def found(changes: Iterable[Change]) -> Iterator[tuple[Change, Diagnostic]]:
    """Yield a warning for all data that an update would take away: a resource that would go or be replaced, something
    inside of one that no service would have, and what a change in place loses."""
    changes = tuple(changes)
    gone = {change.entry for change in changes if change.stateful and change.action in (Action.REMOVE, Action.REPLACE)}
    for change in changes:
        yield from _left_behind(change) if change.entry not in gone else ()
        for objection in change.objections:
            if objection.effect is Effect.LOSES:
                message = f"`{render(change.entry)}` {objection.reason}."
                yield change, BACKUPS_GO.at((*change.entry, objection.field), message, hint=objection.hint, key=True)
        if not change.stateful or change.action in (Action.ADD, Action.IMPORT, Action.MODIFY):
            continue
        if any(each.attribute and each.path == ("Type",) for each in change.properties):
            continue  # It is refused, whatever anybody allows.
        what = f"The {aws_types.of(change.type)} `{change.logical_id}` {belonging(change.entry)}"
        refused = (
            " Its deletion protection prevents that: unless you turn it off first, the resource stays in the account,"
            " outside any stack."
            if change.protected and not str(change.retained).startswith("Retain")
            else ""
        )
        if change.action is Action.REMOVE:
            message = f"{what} {_leaving(change)}.{refused}"
            kept = f"Keep `{render(change.entry)}` under its name" if change.entry else "Add it with a patch"
            hint = f"{kept}, or make sure that you do not need the data."
            yield change, DATA_LEAVES.at(change.entry, message, hint=hint, key=True)
        else:
            verb = "may" if change.action is Action.MAYBE_REPLACE else "would"
            causes = [p for p in change.properties if p.replaces is not Replaces.NO]
            named = ", ".join(f"`{render(cause.path)}`" for cause in causes)
            reason = f"since {named} {'changes' if len(causes) == 1 else 'change'}"
            message = f"{what} {verb} be replaced by an empty one, {reason}; {_replaced(change)}.{refused}"
            hint = "Move the data first, or keep the old value."
            yield change, DATA_REPLACED.at(change.entry, message, hint=hint, key=True)


def _left_behind(change: Change) -> Iterator[tuple[Change, Diagnostic]]:
    """Yield a warning for each thing inside of a resource that its users would no longer have."""
    for left in change.left:
        content, entry = left.content, render(change.entry)
        what = f"the {content.noun} `{content.name}` of `{entry}`"
        own = f"`uses: {{{change.entry[-1]}: {{{content.option}}}}}`"
        path: Path = change.entry
        if left.user and left.instead:
            user, (other, name) = left.user, left.instead
            now = f"the {content.noun} `{name}` of `{render(other)}`"
            path = ("services", user, "uses", other[-1])
            message = f"`{user}` would have {now} instead of {what}, without its data."
            hint = f"Write {own} under `services.{user}` to keep it, or move the data first."
        else:
            message = f"No service would use {what} any more. Its data stays, but no service can read it."
            hint = f"If a service has a new name, write {own} under it to keep the data. Otherwise continue."
        yield replace(change, content=content), DATA_LEFT.at(path, message, hint=hint, key=True)


def _leaving(change: Change) -> str:
    if str(change.retained).startswith("Retain"):
        return "would be removed from the stack; it stays in the account with its data, outside any stack"
    if change.retained == "Snapshot":
        return "would be deleted after a final snapshot"
    if aws_types.of(change.type).only_empty:
        return "would be deleted, which fails unless it is empty"
    return "would be deleted with its data"


def _replaced(change: Change) -> str:
    if str(change.retained).startswith("Retain"):
        return "the old one stays in the account with its data, outside any stack"
    if change.retained == "Snapshot":
        return "the old one is deleted after a final snapshot"
    if aws_types.of(change.type).only_empty:
        return "the old one is deleted, which fails unless it is empty"
    return "the old one is deleted with its data"
