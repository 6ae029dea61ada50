"""One line changes how everything runs: data stays, addresses stay, and old and new never want one slot at one time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import permutations
from typing import Any

import pytest

from msaspec import pipeline
from msaspec.compile import aws_types
from msaspec.template.stack import Stack
from msaspec.update import changes, hazards, losses
from msaspec.update.changes import Action, Change
from tests import goldens
from tests.template import registry_of

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
    registry = registry_of(document)
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
    assert [change for change in found if aws_types.of(change.type).holds_data({})] == []
    assert list(losses.found(found)) == []
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


def collisions(before: str, after: str) -> list[str]:
    """What would want a place that is not free, and so would fail the update."""
    old, new = stacks(before)[0], stacks(after)[0]
    found = hazards.found(old.template, new.template, changes.between(old.template, new.template))
    return [each.message for each in found if each.code == hazards.ONE_PLACE.id]


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


GIVEN = CIRCLE.replace("paths: [/api/users]", "paths: [/api/users, /people], priority: {/people: 100, /api/users: 101}")


@pytest.mark.parametrize("runtime", ["autoscaling", "fargate"])
@pytest.mark.parametrize(
    "edits",
    [
        pytest.param([("user:", "client:"), ("[user]", "[client]"), ("[user,", "[client,")], id="a called one renamed"),
        pytest.param([("8001", "X"), ("8002", "8001"), ("X", "8002")], id="two ports exchanged"),
        pytest.param([("/people", "/folk")], id="a path with a given number renamed"),
        pytest.param([("[/api/users, /people]", "[/api/users, /people, /people/new]")], id="a longer path added"),
        pytest.param([("/people: 100, /api/users: 101", "/people: 101, /api/users: 100")], id="numbers exchanged"),
    ],
)
def test_an_edit_takes_no_place_that_is_not_free(edits: list[tuple[str, str]], runtime: str) -> None:
    """A listener, a rule of an edge and a rule with a given number change in place when they change hands."""
    before = after = on(runtime, GIVEN)
    for old, new in edits:
        assert old in after
        after = after.replace(old, new)
    assert collisions(before, after) == []


def test_the_domain_itself_hides_no_path_of_a_service_without_a_host() -> None:
    """A service for all of the domain comes after those for longer paths, whose addresses are told at the domain; hosts
    under the domain come before both."""
    text = on("fargate", CIRCLE) + (
        "  web: {image: 'web:1', port: 80, hosts: [shop.example.com]}\n"
        "  admin: {image: 'admin:1', port: 80, hosts: [admin.shop.example.com]}\n"
    )
    template = stacks(text)[0].template
    rules = [r for r in template["Resources"].values() if r["Type"] == "AWS::ElasticLoadBalancingV2::ListenerRule"]
    ordered = sorted((rule["Properties"] for rule in rules), key=lambda p: int(p["Priority"]))
    found = [p["Actions"][0]["TargetGroupArn"]["Ref"] for p in ordered]
    cart, user = "CartTargetGroup", "UserTargetGroup"
    assert found[0] == "AdminTargetGroup"
    assert found[-1] == "WebTargetGroup"
    assert sorted(found[1:-1]) == [cart, cart, user]
    assert template["Outputs"]["UserUrl"]["Value"] == "https://shop.example.com/api/users"


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
