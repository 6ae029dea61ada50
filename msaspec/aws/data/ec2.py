"""Subnets, which stay with what is in them: a database that left the stack, and that is protected."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msaspec.language.aws_type import AwsType, Clients, Kept

VPC = "AWS::EC2::VPC"


def _kept(aws: Clients, stack: str, logical_id: str) -> Iterator[Kept]:
    """Subnets of that name in the VPC of the stack, whose addresses no other subnet can have."""
    named = re.fullmatch(r"([A-Z][a-z]+)Subnet(\d)", logical_id)
    if named is None:
        return
    there = aws.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId="Vpc")
    filters = {
        "vpc-id": there["StackResourceDetail"]["PhysicalResourceId"],
        "tag:Name": f"{stack}-{named[1].lower()}-{named[2]}",
    }
    asked = [{"Name": name, "Values": [value]} for name, value in filters.items()]
    for subnet in aws.client("ec2").describe_subnets(Filters=asked)["Subnets"]:
        id = subnet["SubnetId"]
        takeover = "something is still in it, such as a database that left the stack: remove that first"
        yield Kept(id, "subnet", takeover, tuple(map(tuple, _removal(id))), in_the_way=True)


def _removal(id: str) -> Iterable[list[str]]:
    yield ["ec2", "delete-subnet", "--subnet-id", id]


SUBNET = AwsType(name="AWS::EC2::Subnet", noun="subnet", kept=_kept, within=VPC, removal=_removal)
