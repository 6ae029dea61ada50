"""RDS refuses what it refuses at AWS: less storage, older versions, backups that replicas need, networks of others."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from msaspec import pipeline
from msaspec.sandbox.world import World
from msaspec.template import render
from tests.sandbox.deploying import Deployer, small

NETWORK = """
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  A: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24, AvailabilityZone: us-east-1a}}
  B: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24, AvailabilityZone: us-east-1b}}
  C: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.2.0/24, AvailabilityZone: us-east-1c}}
  Group: {Type: AWS::RDS::DBSubnetGroup, Properties: {DBSubnetGroupDescription: d, SubnetIds: [SUBNETS]}}
"""
INSTANCE = """
  Parameters: {Type: AWS::RDS::DBParameterGroup, Properties: {Family: FAMILY, Description: d}}
  Main:
    Type: AWS::RDS::DBInstance
    DeletionPolicy: Delete
    Properties:
      Engine: postgres
      DBInstanceClass: db.t4g.micro
      DBParameterGroupName: !Ref Parameters
      MasterUsername: main
      MasterUserPassword: 0123456789
      StorageType: gp3
      DBSubnetGroupName: !Ref Group
      AllocatedStorage: '40'
      EngineVersion: '16.4'
      BackupRetentionPeriod: 7
"""
REPLICA = """
  Replica:
    Type: AWS::RDS::DBInstance
    Properties: {SourceDBInstanceIdentifier: !Ref Main, DBInstanceClass: db.t4g.micro}
"""


def text(subnets: str = "!Ref A, !Ref B", instance: str = INSTANCE, **changes: str) -> str:
    """A template, with some properties of the instance changed."""
    body = NETWORK.replace("SUBNETS", subnets) + instance.replace("FAMILY", changes.pop("Family", "postgres16"))
    for key, value in changes.items():
        before = next(line for line in body.splitlines() if line.strip().startswith(f"{key}:"))
        body = body.replace(before, f"      {key}: {value}")
    return small(body)


@pytest.fixture(scope="module")
def database(world: World) -> Deployer:
    """A stack with a database, which no refused change touches."""
    stack = Deployer(world.client("cloudformation"), "database")
    assert stack.deploy(text(instance=INSTANCE + REPLICA)) == "CREATE_COMPLETE", stack.events()
    return stack


INVALID = "Invalid storage size for engine name postgres and storage type gp3"
LEAVE = "'17.2'\n      AllowMajorVersionUpgrade: true"
GROUP = "DBParameterGroupFamily postgres16 can't be used for this instance. Use a parameter group with"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"AllocatedStorage": "'20'"}, f"{INVALID}: 20"),
        ({"AllocatedStorage": "'43'"}, f"{INVALID}: 43"),
        ({"EngineVersion": "'15.9'"}, "Cannot upgrade postgres from 16.4 to 15.9"),
        ({"EngineVersion": "'16.3'"}, "Cannot upgrade postgres from 16.4 to 16.3"),
        ({"EngineVersion": "'15'"}, "Cannot upgrade postgres from 16.4 to 15"),
        ({"EngineVersion": "'17.2'"}, "The AllowMajorVersionUpgrade flag must be present"),
        ({"EngineVersion": LEAVE}, f"{GROUP} DBParameterGroupFamily postgres17"),
        ({"BackupRetentionPeriod": "0"}, "Backups cannot be disabled for the source of read replicas."),
    ],
)
def test_what_rds_refuses_of_a_change(database: Deployer, changes: dict[str, str], reason: str) -> None:
    """The update fails with RDS's words, and goes back."""
    assert database.deploy(text(instance=INSTANCE + REPLICA, **changes)) == "UPDATE_ROLLBACK_COMPLETE"
    assert reason in database.reason("Main")
    assert "HandlerErrorCode: InvalidRequest" in database.reason("Main")


def test_what_rds_takes_of_a_change(world: World, deployer: Deployer) -> None:
    """A tenth more storage, a newer version with its parameter group, no backups where nothing needs them; a replica
    is upgraded with its source."""
    assert deployer.deploy(text(instance=INSTANCE + REPLICA)) == "CREATE_COMPLETE"
    changes = {"AllocatedStorage": "'44'", "Family": "postgres17"}
    assert deployer.deploy(text(instance=INSTANCE + REPLICA, EngineVersion=LEAVE, **changes)) == "UPDATE_COMPLETE"
    ids = deployer.ids()
    found = [database_of(world, ids[name]) for name in ("Main", "Replica")]
    assert [each["EngineVersion"] for each in found] == ["17.2", "17.2"]
    assert found[0]["AllocatedStorage"] == 44
    assert deployer.deploy(text(EngineVersion=LEAVE, **changes)) == "UPDATE_COMPLETE"
    assert deployer.deploy(text(EngineVersion=LEAVE, BackupRetentionPeriod="0", **changes)) == "UPDATE_COMPLETE"
    assert database_of(world, ids["Main"])["BackupRetentionPeriod"] == 0
    assert deployer.deploy(text(EngineVersion="'17'", BackupRetentionPeriod="0", **changes)) == "UPDATE_COMPLETE"


def database_of(world: World, id: str) -> dict[str, Any]:
    """A database instance."""
    found: dict[str, Any] = world.client("rds").describe_db_instances(DBInstanceIdentifier=id)["DBInstances"][0]
    return found


