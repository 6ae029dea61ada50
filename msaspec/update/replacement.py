"""What an update of a property does to its resource, from the registry schemas that cfn-lint brings along.

They are read as plain JSON, a type when it is asked for, without importing cfn-lint, which takes half a second.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Any

from msaspec.compile import aws_types
from msaspec.diagnostics.place import Path
from msaspec.linting import inputs
from msaspec.template.references import UNKNOWN, inner

REGION = "us-east-1"
"""Where every type is that msaspec writes. Between Regions a type's properties differ, their updates do not."""

_CUSTOM = "AWS::CloudFormation::CustomResource"

Pattern = tuple[str, ...]
"""Names of properties from the top, without positions in lists: `("EncryptionConfiguration", "KmsKey")`."""


@dataclass(frozen=True)
class Updates:
    """What updates do to resources of a type."""

    always: tuple[Pattern, ...] = ()
    """A change of these replaces the resource."""
    sometimes: tuple[Pattern, ...] = ()
    """A change of these replaces it under conditions that only the reference names."""
    deletes_first: bool = False
    """Whether the old one is deleted before the new one exists."""


class Tagging(Enum):
    """What other tags of a stack do to a resource."""

    NONE = auto()
    """Its type takes no tags, or no schema of it is known."""
    IN_PLACE = auto()
    REPLACED = auto()
    REFUSED = auto()


def updates(type_name: str) -> Updates | None:
    """Return what updates do to resources of a type; None for a type that no schema is known of."""
    name = _CUSTOM if type_name.startswith("Custom::") else type_name
    for folder in _folders():
        schema = _schema(folder, name)
        if schema is not None:
            never = aws_types.of(name).never_replaces
            return Updates(
                _patterns(schema, "createOnlyProperties"),
                tuple(p for p in _patterns(schema, "conditionalCreateOnlyProperties") if p not in never),
                schema.get("replacementStrategy") == "delete_then_create",
            )
    return None


def replaces(path: Path, updates: Updates | None, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool | None:
    """Return whether the change of a property replaces its resource; None where that depends, or where no schema of the
    type is known. `path` is below the properties `before` and `after`."""
    if updates is None:
        return None
    steps = tuple(step for step in path if isinstance(step, str))

    def touched(pattern: Pattern) -> bool | None:
        if steps[: len(pattern)] == pattern:
            return True
        if pattern[: len(steps)] != steps:
            return False
        found = inner(before, pattern), inner(after, pattern)
        return None if any(value is UNKNOWN for value in found) else found[0] != found[1]

    always = {touched(pattern) for pattern in updates.always}
    if True in always:
        return True
    depends = None in always or any(touched(pattern) is not False for pattern in updates.sometimes)
    return None if depends else False


def lists_tags(type_name: str) -> bool:
    """Whether a type has its tags in a property `Tags`, as a list of keys and values."""
    for folder in _folders():
        schema = _schema(folder, type_name)
        if schema is not None:
            tags = schema.get("properties", {}).get("Tags", {})
            named = schema.get("tagging", {}).get("tagProperty") == "/properties/Tags"
            return bool(named and tags.get("type") == "array")
    return False


def tagging(type_name: str) -> Tagging:
    """Return what other tags of a stack do to resources of a type."""
    schema = schema_of(type_name) or {}
    said = schema.get("tagging", {})
    if not said.get("taggable", schema.get("taggable", False)):
        return Tagging.NONE
    place = said.get("tagProperty", "/properties/Tags")
    if place in (schema.get("createOnlyProperties") or ()):
        return Tagging.REPLACED
    return Tagging.IN_PLACE if said.get("tagUpdatable", True) else Tagging.REFUSED


def _folders() -> Iterator[FilePath]:
    """Yield the folders of schemas, the newest first; of two with one date the first, as cfn-lint has it."""
    yield from sorted(map(FilePath, inputs.schema_folders()), key=_date, reverse=True)


def _date(folder: FilePath) -> str:
    data = _read(folder / "version.json")
    return str(data.get("schema_date", "")) if isinstance(data, dict) else ""


@lru_cache(maxsize=4)
def _provider(folder: FilePath, date: str) -> dict[str, str]:
    """Return the file of each type, by name."""
    data = _read(folder / "providers" / f"{REGION}.json")
    return data if isinstance(data, dict) else {}


def schema_of(type_name: str) -> dict[str, Any] | None:
    """Return the newest schema of a type, as the registry has it; None where there is none."""
    return next(filter(None, (_schema(folder, type_name) for folder in _folders())), None)


def _schema(folder: FilePath, type_name: str) -> dict[str, Any] | None:
    name = _provider(folder, _date(folder)).get(type_name)
    data = _read(folder / "resources" / f"{name}.json") if name else None
    return data if isinstance(data, dict) else None


def _read(file: FilePath) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None


def _patterns(schema: dict[str, Any], key: str) -> tuple[Pattern, ...]:
    """JSON pointers as patterns: `/properties/A/*/B` is `("A", "B")`."""
    return tuple(
        tuple(step for step in pointer.split("/")[2:] if step not in ("*", "items", "properties"))
        for pointer in schema.get(key) or ()
    )
