"""ECS task definitions on Fargate: what runs, with which variables and secrets, by which two roles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from troposphere import GetAtt, Join, Ref, ecs

from msaspec.aws import ecr, iam, logs, task_files
from msaspec.aws.intrinsic import intrinsic
from msaspec.diagnostics.place import Path
from msaspec.language.aws_type import AwsType
from msaspec.language.base import Model
from msaspec.language.container import ReadOnly
from msaspec.language.health import Probe
from msaspec.language.image import Image, parse
from msaspec.language.part import Mount, Part, Site, Statement
from msaspec.language.runtime import Workload
from msaspec.language.service import Service
from msaspec.language.sidecar import FIRST, WITH, Beside, Sidecar, shares
from msaspec.language.value import Secret, Text, Value, is_secret, public, value
from msaspec.template import names

_CONTAINERS = "ContainerDefinitions"


def _label(path: Path) -> str | None:
    """Return what people call a value of a container."""
    match path:
        case (first, _, "Environment", str(name), "Value") if first == _CONTAINERS:
            return f"env {name}"
        case (first, _, "Secrets", str(name), "ValueFrom") if first == _CONTAINERS:
            return f"secret {name}"
        case (first, _, "Image" | "Command" | "EntryPoint" as field) if first == _CONTAINERS:
            return str(field).lower()
        case ("Cpu" | "Memory" as field,):
            return str(field).lower()
    return None


TASK_DEFINITION = AwsType(name="AWS::ECS::TaskDefinition", labels=_label, revised=True)
TYPES = (TASK_DEFINITION, iam.ROLE, logs.GROUP)
# fact: fargate-zones
WITHOUT_FARGATE = frozenset({"apne1-az3", "cnn1-az3", "cnn1-az4", "usw1-az2"})
"""Ids of the zones in which Fargate runs no tasks."""
ARCHITECTURES = {"arm64": "ARM64", "x86_64": "X86_64"}
_READING = {
    "secretsmanager:GetSecretValue": "secretsmanager:GetSecretValue",
    "ssm:GetParameter": "ssm:GetParameters",
    "kms:Decrypt": "kms:Decrypt",
}
"""What a host may do to read a secret, and what ECS does instead for a task that is injected with one."""

EXEC = Statement(
    (
        # fact: ecs-exec-permissions
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    ),
    (("*",),),
)
"""What a task needs for `aws ecs execute-command` (ECS Developer Guide, "Permissions required for ECS Exec")."""


# fact: container-health
LONGEST_START, LONGEST_TIMEOUT = 300, 60
"""Seconds that a container check may leave for the start, and for an answer (registry schema, HealthCheck)."""


@dataclass(frozen=True)
class Size:
    """CPU units (1024 are a vCPU), MiB of memory, and GiB of storage where it is not the usual."""

    cpu: int
    memory: int
    disk: int | None = None


def build(
    workload: Workload[Model],
    site: Site,
    size: Size,
    *,
    read_only: ReadOnly | None,
    executable: bool,
    shell: Image | None = None,
) -> Part:
    """Return the task definition with its log group and roles: one by which ECS starts it, one by which it acts.

    `shell` is the image that writes the files, where the service's own does not.
    """
    name, spec = workload.name, workload.spec
    log_group, task = names.logical(name, "LogGroup"), names.logical(name, "Task")
    execution, own = names.logical(name, "ExecutionRole"), names.logical(name, "TaskRole")
    log = ecs.LogConfiguration(
        LogDriver="awslogs",
        Options={
            "awslogs-group": Ref(log_group),
            "awslogs-region": Ref("AWS::Region"),
            "awslogs-stream-prefix": name,
        },
    )
    volumes: list[str] = []
    shared = {each.volume: each for each in workload.mounts}

    def contained(
        container: str, image: Image, spec: Service | Sidecar, made: Workload[Model] | Beside, **words: Any
    ) -> list[Any]:
        """Return a container, and the one that writes its files."""
        own = words.pop("read_only")
        mounts = [_mounted(shared[volume], folder) for volume, folder in words.pop("mounts") if volume in shared]
        uri = intrinsic(ecr.uri(image, site.system, name))
        files, after = None, words.pop("after")
        if made.files:
            files = task_files.writing(container, made.files, copies=shell is None, read_only=own is not None)
            volumes.extend(files.volumes)
            mounts = [*files.mounts, *mounts]
            after = [_after(files.writer, "SUCCESS"), *after]
        definition = ecs.ContainerDefinition(
            Name=container,
            Image=uri,
            Essential=words.pop("essential"),
            **_ports(workload, container),
            **({"EntryPoint": [*map(literal, spec.entrypoint)]} if spec.entrypoint else {}),
            **({"Command": [*map(_value, made.command)]} if made.command else {}),
            **({"User": spec.user} if spec.user else {}),
            **({"WorkingDirectory": literal(spec.working_dir)} if spec.working_dir else {}),
            **({"StopTimeout": spec.stop_timeout} if spec.stop_timeout else {}),
            **words,
            **_environment(made.environment),
            **({"ReadonlyRootFilesystem": True} if own else {}),
            **_linux(own, executable=executable),
            **({"MountPoints": mounts} if mounts else {}),
            # fact: container-order
            **({"DependsOn": after} if after else {}),
            LogConfiguration=log,
        )
        if files is None:
            return [definition]
        writer = ecs.ContainerDefinition(
            Name=files.writer,
            Image=intrinsic(ecr.uri(shell, site.system, name)) if shell else uri,
            Essential=False,
            **files.words,
            **_environment(files.variables),
            LogConfiguration=log,
        )
        return [definition, writer]

    conditions = {each.name: _after(each.name, _condition(each.spec)) for each in workload.sidecars}
    waits = [conditions[each.name] for each in workload.sidecars if each.spec.starts != WITH]
    containers = contained(
        name,
        workload.image,
        spec,
        workload,
        essential=True,
        read_only=read_only,
        after=waits,
        mounts=[(each.volume, each.folder) for each in workload.mounts],
        **_health(workload.health if workload.health and workload.health.by == "command" else None),
    )
    for each in workload.sidecars:
        says = each.spec.health
        containers += contained(
            each.name,
            parse(each.spec.image),
            each.spec,
            each,
            essential=each.spec.stays,
            read_only=each.spec.read_only,
            after=[conditions[other] for other in each.after],
            mounts=sorted(each.spec.mounts.items()),
            **_health(Probe("command", says) if says else None),
            **({"Memory": each.spec.memory} if each.spec.memory else {}),
            **({"Cpu": shares(each.spec.cpu)} if each.spec.cpu else {}),
        )
    principal = "ecs-tasks.amazonaws.com"
    acting = [*_acting(workload.statements), *workload.grants, *([EXEC] if executable else [])]
    return Part(
        (
            logs.group(log_group, spec.logs),
            iam.role(execution, principal, [logs.writing(log_group), *_starting(workload, site, shell)]),
            iam.role(own, principal, acting),
            ecs.TaskDefinition(
                task,
                Family=f"{site.stack}-{name}",
                RequiresCompatibilities=["FARGATE"],
                NetworkMode="awsvpc",
                Cpu=str(size.cpu),
                Memory=str(size.memory),
                **({"EphemeralStorage": ecs.EphemeralStorage(SizeInGiB=size.disk)} if size.disk else {}),
                RuntimePlatform=ecs.RuntimePlatform(
                    CpuArchitecture=ARCHITECTURES[spec.arch], OperatingSystemFamily="LINUX"
                ),
                ExecutionRoleArn=GetAtt(execution, "Arn"),
                TaskRoleArn=GetAtt(own, "Arn"),
                ContainerDefinitions=containers,
                **({"Volumes": kept} if (kept := [*map(_empty, volumes), *map(_volume, workload.mounts)]) else {}),
            ),
        )
    )


def _empty(name: str) -> Any:
    return ecs.Volume(Name=name)


def _volume(mount: Mount) -> Any:
    """Return a volume of EFS: through the access point of the user, with the role of the task, by TLS."""
    # fact: task-file-systems
    through = ecs.AuthorizationConfig(AccessPointId=Ref(mount.access_point.target), IAM="ENABLED")
    return ecs.Volume(
        Name=_called(mount),
        EFSVolumeConfiguration=ecs.EFSVolumeConfiguration(
            FilesystemId=Ref(mount.file_system.target), TransitEncryption="ENABLED", AuthorizationConfig=through
        ),
    )


def _mounted(mount: Mount, folder: str) -> Any:
    return ecs.MountPoint(SourceVolume=_called(mount), ContainerPath=folder, ReadOnly=not mount.writes)


def _called(mount: Mount) -> str:
    """Return what a task calls a volume. No container has a name with `_`, and volumes of files begin with those."""
    return f"{mount.volume}_volume"


def listening(workload: Workload[Model], port: str | None) -> str:
    """Return the container that listens on a port of a service: the front on the main one, if there is one."""
    return workload.spec.front or workload.name if port is None else workload.name


def _ports(workload: Workload[Model], container: str) -> dict[str, Any]:
    """Return the ports of a service that one of its containers listens on."""
    spec = workload.spec
    found = [
        ecs.PortMapping(ContainerPort=port.number, Protocol="tcp")
        for name in (None, *sorted(spec.ports))
        if (port := spec.port_of(name)) and listening(workload, name) == container
    ]
    return {"PortMappings": found} if found else {}


def _condition(spec: Sidecar) -> str:
    """Return what those who wait for a sidecar wait for."""
    return "SUCCESS" if spec.starts == FIRST else "HEALTHY" if spec.health else "START"


def _after(container: str, condition: str) -> Any:
    return ecs.ContainerDependency(ContainerName=container, Condition=condition)


def _health(probe: Probe | None) -> dict[str, Any]:
    """Return the check that ECS runs in the container, where the service names a command: an image need not have one
    that could ask a path."""
    if probe is None or probe.by != "command":
        return {}
    says = probe.says
    return {
        "HealthCheck": ecs.HealthCheck(
            Command=["CMD", *map(literal, says.command)],
            Interval=says.interval,
            Timeout=says.timeout,
            Retries=says.unhealthy,
            StartPeriod=min(says.grace, LONGEST_START) if says.start is None else says.start,
        )
    }


def _linux(read_only: ReadOnly | None, *, executable: bool) -> dict[str, Any]:
    """Return what the container asks of Linux: writable folders where it may write nowhere else, since frameworks and
    runtimes keep temporary files in /tmp, and an init process that reaps what the sessions of ECS Exec leave."""
    # fact: fargate-tmpfs
    folders = read_only.except_ if read_only else ()
    tmpfs = [ecs.Tmpfs(ContainerPath=folder, Size=read_only.size) for folder in folders if read_only]
    # fact: ecs-exec-init
    init = {"InitProcessEnabled": True} if executable else {}
    words = {**({"Tmpfs": tmpfs} if tmpfs else {}), **init}
    return {"LinuxParameters": ecs.LinuxParameters(**words)} if words else {}


def resolved(workload: Workload[Model]) -> Iterator[Path]:
    """Where a service's own texts hold what CloudFormation takes for a dynamic reference; nothing escapes one."""
    for name, content in workload.environment.items():
        if "{{resolve:" in "".join(piece for piece in content if isinstance(piece, str)):
            yield "env", name
    for sidecar in workload.sidecars:
        for name, content in sidecar.environment.items():
            if "{{resolve:" in "".join(piece for piece in content if isinstance(piece, str)):
                yield "sidecars", sidecar.name, "env", name
        for number, word in enumerate(sidecar.spec.command):
            if "{{resolve:" in word:
                yield "sidecars", sidecar.name, "command", number
        for file in sidecar.files:
            if "{{resolve:" in "".join(piece for piece in file.content if isinstance(piece, str)):
                yield "sidecars", sidecar.name, "files", file.path
    for file in workload.files:
        if "{{resolve:" in "".join(piece for piece in file.content if isinstance(piece, str)):
            yield "files", file.path
    for field, words in (("entrypoint", workload.spec.entrypoint), ("command", workload.spec.command)):
        for number, word in enumerate(words):
            if "{{resolve:" in word:
                yield field, number
    for number, word in enumerate(workload.spec.health.command if workload.spec.health else ()):
        if "{{resolve:" in word:
            yield "health", "command", number


