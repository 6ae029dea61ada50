"""A VPC that exists: looked at before a deployment, deployed into, left as it was, and never left for another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from msaspec import pipeline
from msaspec.deploy import permissions
from msaspec.sandbox.account import Account as Allowed
from msaspec.update import changes, objections
from tests import template, told
from tests.deploy.account import Account

MANIFEST = """\
msaspec: 1
name: shop
network:
  vpc: VPC
  cidr: 10.20.0.0/16
  public: [PUBLIC1, PUBLIC2]
  private: [PRIVATE1, PRIVATE2]
databases: {main: {protect: false, backups: 1 day}}
services:
  cart: {image: 'docker.io/library/nginx:1', port: 8000, paths: [/], uses: [main, user], runtime: fargate}
  user: {image: 'docker.io/library/nginx:1', port: 8001, runtime: instance}
"""
OWN = "msaspec: 1\nname: shop\nservices: {user: {image: 'docker.io/library/nginx:1', port: 8001}}\n"
NAMED = OWN.replace(
    "services", "network: {vpc: vpc-11111111, cidr: 10.0.0.0/16, private: [subnet-1111111a, subnet-1111111b]}\nservices"
)


def network(account: Account) -> dict[str, str]:
    """A VPC with two zones, public and private subnets, and the routes of each; and a stranger's VPC with a subnet."""
    ec2 = account.world.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    for option in ("EnableDnsSupport", "EnableDnsHostnames"):
        ec2.modify_vpc_attribute(VpcId=vpc, **{option: {"Value": True}})
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(VpcId=vpc, InternetGatewayId=gateway)
    found = {"VPC": vpc, "GATEWAY": gateway}
    for row, tier in enumerate(("PUBLIC", "PRIVATE")):
        table = found[f"{tier}TABLE"] = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        for number, zone in enumerate("ab", 1):
            block = f"10.20.{row * 10 + number}.0/24"
            subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=f"us-east-1{zone}")["Subnet"][
                "SubnetId"
            ]
            ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
            found[f"{tier}{number}"] = subnet
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=found["PUBLIC1"], AllocationId=address)["NatGateway"]["NatGatewayId"]
    ec2.create_route(RouteTableId=found["PUBLICTABLE"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.create_route(RouteTableId=found["PRIVATETABLE"], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    other = ec2.create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
    zoned = {"AvailabilityZone": "us-east-1a"}
    found["STRANGER"] = ec2.create_subnet(VpcId=other, CidrBlock="10.99.1.0/24", **zoned)["Subnet"]["SubnetId"]
    found["THIRD"] = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.50.0/24", **zoned)["Subnet"]["SubnetId"]
    return found


def text(ids: Mapping[str, str], *changed: tuple[str, str]) -> str:
    """The manifest with some of its text replaced, then with ids for names."""
    made = MANIFEST
    for old, new in changed:
        assert old in made
        made = made.replace(old, new)
    for name in sorted(ids, key=len, reverse=True):
        made = made.replace(name, ids[name])
    return made


def looked_at(account: Account) -> Any:
    """All that an existing network consists of, as AWS tells it."""
    ec2 = account.world.client("ec2")
    asked = ("vpcs", "subnets", "route_tables", "nat_gateways", "internet_gateways", "vpc_endpoints", "dhcp_options")
    found = {each: getattr(ec2, f"describe_{each}")() for each in asked}
    for answer in found.values():
        del answer["ResponseMetadata"]
    for subnet in found["subnets"]["Subnets"]:
        del subnet["AvailableIpAddressCount"]  # fewer while something is in it
    return found


def test_a_system_lives_in_a_vpc_that_exists(account: Account) -> None:
    """It is deployed, updated and destroyed with exactly its policies, and the VPC is as it was before."""
    ids = network(account)
    before = looked_at(account)
    account.write(text(ids))
    document = pipeline.load(text(ids).encode(), "msa.yaml")
    stacks = [pipeline.compile_main(document, None).stack]
    for command, *words in (
        ("deploy", "--yes"),
        ("status",),
        ("deploy", "--yes"),
        ("destroy", "--yes", "--delete-data", "main"),
    ):
        allowed = permissions.of_commands(stacks, [command]) | permissions.of_resources(stacks, [command])
        account.world.account = Allowed(allowed=frozenset({*allowed, *permissions.TEMPLATES}))
        result = account.run(command, *words)
        assert result.exit_code == 0, result.output
        account.world.account = Allowed()
        if command == "deploy":
            groups = account.world.client("ec2").describe_security_groups()["SecurityGroups"]
            own = [each for each in groups if each["GroupName"] != "default"]
            assert {each["VpcId"] for each in own} == {ids["VPC"]}
    assert looked_at(account) == before


WRONG: dict[str, tuple[tuple[str, str], str, str, str]] = {
    "no vpc": (("VPC", "vpc-0123456789abcdef0"), "network.vpc", "MSA328", "is not in us-east-1"),
    "no subnet": (("PRIVATE2", "subnet-0123456789abcdef0"), "network.private[1]", "MSA328", "does not exist"),
    "a stranger's": (("PRIVATE2", "STRANGER"), "network.private[1]", "MSA328", "is in `vpc-"),
    "one zone": (("PUBLIC2", "THIRD"), "network.public[1]", "MSA328", "both in us-east-1a"),
    "block": (("10.20.0.0/16", "10.20.0.0/22"), "network.cidr", "MSA328", "10.20.11.0/24"),
    "private as public": (
        (
            "public: [PUBLIC1, PUBLIC2]\n  private: [PRIVATE1, PRIVATE2]",
            "public: [PRIVATE1, PRIVATE2]\n  placement: public",
        ),
        "network.public[0]",
        "MSA329",
        "no route to an internet gateway",
    ),
    "without addresses": (
        ("private: [PRIVATE1, PRIVATE2]", "placement: public"),
        "network.public[0]",
        "MSA328",
        "get no public address",
    ),
    "public as private": (
        (
            "public: [PUBLIC1, PUBLIC2]\n  private: [PRIVATE1, PRIVATE2]",
            "private: [PUBLIC1, PUBLIC2]\n  public: [PRIVATE1, PRIVATE2]",
        ),
        "network.private[0]",
        "MSA329",
        "a route to an internet gateway",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_not_as_named_is_told_on_its_line(account: Account, wrong: str) -> None:
    """Before anything is made: MSA328 stops a deployment, MSA329 warns."""
    changed, path, code, said = WRONG[wrong]
    account.write(text(network(account), changed))
    result = account.run("verify", "--format", "json")
    found = [row for row in told.rows(result.stdout, "diagnostic") if row["code"] in ("MSA328", "MSA329")]
    assert any((row["path"], row["code"]) == (path, code) and said in row["message"] for row in found), result.output
    assert result.exit_code == any(row["code"] == "MSA328" for row in found)


def test_names_need_dns(account: Account) -> None:
    """Both attributes of the VPC, where one service calls another; `deploy` stops as well, and makes nothing."""
    ids = network(account)
    account.world.client("ec2").modify_vpc_attribute(VpcId=ids["VPC"], EnableDnsHostnames={"Value": False})
    account.write(text(ids))
    result = account.run("deploy", "--yes")
    assert result.exit_code == 1, result.output
    assert "enableDnsHostnames turned off" in result.output
    assert f"modify-vpc-attribute --vpc-id {ids['VPC']} --enable-dns-hostnames" in result.output
    assert account.stack() is None
    account.write(text(ids, (", user]", "]")))
    assert account.run("verify").exit_code == 0, "nobody calls by name"


def test_what_may_not_be_read_is_skipped(account: Account) -> None:
    """A caller without the right to look at networks deploys all the same: CloudFormation finds out."""
    account.write(text(network(account)))
    everything = permissions.of_commands([], ["verify"]) | {"sts:GetCallerIdentity"}
    account.world.account = Allowed(allowed=frozenset(everything))
    result = account.run("verify")
    assert result.exit_code == 0, result.output
    assert "ec2:DescribeVpcs" in result.output


@pytest.mark.parametrize(
    ("before", "after"),
    [(OWN, NAMED), (NAMED, OWN), (NAMED, NAMED.replace("vpc-11111111", "vpc-22222222"))],
    ids=["into", "out of", "to another"],
)
def test_a_system_does_not_move_to_another_vpc(before: str, after: str) -> None:
    """Databases and load balancers cannot; more subnets are no move, and a first deployment is none."""
    sides = [template.compiled(each).stack.template for each in (before, after)]
    (refused,) = objections.refused(changes.between(*sides))
    assert (refused.code, refused.path) == ("MSA516", ("network", "vpc"))
    assert list(objections.refused(changes.between({}, sides[1]))) == []


def test_a_further_subnet_is_no_move() -> None:
    """Of a third zone."""
    more = NAMED.replace("1b]", "1b, subnet-1111111c]")
    sides = [template.compiled(each).stack.template for each in (NAMED, more)]
    assert list(objections.refused(changes.between(*sides))) == []
