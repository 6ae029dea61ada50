"""All kinds of messages that there are, and the JSON Schema of what programs read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import Any, get_type_hints

from msaspec import messages
from msaspec.messages.message import Level, Message

_OF_A_DIAGNOSTIC = "diagnostic"


@cache
def kinds() -> Mapping[str, type[Message]]:
    """Every kind of message by its event, sorted by code. Raises ValueError where two have one code or one event."""
    for module in iter_modules(messages.__path__, f"{messages.__name__}."):
        import_module(module.name)
    found = sorted(_below(Message), key=lambda kind: kind.code)
    for name in ("code", "event"):
        known = [getattr(kind, name) for kind in found]
        if twice := {each for each in known if known.count(each) > 1}:
            raise ValueError(f"Two kinds of messages have the {name} {min(twice)}.")
    return MappingProxyType({kind.event: kind for kind in found})


def _below(kind: type[Message]) -> Iterator[type[Message]]:
    for each in kind.__subclasses__():
        if each.__module__.startswith(f"{messages.__name__}."):
            yield each
        yield from _below(each)


def fields(kind: type[Message]) -> dict[str, Any]:
    """Return the JSON Schema of each field of a payload."""
    return dict(_payload(kind).get("properties", {}))


def type_of(schema: Mapping[str, Any]) -> str:
    """Return the type of a field in words.

    >>> type_of({"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]})
    'array of integer or null'
    """
    if "anyOf" in schema:
        return " or ".join(type_of(each) for each in schema["anyOf"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("type") == "array":
        return f"array of {type_of(schema.get('items', {}))}"
    return str(schema.get("type", "anything"))


def _payload(kind: type[Message]) -> dict[str, Any]:
    from pydantic import create_model

    hints = {name: hint for name, hint in get_type_hints(kind).items() if name in kind.names}
    model = create_model(kind.__name__, **{name: (hint, ...) for name, hint in hints.items()})  # type: ignore[call-overload]
    return dict(_untitled(model.model_json_schema(ref_template=f"#/$defs/{kind.event}/$defs/{{model}}")))


def _untitled(schema: Any) -> Any:
    """Return a schema without the titles that repeat its names."""
    if isinstance(schema, Mapping):
        kept = {k: v for k, v in schema.items() if not (k in ("title", "default") and not isinstance(v, Mapping))}
        return {key: _untitled(value) for key, value in kept.items()}
    return [_untitled(each) for each in schema] if isinstance(schema, list) else schema


def schema_of(kind: type[Message]) -> dict[str, Any]:
    """Return the JSON Schema of a line."""
    payload = _payload(kind)
    own = payload.get("properties", {})
    properties = {
        "code": {"const": kind.code},
        "event": {"const": kind.event},
        "level": {"const": str(kind.level)},
        **({"message": {"type": "string"}} if kind.said else {}),
        **own,
    }
    if kind.event == _OF_A_DIAGNOSTIC:  # which has the code of its own kind, and its severity
        properties |= {"code": {"type": "string"}, "level": {"enum": [Level.ERROR, Level.WARNING, Level.INFO]}}
    return {
        "description": (kind.__doc__ or "").strip(),
        "type": "object",
        "properties": properties,
        "required": list(properties),
        **({"$defs": payload["$defs"]} if "$defs" in payload else {}),
    }


def schema() -> dict[str, Any]:
    """Return the JSON Schema of every line that a command prints with `--format json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of a command of msaspec with --format json",
        "oneOf": [{"$ref": f"#/$defs/{event}"} for event in kinds()],
        "$defs": {event: schema_of(kind) for event, kind in kinds().items()},
    }


def to_json() -> str:
    """Return the JSON Schema as a file has it."""
    return json.dumps(schema(), indent=2) + "\n"
