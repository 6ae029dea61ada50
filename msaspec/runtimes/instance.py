"""The runtime `instance`: one EC2 instance per service, its container under Docker. The seed's shape.

The instance starts from a launch template, whose version it names: whatever changes what runs (image tag, variable,
user data) makes a new version, and a new version a new instance, which must be healthy before the old one goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar
from zlib import crc32

from troposphere import Output, Ref, Sub, Tags, ec2
from troposphere.policies import CreationPolicy, ResourceSignal

from msaspec import names
from msaspec.aws import discovery, hosts, service_hosts
from msaspec.aws.user_data import Boot
from msaspec.diagnostic import Code, Diagnostic
from msaspec.language.part import Door, Part, Site
from msaspec.language.runtime import Runtime, Workload
from msaspec.language.service import Service
from msaspec.language.value import Token

NO_WAY_IN = Code(
    "MSA331",
    "Public paths in private subnets",
    """
    On `instance` a service is its own front door, and in private subnets it has no public address. Either place the
    services publicly (`network: {placement: public}`) or take a runtime behind a load balancer.
    """,
)


class Instance(service_hosts.HostFields):
    """Fields of the runtime `instance`."""


class InstanceRuntime(Runtime):
    """One EC2 instance per service."""

    name = "instance"
    model = Instance
    on_hosts = True
    ignores: ClassVar[Mapping[str, str]] = {
        "scale": "An instance is one copy; `autoscaling` and `fargate` scale.",
        "hosts": "An instance answers to any host name; `hosts` belong to a load balancer.",
        "health.unhealthy": "Docker restarts a container that ends; nobody asks for its health once it is up.",
        "priority": "An instance has no rules on a load balancer.",
        "internal_port": "Others call an instance on its `port`; `internal_port` belongs to a load balancer.",
    }
    endpoints = ("ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm", "ssmmessages", "cloudformation")

    def check(self, workload: Workload, site: Site) -> Iterable[Diagnostic]:
        """What can go wrong with its host, and a public address for public paths."""
        yield from service_hosts.check(workload, boot(workload, site))
        if workload.spec.paths and not site.services_public:
            message = f"`{workload.name}` has public paths, but its instance stands in a private subnet."
            hint = "Set `network: {placement: public}`, or take a runtime behind a load balancer."
            yield NO_WAY_IN.at((*workload.path, "paths"), message, hint=hint, key=True)

    def doors(self, name: str, service: Service) -> tuple[Door, ...]:
        """The container's port, published on the host."""
        return (Door(Token(service_hosts.security_group(name)), service.port),) if service.port else ()

    def build(self, workload: Workload, site: Site) -> Part:
        """The instance with its role, group and log group; its private name if it is called."""
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
        return part + _front_door(workload, instance, display) if public else part


def boot(workload: Workload, site: Site) -> Boot:
    """What the instance of a service has to know."""
    spec = workload.spec
    # The container's port is published even while nobody calls it: the security group keeps it closed, and a first
    # caller then changes nothing on this host.
    ports = {80: spec.port} if spec.paths and spec.port else {}
    ports |= {spec.port: spec.port} if spec.port else {}
    return service_hosts.boot(workload, site, _instance(workload), ports)


def _instance(workload: Workload) -> str:
    return names.logical(workload.name, "Instance")


def _subnet(name: str, site: Site) -> Token:
    """Spread over the zones by name, so that no service moves when another comes."""
    return site.services[crc32(name.encode()) % len(site.services)]


def _front_door(workload: Workload, instance: str, display: str) -> Part:
    """An address that stays when the instance is replaced, and the URLs of the public paths."""
    public = names.logical(workload.name, "PublicAddress")
    return Part(
        resources=(
            ec2.EIP(
                public,
                Domain="vpc",
                InstanceId=Ref(instance),
                Tags=Tags(Name=display),
                DependsOn="InternetGatewayAttachment",
            ),
        ),
        outputs=(
            Output(
                names.logical(workload.name, "Url"),
                Description=f"Where {workload.name} answers: {', '.join(workload.spec.paths)}.",
                Value=Sub(f"http://${{{public}.PublicIp}}{workload.spec.paths[0]}"),
            ),
        ),
    )
