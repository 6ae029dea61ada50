"""What becomes of the parts of a stack when it is deleted. Pure, over what CloudFormation lists."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from msaspec.compile import aws_types
from msaspec.deploy.aws.state import Resource
from msaspec.diagnostics.place import Path
from msaspec.language.aws_type import AwsType, Holds
from msaspec.update.changes import Action, Change

RETAINED = ("Retain", "RetainExceptOnCreate")


class Fate(StrEnum):
    """What the deletion of the stack does to a resource."""

    GOES = "goes"
    """Nothing of it is missed."""
    STAYS = "stays"
    """In the account, outside of any stack."""
    SNAPSHOT = "snapshot"
    """It goes, and a last snapshot stays."""
    LOST = "lost"
    """It goes with its data."""
    GONE = "gone"
    """Somebody deleted it already."""


@dataclass(frozen=True)
class Item:
    """A resource of a stack, and what its deletion would do."""

    resource: Resource
    entry: Path
    policy: str
    """`Delete`, `Snapshot`, `Retain` or `RetainExceptOnCreate`."""
    stateful: bool
    gone: bool = False
    """Whether it is in the stack, but not in the account."""

    @property
    def type(self) -> AwsType:
        """What is known of its type."""
        return aws_types.of(self.resource.type)

    @property
    def fate(self) -> Fate:
        """What becomes of it."""
        if self.gone:
            return Fate.GONE
        if self.policy in RETAINED:
            return Fate.STAYS
        if not self.stateful:
            return Fate.GOES
        return Fate.SNAPSHOT if self.policy == "Snapshot" else Fate.LOST

    @property
    def names(self) -> frozenset[str]:
        """What the user may call it: its manifest entry, its logical id, its id in AWS."""
        entry = {str(self.entry[1])} if len(self.entry) > 1 else set()
        return frozenset({self.resource.logical_id, self.resource.id or "", *entry} - {""})

    def __str__(self) -> str:
        return f"{self.type} {self.resource.id or self.resource.logical_id}"


def items(
    resources: Iterable[Resource], template: Mapping[str, Any], entry_of: Callable[[str], Path]
) -> tuple[Item, ...]:
    """Return what is there, each with its fate. What was deleted already is left out, unless a snapshot of it may
    stay."""
    found = []
    parts = template.get("Resources", {})
    for resource in resources:
        part = parts.get(resource.logical_id, {})
        properties = part.get("Properties") or {}
        kind = aws_types.of(resource.type)
        policy = str(part.get("DeletionPolicy") or kind.deletion_policy(properties))
        if resource.status == "DELETE_SKIPPED":
            policy = "Retain"  # It stayed already, for whatever reason.
        if resource.status == "DELETE_COMPLETE" and parts and not part:
            continue  # An update removed it, which was told then.
        stateful = kind.holds_data(properties)
        if kind.holds is Holds.CREDENTIAL and policy == "Delete":
            stateful = False  # It means nothing without its user.
        item = Item(resource, entry_of(resource.logical_id), policy, stateful)
        if resource.status != "DELETE_COMPLETE" or item.fate is Fate.SNAPSHOT:
            found.append(item)
    return tuple(found)


def chosen(all_items: Iterable[Item], words: Collection[str]) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """Return the items whose data the user gives up, and the words that name none."""
    data = [item for item in all_items if item.fate is not Fate.GOES]
    used = {word for item in data for word in words if word in item.names}
    return tuple(item for item in data if item.names & set(words)), tuple(sorted(set(words) - used))


def as_changes(all_items: Iterable[Item]) -> tuple[Change, ...]:
    """Return the deletion as the removals that it is, for whoever shows changes."""
    return tuple(
        Change(
            item.resource.logical_id,
            item.resource.type,
            Action.REMOVE,
            entry=item.entry,
            retained=item.policy
            if item.fate is not Fate.GONE and (item.stateful or item.policy in RETAINED)
            else "Delete",
            stateful=item.stateful and item.fate is not Fate.GONE,
        )
        for item in all_items
    )
