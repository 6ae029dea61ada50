"""ECS task definitions on Fargate: what runs, with which variables and secrets, by which two roles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from troposphere import GetAtt, Join, Ref, ecs

from msaspec import names
from msaspec.aws import ecr, iam, logs
from msaspec.aws.intrinsic import intrinsic
from msaspec.language.part import Part, Site, Statement
from msaspec.language.runtime import Workload
from msaspec.language.value import Secret, Text, Value, is_secret, public, value

ARCHITECTURES = {"arm64": "ARM64", "x86_64": "X86_64"}
_READING = {"secretsmanager:GetSecretValue": "secretsmanager:GetSecretValue", "ssm:GetParameter": "ssm:GetParameters"}
"""What a host may do to read a secret, and what ECS does instead for a task that is injected with one."""

EXEC = Statement(
    (
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    ),
    (("*",),),
)
"""What a task needs for `aws ecs execute-command` (ECS Developer Guide, "Permissions required for ECS Exec")."""


@dataclass(frozen=True)
class Size:
    """CPU units (1024 are a vCPU) and MiB of memory."""

    cpu: int
    memory: int


def build(workload: Workload, site: Site, size: Size, *, read_only: bool, executable: bool) -> Part:
    """The task definition with its log group and roles: one by which ECS starts it, one by which it acts."""
    name, spec = workload.name, workload.spec
    log_group, task = names.logical(name, "LogGroup"), names.logical(name, "Task")
    execution, own = names.logical(name, "ExecutionRole"), names.logical(name, "TaskRole")
    ports = [ecs.PortMapping(ContainerPort=spec.port, Protocol="tcp")] if spec.port else []
    container = ecs.ContainerDefinition(
        Name=name,
        Image=intrinsic(ecr.uri(workload.image, site.system, name)),
        Essential=True,
        **({"PortMappings": ports} if ports else {}),
        **({"Command": [*map(literal, spec.command)]} if spec.command else {}),
        **_environment(workload.environment),
        **({"ReadonlyRootFilesystem": True} if read_only else {}),
        LogConfiguration=ecs.LogConfiguration(
            LogDriver="awslogs",
            Options={
                "awslogs-group": Ref(log_group),
                "awslogs-region": Ref("AWS::Region"),
                "awslogs-stream-prefix": name,
            },
        ),
    )
    principal = "ecs-tasks.amazonaws.com"
    acting = [*_acting(workload.statements), *([EXEC] if executable else [])]
    return Part(
        (
            logs.group(log_group, spec.logs),
            iam.role(execution, principal, [logs.writing(log_group), *_starting(workload, site)]),
            iam.role(own, principal, acting),
            ecs.TaskDefinition(
                task,
                Family=f"{site.stack}-{name}",
                RequiresCompatibilities=["FARGATE"],
                NetworkMode="awsvpc",
                Cpu=str(size.cpu),
                Memory=str(size.memory),
                RuntimePlatform=ecs.RuntimePlatform(
                    CpuArchitecture=ARCHITECTURES[spec.arch], OperatingSystemFamily="LINUX"
                ),
                ExecutionRoleArn=GetAtt(execution, "Arn"),
                TaskRoleArn=GetAtt(own, "Arn"),
                ContainerDefinitions=[container],
            ),
        )
    )


def resolved(workload: Workload) -> Iterator[tuple[str, str | int]]:
    """Where a service's own texts hold what CloudFormation takes for a dynamic reference; nothing escapes one."""
    for name, content in workload.environment.items():
        if "{{resolve:" in "".join(piece for piece in content if isinstance(piece, str)):
            yield "env", name
    for number, word in enumerate(workload.spec.command):
        if "{{resolve:" in word:
            yield "command", number


def size_bound(workload: Workload) -> int:
    """About how many bytes the task definition has, each value that CloudFormation fills in taken for 256."""
    texts = [*workload.spec.command, *workload.environment]
    pieces = [piece for content in workload.environment.values() for piece in content]
    return 2_000 + sum(len(piece.encode()) + 40 if isinstance(piece, str) else 256 for piece in (*texts, *pieces))


def literal(text: str) -> Any:
    """A text as it is: `${` in it is nothing that CloudFormation, or cfn-lint, is to read."""
    return Join("", text.replace("${", "$\0{").split("\0")) if "${" in text else text


def composed(environment: Mapping[str, Value]) -> Iterator[str]:
    """Variables in which a secret is only a part: ECS injects whole secrets."""
    for name, content in environment.items():
        if is_secret(content) and len(content) > 1:
            yield name


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
    """What the service itself does."""
    return (statement for statement in statements if not set(statement.actions) <= set(_READING))


def _starting(workload: Workload, site: Site) -> Iterator[Statement]:
    """Pulling the image and reading the secrets, which ECS does for the service."""
    pulling = ecr.pulling(workload.image, site.system)
    if pulling:
        yield Statement(("ecr:GetAuthorizationToken",), (("*",),))
        yield from pulling
    for statement in workload.statements:
        if set(statement.actions) <= set(_READING):
            yield Statement(tuple(_READING[action] for action in statement.actions), statement.resources)
