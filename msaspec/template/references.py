"""Values of a template, compared: where two differ, and what a value refers to. Intrinsics are leaves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from msaspec.diagnostics.place import Path

_VARIABLE = re.compile(r"\$\{\s*([^!\s}][^\s}]*)\s*\}")

UNKNOWN = object()
"""The value of an intrinsic, before CloudFormation fills it in."""


@dataclass(frozen=True)
class Reference:
    """A parameter or resource that a value takes its text from, or one of its attributes."""

    name: str
    attribute: str | None = None


@dataclass(frozen=True)
class Lookup:
    """A value that is looked up in a mapping; keys that are intrinsics themselves are None."""

    keys: tuple[str | None, ...]


@dataclass(frozen=True)
class Choice:
    """A value that depends on a condition."""

    condition: str


Source = Reference | Lookup | Choice


def is_intrinsic(value: Any) -> bool:
    """Whether CloudFormation fills the value in."""
    return isinstance(value, Mapping) and len(value) == 1 and all(k == "Ref" or str(k)[:4] == "Fn::" for k in value)


def differences(before: Any, after: Any, path: Path = ()) -> Iterator[Path]:
    """Where two values differ, each as deep as both have the same shape."""
    if isinstance(before, Mapping) and isinstance(after, Mapping) and not (is_intrinsic(before) or is_intrinsic(after)):
        for key in dict.fromkeys([*before, *after]):
            if key in before and key in after:
                yield from differences(before[key], after[key], (*path, key))
            else:
                yield (*path, key)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for position, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, (*path, position))
    elif normal(before) != normal(after):
        yield path


def normal(value: Any) -> Any:
    """Return the value as CloudFormation compares it: numbers and truth as text, one spelling of each intrinsic."""
    if isinstance(value, Mapping):
        if is_intrinsic(value) and isinstance(value.get("Fn::GetAtt"), str):
            return {"Fn::GetAtt": value["Fn::GetAtt"].split(".", 1)}
        return {str(key): normal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [normal(item) for item in value]
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def filled_in(value: Any, path: Path = ()) -> Iterator[tuple[Path, frozenset[Source]]]:
    """Every place of a value that CloudFormation fills in, with what it takes it from."""
    if is_intrinsic(value):
        if found := frozenset(sources(value)):
            yield path, found
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from filled_in(item, (*path, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from filled_in(item, (*path, position))


def sources(value: Any) -> Iterator[Source]:
    """Yield what a value takes its text from, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from sources(item)
    if not isinstance(value, Mapping):
        return
    for name, argument in value.items():
        if name == "Ref" and isinstance(argument, str):
            yield Reference(argument)
        elif name == "Fn::GetAtt":
            parts = argument.split(".", 1) if isinstance(argument, str) else argument
            if isinstance(parts, list) and parts and isinstance(parts[0], str):
                yield Reference(parts[0], ".".join(map(str, parts[1:])))
        elif name == "Fn::Sub":
            text, own = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})
            yield from sources(own)
            for variable in _VARIABLE.findall(text) if isinstance(text, str) else ():
                if not (isinstance(own, Mapping) and variable in own):
                    target, _, attribute = variable.partition(".")
                    yield Reference(target, attribute or None)
        elif name == "Fn::FindInMap" and isinstance(argument, list):
            yield Lookup(tuple(key if isinstance(key, str) else None for key in argument[:3]))
            yield from sources(argument)
        else:
            if name == "Fn::If" and isinstance(argument, list) and argument and isinstance(argument[0], str):
                yield Choice(argument[0])
            yield from sources(argument)


def named(value: Any) -> set[str]:
    """Return the names of the parameters and resources that a value refers to: those of `sources`, sooner."""
    found: set[str] = set()
    ahead = [value]
    while ahead:
        each = ahead.pop()
        if isinstance(each, list):
            ahead += [item for item in each if not isinstance(item, str)]
        elif isinstance(each, Mapping):
            for name, argument in each.items():
                if name in _REFERRING:
                    found.update(source.name for source in sources({name: argument}) if isinstance(source, Reference))
                elif not isinstance(argument, str):
                    ahead.append(argument)
    return found


_REFERRING = ("Ref", "Fn::GetAtt", "Fn::Sub")


def inner(value: Any, steps: tuple[str, ...]) -> Any:
    """Return the values deeper in a value, in every item of the lists on the path; UNKNOWN inside an intrinsic."""
    if is_intrinsic(value):
        return UNKNOWN
    if isinstance(value, list):
        found = [inner(item, steps) for item in value]
        return UNKNOWN if any(item is UNKNOWN for item in found) else found
    if not steps:
        return normal(value)
    return inner(value.get(steps[0]), steps[1:]) if isinstance(value, Mapping) else None
