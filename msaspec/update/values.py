"""The values that an update changes, old and new, each under the name that people know: a variable, an image.

A change of one variable is one change of the whole user data, or of all containers of a task. So values are taken apart
as far as their type knows how (`AwsType.texts`, `AwsType.labels`), and compared piece by piece.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from msaspec.compile import aws_types
from msaspec.diagnostics import credentials
from msaspec.diagnostics.place import Path, render
from msaspec.language.aws_type import AwsType
from msaspec.template.references import is_intrinsic

HIDDEN = "****"
LONGEST = 60
"""Characters of a value that are shown as they are. Of longer ones it is what differs."""
_WORDS = "/ ,;"
"""Where a longer value may be cut."""
_VARIABLE = re.compile(r"\$\{([^!{}]+)\}")


@dataclass(frozen=True)
class Difference:
    """A value that changes."""

    name: str
    """A path below the properties, or what people call it: ``env GREETING``."""
    before: str | None
    """None where there was none."""
    after: str | None
    """None where there is none any more."""

    def __str__(self) -> str:
        before, after = _short(self.before, self.after)
        if before is None:
            return f"{self.name}: {after} (new)"
        return f"{self.name}: {before} (removed)" if after is None else f"{self.name}: {before} -> {after}"


def between(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    paths: Iterable[Path],
) -> tuple[Difference, ...]:
    """Return what differs at some paths of a resource's properties, or of its attributes, between two templates.

    What only refers to something else that changes has the same text before and after, and is left out.
    """
    kind = aws_types.of(str(new.get("Type")))
    tops = list(dict.fromkeys(path[0] for path in paths if path))
    sides = [
        {path: text for top in tops for path, text in _pieces(_resolved(_at(resource, top), template), kind, (top,))}
        for template, resource in ((before, old), (after, new))
    ]
    found: dict[str, Difference] = {}
    for path in dict.fromkeys([*sides[1], *sides[0]]):
        one, other = sides[0].get(path), sides[1].get(path)
        if one != other:
            if any(str(each.get("NoEcho", "")).lower() == "true" for each in (old, new)):  # a parameter's own
                one, other = HIDDEN if one else one, HIDDEN if other else other
            name = (kind.labels and kind.labels(path)) or render(path)
            found.setdefault(name, _shown(name, path, one, other))
    return tuple(found.values())


def texts(template: Mapping[str, Any], resource: Mapping[str, Any]) -> dict[str, str]:
    """Return all values of a resource of a template under their names, as they are: they may hold credentials."""
    kind = aws_types.of(str(resource.get("Type")))
    properties = resource.get("Properties") or {}
    found = {}
    for top in properties:
        for path, text in _pieces(_resolved(properties[top], template), kind, (str(top),)):
            found[(kind.labels and kind.labels(path)) or render(path)] = text
    return found


def told(name: str, before: str | None, after: str | None) -> Difference:
    """Return a difference of which AWS tells the values, masked like all others."""
    return _shown(name, (name,), before, after)


def _at(resource: Mapping[str, Any], top: str | int) -> Any:
    properties = resource.get("Properties")
    if isinstance(properties, Mapping) and top in properties:
        return properties[top]
    return resource.get(str(top))


def _shown(name: str, path: Path, before: str | None, after: str | None) -> Difference:
    """Return a difference without credentials: neither those with a form, nor what a name calls one."""
    last = next((str(step) for step in reversed(path) if step not in ("Value", "value")), "")
    hidden = any(text is not None and credentials.is_named(last, text) for text in (before, after))
    if hidden:
        return Difference(name, *(None if text is None else HIDDEN for text in (before, after)))
    one, other = (None if text is None else credentials.masked(text) for text in (before, after))
    return Difference(name, one, other)


def _pieces(value: Any, kind: AwsType, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the texts in a value. Items of a list that have names are found by them, whatever their order."""
    if isinstance(value, str):
        read = kind.texts.get(tuple(step for step in path if isinstance(step, str)))
        parts = read(value) if read else None
        if parts is not None:
            yield from _pieces(parts, kind, path)
        else:
            yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _pieces(item, kind, (*path, str(key)))
    elif isinstance(value, list) and (names := _names(value)):
        for name, item in zip(names, value, strict=True):
            rest = {key: inner for key, inner in item.items() if key not in ("Name", "Key")}
            yield from _pieces(rest, kind, (*path, name))
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        yield path, " ".join(value)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _pieces(item, kind, (*path, number))


