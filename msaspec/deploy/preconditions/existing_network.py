"""Whether the VPC and the subnets that the manifest names are there, and are what they are named for."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any, TypeAlias

from msaspec.deploy.evidence import Answer, Ask
from msaspec.deploy.precondition import Checking, Needs, Precondition
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Path
from msaspec.language.network import Network

NOT_AS_NAMED = Code(
    "MSA328",
    "An existing VPC that is not as the manifest says",
    """
    The VPC or a subnet does not exist in the account and Region, a subnet is in another VPC, two subnets of one list
    are in the same zone, `cidr` does not contain the subnets of the services, or the VPC has no DNS, which the names of
    services need. msaspec changes nothing of an existing VPC, so the deployment would fail.
    """,
)
NO_ROUTE = Code(
    "MSA329",
    "Subnets of an existing VPC without the route that they need",
    """
    Public subnets have a route to an internet gateway. Private ones have a route to a NAT gateway or a transit gateway,
    or interface endpoints for what services call at their start: ECR, S3, CloudWatch Logs and Secrets Manager. A
    service without either cannot pull its image.
    """,
    Severity.WARNING,
)
_ANYWHERE = "0.0.0.0/0"
_BALANCER_ADDRESSES = 8  # fact: balancer-addresses
"""Free addresses that a load balancer needs in each of its subnets."""

Subnets: TypeAlias = Mapping[str, Mapping[str, Any]]


class ExistingNetwork(Precondition):
    """Looks at a VPC that exists before the first deployment into it, and again where a subnet is new."""

    services = ("ec2",)

    def look(self, needs: Needs) -> Checking:
        """Ask for the VPC, its DNS, its subnets and its routes."""
        network = needs.plan.root.network
        ids = sorted({id for _, id in _named(network)})
        if network.vpc is None or all(map(needs.uses, (network.vpc, *ids))):
            return []
        vpcs = yield Ask("ec2", "describe_vpcs", {"Filters": _filters("vpc-id", [network.vpc])})
        if vpcs is None:
            return []
        if not vpcs["Vpcs"]:
            message = f"The VPC `{network.vpc}` is not in {needs.region} of the account {needs.account}."
            return [NOT_AS_NAMED.at(("network", "vpc"), message, hint="List those that are: aws ec2 describe-vpcs")]
        found = yield from _dns(needs, network.vpc)
        answer = yield Ask("ec2", "describe_subnets", {"Filters": _filters("subnet-id", ids)})
        if answer is None:
            return found
        subnets = {each["SubnetId"]: each for each in answer["Subnets"]}
        strangers = list(_strangers(network, subnets))
        if strangers:
            return [*found, *strangers]
        found += [*_of_one_zone(network, subnets), *_outside(needs, subnets, vpcs["Vpcs"][0])]
        found += [*_unaddressed(needs, subnets), *_crowded(needs, subnets)]
        tables = yield Ask("ec2", "describe_route_tables", {"Filters": _filters("vpc-id", [network.vpc])})
        return [*found, *(_astray(network, tables["RouteTables"]) if tables else ())]


def _filters(name: str, values: Sequence[str]) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": list(values)}]


def _named(network: Network) -> Iterator[tuple[Path, str]]:
    """Yield the subnets that the manifest names, each with its place."""
    for tier, ids in network.tiers.items():
        for number, id in enumerate(ids):
            yield ("network", tier, number), id


def _dns(needs: Needs, vpc: str) -> Generator[Ask, Answer, list[Diagnostic]]:
    """Return what is wrong with the DNS of the VPC, where services are called by their names."""
    if all(edge.kind is not None for edge in needs.plan.edges):
        return []
    off = []
    for attribute in ("enableDnsSupport", "enableDnsHostnames"):
        answer = yield Ask("ec2", "describe_vpc_attribute", {"VpcId": vpc, "Attribute": attribute})
        if answer and not answer[attribute[0].upper() + attribute[1:]]["Value"]:
            off.append(attribute)
    if not off:
        return []
    message = f"`{vpc}` has {' and '.join(off)} turned off, and services are called by names in its DNS."
    option = off[0].replace("enableDns", "--enable-dns-").lower()
    hint = f"Its owner turns it on: aws ec2 modify-vpc-attribute --vpc-id {vpc} {option}"
    return [NOT_AS_NAMED.at(("network", "vpc"), message, hint=hint)]


def _strangers(network: Network, subnets: Subnets) -> Iterator[Diagnostic]:
    """Yield the subnets that are not there, or are in another VPC."""
    for path, id in _named(network):
        if id not in subnets:
            message = f"The subnet `{id}` does not exist in the account and Region."
        elif (other := subnets[id]["VpcId"]) != network.vpc:
            message = f"The subnet `{id}` is in `{other}`, not in `{network.vpc}`."
        else:
            continue
        hint = f"List those that are: aws ec2 describe-subnets --filters Name=vpc-id,Values={network.vpc}"
        yield NOT_AS_NAMED.at(path, message, hint=hint)


def _of_one_zone(network: Network, subnets: Subnets) -> Iterator[Diagnostic]:
    """Yield the subnets of a list whose zone another one of the list has."""
    seen: dict[tuple[Any, str], str] = {}
    for path, id in _named(network):
        first = seen.setdefault((path[1], subnets[id]["AvailabilityZone"]), id)
        if first != id:
            message = f"The subnets `{first}` and `{id}` are both in {subnets[id]['AvailabilityZone']}."
            yield NOT_AS_NAMED.at(path, message, hint="Name one subnet a zone.")


def _outside(needs: Needs, subnets: Subnets, vpc: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Yield an error where load balancers could not reach the services, which are outside of `cidr`."""
    network, block = needs.plan.root.network, IPv4Network(needs.plan.root.network.cidr)
    blocks = [each["CidrBlock"] for each in vpc.get("CidrBlockAssociationSet") or [vpc]]
    for _, id in _tier(needs):
        own = IPv4Network(subnets[id]["CidrBlock"])
        if not own.subnet_of(block):
            fitting = next((each for each in blocks if own.subnet_of(IPv4Network(each))), blocks[0])
            message = f"`cidr` is {network.cidr}, and the subnet `{id}`, in which services run, has {own}."
            yield NOT_AS_NAMED.at(("network", "cidr"), message, hint=f"Set `cidr: {fitting}`.")
            return


