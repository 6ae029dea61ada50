"""The runtime `fargate`: an ECS service per service, without hosts of one's own.

Tasks register under the service's private name themselves, and others reach them straight; with `address: balanced`
they come by the internal Network Load Balancer. Requests from outside come by the public load balancer. Rolling
deployments stop at a circuit breaker and go back; the other strategies shift requests between two target groups and go
back on alarms, by ECS itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from troposphere import ecs

from msaspec.aws import (
    balancer,
    deployment_watch,
    discovery,
    ingress,
    network_balancer,
    routing,
    secret_texts,
    security_groups,
    task_addresses,
    task_checks,
    task_deployments,
    task_files,
    task_scaling,
    task_services,
    tasks,
)
from msaspec.aws.task_deployments import Deploy
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Path
from msaspec.language import image, secret_place
from msaspec.language.aws_type import AwsType, ServiceRole
from msaspec.language.base import Model, gibibytes, mebibytes
from msaspec.language.container import ReadOnly
from msaspec.language.image import Image, RegistryImage
from msaspec.language.part import Door, Part, Place, PublicAddress, Site
from msaspec.language.runtime import Runtime, Workload, own_doors
from msaspec.language.service import Service
from msaspec.template import names

# fact: ecs-exec-read-only
WRITES_NOTHING = Code(
    "MSA372",
    "`exec` and `read_only` together",
    """
    `exec` adds an agent to the container that writes files, and `read_only` makes its file system read-only
    (ECS Developer Guide, "Considerations for using ECS Exec"). Choose one.
    """,
)
UNASKED_HEALTH = Code(
    "MSA373",
    "A health path without health checks",
    """
    On `fargate` load balancers check a path or a port, and ECS runs a command in the container. A service without
    `paths` or `hosts` is healthy while its container runs, unless `health: {command: [...]}` names a check that its
    image has, such as `[redis-cli, ping]`. One that other services call is checked with `address: balanced`.
    """,
    Severity.WARNING,
)
# fact: service-target-groups
MANY_TARGETS = Code(
    "MSA395",
    "More target groups than an ECS service has",
    """
    Each port that paths lead to is a target group, and so is each port that other services call with `address:
    balanced`. `blue-green`, `canary` and `linear` have two for each. An ECS service has at most five (ECS quotas). Lead
    the paths to fewer ports, let another service answer some of them, write `address: direct`, or deploy `rolling`.
    """,
)

TARGET_PORT = 80
"""Port of every target group. ECS registers each task with the port of its container, so the group's own port is only
a default, and as a constant it never replaces the group, which would leave the rule without a target for minutes."""
MOST_TARGETS = 5
OWN_PORT = "Other services call tasks on `port`; `internal_port` is for `address: balanced`, and for `autoscaling`."
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
    # fact: fargate-sizes
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
        0,
        ge=0,
        le=100,
        description="Percentage of copies on Spot capacity, which AWS may stop at short notice.",
        examples=[50],
    )
    exec: bool = Field(
        False,
        description="Allow people to run commands in the container with `aws ecs execute-command`.",
        examples=[True],
    )
    disk: Annotated[int, gibibytes(21, 200, "30 GiB")] | None = Field(
        None, description="Storage of a copy, which is lost with it. Default: 20 GiB.", examples=["30 GiB"]
    )
    read_only: bool = Field(False, description="The same as `read_only: true` of the service.", examples=[True])
    files_image: RegistryImage | None = Field(
        None,
        description="Image with a shell that writes `files`, for a service whose own has none. A folder with a file"
        " then holds only its `files`. Default: the service's image, whose other files in the folder stay.",
        examples=["public.ecr.aws/docker/library/busybox:1.37"],
    )
    deploy: Deploy = Field(
        default_factory=Deploy, description="How a new version replaces the old one.", examples=["canary"]
    )

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


class FargateRuntime(Runtime[Fargate]):
    """An ECS service per service."""

    name = "fargate"
    about = "an ECS service without hosts of one's own"
    types = (
        *tasks.TYPES,
        *task_deployments.TYPES,
        *deployment_watch.TYPES,
        *task_scaling.TYPES,
        *secret_texts.TYPES,
        *ingress.RULE_TYPES,
        AwsType(
            name="AWS::ECS::Cluster",
            unique=(("ClusterName",),),
            # fact: service-linked-roles
            service_role=ServiceRole("ecs.amazonaws.com", "AWSServiceRoleForECS"),
        ),
        AwsType(name="AWS::ECS::Service", unique=(("ServiceName",),)),
        balancer.LISTENER,
        balancer.TARGET_GROUP,
        discovery.INSTANCE,
        discovery.SERVICE,
        security_groups.GROUP,
    )
    behind_balancer = True
    endpoints = ("ecr.api", "ecr.dkr", "logs", "secretsmanager")

    def endpoints_for(self, service: Service, options: Fargate) -> tuple[str, ...]:
        """SSM for its parameters, and for people who run commands in it."""
        parameters = any(secret_place.parse(each).secret.store == "ssm" for each in service.secrets.values())
        shell = options.exec
        return (*self.endpoints, *(("ssm",) if parameters else ()), *(("ssmmessages",) if shell else ()))

    def strategy(self, options: Fargate) -> str | None:
        """Return that of `deploy`."""
        return options.deploy.strategy if "deploy" in options.model_fields_set else None

    def idle(self, options: Fargate) -> Mapping[str, tuple[str, str]]:
        """Those of `deploy` that its strategy does nothing with."""
        found = task_deployments.idle(options.deploy)
        return {f"deploy.{field}": why for field, why in found.items()}

    def check(self, workload: Workload[Fargate], site: Site) -> Iterable[Diagnostic]:
        """Secrets that ECS finds, one rule to shift, a health path that is asked."""
        name, path = workload.name, workload.path
        options = workload.options
        yield from task_checks.check(workload, _size(options).memory, files_image=bool(options.files_image))
        yield from task_deployments.check(workload, options.deploy, balanced=bool(_called(workload)))
        if options.exec and _read_only(workload):
            message = f"`{name}` has `exec` and `read_only`, which exclude each other."
            at = (*path, "runtime", "read_only") if options.read_only else (*path, "read_only")
            yield WRITES_NOTHING.at(at, message, hint="Remove one of the two.", key=True)
        yield from _many_targets(workload)
        if _unasked(workload):
            message = f"`health` of `{name}` has no effect: the service has no `paths` and no `hosts`."
            yield UNASKED_HEALTH.at(
                (*path, "health"),
                message,
                hint="Write `health: {command: [...]}`, remove it, or give the service `paths`"
                + (" or `address: balanced`." if workload.called else "."),
                key=True,
            )

    def images(self, workload: Workload[Fargate]) -> Iterable[tuple[Path, Image]]:
        """Return those of its sidecars, and the one that writes its files."""
        shell = _shell(workload)
        own = [((*workload.path, "runtime", "files_image"), shell)] if shell else []
        return [*super().images(workload), *own]

    def balanced(self, service: Service) -> bool:
        """Whether it is called through the internal Network Load Balancer."""
        return task_addresses.chosen(service)

    def ignored(self, service: Service) -> Mapping[str, str]:
        """Return its usual ones, and a port on the load balancer where others do not come by it."""
        return self.ignores if self.balanced(service) else {**self.ignores, "internal_port": OWN_PORT}

    def calling_port(self, service: Service) -> int | None:
        """Return the port of its listener on the internal balancer, or that of its tasks."""
        own = service.port.number if service.port else None
        return (service.internal_port or own) if self.balanced(service) else own

    def doors(self, name: str, service: Service, opened: Sequence[str] = ()) -> tuple[Door, ...]:
        """Return the ports of its tasks, or of the balancer before them."""
        if self.balanced(service):
            return network_balancer.doors(service, opened)
        return own_doors(names.logical(name, "SecurityGroup"), service, opened)

    def public_address(self, name: str, service: Service, place: Place) -> PublicAddress | None:
        """Return its address at the public load balancer."""
        return ingress.address_of(name, service, place.front)

    def ready(self, name: str, service: Service) -> tuple[str, ...]:
        """Return its ECS service, which is complete when its tasks are up; they register themselves. Or its name, which
        the balancer gets when they are up behind it."""
        return (discovery.balancer_id(name) if self.balanced(service) else names.logical(name, "Service"),)

    def common(self, workloads: Sequence[Workload[Fargate]], site: Site) -> Part:
        """Return the cluster, and the role by which ECS shifts requests."""
        cluster = ecs.Cluster(
            CLUSTER,
            ClusterSettings=[ecs.ClusterSetting(Name="containerInsights", Value="enabled")],
            CapacityProviders=["FARGATE", "FARGATE_SPOT"],
        )
        shared = Part((cluster,)) + secret_texts.common(workloads, site)
        shifting = [each for each in workloads if task_deployments.of(each).shifts]
        if not shifting:
            return shared
        limit = task_deployments.limit
        longest = max(limit(each, each.options.deploy, balanced=bool(_called(each))) for each in shifting)
        return shared + Part((task_deployments.role(),)) + deployment_watch.build(CLUSTER, longest)

    def build(self, workload: Workload[Fargate], site: Site) -> Part:
        """Return the tasks, the service around them, what routes requests to it, and what makes it grow."""
        part, workload = task(workload, site)
        name = workload.name
        targets = _targets(workload)
        for port, own in targets.items():
            part += Part(tuple(ingress.target_group(workload, port, each, "ip", TARGET_PORT) for each in own))
        if targets:
            part += ingress.rules(workload, site, targets)
        if workload.called:
            part += Part((discovery.service(name),))
        deploy = task_deployments.of(workload)
        shifted = [each for own in targets.values() for each in own] if deploy.shifts else []
        alarms = list(task_deployments.alarms(name, deploy, shifted))
        if called := _called(workload):
            part += task_addresses.build(workload, called, TARGET_PORT)
        service = task_services.build(workload, site, CLUSTER, targets, called, alarms)
        return part + Part((*alarms, service, *task_scaling.build(workload, CLUSTER)))


def task(workload: Workload[Fargate], site: Site) -> tuple[Part, Workload[Fargate]]:
    """Return the task of a service or a job with its roles and its group; and the service as its task sees it."""
    texts, workload = secret_texts.build(workload, site), secret_texts.injected(workload)
    options = workload.options
    part = texts + tasks.build(
        workload,
        site,
        _size(options),
        read_only=_read_only(workload),
        executable=options.exec,
        shell=_shell(workload) if task_files.needed(workload) else None,
    )
    group = names.logical(workload.name, "SecurityGroup")
    return part + Part((security_groups.group(group, workload.name, site, (), security_groups.ANYWHERE),)), workload


def _size(options: Fargate) -> tasks.Size:
    units = UNITS[options.cpu]
    return tasks.Size(units, options.memory or 2 * units, options.disk)


def _shell(workload: Workload[Fargate]) -> Image | None:
    return image.parse(workload.options.files_image) if workload.options.files_image else None


def _read_only(workload: Workload[Fargate]) -> ReadOnly | None:
    return workload.spec.read_only or (ReadOnly() if workload.options.read_only else None)


def _unasked(workload: Workload[Fargate]) -> bool:
    """Whether a check is written that nothing carries out: without a load balancer, ECS can run only a command."""
    health, probe = workload.spec.health, workload.health
    asked = workload.spec.public or _called(workload)
    return bool(health and probe and not asked and probe.by not in ("command", "none"))


def _targets(workload: Workload[Fargate]) -> dict[str | None, list[str]]:
    """Return its target groups by the port that paths lead to: one, or the two between which a deployment shifts."""
    found = {port: [routing.target(workload.name, port)] for port in routing.routed_ports(workload.spec)}
    if not task_deployments.of(workload).shifts:
        return dict(found)
    return {port: [first, f"{first}Green"] for port, (first,) in found.items()}


def _called(workload: Workload[Fargate]) -> task_addresses.Targets:
    """Return its target groups behind the internal balancer, in the same way."""
    return task_addresses.targets(workload, shifts=task_deployments.of(workload).shifts)


def _many_targets(workload: Workload[Fargate]) -> Iterable[Diagnostic]:
    targets, called = _targets(workload), _called(workload)
    count = sum(len(own) for own in (*targets.values(), *called.values()))
    if count <= MOST_TARGETS:
        return
    hints = ["Write `address: direct`"] if called else ["Lead them to fewer ports"]
    hints += ["deploy it `rolling`"] if task_deployments.of(workload).shifts else []
    if called:
        message = f"`{workload.name}` would have {count} target groups; ECS allows {MOST_TARGETS}."
        yield MANY_TARGETS.at((*workload.path, "address"), message, hint=f"{', or '.join(hints)}.", key=True)
    else:
        message = f"The paths of `{workload.name}` lead to {len(targets)} ports; ECS allows {MOST_TARGETS}."
        yield MANY_TARGETS.at((*workload.path, "paths"), message, hint=f"{', or '.join(hints)}.", key=True)
