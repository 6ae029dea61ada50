"""The deletion protection that services have of their own: read, lifted for what is to go, and put back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msaspec.compile import aws_types
from msaspec.deploy.aws.state import Resource
from msaspec.deploy.aws.target import Aws

_GONE = ("DELETE_COMPLETE", "DELETE_SKIPPED")


def lift(aws: Aws, kind: str, id: str) -> bool:
    """Lift the protection of a resource of a type; return whether there was any. What is gone has none."""
    protection = aws_types.of(kind).protection
    if protection is None or not protection.read(aws, id):
        return False
    protection.write(aws, id, on=False)
    return True


def turn_off(aws: Aws, resource: Resource) -> None:
    """Turn the protection of a resource off, if its type has one."""
    protection = aws_types.of(resource.type).protection
    if protection and resource.id:
        protection.write(aws, resource.id, on=False)


def asked_for(template: Mapping[str, Any]) -> frozenset[str]:
    """Return the logical ids of the resources whose template turns a protection of their own on."""
    return frozenset(_asked_for(template.get("Resources", {})))


def _asked_for(parts: Mapping[str, Any]) -> Iterator[str]:
    for name, part in parts.items():
        protection = aws_types.of(str(part.get("Type"))).protection if isinstance(part, Mapping) else None
        if protection and protection.asked(part.get("Properties") or {}):
            yield name


def guarded(template: Mapping[str, Any], resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """Return the resources that are there and whose template turns a protection of their own on."""
    names = asked_for(template)
    return tuple(each for each in resources if each.logical_id in names and each.id and each.status not in _GONE)


def is_on(aws: Aws, resource: Resource) -> bool | None:
    """Return whether the protection of a resource is on; None where it is gone, or where AWS changes nothing of it."""
    protection = aws_types.of(resource.type).protection
    return protection.read(aws, resource.id) if protection and resource.id else None


def restore(aws: Aws, resource: Resource) -> bool:
    """Turn the protection of a resource on; return whether it was off."""
    protection = aws_types.of(resource.type).protection
    if protection is None or not resource.id or protection.read(aws, resource.id) is not False:
        return False
    protection.write(aws, resource.id, on=True)
    return True
