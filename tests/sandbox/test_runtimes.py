"""One line changes how a deployed system runs: nothing of the old runtime is left, and the data stays."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import permutations

import pytest

from msaspec import sandbox
from tests.sandbox import fronted

RUNTIMES = ("instance", "autoscaling", "fargate")
SYSTEM = """\
msaspec: 1
name: shop
network: {placement: public}
ingress: {domain: shop.example.com, hosted_zone: Z0123456789ABC}
databases: {main: {}}
buckets: {media: {}}
defaults: {runtime: RUNTIME, scale: {min: 2, max: 4}}
services:
  user: {image: 'user:1', port: 8001, paths: [/api/users], uses: [cart, main, media]}
  cart: {image: 'cart:1', port: 8002, paths: [/api/carts], uses: [user]}
"""
ALONE = "defaults: {runtime: instance}"
"""Scaling is for the other two."""


SCALED = "scale: {min: 2, max: 4}"


def template(runtime: str, scale: str = SCALED) -> str:
    """The system on a runtime."""
    text = SYSTEM.replace("RUNTIME", runtime)
    text = text.replace("defaults: {runtime: instance, scale: {min: 2, max: 4}}", ALONE)
    return fronted.template_of(text.replace(SCALED, scale))


@cache
def fresh(runtime: str) -> Mapping[str, int]:
    """What there is of each kind after a first deployment on a runtime."""
    with fronted.standing(template(runtime)) as standing:
        return fronted.inventory(standing.world)


@pytest.mark.parametrize(("one", "other"), list(permutations(RUNTIMES, 2)))
def test_switching_leaves_nothing_behind(one: str, other: str) -> None:
    """After the update there is what a first deployment on the new runtime makes, and the data is the same. Between
    hosts and tasks that follow a load, a deployment with a fixed number comes first."""
    wanted = fresh(other)
    with fronted.standing(template(one)) as standing:
        before = standing.ids
        fronted.unprotect(standing.world)
        if "instance" not in (one, other):  # Scaling has policies of one name and of two types.
            refused = standing.deployer.propose(template(other))
            assert refused["StatusReason"].startswith("Update of resource type is not permitted.")
            assert standing.deployer.deploy(template(one, "scale: 2")) == "UPDATE_COMPLETE"
        assert standing.deployer.deploy(template(other)) == "UPDATE_COMPLETE", standing.deployer.events()
        after = standing.deployer.ids()
        for name in ("MainDatabase", "MediaBucket", "MainSubnets", "Namespace", "Vpc"):
            assert name not in before or after[name] == before[name], name
        assert {"MainDatabase", "MediaBucket"} <= after.keys()
        assert fronted.inventory(standing.world) == wanted


@pytest.mark.parametrize("one", ["autoscaling", "fargate"])
def test_a_protected_load_balancer_stays_when_no_service_needs_it(one: str) -> None:
    """The update succeeds, and what AWS would not remove stays beside the stack: the balancer and its group."""
    with fronted.standing(template(one)) as standing:
        balancer = standing.ids["IngressLoadBalancer"]
        group = standing.ids["IngressSecurityGroup"]
        assert standing.deployer.deploy(template("instance")) == "UPDATE_COMPLETE"
        assert "IngressLoadBalancer" not in standing.deployer.ids()
        assert standing.balancer(balancer)["SecurityGroups"] == [group]
        assert standing.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_deleting_leaves_what_is_retained(runtime: str) -> None:
    """When nothing is protected any more, all goes but what the template keeps."""
    with sandbox.start() as world:
        before = fronted.inventory(world)
        stack = fronted.deployer(world)
        assert stack.deploy(template(runtime)) == "CREATE_COMPLETE", stack.events()
        fronted.unprotect(world)
        assert fronted.deleted(stack) == "DELETE_COMPLETE"
        assert fronted.inventory(world) == before
        buckets = {bucket["Name"] for bucket in world.client("s3").list_buckets()["Buckets"]}
        assert any("mediabucket" in name for name in buckets)
        assert world.client("rds").describe_db_snapshots()["DBSnapshots"]
