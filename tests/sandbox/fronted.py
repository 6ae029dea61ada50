"""Systems behind load balancers, in groups of hosts and in tasks, deployed into a sandbox and looked up there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from msaspec import pipeline, sandbox
from msaspec.template import render
from tests import goldens
from tests.sandbox.deploying import Deployer, Standing

ZONE = "Z0123456789ABC"
"""The hosted zone of the examples."""


@cache
def compiled(example: str, environment: str | None = None) -> str:
    """The template of an example."""
    return template_of((goldens.EXAMPLES / example / "msa.yaml").read_text("utf-8"), environment)


@cache
def template_of(manifest: str, environment: str | None = None) -> str:
    """The template of a manifest."""
    return render.to_yaml(pipeline.compile_main(pipeline.load(manifest, "msa.yaml"), environment).stack)


def deployer(world: Any, name: str = "shop") -> Deployer:
    """A stack of a sandbox, for templates of any length."""
    return Deployer(world.client("cloudformation"), name, world.client("s3"))


@contextmanager
def standing(text: str, name: str = "shop") -> Iterator[Fronted]:
    """A template, deployed into a sandbox of its own."""
    with sandbox.start() as world:
        stack = deployer(world, name)
        assert stack.deploy(text) == "CREATE_COMPLETE", stack.events()
        yield Fronted(world, stack, text)


class Fronted(Standing):
    """A deployed template, with what its intrinsics stand for of the services behind load balancers, too."""

    def __init__(self, world: Any, stack: Deployer, text: str) -> None:
        super().__init__(world, stack, text)
        self.world = world

    def _values(self) -> dict[str, str]:
        values = super()._values()
        return values | {f"{name}.{key}": value for name, key, value in self._more()}

    def _more(self) -> Iterator[tuple[str, str, str]]:
        for name, id in self.all("AWS::ElasticLoadBalancingV2::LoadBalancer"):
            there = self.balancer(id)
            yield name, "DNSName", there["DNSName"]
            yield name, "CanonicalHostedZoneID", there["CanonicalHostedZoneId"]
            yield name, "LoadBalancerFullName", id.partition("loadbalancer/")[2]
        for name, id in self.all("AWS::ElasticLoadBalancingV2::TargetGroup"):
            yield name, "TargetGroupFullName", id.rpartition(":")[2]
        for name, id in self.all("AWS::EC2::LaunchTemplate"):
            there = self.client("ec2").describe_launch_templates(LaunchTemplateIds=[id])["LaunchTemplates"][0]
            yield name, "LatestVersionNumber", str(there["LatestVersionNumber"])
        for name, id in self.all("AWS::ECS::Service"):
            yield name, "Name", id.rpartition("/")[2]
        for name, id in self.all("AWS::ServiceDiscovery::Service"):
            yield name, "Arn", self.client("servicediscovery").get_service(Id=id)["Service"]["Arn"]

    def of(self, kind: str) -> list[tuple[str, str]]:
        """Logical and physical ids of a type, none where the template has none of it."""
        return self.all(kind)

    def all(self, kind: str) -> list[tuple[str, str]]:
        """Logical and physical ids of a type."""
        parts = self.template["Resources"].items()
        return [(name, self.ids[name]) for name, part in parts if part["Type"] == kind]

    def some(self, kind: str) -> list[tuple[str, str, Mapping[str, Any]]]:
        """Logical and physical ids of a type that the template has, each with its properties."""
        found = [(name, id, self.properties(name)) for name, id in self.all(f"AWS::{kind}")]
        assert found, kind
        return found

    def balancer(self, arn: str) -> dict[str, Any]:
        """A load balancer."""
        found: dict[str, Any] = self.client("elbv2").describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
        return found

    def targets(self, arn: str) -> list[tuple[str, int]]:
        """The healthy targets of a target group with their ports."""
        there = self.client("elbv2").describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        assert {target["TargetHealth"]["State"] for target in there} <= {"healthy"}
        return sorted((target["Target"]["Id"], target["Target"]["Port"]) for target in there)


def unprotect(world: Any) -> None:
    """Lifts whatever would keep a load balancer or a database from going."""
    elb, rds = world.client("elbv2"), world.client("rds")
    lifted = [{"Key": "deletion_protection.enabled", "Value": "false"}]
    for balancer in elb.describe_load_balancers()["LoadBalancers"]:
        elb.modify_load_balancer_attributes(LoadBalancerArn=balancer["LoadBalancerArn"], Attributes=lifted)
    for there in rds.describe_db_instances()["DBInstances"]:
        rds.modify_db_instance(DBInstanceIdentifier=there["DBInstanceIdentifier"], DeletionProtection=False)


def deleted(stack: Deployer) -> str:
    """Deletes a stack; returns the status it ends in."""
    id = stack.stack()["StackId"]
    stack.client.delete_stack(StackName=id)
    stack.client.get_waiter("stack_delete_complete").wait(StackName=id, WaiterConfig={"Delay": 1})
    return str(stack.client.describe_stacks(StackName=id)["Stacks"][0]["StackStatus"])


def inventory(world: Any) -> dict[str, int]:
    """How many there are of each kind of thing, by what each service lists."""
    found = {**_network(world), **_balancing(world), **_groups(world), **_tasks(world), **_names(world)}
    found["roles"] = len(world.client("iam").list_roles()["Roles"])
    found["policies"] = len(world.client("iam").list_policies(Scope="Local")["Policies"])
    found["profiles"] = len(world.client("iam").list_instance_profiles()["InstanceProfiles"])
    found["functions"] = len(world.client("lambda").list_functions()["Functions"])
    found["secrets"] = len(world.client("secretsmanager").list_secrets()["SecretList"])
    found["databases"] = len(world.client("rds").describe_db_instances()["DBInstances"])
    found["alarms"] = len(world.client("cloudwatch").describe_alarms()["MetricAlarms"])
    found["certificates"] = len(world.client("acm").list_certificates()["CertificateSummaryList"])
    return found


def _network(world: Any) -> dict[str, int]:
    ec2 = world.client("ec2")
    reservations = ec2.describe_instances()["Reservations"]
    states = [host["State"]["Name"] for reservation in reservations for host in reservation["Instances"]]
    groups = ec2.describe_security_groups()["SecurityGroups"]
    interfaces = ec2.describe_network_interfaces()["NetworkInterfaces"]
    endpoints = [there["State"] for there in ec2.describe_vpc_endpoints()["VpcEndpoints"]]
    return {
        "hosts": states.count("running"),
        "launch templates": len(ec2.describe_launch_templates()["LaunchTemplates"]),
        "security groups": len(groups),
        "rules of security groups": sum(len(group["IpPermissions"]) for group in groups),
        "addresses": len(ec2.describe_addresses()["Addresses"]),
        "interfaces of tasks": [there["Description"] for there in interfaces].count("ECS"),
        "networks": len(ec2.describe_vpcs()["Vpcs"]),
        "subnets": len(ec2.describe_subnets()["Subnets"]),
        "endpoints": len(endpoints) - endpoints.count("deleted"),  # which moto goes on listing
    }


def _balancing(world: Any) -> dict[str, int]:
    elb = world.client("elbv2")
    balancers = [there["LoadBalancerArn"] for there in elb.describe_load_balancers()["LoadBalancers"]]
    listeners = [
        there["ListenerArn"] for arn in balancers for there in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    ]
    groups = [there["TargetGroupArn"] for there in elb.describe_target_groups()["TargetGroups"]]
    targets = [elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"] for arn in groups]
    return {
        "load balancers": len(balancers),
        "listeners": len(listeners),
        "rules": sum(len(elb.describe_rules(ListenerArn=arn)["Rules"]) for arn in listeners),
        "target groups": len(groups),
        "targets": sum(map(len, targets)),
    }


def _groups(world: Any) -> dict[str, int]:
    scaling = world.client("autoscaling")
    return {
        "groups of hosts": len(scaling.describe_auto_scaling_groups()["AutoScalingGroups"]),
        "policies of groups": len(scaling.describe_policies()["ScalingPolicies"]),
    }


def _tasks(world: Any) -> dict[str, int]:
    ecs, scaling = world.client("ecs"), world.client("application-autoscaling")
    clusters = ecs.list_clusters()["clusterArns"]
    policies = scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    return {
        "clusters": len(clusters),
        "services": sum(len(ecs.list_services(cluster=arn)["serviceArns"]) for arn in clusters),
        "tasks": sum(len(ecs.list_tasks(cluster=arn)["taskArns"]) for arn in clusters),
        "task definitions": len(ecs.list_task_definitions()["taskDefinitionArns"]),
        "scalable targets": len(scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]),
        "policies of services": len(policies),
    }


def _names(world: Any) -> dict[str, int]:
    cloud_map, route53 = world.client("servicediscovery"), world.client("route53")
    services = cloud_map.list_services()["Services"]
    zones = route53.list_hosted_zones()["HostedZones"]
    return {
        "namespaces": len(cloud_map.list_namespaces()["Namespaces"]),
        "names": len(services),
        "registrations": sum(len(cloud_map.list_instances(ServiceId=s["Id"])["Instances"]) for s in services),
        "private zones": sum(zone["Config"]["PrivateZone"] for zone in zones),
        "aliases": sum(
            "AliasTarget" in record
            for zone in zones
            for record in route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
        ),
    }
