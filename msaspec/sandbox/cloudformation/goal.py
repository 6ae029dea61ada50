"""What a stack should become, and what CloudFormation refuses of it before it does anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from msaspec.sandbox.cloudformation import parameters
from msaspec.sandbox.cloudformation.intrinsics import Values, references
from msaspec.sandbox.cloudformation.resource import Failed, exists_at_aws
from msaspec.sandbox.cloudformation.wellformed import FORMAT, calls


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


def check(goal: Goal, values: Callable[[Goal], Values]) -> None:
    """Refuse what CloudFormation refuses before it does anything. Raises Failed."""
    resources = goal.template["Resources"]
    strangers = sorted({part["Type"] for part in resources.values() if not exists_at_aws(part["Type"])})
    if strangers:
        raise Failed(f"Template format error: Unrecognized resource types: [{', '.join(strangers)}]")
    declared = {*resources, *(goal.template.get("Parameters") or {})}
    for section in ("Resources", "Outputs"):
        for part in (goal.template.get(section) or {}).values():
            _resolve({*references(part), *_depends_on(part)}, declared, section)
    if len(resources) > 500:
        raise Failed(
            f"Template format error: Number of resources, {len(resources)}, is greater than maximum allowed, 500"
        )
    parameters.resolve(goal.template, goal.parameters)
    order(goal.template)
    known = values(goal)
    if goal.template.get("Conditions"):
        _check_present(goal, known)
    if goal.template.get("Mappings"):
        _check_lookups(goal, known)


def _check_present(goal: Goal, values: Values) -> None:
    """Refuse a reference to a resource whose condition is false."""

    def has(part: Mapping[str, Any]) -> bool:
        return "Condition" not in part or values.holds(part["Condition"])

    known = {name for name, part in goal.template["Resources"].items() if has(part)}
    known |= set(goal.template.get("Parameters") or {})
    for section in ("Resources", "Outputs"):
        for part in (goal.template.get(section) or {}).values():
            if has(part):
                _resolve(set(references(values.chosen(part))), known, section, "" if section == "Outputs" else FORMAT)


def _check_lookups(goal: Goal, values: Values) -> None:
    """Whether what is looked up in mappings is there, in what is there by its condition."""
    for section in ("Resources", "Outputs"):
        for part in (goal.template.get(section) or {}).values():
            if "Condition" not in part or values.holds(part["Condition"]):
                for name, argument in calls(values.chosen(part)):
                    if name == "Fn::FindInMap" and not set(references(argument)) & goal.template["Resources"].keys():
                        values.of({name: argument})


def _resolve(named: set[str], known: set[str], section: str, kind: str = FORMAT) -> None:
    if lost := sorted(name for name in named - known if not name.startswith("AWS::")):
        said = f"Unresolved resource dependencies [{', '.join(lost)}] in the {section} block of the template"
        raise Failed(f"{kind}{said}")


def sorter(template: Mapping[str, Any]) -> TopologicalSorter[str]:
    """Return the resources of a template by what they need."""
    resources = template["Resources"]
    return TopologicalSorter({name: needs(part) & set(resources) for name, part in resources.items()})


def order(template: Mapping[str, Any]) -> list[str]:
    """Return the resources of a template, each after what it needs."""
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
