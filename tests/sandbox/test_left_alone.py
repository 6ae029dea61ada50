"""A property that a new template does not have keeps its value on the live resource, as CloudFormation's handlers leave
it; what is replaced in place of another goes first where its type says so."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from msaspec import sandbox
from msaspec.sandbox.world import World
from tests import template as templates
from tests.sandbox import fronted
from tests.sandbox.deploying import Deployer, small
from tests.sandbox.test_runtimes import template

SERVICE = "UserService"


def changed(text: str, name: str = SERVICE, **properties: Any) -> str:
    """A template with some properties of a service changed; None removes one."""
    data = templates.load(text)
    stands = data["Resources"][name]["Properties"]
    for key, value in properties.items():
        if value is None:
            stands.pop(key)
        else:
            stands[key] = value
    return yaml.safe_dump(data)


def service(world: World, stack: Deployer) -> dict[str, Any]:
    """The service as ECS has it."""
    ids = stack.ids()
    found = world.client("ecs").describe_services(cluster=ids["Cluster"], services=[ids[SERVICE]])["services"]
    return dict(found[0])


@pytest.mark.parametrize(
    ("key", "there"), [("LoadBalancers", "loadBalancers"), ("ServiceRegistries", "serviceRegistries")]
)
def test_what_a_service_no_longer_says_stays(key: str, there: str) -> None:
    """Its load balancers and names stay until it says an empty list."""
    with sandbox.start() as world:
        stack, text = fronted.deployer(world), template("fargate")
        assert stack.deploy(text) == "CREATE_COMPLETE", stack.events()
        before = service(world, stack)[there]
        assert before
        assert stack.deploy(changed(text, **{key: None})) == "UPDATE_COMPLETE"
        assert service(world, stack)[there] == before
        assert stack.deploy(changed(text, **{key: []})) == "UPDATE_COMPLETE"
        assert service(world, stack)[there] == []


def test_a_name_with_tasks_behind_it_stays() -> None:
    """The Cloud Map service of a service that still registers its tasks cannot be deleted; the update is complete."""
    with sandbox.start() as world:
        stack, text = fronted.deployer(world), template("fargate")
        assert stack.deploy(text) == "CREATE_COMPLETE", stack.events()
        registry = service(world, stack)["serviceRegistries"][0]["registryArn"].rpartition("/")[2]
        name = next(key for key, id in stack.ids().items() if id == registry)
        data = templates.load(changed(text, ServiceRegistries=None))
        del data["Resources"][name]
        assert stack.deploy(yaml.safe_dump(data)) == "UPDATE_COMPLETE"
        assert "could not be deleted" in stack.stack()["StackStatusReason"]
        assert "contains registered instances" in stack.reason(name)
        assert world.client("servicediscovery").get_service(Id=registry)


CLUSTER = "  Cluster: {Type: AWS::ECS::Cluster, Properties: {PROVIDERS}}\n"


def test_a_cluster_keeps_its_capacity_providers(world: World, deployer: Deployer) -> None:
    """Until it names others, or none."""

    def cluster(providers: str) -> list[str]:
        assert deployer.deploy(small(CLUSTER.replace("PROVIDERS", providers))).endswith("E_COMPLETE")
        found = world.client("ecs").describe_clusters(clusters=[deployer.ids()["Cluster"]])["clusters"]
        return list(found[0]["capacityProviders"])

    assert cluster("CapacityProviders: [FARGATE]") == ["FARGATE"]
    assert cluster("ClusterSettings: [{Name: containerInsights, Value: enabled}]") == ["FARGATE"]
    assert cluster("CapacityProviders: [FARGATE_SPOT]") == ["FARGATE_SPOT"]
    assert cluster("CapacityProviders: []") == []


ROUTES = """
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24}}
  One: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
  Two: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
  Routes:
    Type: AWS::EC2::SubnetRouteTableAssociation
    Properties: {SubnetId: !Ref Subnet, RouteTableId: !Ref TABLE}
"""
LOGS = "  Logs: {Type: AWS::Logs::LogGroup, DependsOn: Routes}\n"


def table_of(world: World, subnet: str) -> str:
    """The route table of a subnet."""
    filters = [{"Name": "association.subnet-id", "Values": [subnet]}]
    [found] = world.client("ec2").describe_route_tables(Filters=filters)["RouteTables"]
    return str(found["RouteTableId"])


def test_a_subnet_leaves_its_route_table_before_it_takes_another(world: World, deployer: Deployer) -> None:
    """It cannot have two; an update that fails afterwards gives it the first again."""
    assert deployer.deploy(small(ROUTES.replace("TABLE", "One"))) == "CREATE_COMPLETE"
    assert deployer.deploy(small(ROUTES.replace("TABLE", "Two"))) == "UPDATE_COMPLETE"
    ids = deployer.ids()
    assert table_of(world, ids["Subnet"]) == ids["Two"]
    world.refuse("Logs", "No more")
    assert deployer.deploy(small(ROUTES.replace("TABLE", "One") + LOGS)) == "UPDATE_ROLLBACK_COMPLETE"
    assert table_of(world, ids["Subnet"]) == ids["Two"]
    assert deployer.deploy(small(ROUTES.replace("TABLE", "One") + LOGS)) == "UPDATE_COMPLETE"
    assert table_of(world, ids["Subnet"]) == ids["One"]
    assert deployer.delete() == "DELETE_COMPLETE"
    ec2 = world.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    tables = [ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(2)]
    ec2.associate_route_table(RouteTableId=tables[0], SubnetId=subnet)
    with pytest.raises(ec2.exceptions.ClientError, match="conflicts with an existing association"):
        ec2.associate_route_table(RouteTableId=tables[1], SubnetId=subnet)
