"""What the sandbox knows about a type of resource: how it is made, changed and removed through its service's API."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Protocol

from msaspec.sandbox.cloudformation.awaited import Awaited
from msaspec.update import replacement

Properties = Mapping[str, Any]


class Failed(Exception):
    """Why a resource could not be made, changed or removed."""

    made: Made | None = None
    """What was made before it failed."""


class Refused(Failed):
    """What the handler of a type says itself, such as that something did not become stable."""

    def __init__(self, message: str, code: str = "InvalidRequest") -> None:
        super().__init__(message)
        self.code = code
        """`InvalidRequest`, `NotFound`, `AlreadyExists`, `NotStabilized` or another one of the handlers' contract."""


class Cancelled(Failed):
    """The whole operation was cancelled, and with it what was done to a resource."""


class Unable(Failed):
    """What the sandbox cannot do, and has not begun."""


@dataclass(frozen=True)
class Made:
    """A resource that is there: what `Ref` gives, and what `Fn::GetAtt` gives."""

    id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Nesting(Protocol):
    """How a stack makes, changes and removes the stacks that are its resources."""

    def create(self, at: At, new: Properties) -> Made:
        """Make a nested stack with all its resources."""

    def update(self, at: At, id: str, new: Properties) -> Made:
        """Bring a nested stack to what it should be. What it then no longer has stays until all stacks are there."""

    def back(self, id: str) -> None:
        """Bring a nested stack back to where it was before the operation."""

    def delete(self, id: str) -> None:
        """Remove a nested stack with all its resources."""


@dataclass(frozen=True)
class At:
    """The surroundings of a resource, and what its type may use."""

    api: Callable[..., Any]
    """A boto3 client of the sandbox, by the name of its service; in the Region of the stack, or another one."""
    stack_id: str
    stack_name: str
    region: str
    account: str
    logical_id: str
    type: str
    wait: Callable[[Callable[[], bool]], None] = lambda met: None
    """Waits until a condition is met. Raises Cancelled when the operation is cancelled."""
    nesting: Nesting | None = None
    """What makes nested stacks."""
    initiated: Callable[[str], None] = lambda id: None
    """Told the id of what takes long, as soon as there is one."""

    def name(self, longest: int = 64, prefix: str | None = None, *, lower: bool = False) -> str:
        """Return a name as CloudFormation makes them up: stack or prefix, logical id and a random end."""
        end = "".join(random.choices(string.ascii_uppercase + string.digits, k=12))
        name = f"{prefix or self.stack_name}-{self.logical_id}"[: longest - 13] + f"-{end}"
        return name.lower() if lower else name


class Resource:
    """A type of resource. What it does not override, it cannot do."""

    snapshots: ClassVar[bool] = False
    """Whether the deletion policy `Snapshot` is known to the type."""
    imports: ClassVar[bool] = False
    """Whether one that exists can be taken over by `adopt`."""
    looked_into: ClassVar[bool] = False
    """Whether every update of the stack looks into it, even where nothing of its own changes."""

    def create(self, at: At, new: Properties) -> Made:
        """Make the resource."""
        raise NotImplementedError

    def adopt(self, at: At, new: Properties) -> Made:
        """Take over the resource that exists under the name that it is to have."""
        raise NotImplementedError

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change the resource in place; asked only for properties that do not replace it."""
        changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
        raise Unable(f"The sandbox cannot change {', '.join(changed)} of {at.type} in place.")

    def back(self, at: At, id: str, tried: Properties, old: Properties) -> Made:
        """Change the resource back, from what it was changed to."""
        return self.update(at, id, tried, old)

    def awaited(
        self, at: At, made: Made, policies: Properties, old: Properties | None, new: Properties
    ) -> Awaited | None:
        """Return the signals that a resource waits for, by the policies that the template has for it: after it was
        made, or changed in place from some old properties."""
        return Awaited.by_creation(policies) if old is None else None

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove the resource."""
        raise NotImplementedError

    def snapshot(self, at: At, id: str, old: Properties) -> None:
        """Remove the resource and keep a snapshot of it."""
        raise NotImplementedError


_TYPES: dict[str, Resource] = {}

R = type[Resource]


def resource(name: str) -> Callable[[R], R]:
    """Make a class the type of resource of that name."""

    def register(cls: R) -> R:
        _TYPES[name] = cls()
        return cls

    return register


def add(name: str, kind: Resource) -> None:
    """Make a value the type of resource of a name."""
    _TYPES[name] = kind


def supported() -> frozenset[str]:
    """Return the types of resource that the sandbox has; custom resources come on top."""
    return frozenset(_TYPES)


CUSTOM = "AWS::CloudFormation::CustomResource"


def lookup(name: str) -> Resource:
    """Return the type of resource of a name. Raises Failed where the sandbox has none."""
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


def deletes_first(name: str) -> bool:
    """Whether CloudFormation removes a resource of a type before it makes the one that replaces it, by the registry."""
    updates = _updates(name)
    return updates is not None and updates.deletes_first


@cache
def _updates(name: str) -> replacement.Updates | None:
    return replacement.updates(name)


@cache
def taggable(name: str) -> bool:
    """Whether a type takes the tags of its stack, as a list of keys and values."""
    return replacement.lists_tags(name)


def made_for(at: At) -> list[dict[str, str]]:
    """Return the tags that CloudFormation adds."""
    made = {"stack-name": at.stack_name, "logical-id": at.logical_id, "stack-id": at.stack_id}
    return [{"Key": f"aws:cloudformation:{key}", "Value": value} for key, value in made.items()]


def number(value: Any) -> Any:
    """Return the number in a text: CloudFormation takes either, the services' APIs do not."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def truth(value: Any) -> Any:
    """Return the boolean in a text: CloudFormation takes either, the services' APIs do not."""
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def only(properties: Properties, *keys: str) -> dict[str, Any]:
    """Those of some properties that are there."""
    return {key: properties[key] for key in keys if key in properties}


def fitted(api: Any, operation: str, words: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments for an operation of a client, with numbers and booleans where it takes such."""
    members = api.meta.service_model.operation_model(operation).input_shape.members
    turn = {"integer": number, "long": number, "boolean": truth}
    return {k: turn.get(members[k].type_name, lambda value: value)(v) if k in members else v for k, v in words.items()}
