"""A runtime: a way to run a service, one file in `msaspec.runtimes`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from msaspec.diagnostics.diagnostic import Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.language import image
from msaspec.language.aws_type import AwsType
from msaspec.language.base import Model, arguments
from msaspec.language.files import Placed
from msaspec.language.health import Probe
from msaspec.language.image import Image
from msaspec.language.job import Job
from msaspec.language.part import Door, Mount, Offer, Part, Place, PublicAddress, Site, Statement
from msaspec.language.service import Service
from msaspec.language.sidecar import Beside
from msaspec.language.value import Text, Token, Value, value
from msaspec.template import names

Own = TypeVar("Own", bound=Model)
Own_co = TypeVar("Own_co", bound=Model, covariant=True)


@dataclass(frozen=True)
class Workload(Generic[Own_co]):
    """A service as a runtime sees it: everything explicit, every reference resolved."""

    name: str
    path: Path
    spec: Service
    options: Own_co
    """The runtime's own fields."""
    image: Image
    health: Probe | None
    """What tells that it is up; None for a worker."""
    called: bool
    """Whether another service uses it."""
    opened: tuple[str, ...]
    """Names of the further ports that other services use."""
    environment: Mapping[str, Value]
    command: tuple[Text, ...]
    """The words after the entry point."""
    statements: tuple[Statement, ...]
    grants: tuple[Statement, ...]
    """What its program may do beyond its uses."""
    after: tuple[str, ...]
    """Logical ids that must exist before it runs."""
    files: tuple[Placed, ...] = ()
    """What is put into its container, in the order of their paths."""
    job: Job | None = None
    """What makes it a job; None for a service."""

    sidecars: tuple[Beside, ...] = ()
    """Its further containers, each after those that it waits for."""
    mounts: tuple[Mount, ...] = ()
    """The volumes in its container, in the order of their names."""

    @property
    def alone(self) -> bool:
        """Whether there may be one copy at a time: it writes a volume that has a single writer."""
        return any(each.alone for each in self.mounts)

    @property
    def texts(self) -> Mapping[str, Value]:
        """Its variables and those that carry its files; those of its sidecars too, by names of their own."""
        return {
            **self.environment,
            **{each.variable: each.content for each in self.files},
            **{each.key(name): content for each in self.sidecars for name, content in each.texts.items()},
        }


