"""The parameters of a template: their values, checked as CloudFormation checks them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from msaspec.sandbox.resource import Failed


def resolve(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """The value of every parameter as text. Raises Failed for a missing, an unknown and a wrong one."""
    declared = template.get("Parameters") or {}
    if strangers := sorted(set(given) - set(declared)):
        raise Failed(f"Parameters: [{', '.join(strangers)}] do not exist in the template")
    missing = [name for name, parameter in declared.items() if name not in given and "Default" not in parameter]
    if missing:
        raise Failed(f"Parameters: [{', '.join(missing)}] must have values")
    values = {name: str(given.get(name, parameter.get("Default"))) for name, parameter in declared.items()}
    for name, value in values.items():
        _check(name, value, declared[name])
    return values


def _check(name: str, value: str, parameter: Mapping[str, Any]) -> None:
    pattern, allowed = parameter.get("AllowedPattern"), parameter.get("AllowedValues")
    if pattern is not None and not re.fullmatch(pattern, value):
        raise Failed(f"Parameter '{name}' must match pattern {pattern}")
    if allowed is not None and value not in map(str, allowed):
        raise Failed(f"Parameter '{name}' must be one of AllowedValues")


def typed(template: Mapping[str, Any], values: Mapping[str, str], stored: Callable[[str], str]) -> dict[str, Any]:
    """What `Ref` gives for each parameter: lists, and what Systems Manager stores."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        kind = template["Parameters"][name].get("Type", "String")
        text = stored(value) if kind.startswith("AWS::SSM::Parameter::Value<") else value
        found[name] = text.split(",") if "List" in kind else text
    return found
