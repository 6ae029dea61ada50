"""An account's plan, quotas, zones and roles: the sandbox refuses what such an account is refused, when told so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from msaspec import pipeline
from msaspec.sandbox import account as accounts
from msaspec.sandbox.account import Account
from msaspec.sandbox.world import World
from msaspec.template import render
from tests.sandbox.deploying import Deployer, small
from tests.sandbox.test_databases import INSTANCE, text

IMAGE = "{{resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64}}"


@pytest.fixture(autouse=True)
def _as_before(world: World) -> Iterator[None]:
    """An account that a test puts into force ends with it."""
    yield
    world.account = Account()


def host(kind: str, zone: str = "us-east-1a") -> str:
    """A host in a network."""
    return f"""
  Vpc: {{Type: AWS::EC2::VPC, Properties: {{CidrBlock: 10.0.0.0/16}}}}
  Subnet:
    Type: AWS::EC2::Subnet
    Properties: {{VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24, AvailabilityZone: {zone}}}
  Thing:
    Type: AWS::EC2::Instance
    Properties: {{ImageId: '{IMAGE}', InstanceType: {kind}, SubnetId: !Ref Subnet}}
"""


ADDRESSES = "  Thing: {Type: AWS::EC2::EIP, DependsOn: Other}\n  Other: {Type: AWS::EC2::EIP}\n"
NETWORKS = """
  Other: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Thing: {Type: AWS::EC2::VPC, DependsOn: Other, Properties: {CidrBlock: 10.1.0.0/16}}
"""
EDGE = """
  Thing:
    Type: AWS::CloudFront::Distribution
    Properties:
      DistributionConfig:
        Enabled: true
        DefaultCacheBehavior: {TargetOriginId: a, ViewerProtocolPolicy: https-only, CachePolicyId: a}
        Origins: [{Id: a, DomainName: a.example.com, CustomOriginConfig: {OriginProtocolPolicy: https-only}}]