class Runtime(ABC, Generic[Own]):
    """What the runtimes have in common. Every method is pure.

    `Runtime[Fargate]`: the model of its own fields.
    """

    name: ClassVar[str]
    """What `runtime` says to choose it."""
    about: ClassVar[str]
    """What it is, as the rest of a sentence: ``one EC2 instance``."""
    model: ClassVar[type[Model]]
    """Its own fields, under `runtime: {type: ..., ...}`."""
    types: ClassVar[tuple[AwsType, ...]]
    """The types of resources that its services become, and what is known of them."""
    ignores: ClassVar[Mapping[str, str]] = {}
    """Service fields that it cannot honour, each with a hint. Writing one is a diagnostic, never silence."""
    on_hosts: ClassVar[bool] = False
    """Whether its services run on EC2 hosts of the system's own."""
    behind_balancer: ClassVar[bool] = False
    """Whether the public load balancer is the front door of its services."""
    address_is_last: ClassVar[bool] = False
    """Whether the public address of a service is made after what runs it."""
    overlaps: ClassVar[bool] = False
    """Whether a new version of a service runs before the old one stops, whatever the manifest says."""
    endpoints: ClassVar[tuple[str, ...]] = ()
    """Interface endpoints that a service on it needs where there is no way out of the network."""

    def __init_subclass__(cls) -> None:
        (cls.model,) = arguments(cls, Runtime)

    @property
    def kin(self) -> AnyRuntime:
        """Return the runtime that what its services share is made by."""
        return self

    @abstractmethod
    def build(self, workload: Workload[Own], site: Site) -> Part:
        """Return what a service becomes."""

    def common(self, workloads: Sequence[Workload[Own]], site: Site) -> Part:
        """Return what all services of the runtime share."""
        return Part()

    def strategy(self, options: Own) -> str | None:
        """Return how a new version takes over, as the manifest says it; None where it does not, or cannot."""
        return None

    def endpoints_for(self, service: Service, options: Own) -> tuple[str, ...]:
        """Return the interface endpoints that one service needs where there is no way out."""
        return self.endpoints

    def idle(self, options: Own) -> Mapping[str, tuple[str, str]]:
        """Its own fields that do nothing as the others are; for each where that is, and a hint."""
        return {}

    @abstractmethod
    def doors(self, name: str, service: Service, opened: Sequence[str] = ()) -> tuple[Door, ...]:
        """Where others reach a service of this runtime: its port, and those of its further ports that are opened."""

    def public_address(self, name: str, service: Service, place: Place) -> PublicAddress | None:
        """Return where requests from outside reach a service; None where none can."""
        return None

    def calling_port(self, service: Service) -> int | None:
        """Return the number of the port that others call a service on."""
        return service.port.number if service.port else None

    def balanced(self, service: Service) -> bool:
        """Whether the private name of a service leads to a load balancer."""
        return False

    def ignored(self, service: Service) -> Mapping[str, str]:
        """Return the fields of a service that it cannot honour as they are written, each with a hint."""
        return self.ignores

    @abstractmethod
    def ready(self, name: str, service: Service) -> tuple[str, ...]:
        """Logical ids that exist once a service that others call is up and answers at its name."""

    def images(self, workload: Workload[Own]) -> Iterable[tuple[Path, Image]]:
        """Return the images that a service needs beside its own, each with its place."""
        return [
            ((*workload.path, "sidecars", each.name, "image"), image.parse(each.spec.image))
            for each in workload.sidecars
        ]

    def check(self, workload: Workload[Own], site: Site) -> Iterable[Diagnostic]:
        """Return the runtime's own rules, beyond the shape of the models."""
        return ()

    def offer(self, name: str, service: Service, framework: str, place: Place, opened: Sequence[str] = ()) -> Offer:
        """Return what a caller of a service gets: one address, the same in every runtime, and the ports it opens."""
        host, number = f"{name}.{place.domain}", self.calling_port(service)
        attributes: dict[str, Value] = {"host": (host,)}
        variables: dict[str, Value] = {}
        for port in (None, *opened):
            found = service.port_of(port)
            if found is None:
                continue
            address = f"{host}:{number if port is None else found.number}"
            url = f"{found.protocol}://{address}"
            prefix = f"{names.snake(port)}_" if port else ""
            attributes |= {
                f"{prefix}port": (address.rpartition(":")[2],),
                f"{prefix}url": (url,),
                f"{prefix}address": (address,),
            }
            # Clients of HTTP take a URL. Those of gRPC and of other protocols take a host and a port.
            word, content = ("url", url) if found.protocol == "http" else ("address", address)
            variables |= variables_of(name, port, framework, word, (content,))
        return Offer(attributes=attributes, variables=variables, doors=self.doors(name, service, opened))


def variables_of(name: str, port: str | None, framework: str, word: str, content: Value) -> dict[str, Value]:
    """Return the variable of a service that is used, or of a further port of it, in the names of a framework.

    >>> variables_of("ledger", "console", "plain", "url", ("x",))
    {'LEDGER_CONSOLE_URL': ('x',)}
    """
    whose = f"{name}.{port}" if port else name
    plain = names.variable(whose.replace(".", "-"))
    return {f"msa.{whose}.{word}" if framework == "spring-boot" else f"{plain}_{word.upper()}": content}


def own_doors(group: str, service: Service, opened: Sequence[str]) -> tuple[Door, ...]:
    """Return the ports of a service behind its own security group: its port, and the further ones that are opened."""
    if service.port is None:
        return ()
    further = [Door(Token(group), service.ports[name].number, name=name) for name in opened if name in service.ports]
    return (Door(Token(group), service.port.number), *further)


def public_attributes(found: PublicAddress) -> dict[str, Value]:
    """Return the attributes of a service that anyone may refer to."""
    url = value(f"{found.scheme}://", *found.host, "" if found.path == "/" else found.path)
    return {"public_url": url, "public_host": found.host}


AnyRuntime: TypeAlias = Runtime[Any]

SERVICE_ATTRIBUTES = {
    "host": "Private DNS name.",
    "port": "Port.",
    "url": "Address as `http://host:port`, `grpc://host:port` or `tcp://host:port`.",
    "address": "Address as `host:port`.",
}

PUBLIC_ATTRIBUTES = {
    "public_url": "Public URL of its first path, such as `https://shop.example.com/api`; no use is needed.",
    "public_host": "Host of the public URL; no use is needed.",
}
"""Those of a service with `paths` or `hosts`, for every service, itself too."""
