"""Blocks, routes and gateways of a network, as a patch can leave them."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.template.references import is_intrinsic
from msaspec.template.resources import Resource, certain, same, target
from msaspec.template.stack import Stack

REFUSED_BLOCK = Code(
    "MSA431",
    "An IPv4 block of the wrong size",
    "The IPv4 block of a VPC or subnet must be between /16 (the largest) and /28 (the smallest).",
)
NOT_ONE_TARGET = Code(
    "MSA432",
    "A route without exactly one target",
    "A route has exactly one target: a gateway, network interface, endpoint or peering connection.",
)
SAME_DESTINATION = Code(
    "MSA433",
    "Two routes to one destination",
    "A route table has one route for each destination. Another route to the same block needs another table.",
)
NOT_ATTACHED = Code(
    "MSA434",
    "A route to a gateway that is not attached",
    """
    A route to an internet gateway can be created only while the gateway is attached to the VPC. The template needs an
    `AWS::EC2::VPCGatewayAttachment`, and the route must name it under `DependsOn`.
    """,
)
NO_ADDRESS = Code(
    "MSA435",
    "A public NAT gateway without an Elastic IP",
    "A public NAT gateway needs an Elastic IP (`AllocationId`). Without one, set its `ConnectivityType` to `private`.",
)

_TARGETS = (
    "CarrierGatewayId",
    "CoreNetworkArn",
    "EgressOnlyInternetGatewayId",
    "GatewayId",
    "InstanceId",
    "LocalGatewayId",
    "NatGatewayId",
    "NetworkInterfaceId",
    "TransitGatewayId",
    "VpcEndpointId",
    "VpcPeeringConnectionId",
)
_DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
_LARGEST, _SMALLEST = 16, 28


def check(stack: Stack) -> Iterator[Diagnostic]:
    """Blocks have a size that AWS takes, and routes lead somewhere, once."""
    for kind in ("AWS::EC2::VPC", "AWS::EC2::Subnet"):
        for network in stack.resources.of(kind):
            length = _length(network.get("CidrBlock"))
            if length is not None and not _LARGEST <= length <= _SMALLEST:
                message = f"The block of `{network.name}` has the prefix length /{length}."
                hint = f"Use one between /{_LARGEST} and /{_SMALLEST}."
                yield stack.fault(REFUSED_BLOCK, message, hint, network.at("CidrBlock"))
    first: dict[tuple[str, ...], Resource] = {}
    for route in stack.resources.of("AWS::EC2::Route"):
        yield from _target(route, stack)
        yield from _attached(route, stack)
        destination = [(key, route.get(key)) for key in _DESTINATIONS if route.get(key) is not None]
        if route.conditional or len(destination) != 1:
            continue
        key = same(route.get("RouteTableId")), destination[0][0], same(destination[0][1])
        other = first.setdefault(key, route)
        if other is not route:
            message = f"The routes `{other.name}` and `{route.name}` of one table have the same destination."
            paths = [each.at(step) for each in (route, other) for step in (destination[0][0], "RouteTableId")]
            yield stack.fault(SAME_DESTINATION, message, "Remove one of them.", *paths)
    for gateway in stack.resources.of("AWS::EC2::NatGateway"):
        public = gateway.get("ConnectivityType") in (None, "public") and gateway.get("AvailabilityMode") != "regional"
        if public and gateway.get("AllocationId") is None:
            message = f"The NAT gateway `{gateway.name}` has no public address."
            hint = "Name an Elastic IP under its `AllocationId`."
            yield stack.fault(NO_ADDRESS, message, hint, gateway.at("AllocationId"), gateway.at("ConnectivityType"))


def _length(block: object) -> int | None:
    try:
        return IPv4Network(block, strict=False).prefixlen if isinstance(block, str) and "/" in block else None
    except ValueError:
        return None  # No block at all, which cfn-lint reports.


def _target(route: Resource, stack: Stack) -> Iterator[Diagnostic]:
    given = [key for key in _TARGETS if route.get(key) is not None]
    surely = [key for key in given if certain(route.get(key))]
    if not given:
        message = f"The route `{route.name}` has no target."
        yield stack.fault(NOT_ONE_TARGET, message, "Name a target.", *(route.at(key) for key in _TARGETS))
    elif len(surely) > 1:
        message = f"The route `{route.name}` has {len(surely)} targets: {', '.join(f'`{key}`' for key in surely)}."
        yield stack.fault(NOT_ONE_TARGET, message, "Leave one.", *(route.at(key) for key in surely))


def _attached(route: Resource, stack: Stack) -> Iterator[Diagnostic]:
    gateway = stack.resources.referenced(route.get("GatewayId"), "AWS::EC2::InternetGateway")
    if gateway is None or not stack.resources.complete:
        return
    gateways = {each.name for each in stack.resources.of("AWS::EC2::InternetGateway")}
    attachments = {
        each.name
        for each in stack.resources.of("AWS::EC2::VPCGatewayAttachment")
        # A value from a parameter or a condition may be this gateway.
        if is_intrinsic(attached := each.get("InternetGatewayId")) and target(attached) not in gateways - {gateway.name}
    }
    if attachments & set(route.after) or stack.resources.waits_for(route, attachments):
        return
    if attachments:
        message = f"The route `{route.name}` may be created before its gateway `{gateway.name}` is attached."
        hint = f"Name {' or '.join(f'`{each}`' for each in sorted(attachments))} under its `DependsOn`."
    else:
        message = f"The route `{route.name}` has the target `{gateway.name}`, a gateway that is not attached to a VPC."
        hint = "Add an `AWS::EC2::VPCGatewayAttachment`, and name it under the `DependsOn` of the route."
    paths = ("Resources", route.name, "DependsOn"), route.at("GatewayId")
    yield stack.fault(NOT_ATTACHED, message, hint, *paths)
