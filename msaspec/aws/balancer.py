"""Application Load Balancers: the public one, the internal one, their listeners and target groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from troposphere import Ref, Tags
from troposphere import elasticloadbalancingv2 as elb

from msaspec.aws import security_groups
from msaspec.language.part import Door, Part, Site
from msaspec.language.service import Health
from msaspec.language.value import Token

INTERNAL, INTERNAL_GROUP = "InternalLoadBalancer", "InternalSecurityGroup"
DRAIN = 30
"""Seconds that a target which leaves may take to answer what it has begun. The default is 300."""
NOT_FOUND = '{"message":"Not Found"}'


def load_balancer(name: str, scheme: str, group: str, site: Site, after: Sequence[str] = ()) -> Any:
    """A balancer over all zones: `internet-facing` in the public subnets, `internal` where the services are."""
    subnets = site.public if scheme == "internet-facing" else site.services
    attributes = {
        "deletion_protection.enabled": "true" if scheme == "internet-facing" else "false",
        "routing.http.drop_invalid_header_fields.enabled": "true",
    }
    return elb.LoadBalancer(
        name,
        Type="application",
        Scheme=scheme,
        Subnets=[Ref(subnet.target) for subnet in subnets],
        SecurityGroups=[Ref(group)],
        LoadBalancerAttributes=[elb.LoadBalancerAttributes(Key=key, Value=value) for key, value in attributes.items()],
        Tags=Tags(Name=f"{site.stack}/{'public' if scheme == 'internet-facing' else 'internal'}"),
        **({"DependsOn": sorted(after)} if after else {}),
    )


def group(name: str, description: str, site: Site, ingress: Sequence[Any]) -> Any:
    """The security group of a balancer, which sends to nothing outside of the network."""
    egress = [
        security_groups.anything_to_block(site.cidr, "Targets in the network"),
    ]
    return security_groups.group(name, description, site, ingress, egress)


def internal(site: Site) -> Part:
    """The internal balancer; each service that is called through it adds a listener."""
    return Part(
        (
            group(INTERNAL_GROUP, "internal-load-balancer", site, ()),
            load_balancer(INTERNAL, "internal", INTERNAL_GROUP, site),
        )
    )


def internal_door(port: int) -> Door:
    """A port of the internal balancer."""
    return Door(Token(INTERNAL_GROUP), port, f"internal-{port}")


def target_group(name: str, port: int, kind: str, path: str, health: Health | None) -> Any:
    """Targets of one service: `kind` is `instance` or `ip`. It has no name, so that it can be replaced."""
    says = health or Health(path=path)
    return elb.TargetGroup(
        name,
        VpcId=Ref("Vpc"),
        TargetType=kind,
        Protocol="HTTP",
        Port=port,
        HealthCheckPath=path,
        HealthCheckIntervalSeconds=says.interval,
        HealthCheckTimeoutSeconds=says.timeout,
        HealthyThresholdCount=says.healthy,
        UnhealthyThresholdCount=says.unhealthy,
        Matcher=elb.Matcher(HttpCode=says.codes),
        TargetGroupAttributes=[
            elb.TargetGroupAttribute(Key="deregistration_delay.timeout_seconds", Value=str(DRAIN)),
        ],
    )


def internal_listener(port: int, targets: str) -> Any:
    """The listener of a service on the internal balancer: whoever may open its port reaches it, whatever the path.

    A balancer has one listener a port, so it is named for the port: a service that takes another's place, or changes
    ports with it, changes where the listener leads, where a second listener would be refused while the first stands.
    """
    return elb.Listener(
        internal_listener_id(port),
        LoadBalancerArn=Ref(INTERNAL),
        Port=port,
        Protocol="HTTP",
        DefaultActions=[elb.Action(Type="forward", TargetGroupArn=Ref(targets))],
    )


def internal_listener_id(port: int) -> str:
    """Logical id of the listener on a port of the internal balancer."""
    return f"InternalListener{port}"


def not_found() -> Any:
    """The answer to what no rule routes."""
    return elb.Action(
        Type="fixed-response",
        FixedResponseConfig=elb.FixedResponseConfig(
            StatusCode="404", ContentType="application/json", MessageBody=NOT_FOUND
        ),
    )
