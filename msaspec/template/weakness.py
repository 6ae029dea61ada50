"""A weakness of a template, the exceptions of checkers that fit it, and how its values are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from ipaddress import ip_network
from typing import Any

from msaspec.diagnostics.place import Path
from msaspec.template.references import is_intrinsic
from msaspec.template.resources import items

_NO_VALUE = {"Ref": "AWS::NoValue"}
_VARIABLE = re.compile(r"\$\{\s*([^}\s]+)\s*\}")
UNKNOWN = "\0"
"""In place of a part of a text that only AWS knows."""
WIDEST = 8
"""Blocks of IPv4 with at most this prefix are taken for the world; of IPv6 with one of at most four times that."""
DEPTH = 8
"""Conditions within conditions that are looked into."""


class Group(StrEnum):
    """What a weakness does to a system."""

    OPEN = "open"
    """Something closed can be reached."""
    PLAIN = "plain"
    """Data is stored or sent without encryption, or with less."""
    DATA = "data"
    """Data can be lost more easily."""
    RIGHTS = "rights"
    """Someone may do more than a system needs."""
    LOGS = "logs"
    """Something is no longer recorded or watched."""
    APART = "apart"
    """A program is less apart from its host or from the credentials there."""
    SILENT = "silent"
    """A checker no longer says something."""


@dataclass(frozen=True)
class Kind:
    """A kind of weakness, and the rules of checkers that find it, by their ids."""

    group: Group
    cdk_nag: tuple[str, ...] = ()
    checkov: tuple[str, ...] = ()
    guard: tuple[str, ...] = ()


@dataclass(frozen=True)
class Weakness:
    """A weakness at a place. Two are one where kind, resource and sentence are."""

    kind: Kind
    resource: str
    """Its logical id; empty for the template itself."""
    what: str
    """A sentence without its dot."""
    path: Path = field(compare=False, default=())
    """Where in the template it is, or would be mended."""
    by_default: bool = field(compare=False, default=False)
    """Whether a new resource merely has it because nothing is said; then it is a choice of AWS's."""
    detail: str = ""
    """What tells it from another of the same sentence."""
    hides: bool = field(compare=False, default=False)
    """Whether it is about a value that is not to be shown."""


@dataclass(frozen=True)
class Entry:
    """A resource of a template."""

    name: str
    type: str
    body: Mapping[str, Any]

    @property
    def noun(self) -> str:
        """What it is called in a sentence: its logical id in quotes."""
        return f"`{self.name}`"

    @property
    def properties(self) -> Mapping[str, Any]:
        """Its properties; none where a patch left something else."""
        return as_map(self.body.get("Properties"))

    def at(self, *steps: str | int) -> Path:
        """Return the template path of a property."""
        return ("Resources", self.name, "Properties", *steps)


