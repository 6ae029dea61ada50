"""What is in use cannot be deleted, as at AWS."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from msaspec.sandbox.world import World
from tests.sandbox.deploying import Deployer, small

BASE = """\
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  SubnetA:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24, AvailabilityZone: us-east-1a}
  SubnetB:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24, AvailabilityZone: us-east-1b}
"""
GROUPS = """\
  Subnets:
    Type: AWS::RDS::DBSubnetGroup
    Properties: {DBSubnetGroupDescription: Two., SubnetIds: [!Ref SubnetA, !Ref SubnetB]}
  Parameters: {Type: AWS::RDS::DBParameterGroup, Properties: {Family: postgres17, Description: Ours.}}
  Group: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: Ours., VpcId: !Ref Vpc}}
"""
DATABASE = """\
  Database:
    Type: AWS::RDS::DBInstance
    Properties:
      Engine: postgres
      DBInstanceClass: db.t4g.micro
      AllocatedStorage: "20"
      MasterUsername: main
      MasterUserPassword: secret-enough
      DeletionProtection: true
      DBSubnetGroupName: !Ref Subnets
      DBParameterGroupName: !Ref Parameters
      VPCSecurityGroups: [!Ref Group]
"""
HOST = """\
  Group: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: Ours., VpcId: !Ref Vpc}}
  Host:
    Type: AWS::EC2::Instance
    Properties: {ImageId: ami-03cf127a, SubnetId: !Ref SubnetA, SecurityGroupIds: [!Ref Group]}
"""


def refusal(delete: Any, **words: str) -> str:
    """The code by which a service refuses a removal."""
    with pytest.raises(ClientError) as raised:
        delete(**words)
    return str(raised.value.response["Error"]["Code"])


def test_what_a_database_uses_stays(world: World, deployer: Deployer) -> None:
    """An update that removes all of it completes, with DELETE_FAILED for what would not go; the Region answers as
    before. When the database is gone, the rest may go, too."""
    assert deployer.deploy(small(BASE + GROUPS + DATABASE)) == "CREATE_COMPLETE", deployer.told()
    ids, rds, ec2 = deployer.ids(), world.client("rds"), world.client("ec2")
    assert deployer.deploy(small(BASE)) == "UPDATE_COMPLETE"
    failed = {name for name, status in deployer.events() if status == "DELETE_FAILED"}
    assert failed == {"Database", "Group", "Parameters", "Subnets"}
    assert "so the group cannot be deleted" in deployer.reason("Parameters")
    assert f"{ids['Database']} is still using it" in deployer.reason("Subnets")
    assert f"resource {ids['Group']} has a dependent object" in deployer.reason("Group")
    (found,) = rds.describe_db_instances(DBInstanceIdentifier=ids["Database"])["DBInstances"]
    assert found["DBParameterGroups"][0]["DBParameterGroupName"] == ids["Parameters"]
    parameters, subnets = {"DBParameterGroupName": ids["Parameters"]}, {"DBSubnetGroupName": ids["Subnets"]}
    assert refusal(rds.delete_db_parameter_group, **parameters) == "InvalidDBParameterGroupState"
    assert refusal(rds.delete_db_subnet_group, **subnets) == "InvalidDBSubnetGroupStateFault"
    assert refusal(ec2.delete_security_group, GroupId=ids["Group"]) == "DependencyViolation"
    rds.modify_db_instance(DBInstanceIdentifier=ids["Database"], DeletionProtection=False)
    rds.delete_db_instance(DBInstanceIdentifier=ids["Database"], SkipFinalSnapshot=True)
    rds.delete_db_parameter_group(**parameters)
    rds.delete_db_subnet_group(**subnets)
    ec2.delete_security_group(GroupId=ids["Group"])


def test_what_a_host_uses_stays(world: World, deployer: Deployer) -> None:
    """As long as it runs: a security group goes after it."""
    assert deployer.deploy(small(BASE + HOST)) == "CREATE_COMPLETE", deployer.told()
    group = deployer.ids()["Group"]
    assert refusal(world.client("ec2").delete_security_group, GroupId=group) == "DependencyViolation"
    assert deployer.delete() == "DELETE_COMPLETE"


def test_what_an_interface_uses_stays(world: World, deployer: Deployer) -> None:
    """The stack cannot be deleted while an interface of somebody's is in the group."""
    group = "".join(GROUPS.splitlines(keepends=True)[-1:])
    assert deployer.deploy(small(BASE + group)) == "CREATE_COMPLETE"
    ids, ec2 = deployer.ids(), world.client("ec2")
    made = ec2.create_network_interface(SubnetId=ids["SubnetA"], Groups=[ids["Group"]])["NetworkInterface"]
    assert deployer.delete() == "DELETE_FAILED"
    assert "has a dependent object" in deployer.reason("Group")
    ec2.delete_network_interface(NetworkInterfaceId=made["NetworkInterfaceId"])
    assert deployer.delete() == "DELETE_COMPLETE"
