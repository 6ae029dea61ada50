"""The runtime `autoscaling`: an auto scaling group per service over all zones, behind load balancers.

Hosts are those of the runtime `instance`, in any number. A new image tag or variable makes a new version of the launch
template, and the group replaces its instances batch by batch, each waiting for the signals of the new ones. Requests
from outside come by the public balancer, those of other services by the internal one, where each service that is called
has a listener on its port.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field
from troposphere import GetAtt, Join, Ref, autoscaling
from troposphere.policies import AutoScalingRollingUpdate, CreationPolicy, ResourceSignal, UpdatePolicy

from msaspec.aws import backlog, balancer, discovery, ingress, network_balancer, routing, security_groups, service_hosts
from msaspec.aws.user_data import Boot
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.language.aws_type import AwsType, ServiceRole
from msaspec.language.health import Probe
from msaspec.language.part import Door, Part, Place, PublicAddress, Site
from msaspec.language.runtime import Runtime, Workload
from msaspec.language.service import Scale, Service
from msaspec.language.value import Token
from msaspec.template import names

LONG_START = Code(
    "MSA384",
    "A start that takes longer than an update waits",
    """
    The first hosts of a group may take as long as `health.grace`, but an update waits at most an hour for a new host
    (UpdatePolicy, PauseTime), of which the host itself takes 15 minutes. The first deployment of such a service
    succeeds, and every later version fails and is rolled back.
    """,
    Severity.WARNING,
)

DIRECT = "On `autoscaling` other services call it through a load balancer; `direct` works on `fargate`."
WARM_UP = 300
"""Seconds until a new host counts in the average that the size of its group follows."""
CPU = 60
"""Percent aimed at where `scale` leaves room and names nothing to follow."""
# fact: rolling-pause
LONGEST_PAUSE = 60
"""Minutes that a rolling update may wait for a batch (CloudFormation, UpdatePolicy)."""


class Autoscaling(service_hosts.HostFields):
    """Fields of the runtime `autoscaling`."""

    deploy: Literal["rolling", "recreate"] = Field(
        "rolling",
        description="How a new version replaces the old one: host by host, or all at once, after the old hosts have"
        " stopped.",
        examples=["recreate"],
    )


class AutoscalingRuntime(Runtime[Autoscaling]):
    """An auto scaling group per service."""

    name = "autoscaling"
    about = "a group of EC2 instances behind a load balancer"
    types = (
        *service_hosts.TYPES,
        *balancer.INTERNAL_TYPES,
        *ingress.RULE_TYPES,
        AwsType(
            name="AWS::AutoScaling::AutoScalingGroup",
            unique=(("AutoScalingGroupName",),),
            # fact: service-linked-roles
            service_role=ServiceRole("autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling"),
        ),
        AwsType(name="AWS::AutoScaling::ScalingPolicy", retyped=backlog.OTHER_POLICIES),
        backlog.ALARM,
        balancer.LISTENER,
        balancer.TARGET_GROUP,
        discovery.INSTANCE,
        discovery.SERVICE,
    )
    on_hosts = True
    behind_balancer = True
    ignores: ClassVar[Mapping[str, str]] = {
        "health.start": "On hosts a command is run from the start until it succeeds or `grace` is over.",
        "scale.memory": "EC2 does not measure the memory of a group; use `fargate` to scale on memory.",
    }
    endpoints = ("ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm", "ssmmessages", "cloudformation")

    def strategy(self, options: Autoscaling) -> str | None:
        """Return that of `deploy`."""
        return options.deploy if "deploy" in options.model_fields_set else None

    def idle(self, options: Autoscaling) -> Mapping[str, tuple[str, str]]:
        """Credits of a type that has none."""
        return service_hosts.idle(options)

    def check(self, workload: Workload[Autoscaling], site: Site) -> Iterable[Diagnostic]:
        """Yield what can go wrong with its hosts, and a start that takes too long for an update."""
        yield from service_hosts.check(workload, boot(workload, site))
        if workload.health and (minutes := service_hosts.minutes(workload)) > LONGEST_PAUSE:
            message = (
                f"A host of `{workload.name}` may take {minutes} minutes to "
                f"start, and an update waits only {LONGEST_PAUSE}."
            )
            hint = f"Set `grace` to at most {LONGEST_PAUSE - service_hosts.BOOT_SECONDS // 60} min."
            yield LONG_START.at((*workload.path, "health", "grace"), message, hint=hint)

    def balanced(self, service: Service) -> bool:
        """Whether its name leads to a load balancer: always."""
        return True

    def ignored(self, service: Service) -> Mapping[str, str]:
        """Return its usual ones, and an address without a load balancer."""
        return {**self.ignores, "address": DIRECT} if service.address == "direct" else self.ignores

    def calling_port(self, service: Service) -> int | None:
        """Return the port of its listener on the internal balancer."""
        return service.internal_port or (service.port.number if service.port else None)

    def doors(self, name: str, service: Service, opened: Sequence[str] = ()) -> tuple[Door, ...]:
        """Return its listeners on the internal balancer of its protocols."""
        if of_any_protocol(service):
            return network_balancer.doors(service, opened)
        return tuple(
            replace(balancer.internal_door(number), name=port)
            for port, _, number in network_balancer.called_ports(service, opened)
        )

    def public_address(self, name: str, service: Service, place: Place) -> PublicAddress | None:
        """Return its address at the public load balancer."""
        return ingress.address_of(name, service, place.front)

    def ready(self, name: str, service: Service) -> tuple[str, ...]:
        """Return its name, which is given to the balancer once its hosts are up behind it."""
        return (discovery.balancer_id(name),)

    def common(self, workloads: Sequence[Workload[Autoscaling]], site: Site) -> Part:
        """Return the internal balancer of HTTP, if any service is called through it."""
        called = [workload for workload in workloads if workload.called]
        return balancer.internal(site) if any(not of_any_protocol(each.spec) for each in called) else Part()

    def build(self, workload: Workload[Autoscaling], site: Site) -> Part:
        """Return the group with its hosts, what routes requests to it, and what makes it grow."""
        name, spec = workload.name, workload.spec
        part = service_hosts.build(workload, site, boot(workload, site))
        targets: list[str] = []
        if workload.spec.public and spec.port and workload.health:
            routed = {port: routing.target(name, port) for port in routing.routed_ports(spec)}
            targets += routed.values()
            part += Part(
                tuple(ingress.target_group(workload, port, target, "instance") for port, target in routed.items())
            )
            part += ingress.rules(workload, site, {port: [target] for port, target in routed.items()})
        if workload.called and spec.port and workload.health:
            found_targets, called = _called(workload, workload.health)
            targets += found_targets
            part += called
        after = (*workload.after, *site.online, *(ingress.rule_ids(workload) if workload.spec.public else ()))
        part += Part((_group_of(workload, site, targets, after), *_policies(workload)))
        return part


def boot(workload: Workload[Autoscaling], site: Site) -> Boot:
    """Return what a host of the group has to know."""
    ports = {port.number: port.number for _, port in service_hosts.published(workload.spec)}
    return service_hosts.boot(workload, site, names.logical(workload.name, "Group"), ports)


def of_any_protocol(service: Service) -> bool:
    """Whether a service speaks more than HTTP, so that it is called through the balancer that passes TCP on."""
    return any(port.protocol != "http" for _, port in service_hosts.published(service))


def _called(workload: Workload[Autoscaling], probe: Probe) -> tuple[list[str], Part]:
    """Return the target groups of the ports that it is called on, and a part: these, its listeners on an internal
    balancer, that balancer's way to its hosts, and its name."""
    name, spec = workload.name, workload.spec
    network = of_any_protocol(spec)
    between, group = (
        (network_balancer.NETWORK, network_balancer.NETWORK_GROUP)
        if network
        else (balancer.INTERNAL, balancer.INTERNAL_GROUP)
    )
    targets, listeners, made = list[str](), list[str](), list[Any]()
    for opened, found, number in network_balancer.called_ports(spec, workload.opened):
        suffix = network_balancer.suffix(opened)
        # The groups of the two balancers differ in protocol, for which CloudFormation replaces them.
        target = names.logical(name, f"{suffix}InternalTargetGroup")
        targets.append(network_balancer.target_id(name, opened) if network else target)
        asked = probe if opened is None else Probe("tcp", probe.says)
        host = Door(Token(service_hosts.security_group(name)), found.number)
        rule = network_balancer.rule_id(name, opened) if network else names.logical(name, f"FromInternal{suffix}")
        way = security_groups.edge(rule, group, host, f"internal load balancer to {name}")
        if network:
            behind = network_balancer.target_group(targets[-1], found.number, asked, "instance")
            listener = network_balancer.listener(number, [targets[-1]])
        else:
            behind = balancer.target_group(targets[-1], found.number, "instance", found.protocol, asked)
            listener = balancer.internal_listener(number, targets[-1])
        made += [behind, way, listener]
        listeners.append(listener.title)
    made.append(discovery.service(name))
    made.append(discovery.of_balancer(name, between, after=(*listeners, names.logical(name, "Group"))))
    return targets, Part(tuple(made))


