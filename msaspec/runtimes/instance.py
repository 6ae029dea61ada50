"""The runtime `instance`: one EC2 instance per service, its container under Docker. The seed's shape.

The instance starts from a launch template, whose version it names: whatever changes what runs (image tag, variable,
user data) makes a new version, and a new version a new instance, which must be healthy before the old one is removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar
from zlib import crc32

from troposphere import Output, Ref, Sub, Tags, ec2
from troposphere.policies import CreationPolicy, ResourceSignal

from msaspec.aws import discovery, hosts, network, service_hosts
from msaspec.aws.user_data import Boot
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.language.part import Door, Part, Place, PublicAddress, Site
from msaspec.language.runtime import Runtime, Workload, own_doors
from msaspec.language.service import Service
from msaspec.language.value import Token
from msaspec.template import names

NO_WAY_IN = Code(
    "MSA331",
    "Public paths in private subnets",
    """
    On `instance` a service answers on its own address, and in private subnets it has no public address. Place the
    services in public subnets (`network: {placement: public}`), or choose a runtime behind a load balancer.
    """,
)
BALANCED = (
    "A balanced address works on `fargate` and `autoscaling`; on `instance` it is that of the instance, and changes"
    " when the instance is replaced."
)


class Instance(service_hosts.HostFields):
    """Fields of the runtime `instance`."""


class InstanceRuntime(Runtime[Instance]):
    """One EC2 instance per service."""

    name = "instance"
    about = "one EC2 instance with Docker"
    types = (*service_hosts.TYPES, discovery.INSTANCE, discovery.SERVICE, hosts.INSTANCE, network.ADDRESS)
    on_hosts = True
    address_is_last = True
    overlaps = True
    ignores: ClassVar[Mapping[str, str]] = {
        "scale": "An instance is one copy; `autoscaling` and `fargate` scale.",
        "hosts": "An instance answers to any host name; `hosts` applies to a load balancer.",
        "health.start": "On hosts a command is run from the start until it succeeds or `grace` is over.",
        "health.unhealthy": "Docker restarts a container that ends; on `instance` "
        "nothing checks its health after the start.",
        "sticky": "An instance is one copy, without a load balancer before it.",
        "strip": "An instance has no load balancer that could change a path.",
        "priority": "An instance has no rules on a load balancer.",
        "internal_port": "Other services call an instance on its `port`; `internal_port` applies to a load balancer.",
    }
    endpoints = ("ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm", "ssmmessages", "cloudformation")

    def idle(self, options: Instance) -> Mapping[str, tuple[str, str]]:
        """Credits of a type that has none."""
        return service_hosts.idle(options)

    def check(self, workload: Workload[Instance], site: Site) -> Iterable[Diagnostic]:
        """Yield what can go wrong with its host, and a public address for public paths."""
        yield from service_hosts.check(workload, boot(workload, site))
        if workload.spec.paths and not site.services_public:
            message = f"`{workload.name}` has public paths, but its instance is in a private subnet."
            hint = "Set `network: {placement: public}`, or choose a runtime behind a load balancer."
            yield NO_WAY_IN.at((*workload.path, "paths"), message, hint=hint, key=True)
        for at, port in service_hosts.published(workload.spec) if workload.spec.paths else ():
            if port.number == service_hosts.FRONT and at != ("port",):
                message = f"Port {port.number} of the host of `{workload.name}` leads to its main port, for its paths."
                hint = "Let the container listen on another port there."
                yield service_hosts.PORT_IN_USE.at((*workload.path, *at), message, hint=hint)

    def doors(self, name: str, service: Service, opened: Sequence[str] = ()) -> tuple[Door, ...]:
        """Return the container's ports, published on the host."""
        return own_doors(service_hosts.security_group(name), service, opened)

    def public_address(self, name: str, service: Service, place: Place) -> PublicAddress | None:
        """Return the address that its instance is given."""
        if not service.paths:
            return None
        return PublicAddress("http", (Token(f"{_address(name)}.PublicIp"),), service.prefixes[0])

    def ignored(self, service: Service) -> Mapping[str, str]:
        """Return its usual ones, and an address behind a load balancer."""
        if service.address != "balanced":
            return self.ignores
        return {**self.ignores, "address": BALANCED}

    def ready(self, name: str, service: Service) -> tuple[str, ...]:
        """Return its instance, which signals that it is up, under its name."""
        return (discovery.instance_id(name),)

    def build(self, workload: Workload[Instance], site: Site) -> Part:
        """Return the instance with its role, group and log group; its private name if it is called."""
        name, instance, display = workload.name, _instance(workload), f"{site.stack}/{workload.name}"
        public = bool(workload.spec.paths)
        part = service_hosts.build(workload, site, boot(workload, site), site.allow if public else ())
        part += Part(
            (
                hosts.instance(
                    instance,
                    service_hosts.template(name),
                    _subnet(name, site),
                    display,
                    (*workload.after, *site.online),
                    CreationPolicy=CreationPolicy(
                        ResourceSignal=ResourceSignal(Count=1, Timeout=f"PT{service_hosts.minutes(workload)}M")
                    ),
                ),
            )
        )
        if workload.called:
            part += Part((discovery.service(name), discovery.of_instance(name, instance)))
        return part + _front_door(workload, instance, display, site) if public else part


def boot(workload: Workload[Instance], site: Site) -> Boot:
    """Return what the instance of a service has to know."""
    spec = workload.spec
    # The container's port is published even while no service calls it: the security group keeps it closed, and a first
    # caller then changes nothing on this host.
    ports = {80: spec.port.number} if spec.paths and spec.port else {}
    ports |= {port.number: port.number for _, port in service_hosts.published(spec)}
    return service_hosts.boot(workload, site, _instance(workload), ports)


def _instance(workload: Workload[Instance]) -> str:
    return names.logical(workload.name, "Instance")


def _subnet(name: str, site: Site) -> Token:
    """Spread over the zones by name, so that no service moves when another comes."""
    return site.services[crc32(name.encode()) % len(site.services)]


def _address(name: str) -> str:
    return names.logical(name, "PublicAddress")


def _front_door(workload: Workload[Instance], instance: str, display: str, site: Site) -> Part:
    """Return an address that stays when the instance is replaced, and the URLs of the public paths."""
    public = _address(workload.name)
    return Part(
        resources=(
            ec2.EIP(
                public,
                Domain="vpc",
                InstanceId=Ref(instance),
                Tags=Tags(Name=display),
                # Of a VPC that exists the gateway is there.
                **({"DependsOn": "InternetGatewayAttachment"} if site.online_public else {}),
            ),
        ),
        outputs=(
            Output(
                names.logical(workload.name, "Url"),
                Description=f"Where {workload.name} answers: {', '.join(workload.spec.prefixes)}.",
                Value=Sub(f"http://${{{public}.PublicIp}}{workload.spec.prefixes[0]}"),
            ),
        ),
    )
