"""The resources of a template by type, and what is known of their values before anything is deployed.

A patch may have written anything, and CloudFormation fills in the rest: what has another shape than expected is
unknown here, and what is unknown is not reported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msaspec.diagnostics.place import Path
from msaspec.template.references import Reference, is_intrinsic, normal, sources

_NO_VALUE = {"Ref": "AWS::NoValue"}
_SHORTEST = {"AWS::AccountId": "0" * 12, "AWS::Partition": "aws", "AWS::Region": "eu-west-1"}
"""The shortest values of pseudo parameters; no Region has a shorter name."""
_VARIABLE = re.compile(r"\$\{\s*([^}\s]+)\s*\}")


@dataclass(frozen=True, eq=False)
class Resource:
    """One resource, apart from what depends on its type."""

    name: str
    properties: Mapping[str, Any]
    after: tuple[str, ...]
    """Logical ids that `DependsOn` names."""
    conditional: bool
    """Whether a condition decides that it is there."""

    def get(self, *keys: str) -> Any:
        """Return a property, or a value inside it; None where there is none."""
        return inner(self.properties, *keys)

    def at(self, *steps: str | int) -> Path:
        """Return the template path of a property."""
        return ("Resources", self.name, "Properties", *steps)


class Resources:
    """All resources of a template, without what has not the shape of one.

    `complete` is False where loops or macros make more of them than the template shows.
    """

    def __init__(self, template: Mapping[str, Any], stack: str) -> None:
        self._known = {**_SHORTEST, "AWS::StackName": stack}
        self._mappings = template.get("Mappings", {})
        self._parameters = template.get("Parameters", {})
        self._by_type: dict[str, list[Resource]] = {}
        self._by_name: dict[str, tuple[str, Resource]] = {}
        self.complete = "Transform" not in template
        for name, entry in template["Resources"].items():
            if not isinstance(entry, Mapping) or any(str(key).startswith("Fn::") for key in (name, *entry)):
                self.complete = False
                continue
            kind, properties, after = str(entry.get("Type")), entry.get("Properties", {}), entry.get("DependsOn")
            if not isinstance(properties, Mapping) or any(str(key).startswith("Fn::") for key in properties):
                self.complete = False
                continue
            named = (
                (after,) if isinstance(after, str) else tuple(each for each in items(after) if isinstance(each, str))
            )
            found = Resource(name, properties, named, "Condition" in entry)
            self._by_type.setdefault(kind, []).append(found)
            self._by_name[name] = (kind, found)

    def __iter__(self) -> Iterator[Resource]:
        return (found for _, found in self._by_name.values())

    def of(self, kind: str) -> Sequence[Resource]:
        """Return the resources of a type, in the order of the template."""
        return self._by_type.get(kind, ())

    def referenced(self, value: Any, kind: str) -> Resource | None:
        """Return the resource of a type that a value refers to, if it is in this template."""
        found = self._by_name.get(target(value) or "")
        return found[1] if found and found[0] == kind else None

    def waits_for(self, resource: Resource, wanted: set[str]) -> bool:
        """Whether a resource is made after one of others, by what it, or what it waits for itself, refers to."""
        seen, waiting = {resource.name}, [resource.name]
        while waiting:
            _, current = self._by_name[waiting.pop()]
            named = [each.name for each in sources(current.properties) if isinstance(each, Reference)]
            for name in (*current.after, *named):
                if name in wanted:
                    return True
                if name in self._by_name and name not in seen:
                    seen.add(name)
                    waiting.append(name)
        return False

    def shortest(self, value: Any) -> str | None:
        """Return the shortest text that a value can become, with an `x` for what only AWS knows; None if that is all of
        it."""
        if isinstance(value, str):
            return None if "{{resolve:" in value else value
        if not is_intrinsic(value):
            return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
        ((name, argument),) = value.items()
        if name == "Ref":
            return self._known.get(str(argument))
        if name == "Fn::Sub":
            return self._substituted(argument)
        if name == "Fn::Join" and isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], list):
            return str(argument[0]).join(self.shortest(item) or "x" for item in argument[1])
        if name == "Fn::FindInMap" and isinstance(argument, list) and all(isinstance(key, str) for key in argument):
            return self.shortest(inner(self._mappings, *argument))
        return None

    def text_of(self, value: Any) -> str | None:
        """Return the text of a value, with parameters at their defaults; None where a
        part of it is not known."""
        if isinstance(value, str):
            return None if "{{resolve:" in value else value
        if not is_intrinsic(value):
            return None
        ((name, argument),) = value.items()
        if name == "Ref":
            parameter = inner(self._parameters, argument) if isinstance(argument, str) else None
            default = inner(parameter, "Default")
            # Of a parameter of SSM the default names what holds the value.
            plain = default is not None and str(inner(parameter, "Type")) in ("String", "Number")
            return self.text_of(str(default)) if plain else None
        if name == "Fn::Sub" and isinstance(argument, str) and "${" not in argument:
            return self.text_of(argument)
        if name == "Fn::Join" and isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], list):
            parts = [self.text_of(part) for part in argument[1]]
            return str(argument[0]).join(filter(None, parts)) if None not in parts else None
        return None

    def _substituted(self, argument: Any) -> str | None:
        text, own = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})
        if not isinstance(text, str) or not isinstance(own, Mapping) or "{{resolve:" in text:
            return None

        def filled(match: re.Match[str]) -> str:
            variable = match[1]
            if variable.startswith("!"):
                return f"${{{variable[1:]}}}"
            return (self.shortest(own[variable]) if variable in own else self._known.get(variable)) or "x"

        return _VARIABLE.sub(filled, text)


def inner(value: Any, *keys: str) -> Any:
    """Return the value in nested maps; None where there is none, where `AWS::NoValue` says so, or on the way another
    shape."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return None if value == _NO_VALUE else value


