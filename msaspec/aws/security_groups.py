"""Security groups, and the one rule of a declared edge."""

from __future__ import annotations

import string
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from troposphere import Ref, Tags, ec2

from msaspec.aws.intrinsic import reference
from msaspec.language.aws_type import MADE_IN, AwsType, Clients, remove
from msaspec.language.part import Door, Site
from msaspec.language.value import Token

_TEXT = frozenset(string.ascii_letters + string.digits + " ._-:/()#,@[]+=&;{}!$*")


def _name(name: str) -> str | None:
    return "it begins with `sg-`" if name.startswith("sg-") else _description(name)


def _description(text: str) -> str | None:
    if not 1 <= len(text) <= 255:
        return "it is empty or has more than 255 characters"
    return None if set(text) <= _TEXT else "it contains a character that EC2 does not allow"


def _remove(aws: Clients, id: str) -> bool:
    return remove(aws.client("ec2").delete_security_group, "InvalidGroup.NotFound", "DependencyViolation", GroupId=id)


def _made_in(aws: Clients, stacks: str, known: Collection[str]) -> Iterator[str]:
    filters = [{"Name": f"tag:{MADE_IN}", "Values": [f"{stacks}*"]}]
    for page in aws.client("ec2").get_paginator("describe_security_groups").paginate(Filters=filters):
        yield from (each["GroupId"] for each in page["SecurityGroups"] if each["GroupId"] not in known)


GROUP = AwsType(
    name="AWS::EC2::SecurityGroup",
    noun="security group",
    names={"GroupName": _name, "GroupDescription": _description},
    remove=_remove,
    made_in=_made_in,
)
RULE = AwsType(
    name="AWS::EC2::SecurityGroupIngress",
    unique=(("GroupId", "IpProtocol", "FromPort", "ToPort", "SourceSecurityGroupId", "CidrIp"),),
)

ANYWHERE: Sequence[Any] = (ec2.SecurityGroupRule(IpProtocol="-1", CidrIp="0.0.0.0/0", Description="Anywhere"),)
NOWHERE: Sequence[Any] = (
    ec2.SecurityGroupRule(
        IpProtocol="icmp", FromPort=252, ToPort=86, CidrIp="255.255.255.255/32", Description="Nowhere"
    ),
)
"""A group without an egress rule lets everything out, so "nowhere" is stated as a rule that matches nothing (the
same that the CDK writes; ICMP type 252 code 86 does not exist)."""


def group(name: str, description: str, site: Site, ingress: Sequence[Any], egress: Sequence[Any]) -> Any:
    """Return a security group in the system's VPC. Edges add their rules from outside."""
    rules = {"SecurityGroupIngress": list(ingress)} if ingress else {}
    return ec2.SecurityGroup(
        name,
        GroupDescription=description,
        VpcId=Ref("Vpc"),
        **rules,
        SecurityGroupEgress=list(egress),
        Tags=Tags(Name=f"{site.stack}/{description}"),
    )


def from_block(block: str, port: int, description: str) -> Any:
    """Return an inline ingress rule: TCP on one port from an IPv4 block."""
    return ec2.SecurityGroupRule(IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp=block, Description=description)


def anything_to_block(block: str, description: str) -> Any:
    """Return an inline egress rule: every port of TCP, in an IPv4 block."""
    return ec2.SecurityGroupRule(IpProtocol="tcp", FromPort=0, ToPort=65535, CidrIp=block, Description=description)


def to_group(group_id: Token, port: int | Token, description: str) -> Any:
    """Return an inline egress rule: TCP on one port to a group."""
    return ec2.SecurityGroupRule(
        IpProtocol="tcp",
        FromPort=_number(port),
        ToPort=_number(port),
        DestinationSecurityGroupId=reference(group_id.target),
        Description=description,
    )


def edge(name: str, caller_group: str, door: Door, description: Any) -> Any:
    """Return the rule of one declared edge: the caller's group may open TCP connections to the door."""
    return ec2.SecurityGroupIngress(
        name,
        GroupId=reference(door.group.target),
        IpProtocol="tcp",
        FromPort=_number(door.port),
        ToPort=_number(door.port),
        SourceSecurityGroupId=Ref(caller_group),
        Description=description,
    )


def _number(port: int | Token) -> Any:
    return reference(port.target) if isinstance(port, Token) else port
