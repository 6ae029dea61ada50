"""The VPC: subnets by tier, routes, the S3 endpoint, and the private DNS domain of the services.

The block of the VPC is cut into sixteen equal subnets, four for each tier, so that a third zone or another
placement moves none of those that exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network
from typing import Any

from troposphere import (
    Equals,
    GetAtt,
    GetAZs,
    If,
    Join,
    Not,
    Parameter,
    Ref,
    Select,
    Sub,
    Tags,
    ec2,
    servicediscovery,
)

from msaspec.aws import existing_network, security_groups
from msaspec.aws.data.ec2 import SUBNET, VPC
from msaspec.language.aws_type import AwsType, Effect, Objection
from msaspec.language.network import Network
from msaspec.language.part import Part, Site
from msaspec.language.value import Token
from msaspec.template import zones

CHINA = "InChina"
_CHINESE = frozenset({"cloudformation", "ecr.api", "ecr.dkr"})
"""Interface endpoints whose names begin with `cn.` in China."""
TIERS = {"Public": 0, "Private": 4, "Isolated": 8}
"""Which of the sixteen blocks a tier begins with."""

_ANOTHER_VPC = Objection(
    Effect.REFUSED,
    "cidr",
    "would need another VPC, because a VPC keeps its block. Everything in it would have to move at once, and"
    " databases and the internet gateway cannot move",
    "Keep `cidr` as it is. For another block, deploy the system under another `name` or environment, move its data"
    " (a snapshot, `pg_dump`), and destroy this one.",
)
ADDRESS = AwsType(name="AWS::EC2::EIP", unique=(("InstanceId",),))
TYPES = (
    ADDRESS,
    AwsType(name="AWS::EC2::DHCPOptions"),
    AwsType(name="AWS::EC2::InternetGateway"),
    AwsType(name="AWS::EC2::NatGateway"),
    AwsType(name="AWS::EC2::Route"),
    AwsType(name="AWS::EC2::RouteTable"),
    SUBNET,
    AwsType(name="AWS::EC2::SubnetRouteTableAssociation"),
    AwsType(name=VPC, replaced=_ANOTHER_VPC),
    AwsType(name="AWS::EC2::VPCDHCPOptionsAssociation"),
    AwsType(name="AWS::EC2::VPCEndpoint"),
    AwsType(name="AWS::EC2::VPCGatewayAttachment", unique=(("InternetGatewayId",),)),
    AwsType(name="AWS::ServiceDiscovery::PrivateDnsNamespace"),
    security_groups.GROUP,
)

GATEWAYS = frozenset({"dynamodb"})
"""Services that are reached by an entry in route tables, like S3, which always has one."""
GATEWAY_ROUTE = "PublicRoute"
_SEARCH_DOMAIN = "DhcpOptionsAssociation"


def subnets(tier: str, network: Network) -> tuple[Token, ...]:
    """Return the subnets of a tier, one a zone."""
    if network.exists:
        return existing_network.subnets(tier, network)
    return tuple(Token(f"{tier}Subnet{zone}") for zone in range(1, network.zones + 1))


def online(network: Network, services: Iterable[str]) -> tuple[str, ...]:
    """Return the logical ids of what a host needs to reach anything outside: its subnet on a route table that leads
    there, and where none does the endpoints of `services`. A VPC that exists has them already."""
    if network.exists:
        return ()
    tier = "Public" if network.placement == "public" else "Private"
    routed = (f"{subnet.target}Routes" for subnet in subnets(tier, network))
    ways = map(_endpoint, services) if tier == "Private" and network.nat == "none" else ()
    return (*routed, *ways)


def named(network: Network) -> tuple[str, ...]:
    """Return the logical ids of what has to be there before a host that calls others by name: it keeps the search
    domain that it started with."""
    return () if network.exists else (_SEARCH_DOMAIN,)


def build(network: Network, site: Site, *, isolated: bool) -> Part:
    """Return the VPC with public subnets, private ones where services are placed there, isolated ones when asked; or
    the one that exists."""
    if network.exists:
        return existing_network.build(network)
    private = network.placement == "private"
    tables = ["PublicRouteTable", *_private_tables(network), *(["IsolatedRouteTable"] if isolated else [])]
    resources: list[Any] = [
        ec2.VPC(
            "Vpc",
            CidrBlock=network.cidr,
            EnableDnsHostnames=True,
            EnableDnsSupport=True,
            Tags=Tags(Name=site.stack),
        ),
        ec2.InternetGateway("InternetGateway"),
        ec2.VPCGatewayAttachment(
            "InternetGatewayAttachment", VpcId=Ref("Vpc"), InternetGatewayId=Ref("InternetGateway")
        ),
        *_tier(network, site, "Public", ["PublicRouteTable"], [[GATEWAY_ROUTE]]),
        ec2.Route(
            GATEWAY_ROUTE,
            RouteTableId=Ref("PublicRouteTable"),
            DestinationCidrBlock="0.0.0.0/0",
            GatewayId=Ref("InternetGateway"),
            DependsOn="InternetGatewayAttachment",
        ),
    ]
    if private:
        tables_of_services = _private_tables(network)
        # A subnet moves to another table in one step, so all that leads out must be on that table before.
        ways = [["S3Endpoint", *_private_routes(network)[number:][:1]] for number in range(len(tables_of_services))]
        resources += _tier(network, site, "Private", tables_of_services, ways)
        resources += _nat(network, site)
    if isolated:
        resources += _tier(network, site, "Isolated", ["IsolatedRouteTable"], [[]])
    resources.append(
        ec2.VPCEndpoint(
            "S3Endpoint",
            VpcId=Ref("Vpc"),
            VpcEndpointType="Gateway",
            ServiceName=Sub("com.amazonaws.${AWS::Region}.s3"),
            RouteTableIds=[Ref(table) for table in tables],
        )
    )
    named = Not(Equals(Join("", Ref(zones.PARAMETER)), ""))
    return Part(tuple(resources), parameters=(_zones(),), conditions={zones.CONDITION: named})


def _zones() -> Any:
    return Parameter(
        zones.PARAMETER,
        Type="CommaDelimitedList",
        Description="Availability Zones by name; msaspec deploy chooses them once. None: the first of the Region.",
        Default="",
    )


def endpoints(services: Sequence[str], network: Network, site: Site) -> Part:
    """Return endpoints for private subnets without a way out. `services` are names such as ``ecr.api``; what has a
    gateway gets that, which is free."""
    gateways = tuple(
        ec2.VPCEndpoint(
            _endpoint(service),
            VpcId=Ref("Vpc"),
            VpcEndpointType="Gateway",
            ServiceName=Sub(f"com.amazonaws.${{AWS::Region}}.{service}"),
            RouteTableIds=[Ref(table) for table in _private_tables(network)],
        )
        for service in services
        if service in GATEWAYS
    )
    return Part(gateways) + _interfaces([each for each in services if each not in GATEWAYS], network, site)


def _interfaces(services: Sequence[str], network: Network, site: Site) -> Part:
    if not services:
        return Part()
    ingress = [security_groups.from_block(network.cidr, 443, "HTTPS from the VPC")]
    group = security_groups.group(
        "EndpointSecurityGroup", "Interface endpoints", site, ingress, security_groups.NOWHERE
    )
    china = {CHINA: Equals(Ref("AWS::Partition"), "aws-cn")}
    here = site.region is None or site.region.startswith("cn-")
    return Part(
        conditions=china if here and _CHINESE.intersection(services) else {},
        resources=(
            group,
            *(
                ec2.VPCEndpoint(
                    _endpoint(service),
                    VpcId=Ref("Vpc"),
                    VpcEndpointType="Interface",
                    ServiceName=_service_name(service, site),
                    PrivateDnsEnabled=True,
                    SubnetIds=[Ref(subnet.target) for subnet in site.services],
                    SecurityGroupIds=[Ref("EndpointSecurityGroup")],
                )
                for service in services
            ),
        ),
    )


def _service_name(service: str, site: Site) -> Any:
    """Return the name of an interface endpoint's service, which for some services is another one in China."""
    # fact: china-endpoints
    plain = f"com.amazonaws.${{AWS::Region}}.{service}"
    if service not in _CHINESE or (site.region and not site.region.startswith("cn-")):
        return Sub(plain)
    return Sub(f"${{Start}}{plain}", Start=If(CHINA, "cn.", ""))


