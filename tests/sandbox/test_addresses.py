"""`address` of a service on Fargate, switched under a deployed system: what its name leads to, and who is behind it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox import fronted
from tests.sandbox.fronted import Fronted

SYSTEM = """\
msaspec: 1
name: shop
network: {placement: public}
services:
  cart:
    image: 'cart:1'
    port: 8080
    ports: {feed: 9090/tcp}
    scale: 2
    address: ADDRESS
    runtime: {type: fargate, deploy: STRATEGY}
  web: {image: 'web:1', runtime: fargate, uses: {cart: {ports: [feed]}}}
"""


def template(address: str, strategy: str = "rolling") -> str:
    """The system, with an address and a way to deploy."""
    return fronted.template_of(SYSTEM.replace("ADDRESS", address).replace("STRATEGY", strategy))


def named(shop: Fronted) -> set[str]:
    """What the name of the callee leads to: addresses of tasks, or the balancer's name."""
    found = shop.client("servicediscovery").list_instances(ServiceId=shop.deployer.ids()["CartAddress"])["Instances"]
    words = ("AWS_INSTANCE_IPV4", "AWS_ALIAS_DNS_NAME")
    return {str(each["Attributes"][word]) for each in found for word in words if word in each["Attributes"]}


def tasks(shop: Fronted) -> set[str]:
    """The addresses of the tasks of the callee that run."""
    ecs, ids = shop.client("ecs"), shop.deployer.ids()
    arns = ecs.list_tasks(cluster=ids["Cluster"], serviceName=ids["CartService"])["taskArns"]
    running = ecs.describe_tasks(cluster=ids["Cluster"], tasks=arns)["tasks"]
    details = [each for task in running for attachment in task["attachments"] for each in attachment["details"]]
    return {str(each["value"]) for each in details if each["name"] == "privateIPv4Address"}


def behind(shop: Fronted, port: int) -> list[set[tuple[str, int]]]:
    """The targets of each group of a listener; the one with the weight first."""
    elb, ids = shop.client("elbv2"), shop.deployer.ids()
    (found,) = elb.describe_listeners(ListenerArns=[ids[f"InternalNetworkListener{port}"]])["Listeners"]
    (action,) = found["DefaultActions"]
    groups = action["ForwardConfig"]["TargetGroups"] if "ForwardConfig" in action else [action]
    ordered = sorted(groups, key=lambda group: -int(group.get("Weight", 1)))
    return [set(shop.targets(group["TargetGroupArn"])) for group in ordered]


def deployed(shop: Fronted, text: str, **parameters: Any) -> None:
    """Update the stack."""
    assert shop.deployer.deploy(text, **parameters) == "UPDATE_COMPLETE", shop.deployer.events()


def test_switching_leaves_nothing_behind() -> None:
    """In both directions the service and its name stay, and there is what a first deployment makes."""
    with fronted.standing(template("direct")) as standing:
        first = fronted.inventory(standing.world)
        kept = {name: standing.ids[name] for name in ("CartAddress", "CartService", "CartSecurityGroup")}
        assert named(standing) == tasks(standing)
        assert len(tasks(standing)) == 2
        deployed(standing, template("balanced"))
        there = standing.balancer(standing.deployer.ids()["InternalNetworkLoadBalancer"])
        assert named(standing) == {there["DNSName"]}
        for port in (8080, 9090):
            assert behind(standing, port) == [{(address, port) for address in tasks(standing)}]
        second = fronted.inventory(standing.world)
        deployed(standing, template("direct"))
        assert named(standing) == tasks(standing)
        assert {name: standing.deployer.ids()[name] for name in kept} == kept
        assert fronted.inventory(standing.world) == first
    with fronted.standing(template("balanced")) as standing:
        assert fronted.inventory(standing.world) == second


@pytest.mark.parametrize("strategy", ["canary", "linear", "blue-green"])
def test_a_deployment_moves_the_weight_of_every_listener(strategy: str) -> None:
    """The new tasks are behind the other target group of each port, which then has all connections; and back."""
    with fronted.standing(template("balanced", strategy)) as standing:
        for tag in ("2", "3"):
            before = tasks(standing)
            deployed(standing, template("balanced", strategy), CartImageTag=tag)
            after = tasks(standing)
            assert not before & after
            for port in (8080, 9090):
                assert behind(standing, port) == [{(address, port) for address in after}, set()]
