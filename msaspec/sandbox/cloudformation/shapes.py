"""Properties of templates as the services' APIs take them: by the shapes that boto3 knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msaspec.sandbox.cloudformation.resource import Properties, number, truth


def shaped(api: Any, operation: str, words: Properties) -> dict[str, Any]:
    """Arguments for an operation of a client: names in its spelling, values of its types, at every depth.

    A name that the operation does not know stays as it is, so that boto3 refuses it.
    """
    return _structure(api.meta.service_model.operation_model(operation).input_shape, words)


def known(api: Any, operation: str) -> frozenset[str]:
    """Return the names of an operation's arguments, in small letters."""
    return frozenset(name.lower() for name in api.meta.service_model.operation_model(operation).input_shape.members)


def _structure(shape: Any, words: Mapping[str, Any]) -> dict[str, Any]:
    spelling = {name.lower(): name for name in shape.members}
    found: dict[str, Any] = {}
    for key, value in words.items():
        name = spelling.get(key.lower())
        found[name or key] = _value(shape.members[name], value) if name else value
    return found


def _value(shape: Any, value: Any) -> Any:
    kind = shape.type_name
    if kind == "structure" and isinstance(value, Mapping):
        return _structure(shape, value)
    if kind == "list" and isinstance(value, list):
        return [_value(shape.member, item) for item in value]
    if kind == "map" and isinstance(value, Mapping):
        return {key: _value(shape.value, item) for key, item in value.items()}
    if kind in ("integer", "long"):
        return number(value)
    if kind in ("float", "double"):
        return float(value)
    if kind == "boolean":
        return truth(value)
    if kind == "string":
        return ("true" if value else "false") if isinstance(value, bool) else str(value)
    return value


def without(properties: Properties, *keys: str) -> dict[str, Any]:
    """Return some properties without some of them."""
    return {key: value for key, value in properties.items() if key not in keys}


def lowered(tags: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Tags as ECS spells them."""
    return [{"key": tag["Key"], "value": tag["Value"]} for tag in tags]


def tags_apart(old: Properties, new: Properties) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the keys of tags that are there no more, and all tags that are to be there."""
    gone = {tag["Key"] for tag in old.get("Tags", [])} - {tag["Key"] for tag in new.get("Tags", [])}
    return sorted(gone), list(new.get("Tags", []))
