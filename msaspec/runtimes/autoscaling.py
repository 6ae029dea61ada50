"""The runtime `autoscaling`: an auto scaling group per service over all zones, behind load balancers.

Hosts are those of the runtime `instance`, in any number. A new image tag or variable makes a new version of the launch
template, and the group replaces its instances batch by batch, each waiting for the signals of the new ones. Requests
from outside come by the public balancer, those of other services by the internal one, where each service that is called
has a listener on its port.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from troposphere import GetAtt, Join, Ref, autoscaling
from troposphere.policies import AutoScalingRollingUpdate, CreationPolicy, ResourceSignal, UpdatePolicy

from msaspec import names
from msaspec.aws import balancer, discovery, ingress, security_groups, service_hosts
from msaspec.aws.user_data import Boot
from msaspec.diagnostic import Code, Diagnostic, Severity
from msaspec.language.part import Door, Part, Site
from msaspec.language.runtime import Runtime, Workload
from msaspec.language.service import Scale, Service
from msaspec.language.value import Token

LONG_START = Code(
    "MSA384",
    "A start that an update does not wait for",
    """
    The first hosts of a group may take as long as `health.grace` says, but an update of CloudFormation waits at most an
    hour for a new one (UpdatePolicy, PauseTime), of which 15 minutes are for the host itself. A service that needs more
    can be made, and its next version fails and is taken back.
    """,
    Severity.WARNING,
)

BOOT_GRACE = 300
"""Seconds in which a host installs Docker and pulls the image, before the grace of the service's health begins."""
CPU = 60
"""Percent aimed at where `scale` leaves room and names nothing to follow."""
LONGEST_PAUSE = 60
"""Minutes that a rolling update may wait for a batch (CloudFormation, UpdatePolicy)."""


class Autoscaling(service_hosts.HostFields):
    """Fields of the runtime `autoscaling`."""


class AutoscalingRuntime(Runtime):
    """An auto scaling group per service."""

    name = "autoscaling"
    model = Autoscaling
    on_hosts = True
    behind_balancer = True
    ignores: ClassVar[Mapping[str, str]] = {
        "scale.memory": "EC2 measures no memory of a group; `fargate` scales on it.",
    }
    endpoints = ("ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm", "ssmmessages", "cloudformation")

    def check(self, workload: Workload, site: Site) -> Iterable[Diagnostic]:
        """What can go wrong with its hosts, and a start that takes too long for an update."""
        yield from service_hosts.check(workload, boot(workload, site))
        if workload.health and (minutes := service_hosts.minutes(workload)) > LONGEST_PAUSE:
            message = (
                f"A host of `{workload.name}` may take {minutes} minutes, and an update waits {LONGEST_PAUSE} for it."
            )
            hint = f"Take a `grace` of at most {LONGEST_PAUSE - service_hosts.BOOT_SECONDS // 60} min."
            yield LONG_START.at((*workload.path, "health", "grace"), message, hint=hint)

    def calling_port(self, service: Service) -> int | None:
        """The port of its listener on the internal balancer."""
        return service.internal_port or service.port

    def doors(self, name: str, service: Service) -> tuple[Door, ...]:
        """Its listener on the internal balancer."""
        port = self.calling_port(service)
        return (balancer.internal_door(port),) if service.port and port else ()

    def common(self, workloads: Sequence[Workload], site: Site) -> Part:
        """The internal balancer, once somebody is called."""
        return balancer.internal(site) if any(workload.called for workload in workloads) else Part()

    def build(self, workload: Workload, site: Site) -> Part:
        """The group with its hosts, what routes requests to it, and what makes it grow."""
        name, spec = workload.name, workload.spec
        part = service_hosts.build(workload, site, boot(workload, site))
        targets: list[str] = []
        if workload.spec.public and spec.port and workload.health:
            targets.append(names.logical(name, "TargetGroup"))
            part += Part((balancer.target_group(targets[-1], spec.port, "instance", workload.health, spec.health),))
            part += ingress.rules(workload, site, targets)
        if workload.called and spec.port and workload.health:
            targets.append(names.logical(name, "InternalTargetGroup"))
            part += Part((balancer.target_group(targets[-1], spec.port, "instance", workload.health, spec.health),))
            part += _called(workload, targets[-1])
        after = (*workload.after, *site.online, *(ingress.rule_ids(workload) if workload.spec.public else ()))
        part += Part((_group_of(workload, site, targets, after), *_policies(workload)))
        return part


