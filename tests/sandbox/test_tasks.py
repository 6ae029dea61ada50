"""What a template declares of clusters, services and tasks stands in the sandbox, by what each service's API says."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox import fronted
from tests.sandbox.fronted import Fronted


@pytest.fixture(scope="module")
def shop() -> Iterator[Fronted]:
    """The production example, deployed."""
    with fronted.standing(fronted.compiled("production", "prod")) as standing:
        yield standing


def small(value: Any) -> Any:
    """A part of a template in ECS's spelling, with all values as text."""
    if isinstance(value, Mapping):
        keep = value.keys() if any("-" in key for key in value) else None  # the options of a log driver
        return {(key if keep else _small(key)): small(item) for key, item in value.items()}
    if isinstance(value, list):
        return [small(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _small(key: str) -> str:
    return key[0].lower() + key[1:]


def holds(there: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there, at every depth."""
    if isinstance(wanted, Mapping):
        return isinstance(there, Mapping) and all(k in there and holds(there[k], v) for k, v in wanted.items())
    if isinstance(wanted, list):
        return len(there) == len(wanted) and all(map(holds, there, wanted))
    text = str(there).lower() if isinstance(there, bool) else str(there)
    return text in (wanted, f"{wanted}.0")


def test_clusters(shop: Fronted) -> None:
    """Settings and capacity of the cluster, and what runs in it."""
    [(_, id, wanted)] = shop.some("ECS::Cluster")
    there = shop.client("ecs").describe_clusters(clusters=[id], include=["SETTINGS", "TAGS"])["clusters"][0]
    assert there["status"] == "ACTIVE"
    assert there["capacityProviders"] == wanted["CapacityProviders"]
    assert holds(there["settings"], small(wanted["ClusterSettings"]))
    assert {"key": "team", "value": "shop"} in there["tags"]
    assert there["activeServicesCount"] == len(shop.some("ECS::Service"))
    tasks = shop.client("ecs").list_tasks(cluster=id)["taskArns"]
    assert there["runningTasksCount"] == len(tasks) > 0


def test_task_definitions(shop: Fronted) -> None:
    """Image, variables, secrets, log, roles, size and platform of each task definition."""
    for name, id, wanted in shop.some("ECS::TaskDefinition"):
        there = shop.client("ecs").describe_task_definition(taskDefinition=id, include=["TAGS"])
        definition = there["taskDefinition"]
        assert (definition["status"], definition["revision"]) == ("ACTIVE", 1)
        assert holds(definition, small({key: value for key, value in wanted.items() if key != "Tags"})), name
        assert {"key": "team", "value": "shop"} in there["tags"]
        for container in definition["containerDefinitions"]:
            assert not [pair for pair in container["environment"] if "{{resolve" in pair["value"]]
    secrets = [
        secret["valueFrom"]
        for _, id, _ in shop.some("ECS::TaskDefinition")
        for container in shop.client("ecs").describe_task_definition(taskDefinition=id)["taskDefinition"][
            "containerDefinitions"
        ]
        for secret in container.get("secrets", [])
    ]
    assert secrets
    for place in secrets:  # ARN:key:: of a secret that is there
        secret, key, *rest = place.rsplit(":", 3)
        assert (key, *rest) in {("username", "", ""), ("password", "", "")}
        assert shop.client("secretsmanager").describe_secret(SecretId=secret)


def service(shop: Fronted, arn: str) -> dict[str, Any]:
    """A service."""
    found = shop.client("ecs").describe_services(cluster=shop.ids["Cluster"], services=[arn], include=["TAGS"])
    return dict(found["services"][0])


def test_services(shop: Fronted) -> None:
    """Network, capacity, platform, deployment, names, target groups and grace of each service."""
    services = shop.some("ECS::Service")
    for name, id, wanted in services:
        there = service(shop, id)
        told = {key: value for key, value in wanted.items() if key not in ("Cluster", "Tags", "DesiredCount")}
        assert holds(there, small(told)), name
        assert there["clusterArn"].endswith(f"/{wanted['Cluster']}")
        assert {"key": "team", "value": "shop"} in there["tags"]
    strategies = {wanted["DeploymentConfiguration"].get("Strategy") for _, _, wanted in services}
    assert "CANARY" in strategies
    assert any("ServiceRegistries" in wanted for _, _, wanted in services)
    assert any("HealthCheckGracePeriodSeconds" in wanted for _, _, wanted in services)


def running(shop: Fronted, arn: str) -> list[dict[str, Any]]:
    """The tasks of a service that run."""
    ecs, cluster = shop.client("ecs"), shop.ids["Cluster"]
    tasks = ecs.list_tasks(cluster=cluster, serviceName=arn)["taskArns"]
    return list(ecs.describe_tasks(cluster=cluster, tasks=tasks, include=["TAGS"])["tasks"]) if tasks else []


def detail(task: Mapping[str, Any], name: str) -> str:
    """A detail of the network interface of a task."""
    [attachment] = task["attachments"]
    return next(str(pair["value"]) for pair in attachment["details"] if pair["name"] == name)


def test_tasks_run(shop: Fronted) -> None:
    """As many tasks run as the service is to have, at least what its load may not fall below, spread over subnets."""
    least = {wanted["ResourceId"]: wanted for _, _, wanted in shop.some("ApplicationAutoScaling::ScalableTarget")}
    ec2 = shop.client("ec2")
    for _, id, wanted in shop.some("ECS::Service"):
        there, tasks = service(shop, id), running(shop, id)
        smallest = int(least[f"service/{shop.ids['Cluster']}/{there['serviceName']}"]["MinCapacity"])
        assert there["desiredCount"] == there["runningCount"] == len(tasks) == smallest
        assert there["pendingCount"] == 0
        [deployment] = there["deployments"]
        assert (deployment["rolloutState"], deployment["runningCount"]) == ("COMPLETED", smallest)
        network = wanted["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert {detail(task, "subnetId") for task in tasks} == set(network["Subnets"])
        for task in tasks:
            assert (task["lastStatus"], task["taskDefinitionArn"]) == ("RUNNING", wanted["TaskDefinition"])
            assert task["capacityProviderName"] == "FARGATE"
            assert {"key": "team", "value": "shop"} in task["tags"]
            subnet = ec2.describe_subnets(SubnetIds=[detail(task, "subnetId")])["Subnets"][0]
            address = detail(task, "privateIPv4Address")
            assert ipaddress.ip_address(address) in ipaddress.ip_network(subnet["CidrBlock"])
            interface = detail(task, "networkInterfaceId")
            card = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]
            assert card["PrivateIpAddress"] == address
            assert [group["GroupId"] for group in card["Groups"]] == network["SecurityGroups"]


def test_tasks_are_targets(shop: Fronted) -> None:
    """The tasks of a service are the targets of its first target group; the other one is empty until a deployment."""
    for _, id, wanted in shop.some("ECS::Service"):
        addresses = sorted(detail(task, "privateIPv4Address") for task in running(shop, id))
        for entry in wanted.get("LoadBalancers", []):
            port = int(entry["ContainerPort"])
            assert shop.targets(entry["TargetGroupArn"]) == [(address, port) for address in addresses]
            other = entry.get("AdvancedConfiguration", {}).get("AlternateTargetGroupArn")
            assert other is None or shop.targets(other) == []


def test_tasks_have_names(shop: Fronted) -> None:
    """Each task of a callee is registered under the callee's name in Cloud Map with its address."""
    cloud_map = shop.client("servicediscovery")
    names = {}
    for _, id, wanted in shop.some("ServiceDiscovery::Service"):
        there = cloud_map.get_service(Id=id)["Service"]
        assert (there["Name"], there["DnsConfig"]["RoutingPolicy"]) == (wanted["Name"], "WEIGHTED")
        names[there["Arn"]] = id
    for _, id, wanted in shop.some("ECS::Service"):
        tasks = {task["taskArn"].rpartition("/")[2]: task for task in running(shop, id)}
        for registry in wanted.get("ServiceRegistries", []):
            listed = cloud_map.list_instances(ServiceId=names.pop(registry["RegistryArn"]))["Instances"]
            assert {there["Id"]: there["Attributes"]["AWS_INSTANCE_IPV4"] for there in listed} == {
                id: detail(task, "privateIPv4Address") for id, task in tasks.items()
            }
    assert not names


def test_scaling(shop: Fronted) -> None:
    """What may be scaled, between which numbers, and by which load."""
    api = shop.client("application-autoscaling")
    for _, _, wanted in shop.some("ApplicationAutoScaling::ScalableTarget"):
        found = api.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[wanted["ResourceId"]])
        assert holds(found["ScalableTargets"][0], {key: str(value) for key, value in wanted.items()})
    for _, id, wanted in shop.some("ApplicationAutoScaling::ScalingPolicy"):
        where, _, namespace = wanted["ScalingTargetId"].split("|")
        found = api.describe_scaling_policies(ServiceNamespace=namespace, ResourceId=where)
        [there] = found["ScalingPolicies"]
        assert (there["PolicyARN"], there["PolicyName"]) == (id, wanted["PolicyName"])
        tracking = there["TargetTrackingScalingPolicyConfiguration"]
        declared = wanted["TargetTrackingScalingPolicyConfiguration"]
        assert tracking["TargetValue"] == float(declared["TargetValue"])
        assert tracking["PredefinedMetricSpecification"] == declared["PredefinedMetricSpecification"]


def test_a_stopped_task_is_replaced(shop: Fronted) -> None:
    """The service starts another one in its place, which is registered where the one before was."""
    ecs = shop.client("ecs")
    [(_, cluster, _)] = shop.some("ECS::Cluster")
    before = ecs.list_tasks(cluster=cluster)["taskArns"]
    stopped = ecs.stop_task(cluster=cluster, task=before[0], reason="ends")["task"]
    assert (stopped["lastStatus"], stopped["stoppedReason"]) == ("STOPPED", "ends")
    after = ecs.list_tasks(cluster=cluster)["taskArns"]
    assert len(after) == len(before)
    assert before[0] not in after
    [fresh] = ecs.describe_tasks(cluster=cluster, tasks=[arn for arn in after if arn not in before])["tasks"]
    assert (fresh["group"], fresh["taskDefinitionArn"]) == (stopped["group"], stopped["taskDefinitionArn"])
    with pytest.raises(ClientError, match="task was not found"):
        ecs.stop_task(cluster=cluster, task="0" * 32)


def test_the_role_of_the_cluster_may_shift_traffic(shop: Fronted) -> None:
    """AWS's own policy for ECS and load balancers is attached to the role that services name."""
    roles = {
        entry["AdvancedConfiguration"]["RoleArn"].rpartition("/")[2]
        for _, _, wanted in shop.some("ECS::Service")
        for entry in wanted.get("LoadBalancers", [])
        if "AdvancedConfiguration" in entry
    }
    for role in roles:
        [attached] = shop.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        assert attached["PolicyName"] == "AmazonECSInfrastructureRolePolicyForLoadBalancers"
    assert roles


def refusal(shop: Fronted, **changes: Any) -> str:
    """What ECS says to a service like the user service, but for some changes."""
    [wanted] = [wanted for name, _, wanted in shop.some("ECS::Service") if name == "UserServiceService"]
    words = {
        "cluster": wanted["Cluster"],
        "serviceName": "another",
        "taskDefinition": wanted["TaskDefinition"],
        "desiredCount": 1,
        "networkConfiguration": small(wanted["NetworkConfiguration"]),
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}],
    }
    with pytest.raises(ClientError) as caught:
        shop.client("ecs").create_service(**(words | changes))
    return str(caught.value.response["Error"]["Message"])


