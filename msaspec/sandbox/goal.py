"""What a stack should become, and what CloudFormation refuses of it before it does anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from msaspec.sandbox import parameters
from msaspec.sandbox.intrinsics import references
from msaspec.sandbox.resource import Failed, exists_at_aws


@dataclass(frozen=True)
class Goal:
    """What a stack should become."""

    template: Mapping[str, Any]
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    imports: frozenset[str] = frozenset()
    """The resources that exist outside of any stack, and are taken over."""

    @property
    def values(self) -> dict[str, str]:
        """The value of every parameter, defaults included."""
        return parameters.resolve(self.template, self.parameters)


def check(goal: Goal) -> None:
    """What CloudFormation refuses before it does anything. Raises Failed."""
    resources = goal.template["Resources"]
    strangers = sorted({part["Type"] for part in resources.values() if not exists_at_aws(part["Type"])})
    if strangers:
        raise Failed(f"Template format error: Unrecognized resource types: [{', '.join(strangers)}]")
    known = {*resources, *(goal.template.get("Parameters") or {})}
    for section in ("Resources", "Outputs"):
        for part in (goal.template.get(section) or {}).values():
            named = {name for name in references(part) if not name.startswith("AWS::")} | set(_depends_on(part))
            if lost := sorted(named - known):
                where = f"Unresolved resource dependencies [{', '.join(lost)}] in the {section} block of the template"
                raise Failed(f"Template format error: {where}")
    if len(resources) > 500:
        raise Failed(
            f"Template format error: Number of resources, {len(resources)}, is greater than maximum allowed, 500"
        )
    parameters.resolve(goal.template, goal.parameters)
    order(goal.template)


def sorter(template: Mapping[str, Any]) -> TopologicalSorter[str]:
    """The resources of a template by what they need."""
    resources = template["Resources"]
    return TopologicalSorter({name: needs(part) & set(resources) for name, part in resources.items()})


def order(template: Mapping[str, Any]) -> list[str]:
    """The resources of a template, each after what it needs."""
    try:
        return list(sorter(template).static_order())
    except CycleError as circle:
        raise Failed(f"Circular dependency between resources: [{', '.join(circle.args[1][1:])}]") from None


def _depends_on(part: Mapping[str, Any]) -> list[str]:
    needed = part.get("DependsOn", [])
    return [needed] if isinstance(needed, str) else list(needed)


def needs(part: Mapping[str, Any]) -> set[str]:
    """Everything that a resource of a template needs by name."""
    return {*_depends_on(part), *references(part)}
