"""Updates of a deployed system: what changes in place, what new tasks or hosts leave, and what is taken back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox import fronted
from tests.sandbox.fronted import Fronted

PROD = "production", "prod"


@pytest.fixture
def prod() -> Iterator[Fronted]:
    """The production example, deployed."""
    with fronted.standing(fronted.compiled(*PROD)) as standing:
        yield standing


def priorities(prod: Fronted) -> dict[str, tuple[str, str]]:
    """The rules by logical id, with their ARNs and priorities."""
    return {
        name: (id, prod.client("elbv2").describe_rules(RuleArns=[id])["Rules"][0]["Priority"])
        for name, id, _ in prod.some("ElasticLoadBalancingV2::ListenerRule")
    }


def test_a_rule_changes_in_place(prod: Fronted) -> None:
    """Another path and another priority come to the rule that stands."""
    name, (arn, priority) = min(priorities(prod).items())
    text = fronted.compiled(*PROD)
    changed = text.replace(f"Priority: {priority}\n", "Priority: 11\n").replace("/api/carts", "/api/baskets")
    assert prod.deployer.deploy(changed) == "UPDATE_COMPLETE", prod.deployer.events()
    there = prod.client("elbv2").describe_rules(RuleArns=[arn])["Rules"][0]
    assert there["Priority"] == "11"
    assert prod.deployer.ids()[name] == arn
    paths = [value for found in there["Conditions"] for value in found["PathPatternConfig"]["Values"]]
    assert paths
    assert all(path.startswith("/api/baskets") for path in paths)


def test_a_priority_in_use_takes_the_whole_update_back(prod: Fronted) -> None:
    """A rule that wants another's priority fails, and everything is as before."""
    before = priorities(prod)
    (name, (_, one)), (_, (_, two)), *_ = sorted(before.items())
    clash = fronted.compiled(*PROD).replace(f"Priority: {one}\n", f"Priority: {two}\n")
    assert prod.deployer.deploy(clash) == "UPDATE_ROLLBACK_COMPLETE"
    assert "The specified priority is in use" in prod.deployer.reason(name)
    assert priorities(prod) == before


def weights(prod: Fronted, rule: str) -> dict[str, int]:
    """The target groups of a rule with their weights."""
    [action] = prod.client("elbv2").describe_rules(RuleArns=[rule])["Rules"][0]["Actions"]
    return {group["TargetGroupArn"]: group["Weight"] for group in action["ForwardConfig"]["TargetGroups"]}


def test_a_canary_deployment_moves_a_service_to_its_other_target_group(prod: Fronted) -> None:
    """A new image is a new revision; its tasks are targets of the other group, which has all the weight then."""
    ids = prod.ids
    blue, green = ids["CartServiceTargetGroup"], ids["CartServiceTargetGroupGreen"]
    rule = next(id for name, id, _ in prod.some("ElasticLoadBalancingV2::ListenerRule") if name.startswith("Cart"))
    tasks = prod.targets(blue)
    assert weights(prod, rule) == {blue: 100, green: 0}
    assert prod.deployer.deploy(fronted.compiled(*PROD), CartServiceImageTag="2.0") == "UPDATE_COMPLETE"
    after = prod.deployer.ids()
    assert after["CartServiceService"] == ids["CartServiceService"]
    assert after["CartServiceTask"] == ids["CartServiceTask"].removesuffix(":1") + ":2"
    assert weights(prod, rule) == {blue: 0, green: 100}
    assert prod.targets(blue) == []
    assert len(prod.targets(green)) == len(tasks)
    ecs = prod.client("ecs")
    running = ecs.list_tasks(cluster=after["Cluster"], serviceName=after["CartServiceService"])["taskArns"]
    described = ecs.describe_tasks(cluster=after["Cluster"], tasks=running)["tasks"]
    assert {task["taskDefinitionArn"] for task in described} == {after["CartServiceTask"]}
    former = ecs.describe_task_definition(taskDefinition=ids["CartServiceTask"])["taskDefinition"]
    assert former["status"] == "INACTIVE"


def test_a_service_keeps_the_number_of_tasks_that_its_load_asked_for(prod: Fronted) -> None:
    """What Application Auto Scaling set stays through an update that says no number."""
    ecs, cluster, service = prod.client("ecs"), prod.ids["Cluster"], prod.ids["UserServiceService"]
    ecs.update_service(cluster=cluster, service=service, desiredCount=5)
    assert prod.deployer.deploy(fronted.compiled(*PROD), UserServiceImageTag="2.0") == "UPDATE_COMPLETE"
    there = ecs.describe_services(cluster=cluster, services=[service])["services"][0]
    assert (there["desiredCount"], there["runningCount"]) == (5, 5)
    [address] = [id for name, id, _ in prod.some("ServiceDiscovery::Service") if name.startswith("UserService")]
    assert len(prod.client("servicediscovery").list_instances(ServiceId=address)["Instances"]) == 5


def test_a_new_image_replaces_the_hosts_of_a_group() -> None:
    """A new version of the launch template has all hosts replaced; the target group has the new ones and no other."""
    with fronted.standing(fronted.compiled("autoscaling")) as shop:
        scaling, name = shop.client("autoscaling"), shop.ids["CartServiceGroup"]

        def hosts() -> set[tuple[str, str]]:
            there = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
            return {(host["InstanceId"], host["LaunchTemplate"]["Version"]) for host in there["Instances"]}

        before = hosts()
        assert shop.deployer.deploy(fronted.compiled("autoscaling"), CartServiceImageTag="2.0") == "UPDATE_COMPLETE"
        after = hosts()
        assert shop.deployer.ids()["CartServiceGroup"] == name
        assert {version for _, version in after} == {"2"}
        assert not {id for id, _ in after} & {id for id, _ in before}
        targets = shop.targets(shop.ids["CartServiceTargetGroup"])
        assert [id for id, _ in targets] == sorted(id for id, _ in after)
        states = {shop.host(id)["State"]["Name"] for id, _ in before}
        assert states == {"terminated"}


def test_only_more_hosts_replace_none() -> None:
    """A group that may be larger keeps its hosts and gets the missing ones."""
    text = fronted.compiled("autoscaling")
    with fronted.standing(text) as shop:
        before = shop.targets(shop.ids["CartServiceTargetGroup"])
        assert shop.deployer.deploy(text.replace("MinSize: '1'", "MinSize: '2'")) == "UPDATE_COMPLETE"
        after = shop.targets(shop.ids["CartServiceTargetGroup"])
        assert len(after) == 2
        assert set(before) < set(after)
