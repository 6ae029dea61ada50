"""A template in several stacks: a root, and nested stacks for what the services run. Pure.

CloudFormation takes 500 resources and 1 MB a template. All stages see the one template that was compiled, and the one
that is deployed. What is sent to CloudFormation is split, and what comes from it is joined: `join` undoes `split`.

Where something is, depends on names alone. The root has all data, and what AWS has once. Each service has a nested
stack of its own. Its security group and its name are in the root, or, where that has no room for them, in one of a few
stacks that depend on no service, so that services which call each other are no circle. A value that crosses is an
output there and a parameter here. What is deployed stays where it is: a resource that changes its stack is made anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from zlib import crc32

from msaspec.diagnostics.place import Path
from msaspec.template.crossing import Homes as Homes
from msaspec.template.crossing import Pieces as Pieces
from msaspec.template.crossing import Template as Template
from msaspec.template.crossing import awaited
from msaspec.template.inline_rules import inlined
from msaspec.template.joining import join as join
from msaspec.template.names import camel
from msaspec.template.owner import recorded
from msaspec.template.references import named as referred
from msaspec.template.splitting import NESTED as NESTED
from msaspec.template.splitting import split as split

# fact: template-limits
RESOURCES = 500
"""Resources of a template."""
BYTES = 1_000_000
"""Bytes of a template."""
# fact: nested-resources
OPERATION = 2_500
"""Resources of a root and its nested stacks in one operation."""
OF_NAMES = "Names"
NAMES = 8
"""How many stacks the groups and the names of the services are in."""

_NAMED = ("AWS::EC2::SecurityGroup", "AWS::ServiceDiscovery::Service")
"""What others refer to, and what refers to no service itself."""
_HOME = re.compile(r"[A-Z]\w*Nested|Names0[1-8]")


def is_home(logical_id: str, kind: str) -> bool:
    """Whether a resource of a root is a nested stack of ours."""
    return kind == NESTED and _HOME.fullmatch(logical_id) is not None


def is_of_names(logical_id: str, kind: str) -> bool:
    """Whether a resource of a root is a nested stack that holds groups and names of services."""
    return is_home(logical_id, kind) and logical_id.startswith(OF_NAMES) and logical_id[len(OF_NAMES) :].isdigit()


def fits(template: Template) -> bool:
    """Whether one stack is enough."""
    if len(template["Resources"]) > RESOURCES:
        return False
    return len(json.dumps(template, ensure_ascii=False).encode()) <= BYTES


def homes_of(template: Template) -> Homes:
    """Return where the resources of a template are that was read from AWS, as `join` notes it."""
    found = (recorded(template) or {}).get("homes")
    return found if isinstance(found, Mapping) else {}


def homes(template: Template, entry_of: Callable[[str], Path], before: Template | None = None) -> Homes:
    """Return the nested stack of each resource that goes into one; nothing where one template is enough.

    `entry_of` gives the manifest entry of a logical id. `before` is what is deployed: that stays where it is.
    """
    return _homes(_Whole(template), entry_of, before)


class _Whole:
    """A template, with what its resources refer to."""

    def __init__(self, template: Template) -> None:
        self.template = template
        self.parts: Template = template["Resources"]

    @cached_property
    def referred(self) -> Mapping[str, set[str]]:
        """What each resource refers to."""
        return {name: referred(part) for name, part in self.parts.items()}

    @cached_property
    def needs(self) -> Mapping[str, set[str]]:
        """The resources that each refers to or waits for."""
        return {
            name: {each for each in self.referred[name].union(awaited(part)) if each in self.parts}
            for name, part in self.parts.items()
        }


def _homes(whole: _Whole, entry_of: Callable[[str], Path], before: Template | None) -> Homes:
    template, parts = whole.template, whole.parts
    there = homes_of(before) if before else {}
    if not all(isinstance(part, Mapping) and "Type" in part for part in parts.values()) or "Transform" in template:
        return {}  # Loops and macros make what is not seen from here.
    if not there and fits(template):
        return {}
    deployed = before.get("Resources", {}) if before else {}

    def found(*, named: bool) -> dict[str, str]:
        made: dict[str, str] = {}
        for name, part in parts.items():
            entry = entry_of(name)
            of_service = entry[:1] == ("services",) and len(entry) > 1
            home = _home(part["Type"], str(entry[1]), named=named) if of_service else None
            if name in deployed:
                home = there.get(name)
            if home:
                made[name] = home
        _keep_conditional(whole, made)
        _without_circles(whole.needs, made)
        return made

    # In the root they are removed after what uses them, so they are there as long as it has room.
    in_the_root = found(named=any(home.startswith(f"{OF_NAMES}0") for home in there.values()))
    if len(parts) - len(in_the_root) + len(set(in_the_root.values())) <= RESOURCES:
        return in_the_root
    return found(named=True)


def _home(kind: str, service: str, *, named: bool) -> str | None:
    if kind in _NAMED:
        return f"{OF_NAMES}{crc32(service.encode()) % NAMES + 1:02}" if named else None
    return f"{camel(service)}Nested"


def _keep_conditional(whole: _Whole, homes: dict[str, str]) -> None:
    """Leave in the root what may not be there, with what refers to it: an output of nothing has no value."""
    conditional = {name for name, part in whole.parts.items() if "Condition" in part}
    for name in list(homes):
        if conditional and (name in conditional or not conditional.isdisjoint(whole.needs[name])):
            del homes[name]


def _without_circles(needs: Mapping[str, set[str]], homes: dict[str, str]) -> None:
    """Move into the root what makes stacks need each other."""
    while True:
        graph: dict[str, set[str]] = {}
        for name, needed in needs.items():
            place = homes.get(name, name)
            others = graph.setdefault(place, set())
            others.update(found for each in needed if (found := homes.get(each, each)) != place)
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle = set(error.args[1])
            moved = [
                each
                for name, needed in needs.items()
                if homes.get(name, name) in circle
                for each in sorted(needed)
                if homes.get(each) in circle and homes.get(each) != homes.get(name, name)
            ]
            if not moved:
                return  # It is one of resources, which no stack could make.
            for name in moved:
                homes.pop(name, None)
        else:
            return


@dataclass(frozen=True)
class Layout:
    """A template as it is deployed: as it was compiled, or for nested stacks with fewer resources."""

    template: Template
    homes: Homes

    @cached_property
    def pieces(self) -> Pieces:
        """The template as CloudFormation gets it. Where the nested templates are is not known yet."""
        return split(self.template, self.homes, lambda home: f"https://{home.lower()}.example/template")


def layout(template: Template, entry_of: Callable[[str], Path], before: Template | None = None) -> Layout:
    """Return how a template is deployed. `before` is what is deployed: that stays where it is, and as it is."""
    whole = _Whole(template)
    found = _homes(whole, entry_of, before)
    if not found:
        return Layout(template, found)
    fewer = inlined(template, whole.referred, found, entry_of, before)
    return Layout(fewer, {name: home for name, home in found.items() if name in fewer["Resources"]})


def pieces(template: Template, entry_of: Callable[[str], Path], before: Template | None = None) -> Pieces:
    """Return a template as CloudFormation gets it. Where the nested templates are is not known yet."""
    return layout(template, entry_of, before).pieces


def nested_in(root: Template) -> dict[str, str]:
    """Return where the templates of the nested stacks of a root are, by logical ids; none where it has none of ours."""
    return {
        name: str((part.get("Properties") or {}).get("TemplateURL", ""))
        for name, part in root.get("Resources", {}).items()
        if isinstance(part, Mapping) and is_home(name, str(part.get("Type")))
    }
