"""Rules of security groups, as a patch can leave them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.template.resources import numbered, same, target, whole
from msaspec.template.stack import Stack

REFUSED_PORTS = Code(
    "MSA429",
    "Ports out of range",
    "The ports of a TCP or UDP rule are between 0 and 65535, and `FromPort` is at most `ToPort`.",
)
ONE_RULE_TWICE = Code(
    "MSA430",
    "A duplicate rule of a security group",
    """
    Two rules of a security group open the same ports to the same peer. EC2 ignores their descriptions and refuses the
    second one. For `ingress.allow` in the manifest see MSA345.
    """,
)

_PROTOCOLS = {"6": "tcp", "17": "udp", "tcp": "tcp", "udp": "udp"}
_PEERS = (
    "CidrIp",
    "CidrIpv6",
    "SourceSecurityGroupId",
    "SourceSecurityGroupName",
    "SourcePrefixListId",
    "DestinationSecurityGroupId",
    "DestinationPrefixListId",
)
_HIGHEST = 65_535


def check(stack: Stack) -> Iterator[Diagnostic]:
    """Every rule opens ports that exist, and no two are one."""
    first: dict[tuple[str, ...], Path] = {}
    for group, direction, path, rule in _rules(stack):
        protocol = _PROTOCOLS.get(str(rule.get("IpProtocol")).lower(), str(rule.get("IpProtocol")).lower())
        low, high = whole(rule.get("FromPort")), whole(rule.get("ToPort"))
        if protocol in ("tcp", "udp") and low is not None and high is not None and not 0 <= low <= high <= _HIGHEST:
            message = f"A rule of the security group `{group}` opens the ports from {low} to {high}."
            hint = f"Use ports between 0 and {_HIGHEST}, the lower one first."
            key = "ToPort" if high > _HIGHEST >= low else "FromPort"
            other = "FromPort" if key == "ToPort" else "ToPort"
            yield stack.fault(REFUSED_PORTS, message, hint, (*path, key), (*path, other))
        ports = ("", "") if protocol == "-1" else (same(rule.get("FromPort")), same(rule.get("ToPort")))
        peers = (same(rule[key]) if key in rule else "" for key in _PEERS)
        earlier = first.setdefault((group, direction, protocol, *ports, *peers), path)
        if earlier != path:
            message = f"Two rules of the security group `{group}` are the same rule; descriptions do not count."
            yield stack.fault(ONE_RULE_TWICE, message, "Remove one of them.", path, earlier)


def _rules(stack: Stack) -> Iterator[tuple[str, str, Path, Mapping[str, Any]]]:
    """Every rule with its group, its direction and its place; those within the groups first."""
    for direction in ("Ingress", "Egress"):
        for group in stack.resources.of("AWS::EC2::SecurityGroup"):
            for number, rule in numbered(group.get(f"SecurityGroup{direction}")):
                yield group.name, direction, group.at(f"SecurityGroup{direction}", number), rule
        for alone in stack.resources.of(f"AWS::EC2::SecurityGroup{direction}"):
            if not alone.conditional:
                group_id = alone.get("GroupId")
                yield target(group_id) or same(group_id), direction, alone.at(), alone.properties