def _unaddressed(needs: Needs, subnets: Subnets) -> Iterator[Diagnostic]:
    """Yield the public subnets that give hosts no address, without which they reach nothing."""
    if not (needs.plan.site.services_public and any(runtime.on_hosts for runtime, _ in needs.plan.workloads)):
        return
    for path, id in _tier(needs):
        if not subnets[id].get("MapPublicIpOnLaunch"):
            message = f"Hosts in `{id}` get no public address, so they cannot reach AWS."
            hint = "Run the services in private subnets, or have its owner turn on auto-assigned public IPv4 addresses."
            yield NOT_AS_NAMED.at(path, message, hint=hint)


def _crowded(needs: Needs, subnets: Subnets) -> Iterator[Diagnostic]:
    """Yield the public subnets in which the load balancer does not fit."""
    for number, id in enumerate(needs.plan.root.network.public if needs.plan.site.front else ()):
        free = subnets[id].get("AvailableIpAddressCount", _BALANCER_ADDRESSES)
        if free < _BALANCER_ADDRESSES:
            message = f"`{id}` has {free} free addresses, and a load balancer needs {_BALANCER_ADDRESSES}."
            yield NOT_AS_NAMED.at(("network", "public", number), message, hint="Name another subnet of the zone.")


def _astray(network: Network, tables: Sequence[Mapping[str, Any]]) -> Iterator[Diagnostic]:
    """Yield subnets whose route tables do not lead where those of their tier do."""
    own = {a["SubnetId"]: table for table in tables for a in table.get("Associations", ()) if a.get("SubnetId")}
    main = next((table for table in tables for a in table.get("Associations", ()) if a.get("Main")), {})
    for path, id in _named(network):
        routes = own.get(id, main).get("Routes", ())
        ways = [each for each in routes if each.get("DestinationCidrBlock") == _ANYWHERE]
        online = any(str(each.get("GatewayId", "")).startswith("igw-") for each in ways)
        if path[1] == "public" and not online:
            message = f"The route table of the public subnet `{id}` has no route to an internet gateway."
            yield NO_ROUTE.at(path, message, hint="Name it as a private subnet, or have its owner add the route.")
        elif path[1] == "private" and (online or not ways):
            has = (
                "a route to an internet gateway, which services without a public address cannot use"
                if online
                else ("no route out of the VPC")
            )
            hint = "Continue if the VPC has interface endpoints for what services call; else name another subnet."
            yield NO_ROUTE.at(path, f"The route table of the private subnet `{id}` has {has}.", hint=hint)


def _tier(needs: Needs) -> Iterator[tuple[Path, str]]:
    """Yield the subnets that services run in."""
    tier = "public" if needs.plan.site.services_public else "private"
    return (each for each in _named(needs.plan.root.network) if each[0][1] == tier)
