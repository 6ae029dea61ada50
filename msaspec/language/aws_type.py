"""A type of CloudFormation resource, and all that msaspec knows of it beyond its schema.

The module that emits a type owns what is known of it: a kind, a runtime, the network. `compile/aws_types.py` collects
the values. Code that compares templates, guards data, deletes stacks or checks names asks them, and names no type.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from msaspec.diagnostics.place import Path

Properties: TypeAlias = Mapping[str, Any]
"""The properties of a resource in a template."""
NameRule: TypeAlias = Callable[[str], str | None]
"""Says why AWS refuses a name; None where it takes it."""


class Clients(Protocol):
    """A source of boto3 clients for the services of one account and Region."""

    @property
    def region(self) -> str:
        """Name the Region."""

    def client(self, service: str) -> Any:
        """Return the client of a service, such as ``rds``."""


class Switch(Protocol):
    """What turns something of a resource on or off."""

    def __call__(self, aws: Clients, id: str, *, on: bool) -> None: ...


class Unremovable(Exception):
    """AWS keeps something that was to be removed. The message is a sentence without its dot."""


class Holds(StrEnum):
    """What is lost with a resource."""

    NOTHING = "nothing"
    """Or something that is not needed again, such as the past of a log group."""
    DATA = "data"
    CREDENTIAL = "credential"
    """A generated secret: worth nothing without its user, and needed for as long as that is there."""


@dataclass(frozen=True)
class Content:
    """Something with data inside of a resource, identified by its name: a database on an instance."""

    noun: str
    name: str
    users: tuple[str, ...] = ()
    """The services that use it, its owner first."""
    option: str = ""
    """What a use of it says to have it: ``database: cart``."""


class Effect(StrEnum):
    """What a change in place does that its property does not show."""

    REFUSED = "refused"
    """AWS always refuses it."""
    LOSES = "loses"
    """Something is lost for good."""
    COSTS = "costs"
    """Something is lost or closed that the user may give up, or AWS may refuse it."""


@dataclass(frozen=True)
class Objection:
    """What speaks against a change in place of a resource."""

    effect: Effect
    field: str
    """The field of the manifest entry that asks for it."""
    reason: str
    """What happens, as the end of a sentence about the entry."""
    hint: str


@dataclass(frozen=True)
class Deletion:
    """The deletion of a stack, of which something is to be removed that it left."""

    stack: str
    began: datetime | None
    """None where CloudFormation does not say."""
    logical_id: str = ""
    """Of what is to be removed."""


@dataclass(frozen=True)
class Kept:
    """Something with data that stayed in the account when its resource left a stack."""

    id: str
    noun: str
    takeover: str
    """How the resource that comes again has this data: what to write, as a sentence or two."""
    removal: tuple[tuple[str, ...], ...]
    """Commands of the AWS CLI that remove it, as words without `aws`."""
    alone: bool = True
    """Whether it may be in a stack; then it is looked for there."""
    in_the_way: bool = False
    """Whether no new one can be made while it is there."""
    in_network: bool = False
    """Whether it keeps subnets from being removed."""


@dataclass(frozen=True)
class Protection:
    """A deletion protection that a service keeps itself."""

    asked: Callable[[Properties], bool]
    """Whether a template turns it on."""
    read: Callable[[Clients, str], bool | None]
    """Whether a resource has it, by its physical id; None where it is gone or cannot be changed yet."""
    write: Switch
    """Turns it on or off."""


@dataclass(frozen=True)
class ServiceRole:
    """The service-linked role by which a service acts in an account. Accounts that never used the service lack it."""

    service: str
    """The principal, as IAM takes it: ``ecs.amazonaws.com``."""
    name: str


def _deleted(properties: Properties) -> str:
    return "Delete"


@dataclass(frozen=True, eq=False, kw_only=True)
class AwsType:
    """What is known of a type of resource."""

    name: str
    """``AWS::RDS::DBInstance``."""
    noun: str = ""
    """One of them in a sentence: ``database instance``. Default: the name."""
    holds: Holds = Holds.NOTHING
    copy_of: str | None = None
    """The property that makes it a copy of another resource, which holds the data then."""
    fleeting: Callable[[Properties], bool] = lambda properties: False
    """Whether one with these properties holds nothing that is needed again, whatever its type says."""
    deletion_policy: Callable[[Properties], str] = _deleted
    """CloudFormation's `DeletionPolicy` where the template has none."""
    protection: Protection | None = None
    empty: Callable[[Clients, str], None] | None = None
    """Removes all that is in one. Only a type that AWS deletes when nothing is in it has this. Raises Unremovable."""
    erase: Callable[[Clients, str, Deletion], list[str]] | None = None
    """Removes for good what the deletion of a stack left of one. Returns what that was, in words."""
    snapshots: Callable[[Clients, str, Deletion], list[str]] | None = None
    """Names of the snapshots that the deletion of a stack made of one."""
    remains: Callable[[Clients, str, Deletion], list[str]] | None = None
    """What `erase` would remove now, in words. Default: the resource itself."""
    parting: str = ""
    """What the deletion of a stack leaves beside one, which is removed with its data: ``its last snapshot``."""
    gone: frozenset[str] = frozenset()
    """Codes of errors by which AWS says that one is not there."""
    there: Callable[[Clients, str], bool] | None = None
    """Whether one is there, by its physical id."""
    kept: Callable[[Clients, str, str], Iterable[Kept]] | None = None
    """What an earlier resource of a stack and a logical id, which are given, left in the account with its data."""
    within: str | None = None
    """The type that one is a part of, by name: where a new one of that comes, nothing is left of the earlier parts."""
    removal: Callable[[str], Iterable[list[str]]] | None = None
    """Commands of the AWS CLI that remove one by hand, as lists of words without `aws`."""
    remove: Callable[[Clients, str], bool] | None = None
    """Removes one that holds nothing, by its physical id; returns whether it is gone, which it is not while in use."""
    made_in: Callable[[Clients, str, Collection[str]], Iterable[str]] | None = None
    """Physical ids of those that CloudFormation made in stacks whose names begin so, and that are not known."""
    contents: Callable[[Properties], Iterable[Content]] | None = None
    """What it contains that holds data, where a change of its properties takes some of it out of use."""
    objections: Callable[[Properties, Properties], Iterable[Objection]] | None = None
    """What speaks against a change in place from some properties to others."""
    replaced: Objection | None = None
    """What speaks against a change that replaces one."""
    retyped: tuple[str, str] | None = None
    """Where one comes in place of a resource of another type, which CloudFormation refuses: the field of the entry that
    asks for it, and what to do instead. Default: to remove the entry first."""
    unique: tuple[tuple[str, ...], ...] = ()
    """Properties that identify one in AWS: no two can have the same values at one time."""
    names: Mapping[str, NameRule] = field(default_factory=dict)
    """Properties that name or describe one, each with what AWS takes."""
    never_replaces: frozenset[tuple[str, ...]] = frozenset()
    """Properties that do not replace it, although its schema says that they may."""
    moves: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Attributes that get another value when one of some properties does."""
    iam: bool = False
    """Whether CloudFormation requires an acknowledgement, since it can give permissions."""
    named_by: str | None = None
    """The property that gives it a name of the user's own, which requires a further acknowledgement."""
    service_role: ServiceRole | None = None
    """The role without which its service cannot make one."""

    texts: Mapping[tuple[str, ...], Callable[[str], Mapping[str, Any] | None]] = field(default_factory=dict)
    """Texts in its properties that hold values of their own, by their paths without numbers, each with what takes one
    apart; None for a text that it cannot read."""
    labels: Callable[[Path], str | None] | None = None
    """What people call a value at a path of its properties, such as ``env GREETING``; None for its path."""
    revised: bool = False
    """Whether a change makes a new revision of it, and takes nothing away."""

    slow: Mapping[str, str] = field(default_factory=dict)
    """How long it takes to ``create``, ``update`` or ``delete`` one, where that is many minutes: `15 to 30 minutes`."""
    slow_when: Callable[[Properties], bool] = lambda properties: True
    """Whether one with these properties takes as long as `slow` says."""

    def __str__(self) -> str:
        return self.noun or self.name

    def is_there(self, aws: Clients, id: str) -> bool:
        """Return whether one of a physical id is there; True where msaspec cannot ask."""
        return self.there is None or self.there(aws, id)

    @property
    def only_empty(self) -> bool:
        """Whether AWS deletes one only when nothing is in it."""
        return self.empty is not None

    def holds_data(self, properties: Properties) -> bool:
        """Whether nothing else holds the data of a resource with these properties; a credential counts."""
        if self.holds is Holds.NOTHING or self.fleeting(properties):
            return False
        return not (self.copy_of and properties.get(self.copy_of))


def code_of(error: Exception) -> str:
    """Return the code of a ClientError of botocore."""
    response: Mapping[str, Any] = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))


# fact: made-in-stacks
MADE_IN = "aws:cloudformation:stack-name"
"""The tag by which CloudFormation says in which stack a resource was made."""


def remove(request: Callable[..., Any], gone: str, in_use: str, **words: Any) -> bool:
    """Make a request that removes something; return whether it is gone. `gone` and `in_use` are codes of errors."""
    from botocore.exceptions import ClientError

    try:
        request(**words)
    except ClientError as error:
        if code_of(error) not in (gone, in_use):
            raise
        return code_of(error) == gone
    return True


def unless_gone(codes: frozenset[str], request: Callable[..., Any], **words: Any) -> Any:
    """Return what AWS answers; None where it says by one of the codes that what it is asked about is gone."""
    from botocore.exceptions import ClientError

    try:
        return request(**words)
    except ClientError as error:
        if code_of(error) not in codes:
            raise
        return None
