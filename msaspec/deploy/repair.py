"""What somebody deleted by hand: known by what AWS says of it, and made again by a drift-aware change set.

Such a change set compares the template with what is in the account, and not only with the template before; so it makes
again what is gone, and undoes what was changed by hand. fact: revert-drift
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msaspec.compile import aws_types
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import render
from msaspec.update.changes import Change

DELETED = Code(
    "MSA638",
    "Data that was deleted by hand",
    """
    A resource with data was deleted outside of CloudFormation. `msaspec deploy --repair`
    makes it again, empty. What was in it comes back only from a copy: a snapshot or an automated backup of a database,
    the source of the objects or images.
    """,
    Severity.WARNING,
)
_GONE = re.compile(
    r"HandlerErrorCode: NotFound|NotFoundException|NotFoundFault|NoSuch[A-Z]\w+|\.NotFound\b|(?:does not|doesn't) exist"
)


def is_gone(reason: str | None) -> bool:
    """Return whether a resource failed, by what AWS says of it, because it is not there."""
    return bool(reason and _GONE.search(reason))


def deleted(rows: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return the logical ids of what a change set makes again, because somebody deleted it."""
    gone = (row for row in rows if row.get("ResourceDriftStatus") == "DELETED" and row["Action"] != "Remove")
    return frozenset(row["LogicalResourceId"] for row in gone)


def as_added(rows: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Return rows of a drift-aware change set in which what is made again is added, however CloudFormation calls that,
    without those that change nothing but CloudFormation's own records."""
    told = [row for row in rows if row["Action"] != "SyncWithActual"]
    again = deleted(told)
    return tuple({**row, "Action": "Add"} if row["LogicalResourceId"] in again else row for row in told)


def told(changes: Iterable[Change], again: frozenset[str]) -> Iterator[Diagnostic]:
    """Yield a warning for each resource with data that is made again, and is empty then."""
    for change in changes:
        kind = aws_types.of(change.type)
        if change.logical_id in again and (change.stateful or kind.holds_data({})):
            where = f" of `{render(change.entry)}`" if change.entry else ""
            message = f"Somebody deleted the {kind} `{change.logical_id}`{where}. It is made again, and is empty."
            hint = "What was in it comes back only from a copy, such as a snapshot."
            yield DELETED.at(change.entry, message, hint=hint, key=True)
