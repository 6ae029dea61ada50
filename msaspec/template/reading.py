"""Reads a template, in YAML or in JSON, as plain data with intrinsics in their long spelling."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unreadable(Exception):
    """A text that is neither YAML nor JSON, or a template that is none. The message is a sentence."""


class _Loader(_BASE):  # type: ignore[misc]
    """YAML with the short tags of CloudFormation; dates are text."""


def _short(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        argument: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        argument = loader.construct_sequence(node, deep=True)
    else:
        argument = loader.construct_mapping(node, deep=True)
    if suffix in ("Ref", "Condition"):
        return {suffix: argument}
    if suffix == "GetAtt" and isinstance(argument, str):
        argument = argument.split(".", 1)
    return {f"Fn::{suffix}": argument}


_Loader.add_multi_constructor("!", _short)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(text: bytes | str) -> Any:
    """Return the text as plain data, a template or not. Raises Unreadable if it is neither YAML nor JSON."""
    written = text.decode("utf-8-sig", "replace") if isinstance(text, bytes) else text
    try:
        if written.lstrip()[:1] == "{":
            try:
                return json.loads(written)
            except ValueError:
                pass  # A flow mapping of YAML begins like that, too.
        return yaml.load(written, Loader=_Loader)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as fault:
        place = getattr(fault, "problem_mark", None)
        where = f" in line {place.line + 1}" if place else ""
        raise Unreadable(
            f"It is neither YAML nor JSON: {getattr(fault, 'problem', None) or 'a fault'}{where}."
        ) from None


def is_template(data: Any) -> bool:
    """Whether the data looks like a template: it has `Resources` at the top."""
    return isinstance(data, Mapping) and "Resources" in data


def validated(data: Any) -> dict[str, Any]:
    """Return the data as a template. Raises Unreadable where a section or a resource has the wrong shape."""
    for section in ("Resources", "Parameters", "Outputs", "Mappings", "Conditions", "Metadata"):
        things = data.get(section, {})
        if not isinstance(things, Mapping):
            raise Unreadable(f"Its section `{section}` is not a map.")
        for name, thing in things.items():
            if section not in ("Resources", "Parameters", "Outputs", "Mappings") or str(name).startswith("Fn::"):
                continue
            if not isinstance(thing, Mapping):
                raise Unreadable(f"`{name}` under `{section}` is not a map.")
            if section == "Resources" and not isinstance(thing.get("Type"), str):
                raise Unreadable(f"The resource `{name}` has no `Type`.")
            if section == "Resources" and not isinstance(thing.get("Properties") or {}, Mapping):
                raise Unreadable(f"The resource `{name}` has `Properties` that are not a map.")
    return dict(data)
