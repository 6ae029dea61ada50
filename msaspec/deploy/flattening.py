"""The rows of a change set of a root and its nested stacks, as rows of the one template. Pure.

CloudFormation lists a nested stack as changing whenever its root is updated, and what is inside of it as changing
wherever a parameter takes the output of another stack, which it knows only later. The comparison of the one template
knows what changes there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from msaspec.template import nesting
from msaspec.update.changes import Action, Change

Row = Mapping[str, Any]


def inner_name(name: str) -> str:
    """Return the logical id of a resource of one of our nested stacks in the one template; any other as it is.

    >>> inner_name("CartNested.CartService"), inner_name("Patched.Queue"), inner_name("Vpc")
    ('CartService', 'Patched.Queue', 'Vpc')
    """
    home, _, inside = name.partition(".")
    return inside if inside and nesting.is_home(home, nesting.NESTED) else name


def flat(rows: Iterable[Row], before: Mapping[str, Any], changing: Collection[str]) -> tuple[Row, ...]:
    """Return rows by the names of the one template. `before` is that which is deployed; `changing` are the resources
    that change by the comparison with what is to be.

    A nested stack itself is listed only where nothing else is. Of one that is removed, all that is in it goes.
    """
    # fact: nested-values
    found: list[Row] = []
    homes: list[Row] = []
    there = nesting.homes_of(before)
    for row in rows:
        name = row["LogicalResourceId"]
        if nesting.is_home(name, row["ResourceType"]):
            homes.append(row)
            if row["Action"] == "Remove":
                found += _removed(before, [each for each, home in there.items() if home == name])
            continue
        inner = inner_name(name)
        modified = row["Action"] in ("Modify", "Dynamic") and inner not in changing
        if modified and not _is_told(row) and (inner != name or _only_follows(row)):
            continue
        found.append({**row, "LogicalResourceId": inner} if inner != name else row)
    return tuple(found or homes)


def still(rows: Iterable[Row], happening: Iterable[Row]) -> frozenset[str]:
    """Return the nested stacks of ours that are looked into, and in which nothing changes. `rows` are those of the
    change set, `happening` what `flat` leaves of them."""
    changing = {row["LogicalResourceId"] for row in happening}
    looked_into: set[str] = set()
    moving: set[str] = set()
    for row in rows:
        home, _, inside = row["LogicalResourceId"].partition(".")
        if inside in changing:
            moving.add(home)
        elif row["Action"] == "Modify" and row.get("ChangeSetId") and not inside:
            looked_into.update({home} if nesting.is_home(home, row["ResourceType"]) else ())
    return frozenset(looked_into - moving)


def foreseen(changes: Iterable[Change], homes: Mapping[str, str]) -> Iterator[Row]:
    """Yield rows of what changes in nested stacks by the comparison, for a change set that does not look into them."""
    for change in changes:
        if change.logical_id in homes and change.action in _AS:
            action, replacement = _AS[change.action]
            yield {
                "Action": action,
                "LogicalResourceId": change.logical_id,
                "ResourceType": change.type,
                "Replacement": replacement,
                "Scope": [],
                "Details": [],
            }


_AS = {
    Action.ADD: ("Add", None),
    Action.MODIFY: ("Modify", "False"),
    Action.REPLACE: ("Modify", "True"),
    Action.MAYBE_REPLACE: ("Modify", "Conditional"),
}


def _is_told(row: Row) -> bool:
    """Whether something changes that no template shows: tags of the stack, or what somebody changed by hand."""
    if row.get("ResourceDriftStatus") not in (None, "IN_SYNC", "NOT_CHECKED"):
        return True
    return any(each.get("Target", {}).get("Attribute") == "Tags" for each in row.get("Details") or ())


def _only_follows(row: Row) -> bool:
    """Whether all that changes a resource are outputs of our nested stacks, which are known only later."""
    causes = [str(each.get("CausingEntity") or "") for each in row.get("Details") or ()]
    return bool(causes) and all(nesting.is_home(cause.partition(".")[0], nesting.NESTED) for cause in causes)


def _removed(before: Mapping[str, Any], names: Iterable[str]) -> Iterable[Row]:
    """Return what goes with a nested stack, as CloudFormation lists what goes."""
    for name in names:
        part = before["Resources"][name]
        policy = part.get("DeletionPolicy", "Delete")
        yield {
            "Action": "Remove",
            "LogicalResourceId": name,
            "ResourceType": part["Type"],
            "PolicyAction": "Retain" if policy == "RetainExceptOnCreate" else policy,
            "Scope": [],
            "Details": [],
        }
