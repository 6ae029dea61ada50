"""Rules of security groups that stand in their group, and so are no resources of their own. Pure.

A deployment of nested stacks takes 2,500 resources, and each use is a rule. The rule that lets a service into a store
is moved into the group of the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msaspec.diagnostics.place import Path
from msaspec.template.crossing import Homes, Template, awaited
from msaspec.template.references import Reference, named, sources

_GROUP = "AWS::EC2::SecurityGroup"
_RULE = "AWS::EC2::SecurityGroupIngress"
_PLAIN = {"IpProtocol": str, "FromPort": int, "ToPort": int, "Description": str}


def inlined(
    template: Template,
    needs: Mapping[str, set[str]],
    homes: Homes,
    entry_of: Callable[[str], Path],
    before: Template | None,
) -> Template:
    """Return a template with the rules of services in the groups of stores, where nothing can be in the way. `needs` is
    what each resource refers to.

    Rules to services stay: groups would need each other, and a rule in a group is closed before it is opened with
    another port. So does a rule that `before`, which is deployed, has as a resource: EC2 has no rule twice.
    """
    # fact: rules-inline
    parts: Template = template["Resources"]
    deployed = before.get("Resources", {}) if before else {}
    referred = set().union(*needs.values(), named(template.get("Outputs")), named(template.get("Conditions")))
    groups = {name for name, part in parts.items() if _takes_rules(part)}
    own = {name for name in groups if entry_of(name)[:1] == ("services",)}
    rules = {name: ends for name, part in parts.items() if (ends := _ends(part))}

    def fits(name: str, group: str, source: str) -> bool:
        """Whether it is as good in the group, and no circle: groups of stores need those of services."""
        if name not in homes or name in deployed or name in referred:
            return False
        return group in groups - own and source in groups & own and reached(source).isdisjoint(groups)

    def reached(name: str) -> set[str]:
        """Return what a resource needs, and what that needs."""
        found, ahead = set[str](), [name]
        while ahead:
            following = needs.get(ahead.pop(), set()) - found
            found |= following
            ahead += following
        return found

    moved = {name: group for name, (group, source) in rules.items() if fits(name, group, source)}
    return {**template, "Resources": dict(_parts(parts, moved, needs))} if moved else template


def _takes_rules(part: Mapping[str, Any]) -> bool:
    properties = part.get("Properties")
    if part["Type"] != _GROUP or "Condition" in part or not isinstance(properties, Mapping):
        return False
    return isinstance(properties.get("SecurityGroupIngress", []), list)


def _ends(part: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the group of a rule and the one that it lets in; None for anything but such a rule, with nothing else."""
    properties = part.get("Properties")
    if part["Type"] != _RULE or set(part) != {"Type", "Properties"} or not isinstance(properties, Mapping):
        return None
    if set(properties) != {"GroupId", "SourceSecurityGroupId", *_PLAIN}:
        return None
    if not all(isinstance(properties[key], kind) for key, kind in _PLAIN.items()):
        return None
    group, source = (next(iter(sources(properties[key])), None) for key in ("GroupId", "SourceSecurityGroupId"))
    return (group.name, source.name) if isinstance(group, Reference) and isinstance(source, Reference) else None


def _parts(
    parts: Template, moved: Mapping[str, str], needs: Mapping[str, set[str]]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the resources without the rules that are moved, which are in their groups."""
    rules: dict[str, list[Any]] = {}
    for name, group in moved.items():
        rule = parts[name]["Properties"]
        rules.setdefault(group, []).append({key: value for key, value in rule.items() if key != "GroupId"})
    for name, part in parts.items():
        if name in moved:
            continue
        waits = awaited(part)
        if not moved.keys().isdisjoint(waits):
            found = dict.fromkeys(moved.get(each, each) for each in waits)
            after = [each for each in found if each in waits or each not in needs[name]]
            part = {key: after if key == "DependsOn" else value for key, value in part.items()}
        if name in rules:
            there = part["Properties"].get("SecurityGroupIngress", [])
            part = {**part, "Properties": {**part["Properties"], "SecurityGroupIngress": [*there, *rules[name]]}}
        yield name, part
