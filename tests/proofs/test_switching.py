"""One line changes how everything runs: data stays, addresses stay, and old and new never want one slot at one time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any

import pytest

from msaspec import changes, pipeline
from msaspec.changes import STATEFUL, Action, Change
from msaspec.compile import Stack
from tests import goldens

RUNTIMES = ("instance", "autoscaling", "fargate")
PAIRS = list(permutations(RUNTIMES, 2))
SHOP = (goldens.EXAMPLES / "msa.yaml").read_text("utf-8")
CIRCLE = """\
msaspec: 1
name: shop
network: {placement: public}
ingress: {domain: shop.example.com, hosted_zone: Z0123456789ABC}
databases: {main: {}}
buckets: {media: {cdn: true}}
defaults: {runtime: RUNTIME, scale: {min: 2, max: 4}}
services:
  user: {image: 'user:1', port: 8001, paths: [/api/users], uses: [cart, main, media]}
  cart: {image: 'cart:1', port: 8002, paths: [/api/carts, /api/carts/admin], uses: [user, main]}
  mail: {image: 'mail:1', uses: [user]}
"""


def stacks(text: str) -> tuple[Stack, Stack]:
    """The main stack and the registry stack."""
    document = pipeline.load(text, "msa.yaml")
    registry, _ = pipeline.compile_registry(document)
    assert registry
    return pipeline.compile_main(document).stack, registry


def on(runtime: str, text: str = CIRCLE) -> str:
    """A system on a runtime."""
    return text.replace("RUNTIME", runtime).replace("runtime: instance", f"runtime: {runtime}")


def compared(before: str, after: str) -> tuple[Change, ...]:
    """What an update of the main stack does."""
    old, new = stacks(before)[0], stacks(after)[0]
    return changes.between(old.template, new.template, origins=new.origins, origins_before=old.origins)


@pytest.mark.parametrize("text", [CIRCLE, SHOP], ids=["circle", "example"])
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_no_data_is_touched(one: str, other: str, text: str) -> None:
    """No change at all of a database, bucket, secret or repository, and nothing that would be lost."""
    found = compared(on(one, text), on(other, text))
    assert found
    assert [change for change in found if change.type in STATEFUL] == []
    assert list(changes.losses(found)) == []
    assert stacks(on(one, text))[1].template == stacks(on(other, text))[1].template


def environment(template: Mapping[str, Any]) -> str:
    """What the services of a template are told, as text."""
    carried = {
        name: part["Properties"]
        for name, part in template["Resources"].items()
        if part["Type"] in ("AWS::EC2::LaunchTemplate", "AWS::ECS::TaskDefinition")
    }
    return json.dumps(carried)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_addresses_stay_the_same(runtime: str) -> None:
    """In every runtime a caller is told the same address of its callee, and that name is registered."""
    template = stacks(on(runtime))[0].template
    told = environment(template)
    for name, port in (("user", 8001), ("cart", 8002)):
        assert f"http://{name}.shop.internal:{port}" in told
    named = [
        part["Properties"]["Name"]
        for part in template["Resources"].values()
        if part["Type"] == "AWS::ServiceDiscovery::Service"
    ]
    assert sorted(named) == ["cart", "user"]


def slots(template: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What AWS keeps unique: logical id, and the slot that it takes."""
    for name, part in template["Resources"].items():
        p, kind = part.get("Properties", {}), part["Type"].split("::", 1)[1]

        def text(key: str, p: Mapping[str, Any] = p) -> str:
            return json.dumps(p.get(key), sort_keys=True)

        if kind == "ServiceDiscovery::Service":
            yield name, (kind, text("DnsConfig"), text("Name"))
        elif kind == "ServiceDiscovery::Instance":
            yield name, (kind, text("ServiceId"), text("InstanceId"))
        elif kind == "ElasticLoadBalancingV2::Listener":
            yield name, (kind, text("LoadBalancerArn"), text("Port"))
        elif kind == "ElasticLoadBalancingV2::ListenerRule":
            yield name, (kind, text("ListenerArn"), text("Priority"))
        elif kind == "Route53::RecordSet":
            yield name, (kind, text("HostedZoneId"), text("Name"), text("Type"))
        elif kind == "EC2::SecurityGroupIngress":
            keys = ("GroupId", "IpProtocol", "FromPort", "ToPort", "SourceSecurityGroupId")
            yield name, (kind, *map(text, keys))
        elif kind == "EC2::EIP" and "InstanceId" in p:
            yield name, (kind, text("InstanceId"))
        for key in ("RoleName", "ServiceName", "ClusterName", "TargetGroupName", "AutoScalingGroupName", "AlarmName"):
            if key in p:
                yield name, (kind, key, text(key))
        if kind in ("ElasticLoadBalancingV2::LoadBalancer", "ElasticLoadBalancingV2::TargetGroup") and "Name" in p:
            yield name, (kind, text("Name"))