"""
FREE = Account(plan="free")


@pytest.mark.parametrize(
    ("account", "body", "reason", "code"),
    [
        (FREE, host("t4g.nano"), "not eligible for Free Tier", "InvalidRequest"),
        (FREE, text(BackupRetentionPeriod="7"), "exceeds the maximum available to free tier customers", "ServiceLimit"),
        (FREE, text(DBInstanceClass="db.t4g.small"), "isn't available with free plan accounts", "ServiceLimit"),
        (Account(quotas={accounts.VCPUS: 1}), host("t3.micro"), "your current vCPU limit of 1", "ServiceLimit"),
        (Account(quotas={accounts.ADDRESSES: 1}), ADDRESSES, "maximum number of addresses", "ServiceLimit"),
        (Account(quotas={accounts.DATABASES: 0}), text(), "more than the quota of DB instances", "ServiceLimit"),
        (Account(verified=False), EDGE, "Your account must be verified before you can add", "AccessDenied"),
        (Account(), host("t4g.small", "us-east-1e"), "is not supported in your requested Availability Zone", "Invalid"),
        (
            Account(denied=frozenset({"ec2:RunInstances"})),
            host("t3.micro"),
            "to perform: ec2:RunInstances with an explicit deny in a service control policy",
            "AccessDenied",
        ),
    ],
)
def test_what_an_account_is_refused(
    world: World, deployer: Deployer, account: Account, body: str, reason: str, code: str
) -> None:
    """The resource fails with the service's words and the handler's code; in an account that allows it, it is made."""
    body = body if body.startswith("Resources:") else small(body)
    name = "Thing" if "  Thing:" in body else "Main"
    world.account = account
    assert deployer.deploy(body) == "ROLLBACK_COMPLETE"
    assert reason in deployer.reason(name)
    assert f"HandlerErrorCode: {code}" in deployer.reason(name)
    if account == Account():
        return
    assert deployer.delete() == "DELETE_COMPLETE"
    world.account = Account()
    assert deployer.deploy(body) == "CREATE_COMPLETE", deployer.events()


def test_a_free_plan_refuses_changes_too(world: World, deployer: Deployer) -> None:
    """More backups and a larger instance are refused of a database that stands."""
    world.account = FREE
    kept = text(BackupRetentionPeriod="1")
    assert deployer.deploy(kept) == "CREATE_COMPLETE", deployer.events()
    for change in ({"BackupRetentionPeriod": "7"}, {"BackupRetentionPeriod": "1", "DBInstanceClass": "db.t4g.small"}):
        assert deployer.deploy(text(instance=INSTANCE, **change)) == "UPDATE_ROLLBACK_COMPLETE"
        assert "upgrade your account plan" in deployer.reason("Main")


def test_networks_are_counted(world: World, deployer: Deployer) -> None:
    """With those that are there already, as the default one."""
    there = len(world.client("ec2").describe_vpcs()["Vpcs"])
    world.account = Account(quotas={accounts.VPCS: there + 1})
    assert deployer.deploy(small(NETWORKS)) == "ROLLBACK_COMPLETE"
    assert "maximum number of VPCs" in deployer.reason("Thing")


CLUSTER = "  Cluster: {Type: AWS::ECS::Cluster}\n"


def test_the_first_use_of_ecs_fails(world: World, deployer: Deployer) -> None:
    """The role is made by the first cluster, which fails by it; the second one is made, as in new accounts."""
    world.account = Account(has_service_roles=False)
    without_roles(world)
    assert deployer.deploy(small(CLUSTER)) == "ROLLBACK_COMPLETE"
    assert "Unable to assume the service linked role" in deployer.reason("Cluster")
    assert deployer.delete() == "DELETE_COMPLETE"
    assert deployer.deploy(small(CLUSTER)) == "CREATE_COMPLETE"
    assert world.client("iam").get_role(RoleName="AWSServiceRoleForECS")


def test_a_role_that_is_made_before_helps(world: World, deployer: Deployer) -> None:
    """It can be made once; then it has been taken."""
    world.account, iam = Account.new(), world.client("iam")
    without_roles(world)
    iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    with pytest.raises(ClientError, match="AWSServiceRoleForECS has been taken in this account"):
        iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    assert deployer.deploy(small(CLUSTER)) == "CREATE_COMPLETE"


def without_roles(world: World) -> None:
    """Removes the role that another test had made."""
    iam = world.client("iam")
    names = [role["RoleName"] for role in iam.list_roles(PathPrefix="/aws-service-role/")["Roles"]]
    for name in names:
        iam.delete_service_linked_role(RoleName=name)


def test_roles_that_an_old_account_has_are_taken(world: World) -> None:
    """Nobody has to make them there."""
    with pytest.raises(ClientError, match="has been taken in this account"):
        world.client("iam").create_service_linked_role(AWSServiceName="rds.amazonaws.com")


def test_quotas_can_be_read(world: World) -> None:
    """AWS's defaults, or those of the account; a code that nobody knows is an error."""
    client = world.client("service-quotas")
    quota = client.get_service_quota(ServiceCode="ec2", QuotaCode=accounts.ADDRESSES)["Quota"]
    assert (quota["QuotaName"], quota["Value"]) == ("EC2-VPC Elastic IPs", 5.0)
    world.account = Account.new()
    quota = client.get_service_quota(ServiceCode="ec2", QuotaCode=accounts.VCPUS)["Quota"]
    assert quota["Value"] == world.account.quotas[accounts.VCPUS]
    with pytest.raises(ClientError, match="NoSuchResource"):
        client.get_service_quota(ServiceCode="vpc", QuotaCode=accounts.VCPUS)


SYSTEM = "msaspec: 1\nname: z\nnetwork: {zones: ZONES}\nservices: {web: {image: 'web:1', port: 80}}\n"


def network(zones: int) -> str:
    """A system in so many zones of any Region."""
    manifest = SYSTEM.replace("ZONES", str(zones))
    return render.to_yaml(pipeline.compile_main(pipeline.load(manifest, "msa.yaml")).stack)


def test_a_region_has_the_zones_that_it_has(world: World) -> None:
    """us-west-1 has two, and an account may have default subnets in fewer: a third one cannot be selected."""
    west = Deployer(world.client("cloudformation", "us-west-1"), "west")
    assert west.deploy(network(2)) == "CREATE_COMPLETE", west.events()
    world.account = Account(default_zones={"us-east-1": ("us-east-1a",)})
    east = Deployer(world.client("cloudformation"), "east")
    assert west.deploy(network(3)) == "UPDATE_ROLLBACK_COMPLETE"
    assert "Fn::Select cannot select nonexistent value at index 2" in west.reason("PublicSubnet3")
    assert east.deploy(network(2)) == "ROLLBACK_COMPLETE"
    assert "Fn::Select cannot select nonexistent value at index 1" in east.reason("PublicSubnet2")