def items(value: Any) -> list[Any]:
    """Return the items of a list; none of anything else."""
    return value if isinstance(value, list) else []


def numbered(value: Any) -> list[tuple[int, Mapping[str, Any]]]:
    """Return the plain maps in a list, each with its position."""
    return [(n, each) for n, each in enumerate(items(value)) if isinstance(each, Mapping) and not is_intrinsic(each)]


def whole(value: Any) -> int | None:
    """Return a whole number, written as one or as text; None for anything else.

    >>> whole(80), whole("80"), whole(True), whole({"Ref": "Port"}), whole("٣")
    (80, 80, None, None, None)
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit() and len(value) < 20:
        return int(value)
    return None


def certain(value: Any) -> bool:
    """Whether something is given whatever a condition says."""
    return value is not None and not (isinstance(value, Mapping) and "Fn::If" in value)


def target(value: Any) -> str | None:
    """Return the logical id that a value refers to as a whole: by Ref, GetAtt, or a Sub of nothing else.

    >>> target({"Ref": "Vpc"}), target({"Fn::GetAtt": ["Group", "GroupId"]}), target({"Fn::Sub": "${Vpc}"}), target("a")
    ('Vpc', 'Group', 'Vpc', None)
    """
    if not is_intrinsic(value):
        return None
    ((name, argument),) = value.items()
    if name == "Ref" and isinstance(argument, str):
        return argument
    if name == "Fn::GetAtt":
        first = argument.partition(".")[0] if isinstance(argument, str) else items(argument)[:1]
        return first if isinstance(first, str) else next((each for each in first if isinstance(each, str)), None)
    if name == "Fn::Sub" and isinstance(argument, str) and (match := _VARIABLE.fullmatch(argument)):
        return match[1].partition(".")[0]
    return None


def same(value: Any) -> str:
    """Return a text that two values share where they are one, however a security group is referred to.

    >>> same({"Fn::GetAtt": "Group.GroupId"}) == same({"Ref": "Group"}), same(80) == same("80"), same("Group")
    (True, True, 'Group')
    """
    if isinstance(value, str):
        return value
    plain = normal(value)
    if isinstance(plain, dict) and items(plain.get("Fn::GetAtt"))[1:] == ["GroupId"]:
        plain = {"Ref": plain["Fn::GetAtt"][0]}
    return plain if isinstance(plain, str) else repr(plain)


def size_of_policy(document: Any) -> int:
    """Characters of a policy as IAM counts them, without white space; references count as they are written."""
    return 0 if document is None else len(json.dumps(document, separators=(",", ":")))
