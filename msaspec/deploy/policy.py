"""What a template itself says of how it is to be deployed: which data it guards, which capabilities it needs. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from msaspec.changes import STATEFUL

SECRET = "AWS::SecretsManager::Secret"

_NAMES = {
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
}
_IAM = (*_NAMES, "AWS::IAM::AccessKey", "AWS::IAM::Policy", "AWS::IAM::UserToGroupAddition")
_NESTED = "AWS::CloudFormation::Stack"


def guarded(template: Mapping[str, Any]) -> dict[str, str]:
    """The resources whose data nothing else holds: logical id to type, sorted. A replica's data is its source's."""
    return {
        name: part["Type"]
        for name, part in sorted(template.get("Resources", {}).items())
        if isinstance(part, Mapping)
        and part.get("Type") in STATEFUL
        and not (part.get("Properties") or {}).get("SourceDBInstanceIdentifier")
    }


def stack_policy(template: Mapping[str, Any], released: Collection[str] = ()) -> str:
    """The stack policy: everything may be updated, but nothing with data be replaced or deleted.

    `released` are logical ids that the user gave free. A secret may leave together with its user, but not be replaced.
    """
    kept = {name: kind for name, kind in guarded(template).items() if name not in released}
    statements = [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]
    lasting = [name for name, kind in kept.items() if kind != SECRET]
    statements += _denying(["Update:Replace", "Update:Delete"], lasting)
    statements += _denying(["Update:Replace"], [name for name, kind in kept.items() if kind == SECRET])
    return json.dumps({"Statement": statements}, indent=1)


def _denying(actions: list[str], names: list[str]) -> list[dict[str, Any]]:
    resources = [f"LogicalResourceId/{name}" for name in names]
    return [{"Effect": "Deny", "Action": actions, "Principal": "*", "Resource": resources}] if names else []


def same_policy(one: str | None, other: str) -> bool:
    """Whether two policies say the same."""
    try:
        return bool(json.loads(one or "null") == json.loads(other))
    except ValueError:
        return False


def capabilities(template: Mapping[str, Any]) -> list[str]:
    """What CloudFormation wants to be told that the caller knows. Nothing that the template does not need.

    What a nested stack holds is not seen from here: it is taken to make roles with names, and to use macros.
    """
    parts = list(_parts(template.get("Resources", {})))
    kinds = {part.get("Type") for part in parts}
    named = any(_NAMES.get(str(part.get("Type"))) in (part.get("Properties") or {}) for part in parts)
    found = []
    if named or _NESTED in kinds:
        found.append("CAPABILITY_NAMED_IAM")
    elif kinds.intersection(_IAM):
        found.append("CAPABILITY_IAM")
    if template.get("Transform") or _NESTED in kinds or any(key == "Fn::Transform" for key in _keys(template)):
        found.append("CAPABILITY_AUTO_EXPAND")
    return found


def _parts(resources: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The resources of a template, those in loops too."""
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