def size_bound(workload: Workload[Model]) -> int:
    """About how many bytes the task definition has, each value that CloudFormation fills in taken for 256."""
    texts = [*workload.spec.entrypoint, *workload.texts]
    pieces = [piece for content in (*workload.texts.values(), *workload.command) for piece in content]
    return (
        2_000
        + (3_000 if workload.files else 0)
        + sum(len(piece.encode()) + 40 if isinstance(piece, str) else 256 for piece in (*texts, *pieces))
    )


def literal(text: str) -> Any:
    """Return a text as it is: `${` in it is nothing that CloudFormation, or cfn-lint, is to read."""
    return Join("", text.replace("${", "$\0{").split("\0")) if "${" in text else text


def _environment(variables: Mapping[str, Value]) -> dict[str, Any]:
    plain = [
        ecs.Environment(Name=name, Value=_value(public(content)))
        for name, content in variables.items()
        if not is_secret(content)
    ]
    secret = [
        ecs.Secret(Name=name, ValueFrom=intrinsic(_place(content[0])))
        for name, content in variables.items()
        if content and isinstance(content[0], Secret)
    ]
    return {**({"Environment": plain} if plain else {}), **({"Secrets": secret} if secret else {})}


def _value(text: Text) -> Any:
    return literal(text[0]) if len(text) == 1 and isinstance(text[0], str) else intrinsic(text)


