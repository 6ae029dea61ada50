"""The EC2 hosts that run one service under Docker: role, group, log group, launch template, and what can go wrong.

A host starts from a launch template whose version is named: whatever changes what runs (image tag, variable, user
data) makes a new version, and a new version new hosts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from msaspec.aws import ecr, hosts, iam, logs, security_groups
from msaspec.aws import user_data as user_data_of
from msaspec.aws.user_data import (
    LIMIT,
    Boot,
    Health,
    Mounted,
    kept,
    mounted,
    refusal,
    script,
    settings,
    size_bound,
    user_data,
)
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.language.base import InstanceType, Model, gibibytes, measured
from msaspec.language.files import Placed
from msaspec.language.health import usual
from msaspec.language.image import parse
from msaspec.language.part import Part, Site, Statement
from msaspec.language.port import ContainerPort
from msaspec.language.runtime import Workload
from msaspec.language.service import Service
from msaspec.language.sidecar import BEFORE, FIRST, Sidecar, shares
from msaspec.language.value import Token, Value
from msaspec.template import names

WRONG_ARCHITECTURE = Code(
    "MSA330",
    "An instance type of another CPU architecture",
    """
    The image is built for `arch`, but the instance type has the other architecture. The container would fail at start
    with `exec format error`. Graviton types (t4g, m7g, c8g ...) run arm64, the others x86_64.
    """,
)
TOO_MUCH_USER_DATA = Code(
    "MSA332",
    "User data that is too large",
    """
    An instance's user data, which carries the variables and the command of its service, has at most 16 KB (16,384
    bytes). Move large values to `secrets` (SSM parameters, Secrets Manager) or to files in a bucket.
    """,
)

UNDELIVERABLE = Code(
    "MSA333",
    "A variable that Docker reads itself",
    """
    Docker's client reads some variables itself (`DOCKER_HOST`, `HTTPS_PROXY`, `PATH` ...). Such a name reaches the
    container only with a value of one line.
    """,
)

SSH, FRONT = 22, 80
PORT_IN_USE = Code(
    "MSA334",
    "A port that the host uses",
    """
    On `instance` the container's port is published on the host under the same number. The SSH server of Amazon Linux
    already listens on port 22, although no security group admits anyone, and port 80 leads to the main port where the
    service has `paths`. Let the container listen on another port.
    """,
)

BOOT_SECONDS = 900
"""For the machine to start, install Docker and pull the image, before the grace of its health begins."""

TYPES = (
    hosts.LAUNCH_TEMPLATE,
    iam.INSTANCE_PROFILE,
    iam.MANAGED_POLICY,
    iam.ROLE,
    logs.GROUP,
    security_groups.GROUP,
    security_groups.RULE,
)


class HostFields(Model):
    """Fields of the runtimes whose services run on hosts."""

    instance_type: InstanceType | None = Field(
        None,
        description="EC2 instance type. Default: t4g.small for arm64, t3.small for x86_64.",
        examples=["t4g.small"],
    )
    disk: Annotated[int, gibibytes(8, 16_384, "20 GiB")] = measured(
        "20 GiB",
        description="Size of the encrypted root volume, which holds the image and what its container writes.",
        examples=["50 GiB"],
    )
    credits: Literal["unlimited", "standard"] = Field(
        "unlimited",
        description="CPU credits of a burstable type (t3, t4g): `unlimited` bursts beyond them for money, `standard`"
        " slows down to the baseline.",
        examples=["standard"],
    )


def idle(options: HostFields) -> Mapping[str, tuple[str, str]]:
    """Return the fields that do nothing with the chosen type; for each where that is, and a hint."""
    chosen = options.instance_type
    if chosen is None or hosts.is_burstable(chosen):
        return {}
    return {"credits": (f"the instance type is {chosen}, which has no CPU credits", "Remove it.")}


def _chosen(workload: Workload[HostFields]) -> str | None:
    """Return the instance type, if one is named."""
    return workload.options.instance_type


def check(workload: Workload[HostFields], boot: Boot) -> Iterable[Diagnostic]:
    """Architecture, a port that is free, and user data that the host can take."""
    name, service, path = workload.name, workload.spec, workload.path
    chosen = _chosen(workload)
    if chosen and hosts.architecture(chosen) != service.arch:
        message = f"`{name}` has an image for {service.arch}, and {chosen} runs {hosts.architecture(chosen)}."
        hint = f"Use a type such as `{hosts.DEFAULT_TYPES[service.arch]}`, or set another `arch`."
        yield WRONG_ARCHITECTURE.at((*path, "runtime", "instance_type"), message, hint=hint)
    for at, port in published(service):
        if port.number == SSH:
            message = f"The port {SSH} of `{name}` is in use on its host."
            yield PORT_IN_USE.at((*path, *at), message, hint="Let the container listen on another port.")
    containers: list[tuple[Path, str, Mapping[str, Value]]] = [(path, name, workload.environment)]
    containers += [((*path, "sidecars", each.name), each.name, each.environment) for each in workload.sidecars]
    refused = [
        ((*at, "env", variable), whose, refusal(variable, content))
        for at, whose, environment in containers
        for variable, content in environment.items()
    ]
    for at, whose, reason in refused:
        if reason:
            message = f"The variable `{at[-1]}` of `{whose}` cannot reach its container: {reason}."
            yield UNDELIVERABLE.at(at, message, hint="Give it another name or another value.", key=True)
    if not any(reason for *_, reason in refused) and (size := size_bound(user_data(boot))) > LIMIT:
        message = f"The user data of `{name}` may have {size:,} bytes; EC2 allows {LIMIT:,}."
        hint = "Move large values of `env` to SSM parameters and name them under `secrets`."
        field = "env"
        if boot.files:
            field, hint = (
                "files",
                "Put large files into the image, or run the service on `fargate`, which takes 64 KiB.",
            )
        yield TOO_MUCH_USER_DATA.at((*path, field), message, hint=hint, key=True)


def published(service: Service) -> Iterator[tuple[Path, ContainerPort]]:
    """Yield the ports of the container, which its host has under the same numbers, each with its place."""
    if service.port:
        yield ("port",), service.port
    yield from ((("ports", name), port) for name, port in sorted(service.ports.items()))


def build(workload: Workload[HostFields], site: Site, boot: Boot, blocks: Iterable[str] = ()) -> Part:
    """Return what every host of a service needs. `blocks` may come in on port 80."""
    name, spec = workload.name, workload.spec
    role, profile = names.logical(name, "Role"), names.logical(name, "InstanceProfile")
    options = workload.options
    kind = options.instance_type or hosts.DEFAULT_TYPES[spec.arch]
    log_group, group = names.logical(name, "LogGroup"), security_group(name)
    program, text = script(boot)
    ingress = [security_groups.from_block(block, 80, "Front door") for block in blocks]
    return Part(
        (
            logs.group(log_group, spec.logs),
            iam.role(role, hosts.principal(site), _statements(workload, site, log_group), [iam.HOST_POLICY]),
            iam.instance_profile(profile, role),
            security_groups.group(group, name, site, ingress, security_groups.ANYWHERE),
            hosts.launch_template(
                template(name),
                kind,
                profile,
                group,
                hosts.with_script(settings(boot), program),
                disk=options.disk,
                credits=options.credits if hosts.is_burstable(kind) else None,
            ),
        ),
        scripts={program: text},
    )


def boot(workload: Workload[HostFields], site: Site, resource: str, ports: Mapping[int, int]) -> Boot:
    """Return what a host has to know. `resource` gets its signal; `ports` of the host lead to those of the
    container."""
    return Boot(
        service=workload.name,
        resource=resource,
        image=ecr.uri(workload.image, site.system, workload.name),
        log_group=(Token(names.logical(workload.name, "LogGroup")),),
        options=tuple(_options(workload, ports)),
        environment=workload.environment,
        command=(*((word,) for word in workload.spec.entrypoint[1:]), *workload.command),
        health=_health(workload, ports),
        files=dict(_files(workload)),
        sidecars=tuple(_sidecars(workload)),
        volumes={
            each.volume: Mounted(each.file_system, each.access_point, () if each.writes else ("ro",))
            for each in workload.mounts
        },
        front=ports.get(FRONT, 0) if workload.spec.sidecars and ports.get(FRONT, FRONT) != FRONT else 0,
    )


def _options(workload: Workload[HostFields], ports: Mapping[int, int]) -> Iterator[str]:
    """Options of `docker run`, in an order of their own: what a service asks of Docker is a line here."""
    spec = workload.spec
    if spec.sidecars:
        # The network of the host is what all containers share, whichever of them is started anew.
        yield "--network=host"
    else:
        for host, container in sorted(ports.items()):
            yield f"-p{host}:{container}"
    yield from _started(spec)
    yield from _mounts(workload, workload.files)
    yield from _volumes(workload, {each.volume: each.folder for each in workload.mounts})


def _started(spec: Service | Sidecar) -> Iterator[str]:
    # Docker takes one word for the entry point; the others come before the command.
    if spec.entrypoint:
        yield f"--entrypoint={spec.entrypoint[0]}"
    if spec.user:
        yield f"--user={spec.user}"
    if spec.working_dir:
        yield f"--workdir={spec.working_dir}"
    if spec.stop_timeout:
        yield f"--stop-timeout={spec.stop_timeout}"
    if spec.read_only:
        yield "--read-only"
        for folder in spec.read_only.except_:
            yield f"--tmpfs={folder}:size={spec.read_only.size}m,mode=1777"


def _files(workload: Workload[Model]) -> Iterator[tuple[str, Placed]]:
    """Yield the files of all containers by their names, in the order in which the host numbers them."""
    yield from ((each.path, each) for each in workload.files)
    for sidecar in workload.sidecars:
        yield from ((sidecar.key(each.path), each) for each in sidecar.files)


def _mounts(workload: Workload[Model], files: Iterable[Placed]) -> Iterator[str]:
    numbers = {id(file): number for number, (_, file) in enumerate(_files(workload))}
    for file in files:
        # Unlike --volume, it makes no folder where a file is missing.
        yield f"--mount=type=bind,src={kept(numbers[id(file)])},dst={file.path},readonly"


def _volumes(workload: Workload[Model], folders: Mapping[str, str]) -> Iterator[str]:
    """Yield the volumes of a container, each in its folder."""
    for each in workload.mounts:
        if each.volume in folders:
            readonly = "" if each.writes else ",readonly"
            yield f"--mount=type=bind,src={mounted(each.volume)},dst={folders[each.volume]}{readonly}"


def _sidecars(workload: Workload[Model]) -> Iterator[user_data_of.Sidecar]:
    """Yield the further containers in the order of their start."""
    awaited = {other for each in workload.sidecars for other in each.after}
    for each in workload.sidecars:
        spec, says = each.spec, each.spec.health
        options = [
            "--network=host",
            f"--restart={'unless-stopped' if spec.stays else 'no'}",
            *([f"--memory={spec.memory}m"] if spec.memory else []),
            *([f"--cpu-shares={shares(spec.cpu)}"] if spec.cpu else []),
            *_started(spec),
            *_mounts(workload, each.files),
            *_volumes(workload, spec.mounts),
        ]
        yield user_data_of.Sidecar(
            name=each.name,
            image=spec.image,
            options=tuple(options),
            environment=each.environment,
            command=(*((word,) for word in spec.entrypoint[1:]), *each.command),
            ends=spec.starts == FIRST,
            check=Health(command=says.command, interval=says.interval, timeout=says.timeout, grace=says.grace)
            if says
            else None,
            awaited=spec.starts == BEFORE or each.name in awaited,
        )


def _health(workload: Workload[HostFields], ports: Mapping[int, int]) -> Health | None:
    """Asked on the host, so on a port that is published there; None where only the container is looked at."""
    probe, main = workload.health, workload.spec.port
    if probe is None or probe.by == "none":
        return None
    port, says = 0, probe.says
    if main is not None:
        published = min(host for host, container in ports.items() if container == main.number)
        port = main.number if workload.spec.sidecars else published
    ways: dict[str, dict[str, Any]] = {
        "http": {"url": f"http://127.0.0.1:{port}{probe.path}", "codes": says.codes},
        "tcp": {"connect": port},
        "grpc": {"grpc": port},
        "command": {"command": says.command},
    }
    asked = ways[probe.by]
    return Health(interval=says.interval, timeout=says.timeout, healthy=says.healthy, grace=says.grace, **asked)


def security_group(name: str) -> str:
    """Logical id of the group of a service's hosts."""
    return names.logical(name, "SecurityGroup")


def template(name: str) -> str:
    """Logical id of the launch template of a service's hosts."""
    return names.logical(name, "LaunchTemplate")


def grace(workload: Workload[HostFields]) -> int:
    """Seconds that a service may take to start, once its container runs."""
    return (workload.spec.health or usual()).grace


def minutes(workload: Workload[HostFields]) -> int:
    """How long a host may take until it signals."""
    checks = (each.spec.health for each in workload.sidecars)
    return -(-(BOOT_SECONDS + grace(workload) + sum(each.grace for each in checks if each)) // 60)


def _statements(workload: Workload[HostFields], site: Site, log_group: str) -> tuple[Statement, ...]:
    """Its logs and its image, then what the edges and the secrets of the service grant."""
    return (
        logs.writing(log_group),
        *(
            statement
            for image in dict.fromkeys((workload.image, *(parse(each.spec.image) for each in workload.sidecars)))
            for statement in ecr.pulling(image, site.system)
        ),
        *workload.statements,
        *workload.grants,
    )