def _group_of(workload: Workload[Autoscaling], site: Site, targets: Sequence[str], after: Sequence[str]) -> Any:
    """Return the group. Where policies decide on its size, an update must not set it back, so only a fixed one is
    written."""
    name, spec = workload.name, workload.spec
    scale = spec.scale or Scale()
    recreate = workload.alone or workload.options.deploy == "recreate"
    # A rolling update keeps `min` in service, for which there must be room above it.
    largest = scale.max if recreate else max(scale.max, scale.min + 1)
    template = service_hosts.template(name)
    minutes = min(service_hosts.minutes(workload), LONGEST_PAUSE)
    return autoscaling.AutoScalingGroup(
        names.logical(name, "Group"),
        MinSize=str(scale.min),
        MaxSize=str(largest),
        **({"DesiredCapacity": str(scale.min)} if scale.max <= scale.min else {}),
        VPCZoneIdentifier=[Ref(subnet.target) for subnet in site.services],
        LaunchTemplate=autoscaling.LaunchTemplateSpecification(
            LaunchTemplateId=Ref(template), Version=GetAtt(template, "LatestVersionNumber")
        ),
        # Written out where there is nothing to balance, too: CloudFormation leaves what is absent as it is.
        TargetGroupARNs=[Ref(target) for target in targets],
        HealthCheckType="ELB" if targets else "EC2",
        # As long as a host may take to signal, or the group would replace it while it boots.
        HealthCheckGracePeriod=service_hosts.BOOT_SECONDS + service_hosts.grace(workload),
        DefaultInstanceWarmup=WARM_UP,
        # fact: terminate-first
        **({"InstanceMaintenancePolicy": _none_beside()} if recreate else {}),
        Tags=[autoscaling.Tag("Name", f"{site.stack}/{name}", True)],
        DependsOn=sorted(after),
        **_awaited(scale.min, service_hosts.minutes(workload)),
        UpdatePolicy=UpdatePolicy(
            AutoScalingRollingUpdate=AutoScalingRollingUpdate(
                MinInstancesInService="0" if recreate else str(scale.min),
                MaxBatchSize=str(largest) if recreate else "1",
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


def _none_beside() -> Any:
    """Return the policy by which a host is gone before the one that replaces it starts."""
    return autoscaling.InstanceMaintenancePolicy(MinHealthyPercentage=0, MaxHealthyPercentage=100)


def _awaited(count: int, minutes: int) -> dict[str, Any]:
    """Return the signals of the first hosts, where there are any."""
    if count == 0:
        return {}
    return {"CreationPolicy": CreationPolicy(ResourceSignal=ResourceSignal(Count=count, Timeout=f"PT{minutes}M"))}


def _policies(workload: Workload[Autoscaling]) -> Iterable[Any]:
    """Target tracking on what `scale` names."""
    scale = workload.spec.scale
    if scale is None or scale.max <= scale.min:
        return
    name = workload.name
    if scale.cpu or not (scale.requests or scale.backlog):
        metric = autoscaling.PredefinedMetricSpecification(PredefinedMetricType="ASGAverageCPUUtilization")
        yield _tracking(f"{names.logical(name)}ScaleOnCpu", name, metric, scale.cpu or CPU)
    if scale.requests:
        label = Join(
            "/",
            [
                GetAtt(ingress.BALANCER, "LoadBalancerFullName"),
                GetAtt(routing.target(name, routing.routed_ports(workload.spec)[0]), "TargetGroupFullName"),
            ],
        )
        metric = autoscaling.PredefinedMetricSpecification(
            PredefinedMetricType="ALBRequestCountPerTarget", ResourceLabel=label
        )
        yield _tracking(f"{names.logical(name)}ScaleOnRequests", name, metric, scale.requests)

    if scale.backlog:
        more, fewer = (f"{names.logical(name)}ScaleOn{word}" for word in ("Backlog", "Idle"))
        steps = [
            autoscaling.StepAdjustments(
                MetricIntervalLowerBound=step.lower,
                **({"MetricIntervalUpperBound": step.upper} if step.upper is not None else {}),
                ScalingAdjustment=step.copies,
            )
            for step in backlog.steps(scale)
        ]
        yield _stepping(more, name, steps)
        yield _stepping(
            fewer, name, [autoscaling.StepAdjustments(MetricIntervalUpperBound=0, ScalingAdjustment=scale.min)]
        )
        yield from backlog.alarms(name, scale, Ref(more), Ref(fewer))


def _stepping(logical_id: str, name: str, steps: list[Any]) -> Any:
    return autoscaling.ScalingPolicy(
        logical_id,
        AutoScalingGroupName=Ref(names.logical(name, "Group")),
        PolicyType="StepScaling",
        AdjustmentType="ExactCapacity",
        MetricAggregationType="Maximum",
        StepAdjustments=steps,
    )


def _tracking(logical_id: str, name: str, metric: Any, target: int) -> Any:
    return autoscaling.ScalingPolicy(
        logical_id,
        AutoScalingGroupName=Ref(names.logical(name, "Group")),
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration=autoscaling.TargetTrackingConfiguration(
            PredefinedMetricSpecification=metric, TargetValue=target
        ),
    )
