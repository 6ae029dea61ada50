"""What the sandbox knows about a type of resource: how it is made, changed and removed through its service's API."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

from msaspec import registry_schemas
from msaspec.sandbox.awaited import Awaited

Properties = Mapping[str, Any]


class Failed(Exception):
    """Why a resource could not be made, changed or removed."""


class Unable(Failed):
    """What the sandbox cannot do, and has not begun."""


@dataclass(frozen=True)
class Made:
    """A resource that is there: what `Ref` gives, and what `Fn::GetAtt` gives."""

    id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class At:
    """Where a resource stands, and what its type may use."""

    api: Callable[[str], Any]
    """A boto3 client of the sandbox, by the name of its service."""
    stack_id: str
    stack_name: str
    region: str
    account: str
    logical_id: str
    type: str

    def name(self, longest: int = 64, lower: bool = False) -> str:
        """A name as CloudFormation makes them up: stack, logical id and a random end."""
        end = "".join(random.choices(string.ascii_uppercase + string.digits, k=12))
        name = f"{self.stack_name}-{self.logical_id}"[: longest - 13] + f"-{end}"
        return name.lower() if lower else name


class Resource:
    """A type of resource. What it does not override, it cannot do."""

    snapshots: ClassVar[bool] = False
    """Whether the deletion policy `Snapshot` is known to the type."""
    imports: ClassVar[bool] = False
    """Whether one that exists can be taken over by `adopt`."""

    def create(self, at: At, new: Properties) -> Made:
        """Makes the resource."""
        raise NotImplementedError

    def adopt(self, at: At, new: Properties) -> Made:
        """Takes over the resource that exists under the name that it is to have."""
        raise NotImplementedError

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Changes the resource in place; asked only for properties that do not replace it."""
        changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
        raise Unable(f"The sandbox cannot change {', '.join(changed)} of {at.type} in place.")

    def awaited(
        self, at: At, made: Made, policies: Properties, old: Properties | None, new: Properties
    ) -> Awaited | None:
        """The signals that a resource waits for, by the policies that the template has for it: after it was made, or
        changed in place from some old properties."""
        return Awaited.by_creation(policies) if old is None else None

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Removes the resource."""
        raise NotImplementedError

    def snapshot(self, at: At, id: str, old: Properties) -> None:
        """Removes the resource and keeps a snapshot of it."""
        raise NotImplementedError


_TYPES: dict[str, Resource] = {}

R = type[Resource]


def resource(name: str) -> Callable[[R], R]:
    """Makes a class the type of resource of that name."""

    def register(cls: R) -> R:
        _TYPES[name] = cls()
        return cls

    return register


def supported() -> frozenset[str]:
    """The types of resource that the sandbox has; custom resources come on top."""
    return frozenset(_TYPES)


CUSTOM = "AWS::CloudFormation::CustomResource"


def lookup(name: str) -> Resource:
    """The type of resource of a name. Raises Failed where the sandbox has none."""
    kind = _TYPES.get(CUSTOM if name.startswith("Custom::") else name)
    if kind is None:
        raise Failed(f"The sandbox has no {name}.")
    return kind


def exists_at_aws(name: str) -> bool:
    """Whether CloudFormation itself knows a type, by the registry that cfn-lint carries."""
    return name.startswith("Custom::") or _updates(name) is not None


def replacing(name: str, changed: Collection[str]) -> bool:
    """Whether changing some properties makes CloudFormation replace a resource, by the registry."""
    if name == CUSTOM or name.startswith("Custom::"):
        return "ServiceToken" in changed
    updates = _updates(name)
    return updates is not None and any(pattern[0] in changed for pattern in updates.always)


def sometimes_replacing(name: str, changed: Collection[str]) -> bool:
    """Whether changing some properties may make CloudFormation replace a resource, by the registry."""
    updates = _updates(name)
    return updates is not None and any(pattern[0] in changed for pattern in updates.sometimes)


@cache
def _updates(name: str) -> registry_schemas.Updates | None:
    return registry_schemas.updates(name)


@cache
def taggable(name: str) -> bool:
    """Whether a type takes the tags of its stack, as a list of keys and values."""
    return registry_schemas.lists_tags(name)


def number(value: Any) -> Any:
    """The number in a text: CloudFormation takes either, the services' APIs do not."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def truth(value: Any) -> Any:
    """The boolean in a text: CloudFormation takes either, the services' APIs do not."""
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def only(properties: Properties, *keys: str) -> dict[str, Any]:
    """Those of some properties that are there."""
    return {key: properties[key] for key in keys if key in properties}


def fitted(api: Any, operation: str, words: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments for an operation of a client, with numbers and booleans where it takes such."""
    members = api.meta.service_model.operation_model(operation).input_shape.members
    turn = {"integer": number, "long": number, "boolean": truth}
    return {k: turn.get(members[k].type_name, lambda value: value)(v) if k in members else v for k, v in words.items()}
