"""The parameters of a template: their values, checked as CloudFormation checks them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msaspec.sandbox.cloudformation.intrinsics import Unknown
from msaspec.sandbox.cloudformation.resource import Failed

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def resolve(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Return the value of every parameter as text. Raises Failed for a missing, an unknown and a wrong one."""
    declared = template.get("Parameters") or {}
    if strangers := sorted(set(given) - set(declared)):
        raise Failed(f"Parameters: [{', '.join(strangers)}] do not exist in the template")
    missing = [name for name, parameter in declared.items() if name not in given and "Default" not in parameter]
    if stored := [name for name in missing if is_stored(declared[name])]:
        raise Failed(f"Parameter {stored[0]} should either have input value or default value")
    if missing:
        raise Failed(f"Parameters: [{', '.join(missing)}] must have values")
    values = {name: text(given.get(name, parameter.get("Default"))) for name, parameter in declared.items()}
    for name, value in values.items():
        _check(name, value, declared[name])
    return values


def text(value: Any) -> str:
    """Return a value of a template as the text that a parameter has."""
    if isinstance(value, Unknown):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check(name: str, value: str, parameter: Mapping[str, Any]) -> None:
    if isinstance(value, Unknown):
        return
    for said in _faults(name, value, parameter):
        if described := parameter.get("ConstraintDescription"):
            said = f"Parameter {name} failed to satisfy constraint: {described}"
        raise Failed(said)


def _faults(name: str, value: str, parameter: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a value breaks. The texts beside those of numbers and of what is missing are as users report them."""
    pattern, allowed = parameter.get("AllowedPattern"), parameter.get("AllowedValues")
    if parameter.get("Type") == "Number":
        if not _NUMBER.fullmatch(value):
            raise Failed(f"Parameter '{name}' must be a number.")
        if "MinValue" in parameter and float(value) < float(parameter["MinValue"]):
            yield f"Parameter '{name}' must be a number not less than {parameter['MinValue']}"
        if "MaxValue" in parameter and float(value) > float(parameter["MaxValue"]):
            yield f"Parameter '{name}' must be a number not greater than {parameter['MaxValue']}"
    if "MinLength" in parameter and len(value) < int(parameter["MinLength"]):
        yield f"Parameter '{name}' must contain at least {parameter['MinLength']} characters"
    if "MaxLength" in parameter and len(value) > int(parameter["MaxLength"]):
        yield f"Parameter '{name}' must contain at most {parameter['MaxLength']} characters"
    if pattern is not None and not re.fullmatch(pattern, value):
        yield f"Parameter '{name}' must match pattern {pattern}"
    if allowed is not None and value not in map(text, allowed):
        yield f"Parameter '{name}' must be one of AllowedValues"


def is_stored(parameter: Mapping[str, Any]) -> bool:
    """Whether the value of a parameter is the name of one of Systems Manager, whose value `Ref` gives."""
    return str(parameter.get("Type", "String")).startswith("AWS::SSM::Parameter::Value<")


def typed(template: Mapping[str, Any], values: Mapping[str, str], stored: Callable[[str], str]) -> dict[str, Any]:
    """Return what `Ref` gives for each parameter: lists, and what Systems Manager stores."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Unknown):
            found[name] = value
            continue
        kind = template["Parameters"][name].get("Type", "String")
        text = _stored(name, value, stored) if is_stored(template["Parameters"][name]) else value
        found[name] = text.split(",") if "List" in kind else text
    return found


def _stored(name: str, value: str, stored: Callable[[str], str]) -> str:
    try:
        return stored(value)
    except Exception:  # whatever Systems Manager says
        raise Failed(f"Parameter {name} should either have input value or default value") from None