def test_a_subnet_group_changes_and_stays(world: World, database: Deployer) -> None:
    """It takes another subnet and leaves it again, as often as one likes; not those that a database is in, not those
    of another network, not too few."""
    for subnets in ("!Ref A, !Ref B, !Ref C", "!Ref A, !Ref C", "!Ref A, !Ref B"):
        assert database.deploy(text(subnets, INSTANCE + REPLICA)) == "UPDATE_COMPLETE"
    assert database.deploy(text("!Ref B, !Ref C", INSTANCE + REPLICA)) == "UPDATE_ROLLBACK_COMPLETE"
    assert "are currently in use : subnet-" in database.reason("Group")
    assert database.deploy(text("!Ref A", INSTANCE + REPLICA)) == "UPDATE_ROLLBACK_COMPLETE"
    assert "Current AZ coverage: us-east-1a. Add subnets to cover at least 2 AZs." in database.reason("Group")
    ec2, rds = world.client("ec2"), world.client("rds")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    words = [{"CidrBlock": f"10.9.{n}.0/24", "AvailabilityZone": f"us-east-1{'ab'[n]}"} for n in range(2)]
    others = [ec2.create_subnet(VpcId=vpc, **each)["Subnet"]["SubnetId"] for each in words]
    with pytest.raises(ClientError, match="not in the same Vpc as the existing subnet group"):
        rds.modify_db_subnet_group(DBSubnetGroupName=database.ids()["Group"], SubnetIds=others)


SYSTEM = """\
msaspec: 1
name: z
region: us-east-1
network: {CIDR, zones: ZONES}
databases: {main: {protect: false, replicas: REPLICAS}}
services: {web: {image: 'web:1', port: 80, uses: [main]}}
"""


def system(cidr: str = "10.0.0.0/16", zones: int = 2, replicas: int = 0) -> str:
    """A system with a database."""
    words = SYSTEM.replace("CIDR", f"cidr: {cidr}").replace("ZONES", str(zones)).replace("REPLICAS", str(replicas))
    return render.to_yaml(pipeline.compile_main(pipeline.load(words, "msa.yaml")).stack)


def test_a_replica_comes_and_goes(deployer: Deployer) -> None:
    """Its secret is made in the same update that refers to it: a change set shows the reference, and asks nobody."""
    assert deployer.deploy(system()) == "CREATE_COMPLETE", deployer.events()
    assert deployer.deploy(system(replicas=1)) == "UPDATE_COMPLETE", deployer.events()
    assert deployer.propose(system(replicas=1))["Status"] == "FAILED"
    assert deployer.deploy(system()) == "UPDATE_COMPLETE", deployer.events()


def test_another_network_fails_where_it_does_at_aws(deployer: Deployer) -> None:
    """At the internet gateway, which cannot leave the network before the addresses do; afterwards all goes on."""
    assert deployer.deploy(system()) == "CREATE_COMPLETE", deployer.events()
    assert deployer.deploy(system("10.1.0.0/16")) == "UPDATE_ROLLBACK_COMPLETE"
    assert "has some mapped public address(es)" in deployer.reason("InternetGatewayAttachment")
    for zones in (3, 2):
        assert deployer.deploy(system(zones=zones)) == "UPDATE_COMPLETE", deployer.events()


MYSQL = b"""\
msaspec: 1
name: shop
network: {placement: public}
databases: {main: {}, books: {engine: mysql, protect: false}, legacy: {engine: mariadb, protect: false}}
services:
  cart: {image: "docker.io/library/nginx:1.27", port: 80, uses: [main, books, legacy]}
"""


def test_mysql_and_mariadb_stand_beside_postgresql(world: World) -> None:
    """Each engine has its parameters and its logs, and its own function is called, with hashes and no password."""
    world.database_calls.clear()
    compiled = pipeline.compile_main(pipeline.load(MYSQL, "msa.yaml"))
    s3 = world.client("s3")
    s3.create_bucket(Bucket="templates-of-engines")
    stack = Deployer(world.client("cloudformation"), "engines", s3)
    assert stack.deploy(render.to_yaml(compiled.stack)) == "CREATE_COMPLETE", stack.events()
    rds, ids = world.client("rds"), stack.ids()
    for name, engine, family in (("Books", "mysql", "mysql8.4"), ("Legacy", "mariadb", "mariadb11.4")):
        (there,) = rds.describe_db_instances(DBInstanceIdentifier=ids[f"{name}Database"])["DBInstances"]
        assert (there["Engine"], there["Endpoint"]["Port"], there["MasterUsername"]) == (engine, 3306, "dbadmin")
        assert there["EnabledCloudwatchLogsExports"] == ["error", "slowquery"]
        group = ids[f"{name}DatabaseParameters"]
        (found,) = rds.describe_db_parameter_groups(DBParameterGroupName=group)["DBParameterGroups"]
        assert found["DBParameterGroupFamily"] == family
        values = {
            each["ParameterName"]: each.get("ParameterValue")
            for each in rds.describe_db_parameters(DBParameterGroupName=group)["Parameters"]
        }
        assert values["require_secure_transport"] == "1"
    calls = {call["Port"]: call for call in world.database_calls}
    assert calls["5432"]["logins"]["cart"].startswith("SCRAM-SHA-256$4096:")
    assert calls["3306"]["logins"]["cart"].startswith("*")
    assert " 0x2441243030352" in calls["3306"]["logins"]["cart"]
    assert calls["3306"]["username"] == "dbadmin"
