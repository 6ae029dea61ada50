"""What CloudFormation refuses of a template as it is written, whatever the parameters say.

The texts are those of recorded answers, but for those marked, which are known from reports of users.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import yaml

from msaspec.sandbox.cloudformation.resource import Failed
from msaspec.template import reading

FORMAT = "Template format error: "
_NAME = re.compile(r"[A-Za-z0-9]+")
_OF_RESOURCES = frozenset(
    [
        "Type",
        "Properties",
        "DependsOn",
        "Condition",
        "Metadata",
        "CreationPolicy",
        "UpdatePolicy",
        "DeletionPolicy",
        "UpdateReplacePolicy",
    ]
)


@lru_cache(1_000)
def parse(text: str) -> Mapping[str, Any]:
    """Return a template as plain data, which nobody changes. Raises Failed where it is none."""
    data = _read(text)
    if not isinstance(data, dict):
        raise Failed(f"{FORMAT}unsupported structure.")
    if data.get("Transform") or "Fn::Transform" in json.dumps(data, default=str):
        raise Failed("The sandbox has no transforms.")
    for check in (_resources, _parameters, _nulls, _outputs, _mappings, _functions):
        check(data)
    return data


def _read(text: str) -> Any:
    """Return what a text says as JSON, or else as YAML, which takes a comma at the end of a list."""
    where = None
    if text.lstrip()[:1] == "{":
        try:
            return json.loads(text)
        except ValueError as fault:
            if '"' in text.lstrip()[1:].lstrip()[:1]:  # else it may be a flow mapping of YAML
                where = getattr(fault, "lineno", 1), getattr(fault, "colno", 1)
    try:
        return reading.load(text)
    except reading.Unreadable:
        if where:
            raise Failed(f"{FORMAT}JSON not well-formed. (line {where[0]}, column {where[1]})") from None
        raise Failed(f"{FORMAT}YAML not well-formed.{_place(text)}") from None


def _place(text: str) -> str:
    try:
        yaml.compose(text)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark
        return f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
    except yaml.YAMLError:
        pass
    return ""


def _section(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = data.get(name)
    if found is not None and not isinstance(found, Mapping):
        raise Failed(f"{FORMAT}Any {name} member must be an object.")
    return found or {}


def _resources(data: Mapping[str, Any]) -> None:
    if not _section(data, "Resources"):
        raise Failed(f"{FORMAT}At least one Resources member must be defined.")
    for name, part in data["Resources"].items():
        if not _NAME.fullmatch(str(name)):
            raise Failed(f"{FORMAT}Resource name {name} is non alphanumeric.")
        if not isinstance(part, Mapping):
            raise Failed(f"{FORMAT}[/Resources/{name}] resource definition is malformed")  # reported by users
        if not isinstance(part.get("Type"), str):
            raise Failed(f"{FORMAT}[/Resources/{name}] Every Resources object must contain a Type member.")
        if strangers := [key for key in part if key not in _OF_RESOURCES]:
            raise Failed(f"Invalid template resource property '{strangers[0]}'")
        if not isinstance(part.get("Properties") or {}, Mapping):
            raise Failed(f"{FORMAT}[/Resources/{name}/Properties] Properties must be an object.")  # unverified
        needed = part.get("DependsOn", [])
        if not isinstance(needed, str) and not all(isinstance(each, str) for each in needed):
            raise Failed(f"{FORMAT}DependsOn must be a string or list of strings.")  # reported by users


def _parameters(data: Mapping[str, Any]) -> None:
    for name, part in _section(data, "Parameters").items():
        if not _NAME.fullmatch(str(name)):
            raise Failed(f"{FORMAT}Parameter name {name} is non alphanumeric.")
        if not isinstance(part, Mapping) or not isinstance(part.get("Type"), str):
            raise Failed(f"{FORMAT}Every Parameters object must contain a Type member.")  # reported by users


def _nulls(data: Mapping[str, Any]) -> None:
    for place in _nulls_in(data, ""):
        raise Failed(f"[{place}] 'null' values are not allowed in templates")


def _nulls_in(data: Any, place: str) -> Iterator[str]:
    if data is None:
        yield place
    elif isinstance(data, Mapping):
        for key, item in data.items():
            if place or item is not None:  # an empty section is none
                yield from _nulls_in(item, f"{place}/{key}")
    elif isinstance(data, list):
        for number, item in enumerate(data):
            yield from _nulls_in(item, f"{place}/{number}")


def _outputs(data: Mapping[str, Any]) -> None:
    for part in _section(data, "Outputs").values():
        if not isinstance(part, Mapping) or "Value" not in part:
            raise Failed(f"{FORMAT}Every Outputs member must contain a Value object")


def _mappings(data: Mapping[str, Any]) -> None:
    for entries in _section(data, "Mappings").values():
        for name, entry in entries.items() if isinstance(entries, Mapping) else ():
            if not isinstance(entry, Mapping):
                raise Failed(f"{FORMAT}Every Mappings member {name} must be a map")
            if any(isinstance(value, Mapping) for value in entry.values()):
                raise Failed(f"{FORMAT}Every Mappings attribute must be a String or a List.")


def _functions(data: Mapping[str, Any]) -> None:
    conditions = _section(data, "Conditions")
    for section in ("Conditions", "Resources", "Outputs"):
        for name, argument in calls(data.get(section)):
            fits, said = _FUNCTIONS.get(name, (None, ""))
            if fits is not None and not fits(argument):
                raise Failed(f"Template error: {said}")
            if name == "Fn::If" and argument[0] not in conditions:
                raise Failed(f"Template error: unresolved condition dependency {argument[0]} in Fn::If")
    for section in ("Resources", "Outputs"):
        for part in (data.get(section) or {}).values():
            if "Condition" in part and part["Condition"] not in conditions:
                said = f"Unresolved condition dependency {part['Condition']} in the {section} block of the template"
                raise Failed(FORMAT + said)  # reported by users


def calls(data: Any) -> Iterator[tuple[str, Any]]:
    """Every use of an intrinsic function, the innermost first."""
    if isinstance(data, list):
        for item in data:
            yield from calls(item)
    elif isinstance(data, Mapping):
        for key, item in data.items():
            yield from calls(item)
            if len(data) == 1 and (key == "Ref" or str(key).startswith("Fn::")):
                yield key, item


def _list(*lengths: int) -> Callable[[Any], bool]:
    return lambda argument: isinstance(argument, list) and len(argument) in lengths


def _attribute(argument: Any) -> bool:
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    return _list(2)(parts) and all(parts) and isinstance(parts[0], str)


def _selection(argument: Any) -> bool:
    if not _list(2)(argument):
        return False
    index, items = argument
    if isinstance(index, Mapping) or isinstance(items, Mapping):
        return isinstance(items, (list, Mapping))
    return str(index).isdecimal() and isinstance(items, list) and int(index) < len(items)


def _substitution(argument: Any) -> bool:
    return isinstance(argument, str) or (
        _list(2)(argument) and isinstance(argument[0], str) and isinstance(argument[1], Mapping)
    )


def _lookup(argument: Any) -> bool:
    return isinstance(argument, list) and len(argument) >= 3


_TO_JOIN = "(1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings"
JOIN = f"every Fn::Join object requires two parameters, {_TO_JOIN} (such as Fn::GetAZs) to be joined."
_SEVERAL = "object requires a list of at least 2 and at most 10 boolean parameters."
_FUNCTIONS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "Ref": (lambda argument: isinstance(argument, str), "every Ref object must have a single String value."),
    "Fn::And": (_list(*range(2, 11)), f"every Fn::And {_SEVERAL}"),
    "Fn::Or": (_list(*range(2, 11)), f"every Fn::Or {_SEVERAL}"),
    "Fn::Not": (_list(1), "every Fn::Not object requires one boolean parameter."),
    "Fn::Equals": (_list(2), "every Fn::Equals object requires a list of 2 string parameters."),
    "Fn::If": (_list(3), "Fn::If requires a list argument with three elements"),
    "Fn::FindInMap": (
        _lookup,
        "every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return "
        "value",
    ),
    "Fn::GetAtt": (
        _attribute,
        "every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute",
    ),
    "Fn::Join": (_list(2), JOIN),
    "Fn::Select": (
        _selection,
        "Fn::Select requires a list argument with two elements: an integer index and a list",
    ),
    "Fn::Split": (
        _list(2),
        "every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a "
        "function that returns a string to be split.",
    ),
    "Fn::Sub": (
        _substitution,
        "One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first argument, "
        "and an optional second argument to specify a mapping of values to replace in the string",
    ),
}
"""What the arguments of functions have to be, and what is said where they are not. `Ref`, `And`, `Or`, `Not`, `If`,
`FindInMap` and `Sub` as users report them."""
