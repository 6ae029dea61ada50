"""The internal Network Load Balancer: what services on hosts are called through that speak more than HTTP.

An Application Load Balancer carries HTTP only, and gRPC only with a certificate. This one passes TCP on. Its security
group is there from the start, since a balancer that is made without one can never get one. Client addresses are not
preserved, or a host that calls itself would wait for an answer that it dropped, and it balances across zones, or a zone
without a healthy target would leave DNS (Elastic Load Balancing, "Network Load Balancers").
"""

from __future__ import annotations

from typing import Any

from troposphere import Ref, Tags
from troposphere import elasticloadbalancingv2 as elb

from msaspec.aws import balancer
from msaspec.language.health import Probe
from msaspec.language.part import Door, Part, Site
from msaspec.language.value import Token

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


def target_group(name: str, number: int, probe: Probe) -> Any:
    """Return the hosts of a service at one of their ports. It asks by HTTP where the service does, else it connects."""
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
        TargetType="instance",
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


def listener(port: int, targets: str) -> Any:
    """Return the listener of a port. As on the other balancer it is named for the port."""
    return elb.Listener(
        listener_id(port),
        LoadBalancerArn=Ref(NETWORK),
        Port=port,
        Protocol="TCP",
        DefaultActions=[elb.Action(Type="forward", TargetGroupArn=Ref(targets))],
        ListenerAttributes=[elb.ListenerAttribute(Key="tcp.idle_timeout.seconds", Value=str(IDLE))],
    )
