"""The VPC: subnets by tier, routes, the S3 endpoint, and the private DNS domain of the services.

The block of the VPC is cut into sixteen equal subnets, four for each tier, so that a third zone or another
placement moves none of those that exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network
from typing import Any

from troposphere import GetAtt, GetAZs, Ref, Select, Sub, Tags, ec2, servicediscovery

from msaspec.aws import security_groups
from msaspec.language.network import Network
from msaspec.language.part import Part, Site
from msaspec.language.value import Token

TIERS = {"Public": 0, "Private": 4, "Isolated": 8}
"""Which of the sixteen blocks a tier begins with."""

GATEWAY_ROUTE = "PublicRoute"
NAMING = "DhcpOptionsAssociation"


def subnets(tier: str, zones: int) -> tuple[Token, ...]:
    """The subnets of a tier, one a zone."""
    return tuple(Token(f"{tier}Subnet{zone}") for zone in range(1, zones + 1))


def online(network: Network, services: Iterable[str]) -> tuple[str, ...]:
    """Logical ids of what a host needs to reach anything outside: routes, or the endpoints of `services`."""
    if network.placement == "public":
        return (GATEWAY_ROUTE,)
    if network.nat == "none":
        return ("S3Endpoint", *map(_endpoint, services))
    return tuple(f"PrivateRoute{zone}" for zone in range(1, (network.zones if network.nat == "per-zone" else 1) + 1))


def build(network: Network, site: Site, isolated: bool) -> Part:
    """The VPC with public subnets, private ones where services are placed there, isolated ones when asked."""
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
        *_tier(network, site, "Public", ["PublicRouteTable"]),
        ec2.Route(
            GATEWAY_ROUTE,
            RouteTableId=Ref("PublicRouteTable"),
            DestinationCidrBlock="0.0.0.0/0",
            GatewayId=Ref("InternetGateway"),
            DependsOn="InternetGatewayAttachment",
        ),
    ]
    if private:
        resources += _tier(network, site, "Private", _private_tables(network))
        resources += _nat(network, site)
    if isolated:
        resources += _tier(network, site, "Isolated", ["IsolatedRouteTable"])
    resources.append(
        ec2.VPCEndpoint(
            "S3Endpoint",
            VpcId=Ref("Vpc"),
            VpcEndpointType="Gateway",
            ServiceName=Sub("com.amazonaws.${AWS::Region}.s3"),
            RouteTableIds=[Ref(table) for table in tables],
        )
    )
    return Part(tuple(resources))


def endpoints(services: Sequence[str], network: Network, site: Site) -> Part:
    """Interface endpoints, for private subnets without a way out. `services` are names such as ``ecr.api``."""
    if not services:
        return Part()
    ingress = [security_groups.from_block(network.cidr, 443, "HTTPS from the VPC")]
    group = security_groups.group(
        "EndpointSecurityGroup", "Interface endpoints", site, ingress, security_groups.NOWHERE
    )
    return Part(
        (
            group,
            *(
                ec2.VPCEndpoint(
                    _endpoint(service),
                    VpcId=Ref("Vpc"),
                    VpcEndpointType="Interface",
                    ServiceName=Sub(f"com.amazonaws.${{AWS::Region}}.{service}"),
                    PrivateDnsEnabled=True,
                    SubnetIds=[Ref(subnet.target) for subnet in site.services],
                    SecurityGroupIds=[Ref("EndpointSecurityGroup")],
                )
                for service in services
            ),
        )
    )


def naming(site: Site) -> Part:
    """The Cloud Map namespace of the services, and DHCP options that make it the search domain of every host."""
    return Part(
        (
            servicediscovery.PrivateDnsNamespace("Namespace", Name=site.domain, Vpc=Ref("Vpc")),
            ec2.DHCPOptions(
                "DhcpOptions",
                DomainName=site.domain,
                DomainNameServers=["AmazonProvidedDNS"],
            ),
            ec2.VPCDHCPOptionsAssociation(NAMING, VpcId=Ref("Vpc"), DhcpOptionsId=Ref("DhcpOptions")),
        )
    )


def _endpoint(service: str) -> str:
    return "".join(word.capitalize() for word in service.split(".")) + "Endpoint"


def _private_tables(network: Network) -> list[str]:
    if network.placement == "public":
        return []
    return [f"PrivateRouteTable{zone}" for zone in range(1, (network.zones if network.nat == "per-zone" else 1) + 1)]


def _tier(network: Network, site: Site, tier: str, tables: list[str]) -> list[Any]:
    """A subnet a zone, and the route tables they share."""
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
                AvailabilityZone=Select(zone - 1, GetAZs("")),
                CidrBlock=str(blocks[TIERS[tier] + zone - 1]),
                **public,
                Tags=Tags(Name=f"{site.stack}-{tier.lower()}-{zone}"),
            )
        )
        resources.append(
            ec2.SubnetRouteTableAssociation(
                f"{name}Routes", SubnetId=Ref(name), RouteTableId=Ref(tables[min(zone, len(tables)) - 1])
            )
        )
    return resources


def _nat(network: Network, site: Site) -> list[Any]:
    if network.nat == "none":
        return []
    resources: list[Any] = []
    for zone in range(1, (network.zones if network.nat == "per-zone" else 1) + 1):
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
