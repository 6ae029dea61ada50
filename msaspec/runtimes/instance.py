"""The runtime `instance`: one EC2 instance per service, its container under Docker. The seed's shape.

The instance starts from a launch template, whose version it names: whatever changes what runs (image tag, variable,
user data) makes a new version, and a new version a new instance, which must be healthy before the old one goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, cast
from zlib import crc32

from pydantic import Field
from troposphere import GetAtt, Output, Ref, Sub, Tags, ec2, servicediscovery
from troposphere.policies import CreationPolicy, ResourceSignal

from msaspec import names
from msaspec.aws import ecr, hosts, iam, logs, security_groups
from msaspec.aws.user_data import BODY, LIMIT, Boot, Health, refusal, settings, size_bound, user_data
from msaspec.diagnostic import Code, Diagnostic
from msaspec.language.base import InstanceType, Model
from msaspec.language.part import Door, Part, Site, Statement
from msaspec.language.runtime import Runtime, Workload
from msaspec.language.service import Health as ServiceHealth
from msaspec.language.service import Service
from msaspec.language.value import Token

WRONG_ARCHITECTURE = Code(
    "MSA330",
    "An instance type of another CPU architecture",
    """
    The image is built for `arch` and the instance type has the other architecture: the container would fail when it
    starts, with `exec format error`. Graviton types (t4g, m7g, c8g ...) run arm64, the others x86_64.
    """,
)
NO_WAY_IN = Code(
    "MSA331",
    "Public paths in private subnets",
    """
    On `instance` a service is its own front door, and in private subnets it has no public address. Either place the
    services publicly (`network: {placement: public}`) or take a runtime behind a load balancer.
    """,
)
TOO_MUCH_USER_DATA = Code(
    "MSA332",
    "More user data than EC2 takes",
    """
    An instance's user data, which carries the variables and the command of its service, has at most 16 KB (16,384
    bytes). Move large values to `secrets` (SSM parameters, Secrets Manager) or to files in a bucket.
    """,
)

UNDELIVERABLE = Code(
    "MSA333",
    "A variable that cannot reach its container",
    """
    Docker's client reads some variables itself (`DOCKER_HOST`, `HTTPS_PROXY`, `PATH` ...). Such a name reaches the
    container only with a value of one line.
    """,
)

SCRIPT = "Boot"
SSH = 22
PORT_IN_USE = Code(
    "MSA334",
    "A port that the host uses itself",
    """
    On `instance` the container's port is published on the host under the same number, and Amazon Linux has its own SSH
    server on port 22, although no security group lets anybody in. Let the container listen on another port.
    """,
)

BOOT_SECONDS = 900
"""For the machine to start, install Docker and pull the image, before the grace of its health begins."""


class Instance(Model):
    """Fields of the runtime `instance`."""

    instance_type: InstanceType | None = Field(
        None,
        description="EC2 instance type. Default: t4g.small for arm64, t3.small for x86_64.",
        examples=["t4g.small"],
    )


class InstanceRuntime(Runtime):
    """One EC2 instance per service."""

    name = "instance"
    model = Instance
    on_hosts = True
    ignores: ClassVar[Mapping[str, str]] = {
        "scale": "An instance is one copy; `autoscaling` and `fargate` scale.",
        "hosts": "An instance answers to any host name; `hosts` belong to a load balancer.",
        "health.unhealthy": "Docker restarts a container that ends; nobody asks for its health once it is up.",
        "internal_port": "Others call an instance on its `port`; `internal_port` belongs to a load balancer.",
    }
    endpoints = ("ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm", "ssmmessages", "cloudformation")

    def check(self, workload: Workload, site: Site) -> Iterable[Diagnostic]:
        """Architecture, a public address for public paths, and user data that the host can take."""
        name, service, path = workload.name, workload.spec, workload.path
        chosen = cast(Instance, workload.options).instance_type
        if chosen and hosts.architecture(chosen) != service.arch:
            message = f"`{name}` has an image for {service.arch}, and {chosen} runs {hosts.architecture(chosen)}."
            hint = f"Use a type such as `{hosts.DEFAULT_TYPES[service.arch]}`, or set another `arch`."
            yield WRONG_ARCHITECTURE.at((*path, "runtime", "instance_type"), message, hint=hint)
        if service.paths and not site.services_public:
            message = f"`{name}` has public paths, but its instance stands in a private subnet."
            yield NO_WAY_IN.at((*path, "paths"), message, hint="Set `network: {placement: public}`.", key=True)
        if service.port == SSH:
            message = f"The port {SSH} of `{name}` is in use on its host."
            yield PORT_IN_USE.at((*path, "port"), message, hint="Let the container listen on another port.")
        refused = [(variable, refusal(variable, content)) for variable, content in workload.environment.items()]
        for variable, reason in refused:
            if reason:
                message = f"The variable `{variable}` of `{name}` cannot reach its container: {reason}."
                yield UNDELIVERABLE.at(
                    (*path, "env", variable), message, hint="Give it another name or another value.", key=True
                )
        if not any(reason for _, reason in refused) and (size := size_bound(user_data(boot(workload, site)))) > LIMIT:
            message = f"The user data of `{name}` may have {size:,} bytes; EC2 takes {LIMIT:,}."
            hint = "Move large values of `env` to SSM parameters and name them under `secrets`."
            yield TOO_MUCH_USER_DATA.at((*path, "env"), message, hint=hint, key=True)

    def doors(self, name: str, service: Service) -> tuple[Door, ...]:
        """The container's port, published on the host."""
        return (Door(Token(_group(name)), service.port),) if service.port else ()

    def build(self, workload: Workload, site: Site) -> Part:
        """The instance with its role, group and log group; its private name if it is called."""
        name, spec = workload.name, workload.spec
        instance, template = names.logical(name, "Instance"), names.logical(name, "LaunchTemplate")
        role, profile = names.logical(name, "Role"), names.logical(name, "InstanceProfile")
        log_group, display = names.logical(name, "LogGroup"), f"{site.stack}/{name}"
        ingress = [security_groups.from_block(b, 80, "Front door") for b in site.allow] if spec.paths else []
        chosen = cast(Instance, workload.options).instance_type or hosts.DEFAULT_TYPES[spec.arch]
        part = Part(
            (
                logs.group(log_group, spec.logs),
                iam.role(role, "ec2.amazonaws.com", _statements(workload, site, log_group), [iam.HOST_POLICY]),
                iam.instance_profile(profile, role),
                security_groups.group(_group(name), name, site, ingress, security_groups.ANYWHERE),
                hosts.launch_template(
                    template, chosen, profile, _group(name), hosts.with_script(settings(boot(workload, site)), SCRIPT)
                ),
                hosts.instance(
                    instance,
                    template,
                    _subnet(name, site),
                    display,
                    (*workload.after, *site.online),
                    CreationPolicy=CreationPolicy(
                        ResourceSignal=ResourceSignal(Count=1, Timeout=f"PT{_minutes(workload)}M")
                    ),
                ),
            ),
            scripts={SCRIPT: BODY},
        )
        if workload.called:
            part += _registration(name, instance)
        return part + _front_door(workload, instance, display) if spec.paths else part