def test_what_ecs_refuses(shop: Fronted) -> None:
    """A target group that no load balancer sends to, or that is for hosts; capacity that the cluster lacks; a name in
    use; the end of a cluster with services."""
    elb, [(_, vpc, _)] = shop.client("elbv2"), shop.some("EC2::VPC")
    words = {"Protocol": "HTTP", "Port": 8002, "VpcId": vpc}
    for kind, fault in (("ip", "does not have an associated load balancer"), ("instance", "is incompatible with")):
        made = elb.create_target_group(Name=f"lone-{kind}", TargetType=kind, **words)["TargetGroups"][0]
        entry = {"targetGroupArn": made["TargetGroupArn"], "containerName": "user-service", "containerPort": 8002}
        assert fault in refusal(shop, loadBalancers=[entry])
        elb.delete_target_group(TargetGroupArn=made["TargetGroupArn"])
    hosts = [{"capacityProvider": "hosts", "weight": 1}]
    assert "capacity provider hosts" in refusal(shop, capacityProviderStrategy=hosts)
    taken = shop.ids["UserServiceService"].rpartition("/")[2]
    assert refusal(shop, serviceName=taken) == "Creation of service was not idempotent."
    with pytest.raises(ClientError, match="ClusterContainsServices"):
        shop.client("ecs").delete_cluster(cluster=shop.ids["Cluster"])
