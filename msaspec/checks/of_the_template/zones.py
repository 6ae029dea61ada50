"""Subnets of load balancers and databases: in at least two zones, and in zones that exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.template import zones
from msaspec.template.resources import Resource, inner, items, numbered, same, whole
from msaspec.template.stack import Stack

TOO_FEW_ZONES = Code(
    "MSA414",
    "Fewer than two zones",
    """
    An Application Load Balancer and the subnet group of a database need subnets in at least two Availability Zones. A
    load balancer uses one subnet in each zone. msaspec gives them one subnet in each zone of the network.
    """,
)
NO_SUCH_ZONE = Code(
    "MSA415",
    "A zone index that no Region has",
    """
    `Fn::Select` selects a zone beyond the end of the list of `Fn::GetAZs`. No Region has more than six Availability
    Zones, and most have three.
    """,
)

OTHER_REGION = Code(
    "MSA449",
    "A zone of another Region",
    """
    A subnet, a volume or a database instance names an Availability Zone whose name begins with another Region than the
    `region` of the manifest. msaspec's own subnets take their zones from the parameter `Zones`.
    """,
)

MOST_ZONES = 6
_IN_A_ZONE = (
    "AWS::EC2::Subnet",
    "AWS::EC2::Volume",
    "AWS::EC2::Instance",
    "AWS::RDS::DBInstance",
    "AWS::DocDB::DBInstance",
)


def check(stack: Stack) -> Iterator[Diagnostic]:
    """Check that load balancers and databases have two zones, and that the zones of subnets exist."""
    for balancer in stack.resources.of("AWS::ElasticLoadBalancingV2::LoadBalancer"):
        yield from _balancer(balancer, stack)
    for group in (*stack.resources.of("AWS::RDS::DBSubnetGroup"), *stack.resources.of("AWS::DocDB::DBSubnetGroup")):
        if isinstance(subnets := group.get("SubnetIds"), list):
            apart = {_zone(subnet, stack) or f"zone of {same(subnet)}" for subnet in subnets}
            if len(apart) < 2:
                message = f"The subnets of `{group.name}` are in fewer than two zones."
                yield stack.fault(TOO_FEW_ZONES, message, "Name a subnet in another zone.", *_paths(group, stack))
    for subnet in stack.resources.of("AWS::EC2::Subnet"):
        zone = subnet.get("AvailabilityZone")
        choice = items(inner(zone, "Fn::Select"))
        listed = zones.comparable(choice[1]) if len(choice) == 2 else None
        index = whole(choice[0]) if inner(listed, "Fn::GetAZs") is not None else None
        if index is not None and index >= MOST_ZONES:
            message = f"The subnet `{subnet.name}` is in the zone with index {index} of its Region."
            hint = f"The first zone has index 0, and no Region has a zone with index {MOST_ZONES}."
            yield stack.fault(NO_SUCH_ZONE, message, hint, subnet.at("AvailabilityZone"))
    for kind in _IN_A_ZONE:
        for resource in stack.resources.of(kind):
            named = stack.resources.text_of(resource.get("AvailabilityZone"))
            if stack.region and named and not named.startswith(stack.region):
                message = f"`{resource.name}` is in the zone {named}, and the system in {stack.region}."
                yield stack.fault(
                    OTHER_REGION, message, "Name a zone of that Region, or none.", resource.at("AvailabilityZone")
                )


def _balancer(balancer: Resource, stack: Stack) -> Iterator[Diagnostic]:
    subnets = balancer.get("Subnets")
    if subnets is None and isinstance(balancer.get("SubnetMappings"), list):
        subnets = [inner(mapping, "SubnetId") for _, mapping in numbered(balancer.get("SubnetMappings"))]
    if not isinstance(subnets, list):
        return
    known = [zone for subnet in subnets if (zone := _zone(subnet, stack)) is not None]
    if len(known) != len(set(known)):
        message = f"Two subnets of the load balancer `{balancer.name}` are in the same zone."
        yield stack.fault(TOO_FEW_ZONES, message, "Name one subnet in each zone.", *_paths(balancer, stack))
    elif balancer.get("Type") in (None, "application") and len({same(subnet) for subnet in subnets}) < 2:
        message = f"The load balancer `{balancer.name}` has fewer than two subnets."
        yield stack.fault(TOO_FEW_ZONES, message, "Name a subnet in another zone.", *_paths(balancer, stack))


def _zone(subnet: Any, stack: Stack) -> str | None:
    """Return the zone of a subnet of this template; None where it is not known."""
    found = stack.resources.referenced(subnet, "AWS::EC2::Subnet")
    zone = found.get("AvailabilityZone") if found else None
    return None if zone is None else same(zones.comparable(zone))


def _paths(resource: Resource, stack: Stack) -> list[Any]:
    """Return the list of subnets, and the zone of each."""
    keys = ("Subnets", "SubnetMappings", "SubnetIds")
    named = [each for key in keys for each in items(resource.get(key))]
    subnets = [stack.resources.referenced(each, "AWS::EC2::Subnet") for each in named]
    lists = [resource.at(key) for key in keys]
    return [*lists, *(subnet.at("AvailabilityZone") for subnet in subnets if subnet)]
