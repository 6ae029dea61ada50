"""Subnets that a load balancer or a database stands in: at least two zones, and zones that there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msaspec.compile import Stack
from msaspec.diagnostic import Code, Diagnostic
from msaspec.resources import Resource, inner, items, numbered, same, whole

TOO_FEW_ZONES = Code(
    "MSA414",
    "Fewer than two zones",
    """
    An Application Load Balancer and the subnet group of a database need subnets in at least two Availability Zones, and
    a load balancer takes one subnet a zone. msaspec gives them one subnet in each zone of the network.
    """,
)
NO_SUCH_ZONE = Code(
    "MSA415",
    "A zone that no Region has",
    """
    `Fn::Select` picks a zone beyond the last that `Fn::GetAZs` lists. No Region has more than six Availability Zones,
    and most have three.
    """,
)

MOST_ZONES = 6


def check_stack(stack: Stack) -> Iterator[Diagnostic]:
    """Load balancers and databases have their two zones, and subnets lie in zones that exist."""
    for balancer in stack.resources.of("AWS::ElasticLoadBalancingV2::LoadBalancer"):
        yield from _balancer(balancer, stack)
    for group in stack.resources.of("AWS::RDS::DBSubnetGroup"):
        if isinstance(subnets := group.get("SubnetIds"), list):
            zones = {_zone(subnet, stack) or f"zone of {same(subnet)}" for subnet in subnets}
            if len(zones) < 2:
                message = f"The subnets of `{group.name}` lie in fewer than two zones."
                yield stack.fault(TOO_FEW_ZONES, message, "Name a subnet in another zone.", *_paths(group, stack))
    for subnet in stack.resources.of("AWS::EC2::Subnet"):
        zone = subnet.get("AvailabilityZone")
        choice = items(inner(zone, "Fn::Select"))
        index = whole(choice[0]) if len(choice) == 2 and inner(choice[1], "Fn::GetAZs") is not None else None
        if index is not None and index >= MOST_ZONES:
            message = f"The subnet `{subnet.name}` lies in the zone with the index {index} of its Region."
            hint = f"The first zone has the index 0, and no Region has one with {MOST_ZONES}."
            yield stack.fault(NO_SUCH_ZONE, message, hint, subnet.at("AvailabilityZone"))


def _balancer(balancer: Resource, stack: Stack) -> Iterator[Diagnostic]:
    subnets = balancer.get("Subnets")
    if subnets is None and isinstance(balancer.get("SubnetMappings"), list):
        subnets = [inner(mapping, "SubnetId") for _, mapping in numbered(balancer.get("SubnetMappings"))]
    if not isinstance(subnets, list):
        return
    zones = [_zone(subnet, stack) for subnet in subnets]
    known = [zone for zone in zones if zone is not None]
    if len(known) != len(set(known)):
        message = f"Two subnets of the load balancer `{balancer.name}` lie in one zone."
        yield stack.fault(TOO_FEW_ZONES, message, "Name one subnet a zone.", *_paths(balancer, stack))
    elif balancer.get("Type") in (None, "application") and len({same(subnet) for subnet in subnets}) < 2:
        message = f"The load balancer `{balancer.name}` has fewer than two subnets."
        yield stack.fault(TOO_FEW_ZONES, message, "Name a subnet in another zone.", *_paths(balancer, stack))


def _zone(subnet: Any, stack: Stack) -> str | None:
    """The zone of a subnet of this template; None where it is not told."""
    found = stack.resources.meant(subnet, "AWS::EC2::Subnet")
    zone = found.get("AvailabilityZone") if found else None
    return None if zone is None else same(zone)


def _paths(resource: Resource, stack: Stack) -> list[Any]:
    """The list of subnets, and the zone of each."""
    keys = ("Subnets", "SubnetMappings", "SubnetIds")
    subnets = [stack.resources.meant(each, "AWS::EC2::Subnet") for key in keys for each in items(resource.get(key))]
    lists = [resource.at(key) for key in keys]
    return [*lists, *(subnet.at("AvailabilityZone") for subnet in subnets if subnet)]
