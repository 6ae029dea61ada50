"""DynamoDB tables as holders of data."""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msaspec.aws.data.physical import made_up
from msaspec.language.aws_type import (
    AwsType,
    Clients,
    Deletion,
    Effect,
    Holds,
    Kept,
    Objection,
    Properties,
    Protection,
    unless_gone,
)
from msaspec.template.resources import inner, numbered, same, whole

_GONE = frozenset({"ResourceNotFoundException"})
_TEXT = frozenset(string.ascii_letters + string.digits + "_.-")
LONGEST = 255
RECOVERY = "PointInTimeRecoverySpecification"
EXPIRY = "TimeToLiveSpecification"


def _name(name: str) -> str | None:
    if not 3 <= len(name) <= LONGEST:
        return "a table name has 3 to 255 characters"
    return None if set(name) <= _TEXT else "it contains characters other than letters, digits and `_.-`"


def _table(aws: Clients, id: str) -> Mapping[str, Any] | None:
    """Return what DynamoDB says of a table; None where it is gone."""
    said = unless_gone(_GONE, aws.client("dynamodb").describe_table, TableName=id)
    found: Mapping[str, Any] | None = said and said["Table"]
    return found


def _asked(properties: Properties) -> bool:
    return str(properties.get("DeletionProtectionEnabled")).lower() == "true"


def _read(aws: Clients, id: str) -> bool | None:
    there = _table(aws, id)
    if there is None or there.get("TableStatus") in ("CREATING", "DELETING"):
        return None
    return bool(there.get("DeletionProtectionEnabled"))


def _write(aws: Clients, id: str, *, on: bool) -> None:
    aws.client("dynamodb").update_table(TableName=id, DeletionProtectionEnabled=on)


def _erase(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    if _read(aws, id):
        _write(aws, id, on=False)
    if unless_gone(_GONE, aws.client("dynamodb").delete_table, TableName=id) is None:
        return []
    return [f"the table {id}, of which DynamoDB keeps a system backup for 35 days if it had point-in-time recovery"]


def _kept(aws: Clients, stack: str, logical_id: str) -> Iterator[Kept]:
    """Tables of the name that CloudFormation would have made up."""
    name = made_up(stack, logical_id, LONGEST)
    for page in aws.client("dynamodb").get_paginator("list_tables").paginate():
        for id in page["TableNames"]:
            if name.fullmatch(id):
                place = f"/Resources/{logical_id}/Properties/TableName"
                takeover = f"write `patches: [{{op: add, path: {place}, value: {id}}}]`, keep it there, and deploy with"
                removal = tuple(map(tuple, _removal(id)))
                yield Kept(id, "table", f"{takeover} `--import {logical_id}`", removal)


def _removal(id: str) -> Iterable[list[str]]:
    yield ["dynamodb", "update-table", "--table-name", id, "--no-deletion-protection-enabled"]
    yield ["dynamodb", "delete-table", "--table-name", id]


def _objections(before: Properties, after: Properties) -> Iterator[Objection]:
    """Yield what DynamoDB refuses of a table that is there, and what it loses."""
    yield from _keys(before, after)
    yield from _indexes(before, after)
    yield from _recovery(before, after)
    yield from _expiry(before, after)


def _keys(before: Properties, after: Properties) -> Iterator[Objection]:
    """Yield a key whose type changes: CloudFormation makes another table."""
    old, new = (_types(each) for each in (before, after))
    changed = sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
    if changed:
        reason = f"would be made again, empty, since the type of {_listed(changed)} changes"
        hint = "Keep the type. For another one, declare another table, and copy the items into it."
        own = [str(row.get("AttributeName")) for _, row in numbered(after.get("KeySchema"))]
        field = next((f for f, name in zip(("key", "sort"), own, strict=False) if name in changed), "indexes")
        yield Objection(Effect.LOSES, field, reason, hint)


def _types(properties: Properties) -> dict[str, Any]:
    rows = numbered(properties.get("AttributeDefinitions"))
    return {str(row.get("AttributeName")): row.get("AttributeType") for _, row in rows}


# fact: table-indexes
def _indexes(before: Properties, after: Properties) -> Iterator[Objection]:
    """Yield more than one index that comes or goes, or one that changes, in one update."""
    old, new = (_by_name(each) for each in (before, after))
    changed = sorted(name for name in old.keys() & new.keys() if same(old[name]) != same(new[name]))
    moved = sorted(old.keys() ^ new.keys())
    if changed:
        reason = f"would change its index {_listed(changed)}, which DynamoDB refuses: an index keeps its keys"
        hint = "Add an index of another name, deploy, and remove the old one in a later deployment."
        yield Objection(Effect.REFUSED, "indexes", reason, hint)
    elif len(moved) > 1:
        reason = f"would gain or lose {len(moved)} indexes ({_listed(moved)}), and an update may do so with one"
        hint = "Add or remove one index, deploy, wait until it is active, and go on with the next."
        yield Objection(Effect.REFUSED, "indexes", reason, hint)


def _by_name(properties: Properties) -> dict[str, Mapping[str, Any]]:
    rows = numbered(properties.get("GlobalSecondaryIndexes"))
    return {str(row.get("IndexName")): row for _, row in rows}


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _recovery(before: Properties, after: Properties) -> Iterator[Objection]:
    old, new = (_days(each) for each in (before, after))
    if old and not new:
        reason = "would lose its point-in-time recovery, and with it every state but the present one"
        yield Objection(Effect.LOSES, "backups", reason, f"Keep `backups: {old} days`; `1 day` is the least.")
    elif new < old:
        reason = f"could no longer be recovered to a time of more than {new} {'day' if new == 1 else 'days'} ago"
        hint = f"Keep `backups: {old} days` for as long as older states are needed."
        yield Objection(Effect.COSTS, "backups", reason, hint)


def _days(properties: Properties) -> int:
    """Return how far back a table can be recovered. DynamoDB's default is 35 days."""
    if str(inner(properties, RECOVERY, "PointInTimeRecoveryEnabled")).lower() != "true":
        return 0
    return whole(inner(properties, RECOVERY, "RecoveryPeriodInDays")) or 35


# fact: table-expiry
def _expiry(before: Properties, after: Properties) -> Iterator[Objection]:
    old, new = (inner(each, EXPIRY, "AttributeName") for each in (before, after))
    if old == new:
        return
    if not old:
        reason = f"would begin to delete items, existing ones too, whose `{new}` is a time in the past"
        hint = "Continue only if you want that: DynamoDB deletes expired items within days."
        yield Objection(Effect.COSTS, "expires", reason, hint)
    elif new:
        reason = f"would expire by `{new}` instead of `{old}`, which needs two updates"
        yield Objection(Effect.REFUSED, "expires", reason, "Remove `expires`, deploy, wait an hour, and write the new.")
    else:
        reason = "would no longer name `expires`, and CloudFormation may leave the expiry on"
        off = f"--time-to-live-specification Enabled=false,AttributeName={old}"
        hint = f"Turn it off after the deployment: `aws dynamodb update-time-to-live --table-name ... {off}`."
        yield Objection(Effect.COSTS, "expires", reason, hint)


TABLE = AwsType(
    name="AWS::DynamoDB::Table",
    noun="table",
    holds=Holds.DATA,
    protection=Protection(_asked, _read, _write),
    erase=_erase,
    gone=_GONE,
    there=lambda aws, id: _table(aws, id) is not None,
    kept=_kept,
    removal=_removal,
    objections=_objections,
    unique=(("TableName",),),
    names={"TableName": _name},
)
