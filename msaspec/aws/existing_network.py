"""A VPC that exists: it and its subnets are parameters under the names that a network of the system's own has.

So everything in it refers to the same names in both cases, and CloudFormation finds out whether they exist before it
makes anything. Nothing here changes the VPC: its routes, its DHCP options and its endpoints are somebody else's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from troposphere import Parameter

from msaspec.language.network import Network
from msaspec.language.part import Part
from msaspec.language.value import Token
from msaspec.template import references

VPC = "Vpc"
VPC_ID, SUBNET_ID = "AWS::EC2::VPC::Id", "AWS::EC2::Subnet::Id"  # fact: typed-parameters
"""Types of parameters whose values CloudFormation looks up in the account."""


def subnets(tier: str, network: Network) -> tuple[Token, ...]:
    """Return the subnets of a tier, `Public`, `Private` or `Isolated`, one a zone. What would be isolated is in the
    private ones where no isolated ones are named, and where there are none either in the public ones.

    There are at least two, so that a network with too few has no further faults (MSA326)."""
    if network.system:
        tier = network.placement.capitalize() if tier == "Isolated" else tier
        return tuple(Token(_name(tier, number)) for number in range(1, network.zones + 1))
    if tier == "Isolated" and not network.isolated:
        tier = "Private" if network.private else "Public"
    return tuple(Token(_name(tier, number)) for number in range(1, max(2, len(_ids(tier, network))) + 1))


def build(network: Network) -> Part:
    """Return the parameters. Those that nothing refers to are left out later, as cfn-lint wants it."""
    if network.system:
        about = f"of the system {network.system}, from the outputs of its stack that begin with NetworkShared."
        kinds = ((name, VPC_ID if name == VPC else SUBNET_ID) for name in lent(network))
        what = {VPC_ID: "VPC", SUBNET_ID: "A subnet"}
        return Part(parameters=tuple(_parameter(name, kind, None, f"{what[kind]} {about}") for name, kind in kinds))
    subnets = (
        _parameter(_name(tier, number), SUBNET_ID, id, "A subnet of the VPC.")
        for tier in ("Public", "Private", "Isolated")
        for number, id in enumerate((*_ids(tier, network), *_lacking(tier, network)), 1)
    )
    return Part(parameters=(_parameter(VPC, VPC_ID, network.vpc, "The VPC, which msaspec does not change."), *subnets))


def lent(network: Network) -> tuple[str, ...]:
    """Return the names of what another system's network can give; those that nothing refers to are left out later."""
    tiers = dict.fromkeys(("Public", network.placement.capitalize()))
    return (VPC, *(_name(tier, number) for tier in tiers for number in range(1, network.zones + 1)))


def lends(network: Network) -> tuple[Token, ...]:
    """Return the subnets that a system can give to another: those that it names itself, or has made."""
    if network.system:
        return ()
    has = {tier: len(network.tiers[tier.lower()]) for tier in ("Public", "Private")}
    if not network.vpc:
        has = {"Public": network.zones, "Private": network.zones if network.placement == "private" else 0}
    return tuple(Token(_name(tier, number)) for tier, count in has.items() for number in range(1, count + 1))


def used(parameters: Mapping[str, Any], *parts: Any) -> dict[str, Any]:
    """Return the parameters without those of the network that nothing in parts of a template refers to."""
    names = {each.name for part in parts for each in references.sources(part) if isinstance(each, references.Reference)}
    return {name: each for name, each in parameters.items() if each["Type"] not in (VPC_ID, SUBNET_ID) or name in names}


def _ids(tier: str, network: Network) -> tuple[str, ...]:
    return network.tiers[tier.lower()]


def _lacking(tier: str, network: Network) -> tuple[None, ...]:
    """Return what `subnets` says of a tier beyond those that are named."""
    return (None,) * (2 - len(_ids(tier, network)))


def _name(tier: str, number: int) -> str:
    return f"{tier}Subnet{number}"


def _parameter(name: str, kind: str, id: str | None, description: str) -> Any:
    return Parameter(name, Type=kind, Description=description, **({"Default": id} if id else {}))
