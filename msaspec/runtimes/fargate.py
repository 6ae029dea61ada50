"""The runtime `fargate`: an ECS service per service, without hosts of one's own.

Tasks register under the service's private name themselves, and others reach them straight; requests from outside come
by the public load balancer. Rolling deployments stop at a circuit breaker and go back; the other strategies shift
requests between two target groups and go back on alarms, by ECS itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from troposphere import GetAtt, Ref, ecs

from msaspec import names
from msaspec.aws import balancer, discovery, ingress, security_groups, task_deployments, task_scaling, tasks
from msaspec.aws.task_deployments import Deploy
from msaspec.diagnostic import Code, Diagnostic, Severity
from msaspec.language.base import Model, mebibytes
from msaspec.language.part import Door, Part, Site
from msaspec.language.runtime import Runtime, Workload
from msaspec.language.service import Health, Scale, Service
from msaspec.language.value import Token
from msaspec.place import render

COMPOSED_SECRET = Code(
    "MSA370",
    "A secret inside of a longer text",
    """
    ECS injects a secret into a variable as a whole, so on `fargate` a value cannot have other text around it. Take an
    attribute that has all of it, such as `${main.url}`, or give the parts as variables of their own.
    """,
)
WRITES_NOTHING = Code(
    "MSA372",
    "Two words that exclude each other",
    """
    `exec` puts an agent into the container that writes files, and `read_only` takes the file system's writing away
    (ECS Developer Guide, "Considerations for using ECS Exec"). Choose one.
    """,
)
UNASKED_HEALTH = Code(
    "MSA373",
    "A health path that nobody asks",
    """
    On `fargate` the public load balancer asks for a service's health. A service without `paths` or `hosts` is taken as
    healthy for as long as its container runs.
    """,
    Severity.WARNING,
)
RESOLVED = Code(
    "MSA376",
    "A text that CloudFormation would replace",
    """
    CloudFormation takes `{{resolve:...}}` for a dynamic reference in any text of a template and puts the value of a
    parameter or a secret in its place, and nothing escapes it. In a task definition that would be readable by everybody
    who may describe it. Name the secret under `secrets`, or let the program read it.
    """,
)
TOO_LARGE_TASK = Code(
    "MSA377",
    "More than a task definition holds",
    """
    A task definition, which carries the variables and the command of its service, has at most 64 KiB (ECS quotas). Move
    large values to files in a bucket, or to `secrets`.
    """,
)

TASK_BYTES = 64 * 1024
CLUSTER = "Cluster"
UNITS = {
    "0.25 vCPU": 256,
    "0.5 vCPU": 512,
    "1 vCPU": 1024,
    "2 vCPU": 2048,
    "4 vCPU": 4096,
    "8 vCPU": 8192,
    "16 vCPU": 16384,
}
_GIB = 1024
MEMORY: Mapping[int, Sequence[int]] = {
    256: (512, 1 * _GIB, 2 * _GIB),
    512: [n * _GIB for n in range(1, 5)],
    1024: [n * _GIB for n in range(2, 9)],
    2048: [n * _GIB for n in range(4, 17)],
    4096: [n * _GIB for n in range(8, 31)],
    8192: [n * _GIB for n in range(16, 61, 4)],
    16384: [n * _GIB for n in range(32, 121, 8)],
}
"""MiB that a task may have, by its CPU units (ECS Developer Guide, "Task CPU and memory")."""


class Fargate(Model):
    """Fields of the runtime `fargate`."""

    cpu: Literal["0.25 vCPU", "0.5 vCPU", "1 vCPU", "2 vCPU", "4 vCPU", "8 vCPU", "16 vCPU"] = Field(
        "0.5 vCPU", description="CPU of a copy.", examples=["1 vCPU"]
    )
    memory: Annotated[int, mebibytes(512, 122_880, "1 GiB")] | None = Field(
        None, description="Memory of a copy. Default: 2 GiB for each vCPU.", examples=["2 GiB"]
    )
    spot: int = Field(
        0, ge=0, le=100, description="Percent of the copies on Spot, which AWS may stop on short notice.", examples=[50]
    )
    exec: bool = Field(False, description="Lets people run commands in it: `aws ecs execute-command`.", examples=[True])
    read_only: bool = Field(False, description="Takes away writing to its root file system.", examples=[True])
    deploy: Deploy = Field(default_factory=Deploy, description="How a new version takes over.", examples=["canary"])

    @model_validator(mode="after")
    def _fits(self) -> Fargate:
        allowed = MEMORY[UNITS[self.cpu]]
        if self.memory is not None and self.memory not in allowed:
            written = [f"{each} MiB" if each < _GIB else f"{each // _GIB} GiB" for each in allowed]
            step = (allowed[-1] - allowed[-2]) // _GIB
            several = (
                f"{written[0]} to {written[-1]}, in steps of {step} GiB" if len(written) > 4 else ", ".join(written)
            )
            raise PydanticCustomError(
                "together", "{cpu} goes with a memory of {several}", {"cpu": self.cpu, "several": several}
            )
        return self


class FargateRuntime(Runtime):
    """An ECS service per service."""

    name = "fargate"
    model = Fargate
    behind_balancer = True
    ignores: ClassVar[Mapping[str, str]] = {
        "internal_port": "Others call the tasks of `fargate` on `port`; `internal_port` belongs to `autoscaling`.",
    }
    endpoints = ("ecr.api", "ecr.dkr", "logs", "secretsmanager")

    def endpoints_for(self, service: Service, options: Model) -> tuple[str, ...]:
        """SSM for its parameters, and for people who run commands in it."""
        parameters = any(":secretsmanager:" not in secret for secret in service.secrets.values())
        shell = cast(Fargate, options).exec
        return (*self.endpoints, *(("ssm",) if parameters else ()), *(("ssmmessages",) if shell else ()))

    def idle(self, options: Model) -> Mapping[str, tuple[str, str]]:
        """Those of `deploy` that its strategy does nothing with."""
        found = task_deployments.idle(cast(Fargate, options).deploy)
        return {f"deploy.{field}": why for field, why in found.items()}

    def check(self, workload: Workload, site: Site) -> Iterable[Diagnostic]:
        """Secrets as wholes, one rule to shift, a health path that is asked."""
        name, spec, path = workload.name, workload.spec, workload.path
        options = cast(Fargate, workload.options)
        for variable in tasks.composed(workload.environment):
            message = f"The variable `{variable}` of `{name}` has a secret inside of a longer text."
            hint = "Use an attribute that is the whole value, such as `${main.url}`."
            yield COMPOSED_SECRET.at((*path, "env", variable), message, hint=hint)
        for place in tasks.resolved(workload):
            message = f"`{render((*path, *place))}` holds `{{{{resolve:`, which CloudFormation would replace."
            yield RESOLVED.at((*path, *place), message, hint="Name the secret under `secrets` instead.")
        if (bytes_ := tasks.size_bound(workload)) > TASK_BYTES:
            message = f"The task definition of `{name}` may have {bytes_:,} bytes; ECS takes {TASK_BYTES:,}."
            yield TOO_LARGE_TASK.at((*path, "env"), message, hint="Move large values out of `env`.", key=True)
        yield from task_deployments.check(workload, options.deploy)
        if options.exec and options.read_only:
            message = f"`{name}` has `exec` and `read_only`, which exclude each other."
            yield WRITES_NOTHING.at((*path, "runtime", "read_only"), message, hint="Remove one of the two.", key=True)
        if spec.health and not workload.spec.public and spec.port:
            message = f"Nobody asks `{name}` for its health: it has no `paths` and no `hosts`."
            yield UNASKED_HEALTH.at((*path, "health"), message, hint="Remove it, or route something to it.", key=True)

    def doors(self, name: str, service: Service) -> tuple[Door, ...]:
        """The port of its tasks."""
        return (Door(Token(names.logical(name, "SecurityGroup")), service.port),) if service.port else ()

    def common(self, workloads: Sequence[Workload], site: Site) -> Part:
        """The cluster, and the role by which ECS shifts requests."""
        cluster = ecs.Cluster(
            CLUSTER,
            ClusterSettings=[ecs.ClusterSetting(Name="containerInsights", Value="enabled")],
            CapacityProviders=["FARGATE", "FARGATE_SPOT"],
        )
        if all(_options(workload).deploy.strategy == "rolling" for workload in workloads):
            return Part((cluster,))
        return Part((cluster, task_deployments.role()))

    def build(self, workload: Workload, site: Site) -> Part:
        """The tasks, the service around them, what routes requests to it, and what makes it grow."""
        name, spec, options = workload.name, workload.spec, _options(workload)
        units = UNITS[options.cpu]
        size = tasks.Size(units, options.memory or 2 * units)
        part = tasks.build(workload, site, size, read_only=options.read_only, executable=options.exec)
        group = names.logical(name, "SecurityGroup")
        part += Part((security_groups.group(group, name, site, (), security_groups.ANYWHERE),))
        targets = _targets(workload)
        for target in targets:
            assert spec.port
            assert workload.health
            part += Part((balancer.target_group(target, spec.port, "ip", workload.health, spec.health),))
        if targets:
            part += ingress.rules(workload, site, targets)
        if workload.called:
            part += Part((discovery.service(name),))
        alarms = list(task_deployments.alarms(name, options.deploy, targets))
        return part + Part((*alarms, _service(workload, site, targets, alarms), *task_scaling.build(workload, CLUSTER)))


def _options(workload: Workload) -> Fargate:
    return cast(Fargate, workload.options)


def _targets(workload: Workload) -> list[str]:
    """Its target groups: one, or the two between which a deployment shifts."""
    if not workload.spec.public:
        return []
    first = names.logical(workload.name, "TargetGroup")
    return [first] if _options(workload).deploy.strategy == "rolling" else [first, f"{first}Green"]


def _service(workload: Workload, site: Site, targets: Sequence[str], alarms: Sequence[Any]) -> Any:
    name, spec, options = workload.name, workload.spec, _options(workload)
    balanced: dict[str, Any] = {}
    if targets:
        balanced["LoadBalancers"] = [
            ecs.LoadBalancer(
                ContainerName=name,
                ContainerPort=spec.port,
                TargetGroupArn=Ref(targets[0]),
                **task_deployments.shifted(workload, targets),
            )
        ]
        grace = spec.health.grace if spec.health else Health(path="/").grace
        balanced["HealthCheckGracePeriodSeconds"] = grace
    if workload.called:
        balanced["ServiceRegistries"] = [ecs.ServiceRegistry(RegistryArn=GetAtt(discovery.address(name), "Arn"))]
    scale = spec.scale or Scale()
    # Where policies decide on the number, an update must not set it back.
    count = {} if scale.max > scale.min else {"DesiredCount": scale.min}
    # A target group has to be attached to its balancer before ECS takes it; a rule that is named comes first anyway.
    after = {*workload.after, *site.online, *(ingress.rule_ids(workload) if len(targets) == 1 else ())}
    return ecs.Service(
        names.logical(name, "Service"),
        Cluster=Ref(CLUSTER),
        TaskDefinition=Ref(names.logical(name, "Task")),
        CapacityProviderStrategy=_capacity(options.spot),
        PlatformVersion="LATEST",
        **count,
        DeploymentConfiguration=task_deployments.configuration(options.deploy, alarms),
        NetworkConfiguration=ecs.NetworkConfiguration(
            AwsvpcConfiguration=ecs.AwsvpcConfiguration(
                Subnets=[Ref(subnet.target) for subnet in site.services],
                SecurityGroups=[Ref(names.logical(name, "SecurityGroup"))],
                AssignPublicIp="ENABLED" if site.services_public else "DISABLED",
            )
        ),
        **balanced,
        **({"EnableExecuteCommand": True} if options.exec else {}),
        PropagateTags="SERVICE",
        EnableECSManagedTags=True,
        DependsOn=sorted(after),
    )


def _capacity(spot: int) -> list[Any]:
    """On demand, on Spot, or a mix in which one copy always stays on demand."""
    on_demand = ecs.CapacityProviderStrategyItem(CapacityProvider="FARGATE", Weight=100 - spot, Base=1)
    on_spot = ecs.CapacityProviderStrategyItem(CapacityProvider="FARGATE_SPOT", Weight=spot)
    if spot == 100:
        return [ecs.CapacityProviderStrategyItem(CapacityProvider="FARGATE_SPOT", Weight=1)]
    return [on_demand, on_spot] if spot else [ecs.CapacityProviderStrategyItem(CapacityProvider="FARGATE", Weight=1)]
