"""What a template itself says of how it is to be deployed: which data it guards, which capabilities it needs. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from msaspec.compile import aws_types
from msaspec.language.aws_type import Holds

_NESTED = "AWS::CloudFormation::Stack"
_LOGICAL = "LogicalResourceId/"


def guarded(template: Mapping[str, Any]) -> dict[str, str]:
    """Return the resources whose data nothing else holds: logical id to type, sorted. The data of a copy is its
    source's."""
    return {
        name: part["Type"]
        for name, part in sorted(template.get("Resources", {}).items())
        if isinstance(part, Mapping) and aws_types.of(str(part.get("Type"))).holds_data(part.get("Properties") or {})
    }


def stack_policy(template: Mapping[str, Any], released: Collection[str] = (), lifted: Collection[str] = ()) -> str:
    """Return the stack policy: everything may be updated, but nothing with data be replaced or deleted.

    `released` are logical ids that the user gave free. A secret may leave together with its user, but not be replaced.
    `lifted` are those whose own deletion protection a deployment turned off and did not turn on again yet. A statement
    that allows what is allowed anyway names them, so that the next deployment finds them: see `lifted_of`.
    """
    kept = {name: kind for name, kind in guarded(template).items() if name not in released}
    statements: list[dict[str, Any]] = [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]
    credentials = [name for name, kind in kept.items() if aws_types.of(kind).holds is Holds.CREDENTIAL]
    lasting = [name for name in kept if name not in credentials]
    statements += _denying(["Update:Replace", "Update:Delete"], lasting)
    statements += _denying(["Update:Replace"], credentials)
    marked = [f"{_LOGICAL}{name}" for name in sorted(lifted) if name in template.get("Resources", {})]
    if marked:
        statements.append({"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": marked})
    return json.dumps({"Statement": statements}, indent=1)


def lifted_of(text: str | None) -> frozenset[str]:
    """Return the logical ids that a stack policy names as `lifted`; none for a policy of another form."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return frozenset()
    statements = found.get("Statement") if isinstance(found, dict) else None
    return frozenset(
        resource.removeprefix(_LOGICAL)
        for each in (statements if isinstance(statements, list) else ())
        if isinstance(each, dict) and each.get("Effect") == "Allow" and isinstance(each.get("Resource"), list)
        for resource in each["Resource"]
        if isinstance(resource, str) and resource.startswith(_LOGICAL)
    )


def _denying(actions: list[str], names: list[str]) -> list[dict[str, Any]]:
    resources = [f"{_LOGICAL}{name}" for name in names]
    return [{"Effect": "Deny", "Action": actions, "Principal": "*", "Resource": resources}] if names else []


def same_policy(one: str | None, other: str) -> bool:
    """Whether two policies say the same."""
    try:
        return bool(json.loads(one or "null") == json.loads(other))
    except ValueError:
        return False


def capabilities(template: Mapping[str, Any]) -> list[str]:
    """Return what CloudFormation wants to be told that the caller knows. Nothing that the template does not need.

    What a nested stack holds is not seen from here: it is taken to make roles with names, and to use macros.
    """
    parts = list(_parts(template.get("Resources", {})))
    kinds = {str(part.get("Type")) for part in parts}
    identities = [(aws_types.of(str(part.get("Type"))), part.get("Properties") or {}) for part in parts]
    named = any(kind.iam and kind.named_by in properties for kind, properties in identities)
    found = []
    if named or _NESTED in kinds:
        found.append("CAPABILITY_NAMED_IAM")
    elif any(kind.iam for kind, _ in identities):
        found.append("CAPABILITY_IAM")
    if template.get("Transform") or _NESTED in kinds or any(key == "Fn::Transform" for key in _keys(template)):
        found.append("CAPABILITY_AUTO_EXPAND")
    return found


def _parts(resources: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the resources of a template, those in loops too."""
    for name, part in resources.items():
        if isinstance(part, Mapping):
            yield part
        elif str(name).startswith("Fn::ForEach::") and isinstance(part, list):
            yield from _parts(part[-1] if part and isinstance(part[-1], Mapping) else {})


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from _keys(item)