def naming(network: Network, site: Site) -> Part:
    """Return the Cloud Map namespace of the services, and DHCP options that make it the search domain of every host.

    A VPC that exists keeps its own DHCP options, of which it has only one set.
    """
    namespace = servicediscovery.PrivateDnsNamespace("Namespace", Name=site.domain, Vpc=Ref("Vpc"))
    if network.exists:
        return Part((namespace,))
    return Part(
        (
            namespace,
            ec2.DHCPOptions(
                "DhcpOptions",
                DomainName=site.domain,
                DomainNameServers=["AmazonProvidedDNS"],
            ),
            ec2.VPCDHCPOptionsAssociation(_SEARCH_DOMAIN, VpcId=Ref("Vpc"), DhcpOptionsId=Ref("DhcpOptions")),
        )
    )


def _endpoint(service: str) -> str:
    return "".join(word.capitalize() for word in service.replace("-", ".").split(".")) + "Endpoint"


def _private_tables(network: Network) -> list[str]:
    if network.placement == "public":
        return []
    return [f"PrivateRouteTable{zone}" for zone in range(1, _gateways(network) + 1)]


def _private_routes(network: Network) -> list[str]:
    """Return the routes out of the private subnets, one for each of their tables."""
    return [] if network.nat == "none" else [f"PrivateRoute{zone}" for zone in range(1, _gateways(network) + 1)]


