"""A runtime: a way to run a service, one file in `msaspec.runtimes`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from msaspec import names
from msaspec.diagnostic import Diagnostic
from msaspec.language.base import Model
from msaspec.language.image import Image
from msaspec.language.part import Door, Offer, Part, Site, Statement
from msaspec.language.service import Service
from msaspec.language.value import Value
from msaspec.place import Path


@dataclass(frozen=True)
class Workload:
    """A service as a runtime sees it: everything explicit, every reference resolved."""

    name: str
    path: Path
    spec: Service
    options: Model
    """The runtime's own fields."""
    image: Image
    health: str | None
    """Path that tells that it is up; None for a worker."""
    called: bool
    """Whether another service uses it."""
    environment: Mapping[str, Value]
    statements: tuple[Statement, ...]
    after: tuple[str, ...]
    """Logical ids that must exist before it runs."""


class Runtime(ABC):
    """What the runtimes have in common. Every method is pure."""

    name: ClassVar[str]
    """What `runtime` says to choose it."""
    model: ClassVar[type[Model]]
    """Its own fields, under `runtime: {type: ..., ...}`."""
    ignores: ClassVar[Mapping[str, str]] = {}
    """Service fields that it cannot honour, each with a hint. Writing one is a diagnostic, never silence."""
    on_hosts: ClassVar[bool] = False
    """Whether its services run on EC2 hosts of the system's own."""
    behind_balancer: ClassVar[bool] = False
    """Whether the public load balancer is the front door of its services."""
    endpoints: ClassVar[tuple[str, ...]] = ()
    """Interface endpoints that a service on it needs where there is no way out of the network."""

    @abstractmethod
    def build(self, workload: Workload, site: Site) -> Part:
        """What a service becomes."""

    def common(self, workloads: Sequence[Workload], site: Site) -> Part:
        """What all services of the runtime share."""
        return Part()

    def endpoints_for(self, service: Service, options: Model) -> tuple[str, ...]:
        """The interface endpoints that one service needs where there is no way out."""
        return self.endpoints

    def idle(self, options: Model) -> Mapping[str, tuple[str, str]]:
        """Its own fields that do nothing as the others are; for each where that is, and a hint."""
        return {}

    @abstractmethod
    def doors(self, name: str, service: Service) -> tuple[Door, ...]:
        """Where others reach a service of this runtime."""

    def calling_port(self, service: Service) -> int | None:
        """The port that others call a service on."""
        return service.port

    def check(self, workload: Workload, site: Site) -> Iterable[Diagnostic]:
        """The runtime's own rules, beyond the shape of the models."""
        return ()

    def offer(self, name: str, service: Service, framework: str, site: Site) -> Offer:
        """What a caller of a service gets: one address, the same in every runtime."""
        host = f"{name}.{site.domain}"
        port = self.calling_port(service)
        url = f"http://{host}:{port}"
        variable = {"spring-boot": f"msa.{name}.url"}.get(framework, f"{names.variable(name)}_URL")
        return Offer(
            attributes={"host": (host,), "port": (str(port),), "url": (url,)},
            variables={variable: (url,)},
            doors=self.doors(name, service),
        )


SERVICE_ATTRIBUTES = {
    "host": "Private DNS name.",
    "port": "Port.",
    "url": "Address as `http://host:port`.",
}
