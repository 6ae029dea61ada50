"""The narrow waist: what a kind of resource offers its users, and what any part of a system becomes.

A kind never learns how a service runs; a runtime never learns what a database is. Between them pass only the
values of this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from msaspec.diagnostics.place import Path
from msaspec.language.base import Model
from msaspec.language.value import Text, Token, Value

Spec = TypeVar("Spec", bound=Model, covariant=True)
Options = TypeVar("Options", bound=Model, covariant=True)


@dataclass(frozen=True)
class FrontDoor:
    """The public load balancer, as services behind it see it."""

    listener: str
    """Logical id of the listener that takes their rules."""
    group: Token
    host: Text
    """The host of the addresses that name none."""
    scheme: str
    domain: str | None = None
    cdn: Cdn | None = None
    """The CDN in front of it, if any."""


@dataclass(frozen=True)
class PublicAddress:
    """Where requests from outside reach a service."""

    scheme: str
    host: Text
    path: str
    """Its first path."""


@dataclass(frozen=True)
class Cdn:
    """The distribution as the only way to the load balancer."""

    origin: Text
    """Host of the load balancer."""
    secret: Text
    """The header value that a request must carry, so that only the CDN gets in."""
    patterns: tuple[str, ...]
    """Path patterns that go to the load balancer, the longest first."""


@dataclass(frozen=True)
class Front:
    """What can be put before the public load balancer and pass requests on to it."""

    domain: Text
    """The host that its viewers ask."""


@dataclass(frozen=True)
class Place:
    """Where the parts of a system are: its names, and the network as tokens."""

    system: str
    environment: str | None
    stack: str
    domain: str
    """The private DNS domain of the system's services."""
    vpc: Token
    services: tuple[Token, ...]
    """Subnets that services run in, one a zone."""
    services_public: bool
    """Whether those subnets have public addresses."""
    public: tuple[Token, ...]
    isolated: tuple[Token, ...]
    """Subnets with no way out, for databases."""
    allow: tuple[str, ...]
    """IPv4 blocks that may use the front door."""
    tags: Mapping[str, str]
    cidr: str
    """The IPv4 block of the network."""
    online_public: tuple[str, ...] = ()
    """Logical ids of what makes the public subnets public."""
    front: FrontDoor | None = None
    """The public load balancer, where a service is behind one."""
    region: str | None = None
    """The Region that the manifest names."""
    rotates: bool = False
    """Whether the passwords of services rotate: two users of a database take turns, and the secret says which."""


@dataclass(frozen=True)
class Site(Place):
    """A place with its ways out, which are known once everybody has said what they offer and need."""

    online: tuple[str, ...] = ()
    """Logical ids of the routes or endpoints that a host needs before it starts."""


@dataclass(frozen=True)
class Entry(Generic[Spec]):
    """One entry of a section of the manifest: a database, a bucket."""

    name: str
    spec: Spec
    path: Path
    earlier: tuple[Entry[Spec], ...] = field(default=(), repr=False, compare=False)
    """The entries of its section that come before it, by name: for what AWS makes one after the other."""
    to: tuple[Link, ...] = field(default=(), repr=False, compare=False)
    """The entries that this one names: the topics of a queue."""
    by: tuple[Link, ...] = field(default=(), repr=False, compare=False)
    """The entries that name this one."""
    called: str | None = None
    """What its own system calls an entry of another one; None for an entry of this system."""

    @property
    def word(self) -> str:
        """Return the name that its variables begin with."""
        return self.called or self.name

    @property
    def title(self) -> str:
        """Return what a manifest calls it."""
        return f"{self.path[-1]}/{self.called}" if self.called else self.name


@dataclass(frozen=True)
class Alias:
    """The address of an entry, and whether its own name leads there too."""

    host: Token
    """What AWS calls it."""
    asked: bool | None
    """Whether it is to be reached at its own name; None where it cannot be, since its port is another one too."""
    verified: bool = False
    """Whether its usual clients compare the name with the certificate, which has the one of AWS."""


@dataclass(frozen=True)
class Link:
    """An entry at the other end of a line in which one entry names another."""

    section: str
    entry: Entry[Any]
    path: Path
    """Where the line is."""


