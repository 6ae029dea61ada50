"""Application Load Balancers: the public one, the internal one, their listeners and target groups."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

from troposphere import Ref, Tags
from troposphere import elasticloadbalancingv2 as elb

from msaspec.aws import security_groups
from msaspec.language.aws_type import AwsType, Clients, Properties, Protection, ServiceRole, unless_gone
from msaspec.language.health import Probe
from msaspec.language.part import Door, Part, Site
from msaspec.language.port import Protocol
from msaspec.language.value import Token

INTERNAL, INTERNAL_GROUP = "InternalLoadBalancer", "InternalSecurityGroup"
DRAIN = 30
"""Seconds that a target which leaves may take to answer what it has begun. The default is 300."""
PROTECTED = "deletion_protection.enabled"
"""The attribute of a balancer that refuses its deletion."""
ANY_CODE, ANY_STATUS = "200-499", "0-99"
"""What a copy answers that runs, by HTTP and by gRPC."""
GRPC_HEALTH = "/grpc.health.v1.Health/Check"
NOT_FOUND = '{"message":"Not Found"}'

_TEXT = frozenset(string.ascii_letters + string.digits + "-")
_GONE = frozenset({"LoadBalancerNotFound", "LoadBalancerNotFoundException"})


def _name(name: str) -> str | None:
    if len(name) > 32:
        return f"it has {len(name)} characters or more, and at most 32 are allowed"
    if not set(name) <= _TEXT:
        return "it contains characters other than letters, digits and `-`"
    return "it begins or ends with `-`" if name != name.strip("-") else None


def _balancer_name(name: str) -> str | None:
    return "it begins with `internal-`" if name.startswith("internal-") else _name(name)


def _asked(properties: Properties) -> bool:
    attributes = properties.get("LoadBalancerAttributes")
    return any(
        isinstance(each, dict) and each.get("Key") == PROTECTED and str(each.get("Value")).lower() == "true"
        for each in (attributes if isinstance(attributes, list) else ())
    )


def _read(aws: Clients, id: str) -> bool | None:
    asking = aws.client("elbv2").describe_load_balancer_attributes
    said = unless_gone(_GONE, asking, LoadBalancerArn=id)
    return None if said is None else {"Key": PROTECTED, "Value": "true"} in said["Attributes"]


def _write(aws: Clients, id: str, *, on: bool) -> None:
    attributes = [{"Key": PROTECTED, "Value": str(on).lower()}]
    aws.client("elbv2").modify_load_balancer_attributes(LoadBalancerArn=id, Attributes=attributes)


LOAD_BALANCER = AwsType(
    name="AWS::ElasticLoadBalancingV2::LoadBalancer",
    noun="load balancer",
    protection=Protection(_asked, _read, _write),
    gone=_GONE,
    unique=(("Name",),),
    names={"Name": _balancer_name},
    # fact: service-linked-roles
    service_role=ServiceRole("elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing"),
)
TARGET_GROUP = AwsType(name="AWS::ElasticLoadBalancingV2::TargetGroup", unique=(("Name",),), names={"Name": _name})
LISTENER = AwsType(name="AWS::ElasticLoadBalancingV2::Listener", unique=(("LoadBalancerArn", "Port"),))
LISTENER_RULE = AwsType(name="AWS::ElasticLoadBalancingV2::ListenerRule", unique=(("ListenerArn", "Priority"),))
INTERNAL_TYPES = (LOAD_BALANCER, security_groups.GROUP)


def load_balancer(name: str, scheme: str, group: str, site: Site, after: Sequence[str] = ()) -> Any:
    """Return a balancer over all zones: `internet-facing` in the public subnets, `internal` where the services are."""
    subnets = site.public if scheme == "internet-facing" else site.services
    attributes = {
        PROTECTED: "true" if scheme == "internet-facing" else "false",
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
    """Return the security group of a balancer, which sends to nothing outside of the network."""
    egress = [
        security_groups.anything_to_block(site.cidr, "Targets in the network"),
    ]
    return security_groups.group(name, description, site, ingress, egress)


def internal(site: Site) -> Part:
    """Return the internal balancer; each service that is called through it adds a listener."""
    return Part(
        (
            group(INTERNAL_GROUP, "internal-load-balancer", site, ()),
            load_balancer(INTERNAL, "internal", INTERNAL_GROUP, site),
        )
    )


def internal_door(port: int) -> Door:
    """Return a port of the internal balancer."""
    return Door(Token(INTERNAL_GROUP), port, f"internal-{port}")


def target_group(name: str, port: int, kind: str, protocol: Protocol, probe: Probe, sticky: int | None = None) -> Any:
    """Targets of one service: `kind` is `instance` or `ip`. It has no name, so that it can be replaced.

    `sticky` is for how many seconds a client stays with a target. The balancer always asks. Where the service has
    another check than the one of its protocol, any answer will do.
    """
    says = probe.says
    version: dict[str, Any] = {}
    path, matcher = probe.path, elb.Matcher(HttpCode=says.codes if probe.by == "http" else ANY_CODE)
    if protocol == "grpc":
        version = {"ProtocolVersion": "GRPC"}
        path, matcher = GRPC_HEALTH, elb.Matcher(GrpcCode="0" if probe.by == "grpc" else ANY_STATUS)
    return elb.TargetGroup(
        name,
        VpcId=Ref("Vpc"),
        TargetType=kind,
        Protocol="HTTP",
        **version,
        Port=port,
        HealthCheckPath=path,
        HealthCheckIntervalSeconds=says.interval,
        HealthCheckTimeoutSeconds=says.timeout,
        HealthyThresholdCount=says.healthy,
        UnhealthyThresholdCount=says.unhealthy,
        Matcher=matcher,
        TargetGroupAttributes=[
            elb.TargetGroupAttribute(Key=key, Value=value)
            for key, value in {"deregistration_delay.timeout_seconds": str(DRAIN), **_sticky(sticky)}.items()
        ],
    )


def _sticky(seconds: int | None) -> dict[str, str]:
    if seconds is None:
        return {}
    return {
        "stickiness.enabled": "true",
        "stickiness.type": "lb_cookie",
        "stickiness.lb_cookie.duration_seconds": str(seconds),
    }


def internal_listener(port: int, targets: str) -> Any:
    """Return the listener of a service on the internal balancer: who may open its port reaches it, on any path.

    A balancer has one listener a port, so it is named for the port: a service that takes another's place, or changes
    ports with it, changes where the listener leads, where a second listener would be refused while the first exists.
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
    """Return the answer to what no rule routes."""
    return elb.Action(
        Type="fixed-response",
        FixedResponseConfig=elb.FixedResponseConfig(
            StatusCode="404", ContentType="application/json", MessageBody=NOT_FOUND
        ),
    )
