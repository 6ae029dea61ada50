"""Security groups, read back through EC2's API, as rules of nftables on the interface of a host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

TABLE = "security-groups"
PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp"}

Members = Mapping[str, Sequence[str]]
"""The addresses of the interfaces that are in each group."""


def rules(groups: Sequence[Mapping[str, Any]], members: Members, resolver: str) -> str:
    """What may pass by some groups, which an interface is in: what one of them allows, and answers to that.

    Packets are judged before docker's address translation on the way in, and after it on the way out. As at AWS, the
    resolver of the VPC is always within reach.
    """
    inward = [rule for group in groups for rule in _allowed(group["IpPermissions"], "saddr", members)]
    outward = [rule for group in groups for rule in _allowed(group["IpPermissionsEgress"], "daddr", members)]
    answers = "ct state established,related accept"
    return "\n".join(
        [
            f"table ip {TABLE}",
            f"delete table ip {TABLE}",
            f"table ip {TABLE} {{",
            "chain inward { type filter hook prerouting priority -150; policy accept;",
            'iifname != "eth0" accept',
            answers,
            *sorted(set(inward)),
            "drop",
            "}",
            "chain outward { type filter hook postrouting priority 150; policy accept;",
            'oifname != "eth0" accept',
            answers,
            f"ip daddr {resolver} accept",
            *sorted(set(outward)),
            "drop",
            "}",
            "}",
            "",
        ]
    )


def _allowed(permissions: Sequence[Mapping[str, Any]], end: str, members: Members) -> Iterator[str]:
    for permission in permissions:
        assert not permission.get("PrefixListIds"), "no prefix lists here"
        ranges = [entry["CidrIp"] for entry in permission.get("IpRanges", [])]
        for pair in permission.get("UserIdGroupPairs", []):
            ranges += members.get(pair["GroupId"], [])
        for what in sorted(set(ranges)):
            yield f"ip {end} {what} {_ports(permission)}accept"


def _ports(permission: Mapping[str, Any]) -> str:
    protocol = PROTOCOLS.get(permission["IpProtocol"], permission["IpProtocol"])
    if protocol == "-1":
        return ""
    first, last = permission["FromPort"], permission["ToPort"]
    if protocol == "icmp":
        return f"icmp type {first} icmp code {last} "
    return f"{protocol} dport {first}-{last} "