def boot(workload: Workload, site: Site) -> Boot:
    """What a service's instance has to know."""
    spec = workload.spec
    # The container's port is published even while nobody calls it: the security group keeps it closed, and a first
    # caller then changes nothing on this host.
    ports = {80: spec.port} if spec.paths and spec.port else {}
    ports |= {spec.port: spec.port} if spec.port else {}
    return Boot(
        service=workload.name,
        resource=names.logical(workload.name, "Instance"),
        image=ecr.uri(workload.image, site.system, workload.name),
        log_group=(Token(names.logical(workload.name, "LogGroup")),),
        publish=tuple(sorted(ports.items())),
        environment=workload.environment,
        command=spec.command,
        health=_health(workload, ports),
    )


def _health(workload: Workload, ports: Mapping[int, int]) -> Health | None:
    """Asked on the host, so on a port that is published there."""
    if workload.health is None:
        return None
    port = min(ports, default=workload.spec.port)
    says = workload.spec.health or ServiceHealth(path=workload.health)
    return Health(
        url=f"http://127.0.0.1:{port}{workload.health}",
        interval=says.interval,
        timeout=says.timeout,
        healthy=says.healthy,
        codes=says.codes,
        grace=says.grace,
    )


def _group(name: str) -> str:
    return names.logical(name, "SecurityGroup")


def _subnet(name: str, site: Site) -> Token:
    """Spread over the zones by name, so that no service moves when another comes."""
    return site.services[crc32(name.encode()) % len(site.services)]


def _minutes(workload: Workload) -> int:
    grace = workload.spec.health.grace if workload.spec.health else ServiceHealth(path="/").grace
    return -(-(BOOT_SECONDS + grace) // 60)


def _statements(workload: Workload, site: Site, log_group: str) -> tuple[Statement, ...]:
    """Its logs and its image, then what the edges and the secrets of the service grant."""
    return (
        logs.writing(log_group),
        *ecr.pulling(workload.image, site.system),
        *workload.statements,
    )


def _registration(name: str, instance: str) -> Part:
    """The private name of a service that others call."""
    address = names.logical(name, "Address")
    return Part(
        (
            servicediscovery.Service(
                address,
                Name=name,
                DnsConfig=servicediscovery.DnsConfig(
                    NamespaceId=GetAtt("Namespace", "Id"),
                    RoutingPolicy="MULTIVALUE",
                    DnsRecords=[servicediscovery.DnsRecord(Type="A", TTL="10")],
                ),
            ),
            servicediscovery.Instance(
                f"{address}Instance",
                ServiceId=GetAtt(address, "Id"),
                InstanceId=Ref(instance),
                InstanceAttributes={"AWS_INSTANCE_IPV4": GetAtt(instance, "PrivateIp")},
            ),
        )
    )


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