def _place(secret: Secret) -> Text:
    """Where ECS finds a secret: for one key of a JSON secret `ARN:key::`, its newest version."""
    if secret.store == "secretsmanager":
        return public(value(*secret.arn, f":{secret.key}::" if secret.key else ""))
    name = secret.arn[0]
    if isinstance(name, str) and name.startswith("/"):
        return iam.arn("ssm", (f"parameter{name}", *secret.arn[1:]))
    return secret.arn


def _acting(statements: Iterable[Statement]) -> Iterator[Statement]:
    """Return what the service itself does."""
    return (statement for statement in statements if not set(statement.actions) <= set(_READING))


def _starting(workload: Workload[Model], site: Site, shell: Image | None) -> Iterator[Statement]:
    """Return the grant to pull the image and read the secrets, which ECS does for the service."""
    further = (*([shell] if shell else []), *(parse(each.spec.image) for each in workload.sidecars))
    images = dict.fromkeys((workload.image, *further))
    pulling = [statement for image in images for statement in ecr.pulling(image, site.system)]
    if pulling:
        yield Statement(("ecr:GetAuthorizationToken",), (("*",),))
        yield from pulling
    for statement in workload.statements:
        if set(statement.actions) <= set(_READING):
            actions = tuple(_READING[action] for action in statement.actions)
            yield Statement(actions, statement.resources, statement.condition)
