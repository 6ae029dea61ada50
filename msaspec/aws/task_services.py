"""The ECS service around the tasks of a service: how many there are, where they stand, and who sends to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from troposphere import GetAtt, Ref, ecs

from msaspec.aws import discovery, ingress, task_addresses, task_deployments, tasks
from msaspec.aws.task_addresses import Targets
from msaspec.language.health import usual
from msaspec.language.part import Site
from msaspec.language.runtime import Workload
from msaspec.language.service import Scale
from msaspec.template import names


def build(
    workload: Workload[Any], site: Site, cluster: str, targets: Targets, called: Targets, alarms: Sequence[Any]
) -> Any:
    """Return the service: `targets` are where public requests reach its tasks, `called` where the calls of other
    services do through a balancer."""
    name, spec, options = workload.name, workload.spec, workload.options
    # fact: ecs-service-absent-properties. Both lists are written even where they are empty: CloudFormation leaves what
    # is absent as it is, and the service would keep a target group or a registry that the same update deletes.
    listeners = task_addresses.listeners(workload)
    rules = ingress.rule_ids(workload)
    balanced: dict[str, Any] = {
        "LoadBalancers": [
            *(_balanced(workload, port, own, rules[0]) for port, own in targets.items()),
            *(_balanced(workload, port, own, listeners[port]) for port, own in called.items()),
        ],
        "ServiceRegistries": [ecs.ServiceRegistry(RegistryArn=GetAtt(discovery.address(name), "Arn"))]
        if workload.called and not called
        else [],
    }
    if targets or called:
        balanced["HealthCheckGracePeriodSeconds"] = (spec.health or usual()).grace
    scale = spec.scale or Scale()
    # Where policies decide on the number, an update must not set it back.
    count = {} if scale.max > scale.min else {"DesiredCount": scale.min}
    # A target group has to be attached to its balancer before ECS takes it; a rule that is named comes first anyway.
    deploy = task_deployments.of(workload)
    attached = (*(rules if targets else ()), *(listeners[port] for port in called))
    after = {*workload.after, *site.online, *(() if deploy.shifts else attached)}
    # fact: zone-rebalancing
    still = {"AvailabilityZoneRebalancing": "DISABLED"} if deploy.strategy == "recreate" else {}
    return ecs.Service(
        names.logical(name, "Service"),
        Cluster=Ref(cluster),
        TaskDefinition=Ref(names.logical(name, "Task")),
        CapacityProviderStrategy=_capacity(options.spot),
        PlatformVersion="LATEST",
        **count,
        **still,
        DeploymentConfiguration=task_deployments.configuration(deploy, alarms, patient=bool(workload.mounts)),
        NetworkConfiguration=ecs.NetworkConfiguration(
            AwsvpcConfiguration=ecs.AwsvpcConfiguration(
                Subnets=[Ref(subnet.target) for subnet in site.services],
                SecurityGroups=[Ref(names.logical(name, "SecurityGroup"))],
                AssignPublicIp="ENABLED" if site.services_public else "DISABLED",
            )
        ),
        **balanced,
        EnableExecuteCommand=options.exec,
        PropagateTags="SERVICE",
        EnableECSManagedTags=True,
        DependsOn=sorted(after),
    )


def _balanced(workload: Workload[Any], port: str | None, targets: Sequence[str], sender: str) -> Any:
    """Return the entry that registers a port of the tasks with its target group, or with the two between which a
    deployment shifts what `sender`, a rule or a listener, sends."""
    found = workload.spec.port_of(port)
    assert found is not None
    return ecs.LoadBalancer(
        ContainerName=tasks.listening(workload, port),
        ContainerPort=found.number,
        TargetGroupArn=Ref(targets[0]),
        **task_deployments.shifted(targets, sender),
    )


def _capacity(spot: int) -> list[Any]:
    """On demand, on Spot, or a mix in which one copy always stays on demand."""
    on_demand = ecs.CapacityProviderStrategyItem(CapacityProvider="FARGATE", Weight=100 - spot, Base=1)
    on_spot = ecs.CapacityProviderStrategyItem(CapacityProvider="FARGATE_SPOT", Weight=spot)
    if spot == 100:
        return [ecs.CapacityProviderStrategyItem(CapacityProvider="FARGATE_SPOT", Weight=1)]
    return [on_demand, on_spot] if spot else [ecs.CapacityProviderStrategyItem(CapacityProvider="FARGATE", Weight=1)]
