"""The internal Network Load Balancer: what services are called through that speak more than HTTP, or whose address is
to stay while their copies are replaced.

An Application Load Balancer carries HTTP only, and gRPC only with a certificate. This one passes TCP on. Its security
group is there from the start, since a balancer that is made without one can never get one. Client addresses are not
preserved, or a copy that calls itself would wait for an answer that it dropped, and it balances across zones, or a zone
without a healthy target would leave DNS (Elastic Load Balancing, "Network Load Balancers").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

from troposphere import Ref, Tags
from troposphere import elasticloadbalancingv2 as elb

from msaspec.aws import balancer
from msaspec.language.health import Probe
from msaspec.language.part import Door, Part, Site
from msaspec.language.port import ContainerPort
from msaspec.language.service import Service
from msaspec.language.value import Token
from msaspec.template import names

# fact: network-balancer
NETWORK, NETWORK_GROUP = "InternalNetworkLoadBalancer", "InternalNetworkSecurityGroup"
DRAIN = 120
"""Seconds until a target that leaves is let go. New connections may reach it for a while, so this is longer than that
of HTTP."""
IDLE = 3600
"""Seconds for which a connection may be silent: pools and message brokers keep theirs."""


def build(site: Site) -> Part:
    """Return the balancer; each port that is called through it adds a listener."""
    attributes = {balancer.PROTECTED: "false", "load_balancing.cross_zone.enabled": "true"}
    return Part(
        (
            balancer.group(NETWORK_GROUP, "internal-network-load-balancer", site, ()),
            elb.LoadBalancer(
                NETWORK,
                Type="network",
                Scheme="internal",
                Subnets=[Ref(subnet.target) for subnet in site.services],
                SecurityGroups=[Ref(NETWORK_GROUP)],
                LoadBalancerAttributes=[
                    elb.LoadBalancerAttributes(Key=key, Value=value) for key, value in attributes.items()
                ],
                Tags=Tags(Name=f"{site.stack}/internal-network"),
            ),
        )
    )


def door(port: int) -> Door:
    """Return a port of the balancer."""
    return Door(Token(NETWORK_GROUP), port, f"network-{port}")


def doors(service: Service, opened: Sequence[str]) -> tuple[Door, ...]:
    """Return the ports of the balancer at which a service is called."""
    return tuple(replace(door(number), name=port) for port, _, number in called_ports(service, opened))


def called_ports(service: Service, opened: Sequence[str]) -> Iterator[tuple[str | None, ContainerPort, int]]:
    """Yield the ports that a service is called on: the name, the port of its copies, the number on the balancer."""
    if service.port is None:
        return
    yield None, service.port, service.internal_port or service.port.number
    for name in opened:
        if name in service.ports:
            yield name, service.ports[name], service.ports[name].number


def target_id(service: str, port: str | None) -> str:
    """Logical id of the target group of a port that a service is called on."""
    return names.logical(service, f"{suffix(port)}NetworkTargetGroup")


def rule_id(service: str, port: str | None) -> str:
    """Logical id of the rule by which the balancer reaches that port."""
    return names.logical(service, f"FromNetwork{suffix(port)}")


def suffix(port: str | None) -> str:
    """Return what logical ids call a further port."""
    return f"Port{names.camel(port)}" if port else ""


def target_group(name: str, number: int, probe: Probe, kind: Literal["instance", "ip"]) -> Any:
    """Return the copies of a service at one of their ports: hosts, or addresses of tasks. It asks by HTTP where the
    service does, else it connects."""
    says = probe.says
    asked: dict[str, Any] = {"HealthCheckProtocol": "TCP"}
    if probe.by == "http":
        matcher = elb.Matcher(HttpCode=says.codes)
        asked = {"HealthCheckProtocol": "HTTP", "HealthCheckPath": probe.path, "Matcher": matcher}
    attributes = {
        "deregistration_delay.timeout_seconds": str(DRAIN),
        "deregistration_delay.connection_termination.enabled": "true",
        "preserve_client_ip.enabled": "false",
    }
    return elb.TargetGroup(
        name,
        VpcId=Ref("Vpc"),
        TargetType=kind,
        Protocol="TCP",
        Port=number,
        **asked,
        HealthCheckIntervalSeconds=says.interval,
        HealthCheckTimeoutSeconds=says.timeout,
        HealthyThresholdCount=says.healthy,
        UnhealthyThresholdCount=says.unhealthy,
        TargetGroupAttributes=[elb.TargetGroupAttribute(Key=key, Value=value) for key, value in attributes.items()],
    )


def listener_id(port: int) -> str:
    """Logical id of the listener on a port of the balancer."""
    return f"InternalNetworkListener{port}"


def listener(port: int, targets: Sequence[str]) -> Any:
    """Return the listener of a port. As on the other balancer it is named for the port.

    Of two target groups, all connections go to the first, until a deployment shifts them. Both have to be named, since
    targets of a group that no listener names are never healthy.
    """
    forward = elb.Action(Type="forward", TargetGroupArn=Ref(targets[0]))
    if len(targets) > 1:
        weights = [
            elb.TargetGroupTuple(TargetGroupArn=Ref(target), Weight=0 if number else 100)
            for number, target in enumerate(targets)
        ]
        forward = elb.Action(Type="forward", ForwardConfig=elb.ForwardConfig(TargetGroups=weights))
    return elb.Listener(
        listener_id(port),
        LoadBalancerArn=Ref(NETWORK),
        Port=port,
        Protocol="TCP",
        DefaultActions=[forward],
        ListenerAttributes=[elb.ListenerAttribute(Key="tcp.idle_timeout.seconds", Value=str(IDLE))],
    )