def _names(value: list[Any]) -> list[str] | None:
    """Return the names of the items of a list, where all have one and no two the same."""
    for key in ("Name", "Key"):
        names = [item.get(key) for item in value if isinstance(item, Mapping)]
        if value and len(names) == len(value) == len({*map(str, names)}) and all(isinstance(n, str) for n in names):
            return [str(name) for name in names]
    return None


def _resolved(value: Any, template: Mapping[str, Any]) -> Any:
    """Return a value in which every intrinsic is a text, as far as the template tells; `${name}` for the rest."""
    if is_intrinsic(value):
        (name, argument), *_ = value.items()
        return _text(name, argument, template)
    if isinstance(value, Mapping):
        return {str(key): _resolved(item, template) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, template) for item in value]
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def _text(name: str, argument: Any, template: Mapping[str, Any]) -> Any:
    if name == "Ref":
        return _parameter(str(argument), template)
    if name == "Fn::GetAtt":
        return "${" + (argument if isinstance(argument, str) else ".".join(map(str, argument))) + "}"
    if name == "Fn::Base64":
        return _resolved(argument, template)
    if name == "Fn::Join" and isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], list):
        return str(argument[0]).join(str(_resolved(item, template)) for item in argument[1])
    if name == "Fn::Sub":
        text, own = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})
        return _VARIABLE.sub(lambda match: _variable(match[1].strip(), own, template), str(text))
    if name == "Fn::FindInMap" and isinstance(argument, list):
        found: Any = template.get("Mappings", {})
        for key in argument[:3]:
            found = found.get(key) if isinstance(found, Mapping) and isinstance(key, str) else None
        if isinstance(found, str):
            return found
    return json.dumps({name: argument}, default=str)


def _variable(name: str, own: Any, template: Mapping[str, Any]) -> str:
    if isinstance(own, Mapping) and name in own:
        return str(_resolved(own[name], template))
    return _parameter(name, template)


def _parameter(name: str, template: Mapping[str, Any]) -> str:
    """Return the value of a parameter; the reference itself for anything else, and for what nobody may see."""
    declared = template.get("Parameters", {}).get(name, {})
    if "Default" not in declared:
        return "${" + name + "}"
    return HIDDEN if str(declared.get("NoEcho", "")).lower() == "true" else str(declared["Default"])


def _short(before: str | None, after: str | None) -> tuple[str | None, str | None]:
    """Return two values as they fit a line: of long ones what differs, of many lines only that they differ."""
    texts = [text for text in (before, after) if text is not None]
    if any("\n" in text for text in texts):
        return _digest(before), _digest(after)
    if all(len(text) <= LONGEST for text in texts):
        return "(empty)" if before == "" else before, "(empty)" if after == "" else after
    start = 0
    if before is not None and after is not None:
        while start < min(len(before), len(after)) and before[start] == after[start]:
            start += 1
        start = max(before.rfind(mark, 0, start) for mark in _WORDS) if start > LONGEST // 3 else 0
    start = max(start, 0)
    return _cut(before, start), _cut(after, start)


def _cut(text: str | None, start: int) -> str | None:
    if text is None:
        return None
    rest = text[start : start + LONGEST]
    return ("..." if start else "") + rest + ("..." if len(text) > start + LONGEST else "")


def _digest(text: str | None) -> str | None:
    if text is None:
        return None
    lines = len(text.splitlines())
    return f"({lines} lines, {sha256(text.encode()).hexdigest()[:8]})"
