"""The current resources of a stack, and what a goal needs of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msaspec.sandbox.cloudformation.goal import Goal, order
from msaspec.sandbox.cloudformation.intrinsics import Values
from msaspec.sandbox.cloudformation.resource import Failed, Made, lookup, taggable
from msaspec.sandbox.cloudformation.surroundings import Surroundings

ATTRIBUTES = "DeletionPolicy", "UpdateReplacePolicy", "Metadata"
"""What of a resource may change beside its properties."""


@dataclass(frozen=True)
class Deployed:
    """A current resource of a stack."""

    type: str
    definition: Mapping[str, Any]
    properties: Mapping[str, Any]
    made: Made

    def policy(self, attribute: str) -> str:
        """Return what its `DeletionPolicy` or `UpdateReplacePolicy` says, or the default where it says nothing."""
        implied = "Snapshot" if attribute == "DeletionPolicy" and lookup(self.type).snapshots else "Delete"
        return str(self.definition.get(attribute, implied))


class Standing:
    """The current resources of one stack."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.resources: dict[str, Deployed] = {}
        self.outputs: dict[str, dict[str, Any]] = {}
        self.goal: Goal | None = None
        """What it was brought to; None before it was brought to anything."""

    def attribute(self, name: str, attribute: str | None) -> Any:
        """Return what `Fn::GetAtt`, and without an attribute `Ref`, give for a resource that is there."""
        if name not in self.resources:
            raise Failed(f"Template error: resource {name} does not exist.")
        made = self.resources[name].made
        if attribute is None:
            return made.id
        if attribute not in made.attributes:
            if attribute in self.resources[name].properties:  # which AWS gives as well
                return self.resources[name].properties[attribute]
            raise Failed(f"Template error: the sandbox's {self.resources[name].type} has no attribute {attribute}")
        return made.attributes[attribute]

    def wanted(self, name: str, goal: Goal, values: Values) -> dict[str, Any]:
        """Return the properties of a resource, filled in, with the tags of the stack."""
        part = goal.template["Resources"][name]
        properties: dict[str, Any] = values.of(part.get("Properties", {}))
        if goal.tags and taggable(part["Type"]):
            own = {tag["Key"]: tag for tag in properties.get("Tags", [])}
            given = {key: {"Key": key, "Value": value} for key, value in goal.tags.items()}
            properties["Tags"] = list((given | own).values())
        return properties

    def defined(self, name: str, goal: Goal, values: Values) -> dict[str, Any]:
        """Return the definition of a resource, with what it says beside its properties filled in."""
        part = goal.template["Resources"][name]
        return {**part, **{key: values.of(part[key]) for key in ATTRIBUTES if key in part}}

    def present(self, goal: Goal, values: Values) -> list[str]:
        """Return the resources that a goal has by its conditions, each after what it needs."""
        return [name for name in order(goal.template) if has(goal, name, values)]


def has(goal: Goal, name: str, values: Values) -> bool:
    """Whether a goal has a resource by its condition."""
    part = goal.template["Resources"][name]
    return "Condition" not in part or values.holds(part["Condition"])


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> set[str]:
    """Return the properties that differ."""
    return {key for key in {*old, *new} if old.get(key) != new.get(key)}