def _gateways(network: Network) -> int:
    """Return the number of NAT gateways, and of the route tables that lead to them."""
    return network.zones if network.nat == "per-zone" else 1


def _tier(network: Network, site: Site, tier: str, tables: Sequence[str], ways: Sequence[Sequence[str]]) -> list[Any]:
    """Return a subnet a zone and the route tables they share. `ways` are, for each table, the logical ids that make it
    lead somewhere, before any subnet is put on it."""
    blocks = list(IPv4Network(network.cidr).subnets(prefixlen_diff=4))
    resources: list[Any] = [
        ec2.RouteTable(table, VpcId=Ref("Vpc"), Tags=Tags(Name=f"{site.stack}-{tier.lower()}")) for table in tables
    ]
    public = {"MapPublicIpOnLaunch": True} if tier == "Public" else {}
    for zone in range(1, network.zones + 1):
        name = f"{tier}Subnet{zone}"
        resources.append(
            ec2.Subnet(
                name,
                VpcId=Ref("Vpc"),
                AvailabilityZone=Select(zone - 1, If(zones.CONDITION, Ref(zones.PARAMETER), GetAZs(""))),
                CidrBlock=str(blocks[TIERS[tier] + zone - 1]),
                **public,
                Tags=Tags(Name=f"{site.stack}-{tier.lower()}-{zone}"),
            )
        )
        number = min(zone, len(tables)) - 1
        resources.append(
            ec2.SubnetRouteTableAssociation(
                f"{name}Routes",
                SubnetId=Ref(name),
                RouteTableId=Ref(tables[number]),
                **({"DependsOn": sorted(ways[number])} if ways[number] else {}),
            )
        )
    return resources


def _nat(network: Network, site: Site) -> list[Any]:
    if network.nat == "none":
        return []
    resources: list[Any] = []
    for zone in range(1, _gateways(network) + 1):
        resources += [
            ec2.EIP(
                f"NatAddress{zone}",
                Domain="vpc",
                DependsOn="InternetGatewayAttachment",
                Tags=Tags(Name=f"{site.stack}-nat-{zone}"),
            ),
            ec2.NatGateway(
                f"NatGateway{zone}",
                AllocationId=GetAtt(f"NatAddress{zone}", "AllocationId"),
                SubnetId=Ref(f"PublicSubnet{zone}"),
                Tags=Tags(Name=f"{site.stack}-{zone}"),
            ),
            ec2.Route(
                f"PrivateRoute{zone}",
                RouteTableId=Ref(f"PrivateRouteTable{zone}"),
                DestinationCidrBlock="0.0.0.0/0",
                NatGatewayId=Ref(f"NatGateway{zone}"),
            ),
        ]
    return resources