def collisions(before: str, after: str) -> list[tuple[str, str]]:
    """Pairs of something new and something old that would want one slot at one time.

    CloudFormation makes and changes all first, and removes what is gone or was replaced afterwards.
    """
    old, new = stacks(before)[0], stacks(after)[0]
    done = {c.logical_id: c.action for c in changes.between(old.template, new.template) if "::" in c.type}
    made = (Action.ADD, Action.REPLACE, Action.MAYBE_REPLACE)
    standing = list(slots(old.template))
    wanted = [(name, slot, done.get(name)) for name, slot in slots(new.template)]
    found = []
    for name, slot, action in wanted:
        for other, taken in standing:
            if slot != taken:
                continue
            moves = action is Action.MODIFY and name != other
            if action in made or moves:
                found.append((name, other))
    return found


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_old_and_new_stand_side_by_side(one: str, other: str) -> None:
    """No name, listener, rule, record or registration of the new runtime is in the place of one of the old."""
    assert collisions(on(one), on(other)) == []


@pytest.mark.parametrize("runtime", ["autoscaling", "fargate"])
def test_a_path_moves_from_one_service_to_another(runtime: str) -> None:
    """Two services that exchange their paths in one update: no rule takes the number of another that is still there."""
    before = on(runtime)
    after = before.replace("/api/users", "/X").replace("/api/carts", "/api/users").replace("/X", "/api/carts")
    assert collisions(before, after) == []


def test_the_collision_test_sees_collisions() -> None:
    """Of two templates in which a rule takes the number of another, it tells."""
    rule = {"Type": "AWS::ElasticLoadBalancingV2::ListenerRule", "Properties": {"ListenerArn": "a", "Priority": 1}}
    old, new = {"Resources": {"One": rule}}, {"Resources": {"Two": rule}}
    assert dict(slots(old))["One"] == dict(slots(new))["Two"]


ADDED = "  extra: {image: 'extra:1', port: 8009, paths: [/api/extra], uses: [main]}\n"
SHARED = {"MainBootstrap", "DatabaseBootstrapHandlerRole"}
"""What lists all services: the roles and databases to make, and the secrets that this needs."""


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_adding_a_service_changes_nothing_of_the_others(runtime: str) -> None:
    """What comes is the new service's own, and of what stands only the bootstrap's list changes; likewise what goes."""
    for before, after, action in ((CIRCLE, CIRCLE + ADDED, Action.ADD), (CIRCLE + ADDED, CIRCLE, Action.REMOVE)):
        found = compared(on(runtime, before), on(runtime, after))
        moved = {change.logical_id for change in found if change.action is not action}
        assert moved == SHARED
        own = {change.logical_id for change in found if change.action is action}
        assert all(name.startswith(("Extra", "IngressAliasExtra")) for name in own)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_new_name_is_one_service_less_and_another_more(runtime: str) -> None:
    """Renaming a service is told as removing one and adding another."""
    before = on(runtime, CIRCLE + ADDED)
    found = compared(before, before.replace("extra", "other"))
    removed = {c.logical_id.removeprefix("Extra") for c in found if c.action is Action.REMOVE}
    added = {c.logical_id.removeprefix("Other") for c in found if c.action is Action.ADD}
    paths = {name.replace("ApiExtra", "").replace("ApiOther", "") for name in removed | added}
    assert len(removed) == len(added) == len(paths)
    assert {c.logical_id for c in found if c.action not in (Action.ADD, Action.REMOVE)} == SHARED