class Template:
    """A template whose values are read as far as they are known."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Its resources."""
        return tuple(_entries(as_map(self.data.get("Resources")), DEPTH))

    def of(self, *types: str) -> Iterator[Entry]:
        """Return the resources of some types."""
        return (entry for entry in self.entries if entry.type in types)

    def values(self, value: Any, depth: int = DEPTH) -> Iterator[Any]:
        """Everything that a value may be: None where it may be left out; nothing for what only AWS knows."""
        if value is None or value == _NO_VALUE:
            yield None
        elif not is_intrinsic(value):
            yield value
        elif depth:
            ((name, argument),) = value.items()
            if name == "Fn::If" and isinstance(argument, list):
                for each in argument[1:3]:
                    yield from self.values(each, depth - 1)
            elif name == "Ref":
                parameter = as_map(as_map(self.data.get("Parameters")).get(str(argument)))
                for each in (parameter.get("Default"), *items(parameter.get("AllowedValues"))):
                    if each is not None:
                        yield each
            elif name == "Fn::FindInMap" and isinstance(argument, list) and all(isinstance(k, str) for k in argument):
                found: Any = self.data.get("Mappings")
                for key in argument:
                    found = as_map(found).get(key)
                if found is not None:
                    yield found
            else:
                text = self.text(value, depth)
                if text is not None and UNKNOWN not in text:
                    yield text

    def text(self, value: Any, depth: int = DEPTH) -> str | None:
        """Return a text that a value may be, with UNKNOWN for each part that only AWS knows; None for no text."""
        if not is_intrinsic(value):
            return value if isinstance(value, str) else None
        ((name, argument),) = value.items()
        if not depth:
            return None
        if name == "Fn::Sub":
            text, own = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})
            if not isinstance(text, str):
                return None
            return _VARIABLE.sub(lambda match: self._part(match[1], own, depth), text)
        first, parts = argument if isinstance(argument, list) and len(argument) == 2 else (None, None)
        if name == "Fn::Join" and isinstance(parts, list):
            return str(first).join(self.text(part, depth - 1) or UNKNOWN for part in parts)
        if name == "Fn::Select" and str(first).isdecimal() and len(str(first)) < 4:
            if isinstance(parts, Mapping) and is_intrinsic(parts):
                mark, whole = (*items_of(parts.get("Fn::Split")), None, None)[:2]
                split = self.text(whole, depth - 1)
                parts = split.split(mark) if split is not None and isinstance(mark, str) and mark else None
            chosen = items_of(parts)[int(str(first)) :][:1]
            return self.text(chosen[0], depth - 1) if chosen else None
        return next((each for each in self.values(value, depth - 1) if isinstance(each, str)), None)

    def _part(self, variable: str, own: Any, depth: int) -> str:
        if variable.startswith("!"):
            return f"${{{variable[1:]}}}"
        value = own.get(variable) if isinstance(own, Mapping) and variable in own else {"Ref": variable}
        return self.text(value, depth - 1) or UNKNOWN

    def patterns(self, value: Any) -> Iterator[str]:
        """Yield the texts in a list, or a text alone, with UNKNOWN for each part that only AWS knows."""
        for each in (value, *items_of(value)):
            yield from (one for one in self.values(each) if isinstance(one, str))
            if is_intrinsic(each) and (text := self.text(each)) and UNKNOWN in text:
                yield text

    def is_true(self, value: Any) -> bool:
        """Whether a value may be true."""
        return any(str(each).lower() == "true" for each in self.values(value))

    def is_false(self, value: Any, *, absent: bool = False) -> bool:
        """Whether a value may be false; `absent` says what it is where it is left out."""
        return any(absent if each is None else str(each).lower() == "false" for each in self.values(value))

    def maps(self, value: Any) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        """Yield the maps in a list, or a map alone, each with its position in the list, whatever a condition says."""
        for each in self.values(value):
            if isinstance(each, Mapping):
                yield (), each
            for number, item in enumerate(items(each)):
                for inner in self.values(item):
                    if isinstance(inner, Mapping):
                        yield (number,), inner

    def texts(self, value: Any) -> Iterator[str]:
        """Yield the texts in a list, or a text alone."""
        for each in self.values(value):
            if isinstance(each, str):
                yield each
            for item in items(each):
                yield from (inner for inner in self.values(item) if isinstance(inner, str))


def _entries(resources: Mapping[str, Any], depth: int) -> Iterator[Entry]:
    """Yield resources, and the one of a loop once."""
    for name, body in resources.items():
        if isinstance(body, Mapping):
            yield Entry(str(name), str(body.get("Type")), body)
        elif str(name).startswith("Fn::ForEach") and len(items_of(body)) == 3 and depth:
            yield from _entries(as_map(body[2]), depth - 1)


def items_of(value: Any) -> list[Any]:
    """Return the items of a list; none of anything else."""
    return value if isinstance(value, list) else []


def as_map(value: Any) -> Mapping[str, Any]:
    """Return the value as a map; an empty one where it is none, or an intrinsic."""
    return value if isinstance(value, Mapping) and not is_intrinsic(value) else {}


def inner(value: Any, *keys: str) -> Any:
    """Return the value in nested maps; None where there is none."""
    for key in keys:
        value = as_map(value).get(key)
    return value


def is_world(block: Any) -> bool:
    """Whether a block of addresses is about everybody.

    >>> is_world("0.0.0.0/0"), is_world("::/0"), is_world("128.0.0.0/1"), is_world("10.0.0.0/8"), is_world("x")
    (True, True, True, False, False)
    """
    try:
        network = ip_network(block, strict=False)
    except (ValueError, TypeError):
        return False
    return network.prefixlen <= (WIDEST if network.version == 4 else WIDEST * 4) and not network.is_private
