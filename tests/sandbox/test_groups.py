"""What a template declares of groups of hosts stands in the sandbox, by what each service's own API says."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox import fronted
from tests.sandbox.fronted import Fronted


@pytest.fixture(scope="module")
def shop() -> Iterator[Fronted]:
    """The example with groups of hosts, two of each service, deployed."""
    with fronted.standing(fronted.compiled("autoscaling").replace("MinSize: '1'", "MinSize: '2'")) as standing:
        yield standing


def group(shop: Fronted, name: str) -> dict[str, Any]:
    """A group of hosts."""
    found = shop.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    return dict(found["AutoScalingGroups"][0])


def test_groups(shop: Fronted) -> None:
    """Sizes, launch template, subnets, target groups and health check of each group."""
    for _, id, wanted in shop.some("AutoScaling::AutoScalingGroup"):
        there = group(shop, id)
        for key in ("MinSize", "MaxSize", "HealthCheckGracePeriod", "DefaultInstanceWarmup"):
            assert there[key] == int(wanted[key]), key
        assert there["HealthCheckType"] == wanted["HealthCheckType"]
        assert there["VPCZoneIdentifier"].split(",") == wanted["VPCZoneIdentifier"]
        assert there["TargetGroupARNs"] == wanted["TargetGroupARNs"]
        template = there["LaunchTemplate"]
        assert {key: template[key] for key in wanted["LaunchTemplate"]} == wanted["LaunchTemplate"]
        assert {tag["Key"]: tag["Value"] for tag in there["Tags"]} == {
            "team": "shop",
            **{tag["Key"]: tag["Value"] for tag in wanted["Tags"]},
        }
        assert all(tag["PropagateAtLaunch"] for tag in there["Tags"])


def test_hosts_of_groups(shop: Fronted) -> None:
    """As many hosts run as the group is to have at least, each as its launch template says, spread over the subnets."""
    ec2 = shop.client("ec2")
    for name, id, wanted in shop.some("AutoScaling::AutoScalingGroup"):
        data = shop.properties(name.removesuffix("Group") + "LaunchTemplate")["LaunchTemplateData"]
        hosts = [shop.host(there["InstanceId"]) for there in group(shop, id)["Instances"]]
        assert len(hosts) == int(wanted["MinSize"])
        assert {host["SubnetId"] for host in hosts} == set(wanted["VPCZoneIdentifier"])
        for host in hosts:
            assert host["State"]["Name"] == "running"
            assert host["IamInstanceProfile"]["Arn"] == data["IamInstanceProfile"]["Arn"]
            assert host["InstanceType"] == data["InstanceType"]
            assert {found["GroupId"] for found in host["SecurityGroups"]} == set(data["SecurityGroupIds"])
            assert host["MetadataOptions"]["HttpTokens"] == data["MetadataOptions"]["HttpTokens"]
            assert ec2.describe_images(ImageIds=[host["ImageId"]])["Images"][0]["Architecture"] == "arm64"
            told = ec2.describe_instance_attribute(InstanceId=host["InstanceId"], Attribute="userData")
            assert base64.b64decode(told["UserData"]["Value"]) == base64.b64decode(data["UserData"])
            tags = {tag["Key"]: tag["Value"] for tag in host["Tags"]}
            assert {tag["Key"]: tag["Value"] for tag in wanted["Tags"]}.items() <= tags.items()
            volume = host["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
            assert ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Encrypted"]


def test_hosts_are_targets(shop: Fronted) -> None:
    """Each target group has the hosts of its group, on its own port, and nothing else."""
    ports = {id: int(wanted["Port"]) for _, id, wanted in shop.some("ElasticLoadBalancingV2::TargetGroup")}
    for _, id, wanted in shop.some("AutoScaling::AutoScalingGroup"):
        hosts = sorted(there["InstanceId"] for there in group(shop, id)["Instances"])
        for arn in wanted["TargetGroupARNs"]:
            assert shop.targets(arn) == [(host, ports[arn]) for host in hosts]


def test_policies_of_groups(shop: Fronted) -> None:
    """Each group follows its CPU."""
    for _, id, wanted in shop.some("AutoScaling::ScalingPolicy"):
        found = shop.client("autoscaling").describe_policies(AutoScalingGroupName=wanted["AutoScalingGroupName"])
        [there] = found["ScalingPolicies"]
        assert there["PolicyARN"] == id
        assert there["PolicyType"] == wanted["PolicyType"]
        tracking, declared = there["TargetTrackingConfiguration"], wanted["TargetTrackingConfiguration"]
        assert tracking["TargetValue"] == float(declared["TargetValue"])
        assert tracking["PredefinedMetricSpecification"] == declared["PredefinedMetricSpecification"]


def test_names_of_services_are_aliases_of_the_load_balancer(shop: Fronted) -> None:
    """Each callee's name in Cloud Map stands for the internal load balancer."""
    cloud_map = shop.client("servicediscovery")
    registered = shop.some("ServiceDiscovery::Instance")
    for name, id, wanted in shop.some("ServiceDiscovery::Service"):
        there = cloud_map.get_service(Id=id)["Service"]
        assert (there["Name"], there["DnsConfig"]["RoutingPolicy"]) == (wanted["Name"], "WEIGHTED")
        assert [record["Type"] for record in there["DnsConfig"]["DnsRecords"]] == ["A"]
        [instance] = cloud_map.list_instances(ServiceId=id)["Instances"]
        [declared] = [props for _, _, props in registered if props["ServiceId"] == id]
        assert (instance["Id"], instance["Attributes"]) == (declared["InstanceId"], declared["InstanceAttributes"])
        balancer = shop.balancer(shop.ids["InternalLoadBalancer"])
        assert instance["Attributes"] == {"AWS_ALIAS_DNS_NAME": balancer["DNSName"]}, name


def test_a_group_follows_a_number(shop: Fronted) -> None:
    """More hosts become targets; fewer leave the target group."""
    scaling, name, targets = shop.client("autoscaling"), shop.ids["UserServiceGroup"], "UserServiceTargetGroup"
    for count in (3, 2):
        scaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=count)
        hosts = sorted(there["InstanceId"] for there in group(shop, name)["Instances"])
        assert len(hosts) == count
        assert [id for id, _ in shop.targets(shop.ids[targets])] == hosts


def test_another_host_takes_the_place_of_one_that_ends(shop: Fronted) -> None:
    """A host that is terminated is replaced, in the target group, too."""
    name, targets = shop.ids["CartServiceGroup"], shop.ids["CartServiceTargetGroup"]
    gone = group(shop, name)["Instances"][0]["InstanceId"]
    shop.client("ec2").terminate_instances(InstanceIds=[gone])
    hosts = sorted(there["InstanceId"] for there in group(shop, name)["Instances"])
    assert gone not in hosts
    assert [id for id, _ in shop.targets(targets)] == hosts
