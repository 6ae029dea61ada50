"""The EC2 hosts that run one service under Docker: role, group, log group, launch template, and what can go wrong.

A host starts from a launch template whose version is named: whatever changes what runs (image tag, variable, user
data) makes a new version, and a new version new hosts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from pydantic import Field

from msaspec import names
from msaspec.aws import ecr, hosts, iam, logs, security_groups
from msaspec.aws.user_data import BODY, LIMIT, Boot, Health, refusal, settings, size_bound, user_data
from msaspec.diagnostic import Code, Diagnostic
from msaspec.language.base import InstanceType, Model
from msaspec.language.part import Part, Site, Statement
from msaspec.language.runtime import Workload
from msaspec.language.service import Health as ServiceHealth
from msaspec.language.value import Token

WRONG_ARCHITECTURE = Code(
    "MSA330",
    "An instance type of another CPU architecture",
    """
    The image is built for `arch` and the instance type has the other architecture: the container would fail when it
    starts, with `exec format error`. Graviton types (t4g, m7g, c8g ...) run arm64, the others x86_64.
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


class HostFields(Model):
    """Fields of the runtimes whose services run on hosts."""

    instance_type: InstanceType | None = Field(
        None,
        description="EC2 instance type. Default: t4g.small for arm64, t3.small for x86_64.",
        examples=["t4g.small"],
    )


def _chosen(workload: Workload) -> str | None:
    """The instance type, if one is named."""
    return cast(HostFields, workload.options).instance_type


def check(workload: Workload, boot: Boot) -> Iterable[Diagnostic]:
    """Architecture, a port that is free, and user data that the host can take."""
    name, service, path = workload.name, workload.spec, workload.path
    chosen = _chosen(workload)
    if chosen and hosts.architecture(chosen) != service.arch:
        message = f"`{name}` has an image for {service.arch}, and {chosen} runs {hosts.architecture(chosen)}."
        hint = f"Use a type such as `{hosts.DEFAULT_TYPES[service.arch]}`, or set another `arch`."
        yield WRONG_ARCHITECTURE.at((*path, "runtime", "instance_type"), message, hint=hint)
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
    if not any(reason for _, reason in refused) and (size := size_bound(user_data(boot))) > LIMIT:
        message = f"The user data of `{name}` may have {size:,} bytes; EC2 takes {LIMIT:,}."
        hint = "Move large values of `env` to SSM parameters and name them under `secrets`."
        yield TOO_MUCH_USER_DATA.at((*path, "env"), message, hint=hint, key=True)


def build(workload: Workload, site: Site, boot: Boot, blocks: Iterable[str] = ()) -> Part:
    """What every host of a service needs. `blocks` may come in on port 80."""
    name, spec = workload.name, workload.spec
    role, profile = names.logical(name, "Role"), names.logical(name, "InstanceProfile")
    log_group, group = names.logical(name, "LogGroup"), security_group(name)
    ingress = [security_groups.from_block(block, 80, "Front door") for block in blocks]
    return Part(
        (
            logs.group(log_group, spec.logs),
            iam.role(role, "ec2.amazonaws.com", _statements(workload, site, log_group), [iam.HOST_POLICY]),
            iam.instance_profile(profile, role),
            security_groups.group(group, name, site, ingress, security_groups.ANYWHERE),
            hosts.launch_template(
                template(name),
                _chosen(workload) or hosts.DEFAULT_TYPES[spec.arch],
                profile,
                group,
                hosts.with_script(settings(boot), SCRIPT),
            ),
        ),
        scripts={SCRIPT: BODY},
    )


def boot(workload: Workload, site: Site, resource: str, ports: Mapping[int, int]) -> Boot:
    """What a host has to know. `resource` gets its signal; `ports` of the host lead to those of the container."""
    return Boot(
        service=workload.name,
        resource=resource,
        image=ecr.uri(workload.image, site.system, workload.name),
        log_group=(Token(names.logical(workload.name, "LogGroup")),),
        publish=tuple(sorted(ports.items())),
        environment=workload.environment,
        command=workload.spec.command,
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


def security_group(name: str) -> str:
    """Logical id of the group of a service's hosts."""
    return names.logical(name, "SecurityGroup")


def template(name: str) -> str:
    """Logical id of the launch template of a service's hosts."""
    return names.logical(name, "LaunchTemplate")


def grace(workload: Workload) -> int:
    """Seconds that a service may take to start, once its container runs."""
    return workload.spec.health.grace if workload.spec.health else ServiceHealth(path="/").grace


def minutes(workload: Workload) -> int:
    """How long a host may take until it signals."""
    return -(-(BOOT_SECONDS + grace(workload)) // 60)


def _statements(workload: Workload, site: Site, log_group: str) -> tuple[Statement, ...]:
    """Its logs and its image, then what the edges and the secrets of the service grant."""
    return (
        logs.writing(log_group),
        *ecr.pulling(workload.image, site.system),
        *workload.statements,
    )