@dataclass(frozen=True)
class Use(Generic[Options]):
    """One line under `uses`: the edge from a service to what it uses."""

    service: str
    target: str
    options: Options
    framework: str
    alone: bool
    """Whether it is the service's only use of that kind."""
    path: Path
    texts: Mapping[str, str] = field(default_factory=dict)
    """The files of the manifest's folder that its options name, by the field that does."""
    guest: str = ""
    """The stack of this system, where what is used is of another one: what is made there begins with it."""


@dataclass(frozen=True)
class Door:
    """A port of something that has a security group."""

    group: Token
    port: int | Token
    """A token for a port of another system, whose manifest says which it is."""
    slot: str | None = None
    """A name for it where it is a port of something shared, so that it keeps its rules when it changes hands."""
    name: str | None = None
    """The name of a further port of a service."""
    speaks: str | None = None
    """The scheme of URLs that lead to it, where people need a client for it."""

    @property
    def number(self) -> str:
        """Return the port for people; the parameter that holds it where it is not known here."""
        return f"<{self.port.target}>" if isinstance(self.port, Token) else str(self.port)


@dataclass(frozen=True)
class Statement:
    """What an IAM role may do: actions on resources."""

    actions: tuple[str, ...]
    resources: tuple[Text, ...]
    condition: Mapping[str, Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class Mount:
    """A volume in the container of one of its users."""

    volume: str
    file_system: Token
    access_point: Token
    """Through which the user has it."""
    folder: str
    """Where the container has it."""
    writes: bool
    shared: bool
    """Whether several copies may write at a time."""
    path: Path
    """Of the use."""

    @property
    def alone(self) -> bool:
        """Whether its user has to be the only copy."""
        return self.writes and not self.shared


@dataclass(frozen=True)
class Offer:
    """What one user of a resource gets from it."""

    attributes: Mapping[str, Value]
    """The values of references such as ``${main.host}``."""
    variables: Mapping[str, Value] = field(default_factory=dict)
    """What its use injects into the environment, in the names of the user's framework."""
    doors: tuple[Door, ...] = ()
    statements: tuple[Statement, ...] = ()
    after: tuple[str, ...] = ()
    """Logical ids that must exist before the user runs."""
    endpoints: tuple[str, ...] = ()
    """Services such as ``sqs`` that the user calls: interface endpoints where there is no way out of the network."""
    beyond: Mapping[str, str] = field(default_factory=dict)
    """Services that the user calls and that no endpoint leads to, by the field under `uses` that asks for it."""
    mounts: tuple[Mount, ...] = ()
    """What the user finds in a folder of its container."""


@dataclass(frozen=True)
class Uploads:
    """Files of the manifest's folder that belong into a bucket of the stack, and are served by a distribution."""

    entry: str
    path: Path
    """Where the manifest has them."""
    folder: str
    """Relative to the manifest."""
    pages: Mapping[str, str]
    """Files that have to be there, by the field that names them."""
    immutable: tuple[str, ...]
    """Patterns of paths whose files never change."""
    bucket: str
    """Logical id of the bucket."""
    distribution: str
    """Logical id of the distribution."""


@dataclass(frozen=True)
class Changing:
    """A secret of the stack that `msaspec secret rotate` can change."""

    secret: str
    """Its logical id."""
    length: int | None = None
    """How many characters are generated anew; None where a function of the stack changes it."""


@dataclass(frozen=True)
class Connections:
    """How many connections something takes at a time, all its users together."""

    most: int
    field: str
    """The field of its entry that decides on the number."""


@dataclass(frozen=True)
class Part:
    """What a piece of the manifest becomes: troposphere resources, outputs and parameters, in reading order.

    `scripts` are texts that several resources share; the template holds each once, under its name.
    """

    resources: tuple[Any, ...] = ()
    outputs: tuple[Any, ...] = ()
    parameters: tuple[Any, ...] = ()
    scripts: Mapping[str, str] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)

    def __add__(self, other: Part) -> Part:
        return Part(
            self.resources + other.resources,
            self.outputs + other.outputs,
            self.parameters + other.parameters,
            {**self.scripts, **other.scripts},
            {**self.conditions, **other.conditions},
        )
