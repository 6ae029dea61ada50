"""Stack policies: which resources an update may touch, and how."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from msaspec.sandbox.cloudformation.resource import Failed

Statement = Mapping[str, Any]


def parse(text: str) -> list[Statement]:
    """Return the statements of a policy; none for no policy. Raises Failed where it is not one, with the only text that
    AWS has for that."""
    try:
        return _statements(json.loads(text or "{}"))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Failed("Error validating stack policy: Invalid stack policy") from None


def _statements(data: Any) -> list[Statement]:
    statements = data["Statement"] if data else []
    for statement in statements:
        actions = _several(statement.get("Action", statement.get("NotAction")))
        if statement.get("Effect") not in ("Allow", "Deny") or statement.get("Principal") != "*":
            raise ValueError(statement)
        if not actions or not all(map(_known, actions)):
            raise ValueError(statement)
    return list(statements)


def _known(action: str) -> bool:
    return action in ("Update:*", "Update:Modify", "Update:Replace", "Update:Delete")


def refusal(statements: list[Statement], logical_id: str, kind: str, action: str) -> str | None:
    """Why a policy does not let an update do something to a resource; None where it does. Without a statement
    everything may be done, with one only what a statement allows and none denies."""
    if not statements:
        return None
    resource = f"LogicalResourceId/{logical_id}"
    # AWS counts the statements from nought: of one that allows everything and one that denies, the latter is #1.
    for number, statement in enumerate(statements):
        if statement["Effect"] == "Deny" and _is_about(statement, resource, kind, action):
            said = f"Statement [#{number}] does not allow [{action}] for resource [{resource}]"
            return f"Action denied by stack policy: {said}"
    if any(each["Effect"] == "Allow" and _is_about(each, resource, kind, action) for each in statements):
        return None
    return f"Action not allowed by stack policy: No statement allows [{action}] for resource [{resource}]"


def _is_about(statement: Statement, resource: str, kind: str, action: str) -> bool:
    return (
        _listed(statement, "Action", action)
        and _listed(statement, "Resource", resource)
        and _fulfilled(statement.get("Condition", {}), kind)
    )


def _listed(statement: Statement, key: str, value: str) -> bool:
    if key in statement:
        return any(fnmatchcase(value, pattern) for pattern in _several(statement[key]))
    others = _several(statement.get(f"Not{key}"))
    return bool(others) and not any(fnmatchcase(value, pattern) for pattern in others)


def _fulfilled(condition: Mapping[str, Mapping[str, Any]], kind: str) -> bool:
    for operator, wanted in condition.items():
        kinds = _several(wanted.get("ResourceType"))
        if operator == "StringEquals" and kind not in kinds:
            return False
        if operator == "StringLike" and not any(fnmatchcase(kind, pattern) for pattern in kinds):
            return False
    return True


def _several(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)