def boot(workload: Workload, site: Site) -> Boot:
    """What a host of the group has to know."""
    port = workload.spec.port
    return service_hosts.boot(workload, site, names.logical(workload.name, "Group"), {port: port} if port else {})


def _called(workload: Workload, targets: str) -> Part:
    """Its listener on the internal balancer, that balancer's way to its hosts, and its name."""
    name, spec = workload.name, workload.spec
    host = Door(Token(service_hosts.security_group(name)), spec.port or 0)
    rule, port = names.logical(name, "FromInternal"), spec.internal_port or spec.port or 0
    return Part(
        (
            security_groups.edge(rule, balancer.INTERNAL_GROUP, host, f"internal load balancer to {name}"),
            balancer.internal_listener(port, targets),
            discovery.service(name),
            discovery.of_balancer(
                name, balancer.INTERNAL, after=(balancer.internal_listener_id(port), names.logical(name, "Group"))
            ),
        )
    )


def _group_of(workload: Workload, site: Site, targets: Sequence[str], after: Sequence[str]) -> Any:
    """The group. Its size is left to its policies once it exists, so it has no desired capacity."""
    name, spec = workload.name, workload.spec
    scale = spec.scale or Scale()
    # A rolling update keeps `min` in service, for which there must be room above it.
    largest = max(scale.max, scale.min + 1)
    template = service_hosts.template(name)
    minutes = min(service_hosts.minutes(workload), LONGEST_PAUSE)
    balanced = {"HealthCheckType": "ELB", "HealthCheckGracePeriod": BOOT_GRACE + service_hosts.grace(workload)}
    return autoscaling.AutoScalingGroup(
        names.logical(name, "Group"),
        MinSize=str(scale.min),
        MaxSize=str(largest),
        VPCZoneIdentifier=[Ref(subnet.target) for subnet in site.services],
        LaunchTemplate=autoscaling.LaunchTemplateSpecification(
            LaunchTemplateId=Ref(template), Version=GetAtt(template, "LatestVersionNumber")
        ),
        **({"TargetGroupARNs": [Ref(target) for target in targets], **balanced} if targets else {}),
        DefaultInstanceWarmup=BOOT_GRACE,
        Tags=[autoscaling.Tag("Name", f"{site.stack}/{name}", True)],
        DependsOn=sorted(after),
        **_awaited(scale.min, service_hosts.minutes(workload)),
        UpdatePolicy=UpdatePolicy(
            AutoScalingRollingUpdate=AutoScalingRollingUpdate(
                MinInstancesInService=str(scale.min),
                MaxBatchSize="1",
                PauseTime=f"PT{minutes}M",
                WaitOnResourceSignals=True,
                SuspendProcesses=[
                    "HealthCheck",
                    "ReplaceUnhealthy",
                    "AZRebalance",
                    "AlarmNotification",
                    "ScheduledActions",
                ],
            )
        ),
    )


def _awaited(count: int, minutes: int) -> dict[str, Any]:
    """The signals of the first hosts, where there are any."""
    if count == 0:
        return {}
    return {"CreationPolicy": CreationPolicy(ResourceSignal=ResourceSignal(Count=count, Timeout=f"PT{minutes}M"))}


def _policies(workload: Workload) -> Iterable[Any]:
    """Target tracking on what `scale` names."""
    scale = workload.spec.scale
    if scale is None or scale.max <= scale.min:
        return
    name = workload.name
    if scale.cpu or not scale.requests:
        metric = autoscaling.PredefinedMetricSpecification(PredefinedMetricType="ASGAverageCPUUtilization")
        yield _tracking(f"{names.logical(name)}ScaleOnCpu", name, metric, scale.cpu or CPU)
    if scale.requests:
        label = Join(
            "/",
            [
                GetAtt(ingress.BALANCER, "LoadBalancerFullName"),
                GetAtt(names.logical(name, "TargetGroup"), "TargetGroupFullName"),
            ],
        )
        metric = autoscaling.PredefinedMetricSpecification(
            PredefinedMetricType="ALBRequestCountPerTarget", ResourceLabel=label
        )
        yield _tracking(f"{names.logical(name)}ScaleOnRequests", name, metric, scale.requests)


def _tracking(logical_id: str, name: str, metric: Any, target: int) -> Any:
    return autoscaling.ScalingPolicy(
        logical_id,
        AutoScalingGroupName=Ref(names.logical(name, "Group")),
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration=autoscaling.TargetTrackingConfiguration(
            PredefinedMetricSpecification=metric, TargetValue=target
        ),
    )
