"""What the address of a called service leads to on Fargate: its tasks, or the load balancer that stays."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from msaspec.diagnostics.diagnostic import Diagnostic, Invalid
from tests.template import compiled, template_of

DOOR = {"ingress": {"domain": "shop.example.com", "hosted_zone": "Z0123456789ABC"}}
BALANCED = {"image": "c:1", "port": 8080, "runtime": "fargate", "address": "balanced"}
WEB = {"image": "w:1", "runtime": "fargate"}
SHIFTING = {"type": "fargate", "deploy": "canary"}


def text(services: dict[str, Any], **sections: Any) -> str:
    """Return a manifest of some services."""
    network = {"network": {"placement": "public"}}
    return yaml.safe_dump({"msaspec": 1, "name": "shop", **network, **sections, "services": services})


def resources(services: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """Return the resources of a manifest of some services."""
    found: dict[str, Any] = template_of(text(services, **sections))["Resources"]
    return found


def told(services: dict[str, Any], **sections: Any) -> list[Diagnostic]:
    """Return what is said of a manifest of some services."""
    try:
        return list(compiled(text(services, **sections)).warnings)
    except Invalid as invalid:
        return list(invalid.diagnostics)


def test_a_name_stays_what_it_is_whatever_registers_in_it() -> None:
    """The Cloud Map service is the same; the tasks register nowhere, which is written out, and the balancer does."""
    callers = {"web": {**WEB, "uses": ["cart"]}}
    direct = resources({"cart": {**BALANCED, "address": "direct"}, **callers})
    balanced = resources({"cart": BALANCED, **callers})
    assert resources({"cart": {**BALANCED, "address": None}, **callers}) == direct, "an upgrade changes nothing"
    assert direct["CartAddress"] == balanced["CartAddress"]
    assert len(direct["CartService"]["Properties"]["ServiceRegistries"]) == 1
    assert balanced["CartService"]["Properties"]["ServiceRegistries"] == []
    alias = balanced["CartAddressBalancer"]["Properties"]
    assert alias["ServiceId"] == {"Fn::GetAtt": ["CartAddress", "Id"]}
    assert alias["InstanceAttributes"] == {
        "AWS_ALIAS_DNS_NAME": {"Fn::GetAtt": ["InternalNetworkLoadBalancer", "DNSName"]}
    }
    assert direct.keys() - balanced.keys() == {"WebToCart"}
    assert "InternalNetworkLoadBalancer" not in direct


def test_the_balancer_has_the_name_before_callers_start_and_after_tasks_are_behind_it() -> None:
    """The service waits for its listener, the name for the service, a caller for the name."""
    found = resources({"cart": BALANCED, "web": {**WEB, "uses": ["cart"]}})
    assert "InternalNetworkListener8080" in found["CartService"]["DependsOn"]
    assert found["CartAddressBalancer"]["DependsOn"] == ["CartService", "InternalNetworkListener8080"]
    assert {"CartAddressBalancer", "WebToNetwork8080"} <= set(found["WebService"]["DependsOn"])
    assert "CartAddressBalancer" not in found["CartService"]["DependsOn"]


def test_services_in_a_circle_do_not_wait_for_their_names() -> None:
    """They could never start."""
    found = resources({"cart": {**BALANCED, "uses": ["user"]}, "user": {**BALANCED, "port": 8081, "uses": ["cart"]}})
    assert "UserAddressBalancer" not in found["CartService"]["DependsOn"]
    assert "CartAddressBalancer" not in found["UserService"]["DependsOn"]


def test_each_port_that_is_called_has_a_listener() -> None:
    """The main one at `internal_port`, a further one where it is named, for any protocol; a port that nobody names has
    none. Only the main port is asked for its health."""
    ports = {"feed": "9090/tcp", "admin": 9091}
    cart = {
        **BALANCED,
        "internal_port": 8000,
        "ports": ports,
        "health": "/up",
        "sidecars": {"nginx": {"image": "public.ecr.aws/nginx/nginx:1.29"}},
    }
    found = resources({"cart": {**cart, "front": "nginx"}, "web": {**WEB, "uses": {"cart": {"ports": ["feed"]}}}})
    listeners = {name for name, part in found.items() if part["Type"].endswith("::Listener")}
    assert listeners == {"InternalNetworkListener8000", "InternalNetworkListener9090"}
    entries = found["CartService"]["Properties"]["LoadBalancers"]
    assert [(each["ContainerName"], each["ContainerPort"]) for each in entries] == [("nginx", 8080), ("cart", 9090)]
    groups = [found[each["TargetGroupArn"]["Ref"]]["Properties"] for each in entries]
    assert [(each["HealthCheckProtocol"], each.get("HealthCheckPath")) for each in groups] == [
        ("HTTP", "/up"),
        ("TCP", None),
    ]
    assert {(each["TargetType"], each["Port"], each["Protocol"]) for each in groups} == {("ip", 80, "TCP")}
    environment = found["WebTask"]["Properties"]["ContainerDefinitions"][0]["Environment"]
    assert {"Name": "CART_URL", "Value": "http://cart.shop.internal:8000"} in environment


@pytest.mark.parametrize("deploy", ["canary", "linear", "blue-green"])
def test_a_deployment_shifts_the_connections_of_other_services_too(deploy: str) -> None:
    """Each listener names both target groups, of which the first has all connections, and ECS may change that."""
    cart = {**BALANCED, "paths": ["/"], "runtime": {"type": "fargate", "deploy": deploy}}
    found = resources({"cart": cart, "web": {**WEB, "uses": ["cart"]}}, **DOOR)
    (action,) = found["InternalNetworkListener8080"]["Properties"]["DefaultActions"]
    weights = {each["TargetGroupArn"]["Ref"]: each["Weight"] for each in action["ForwardConfig"]["TargetGroups"]}
    assert weights == {"CartNetworkTargetGroup": 100, "CartNetworkTargetGroupGreen": 0}
    public, internal = found["CartService"]["Properties"]["LoadBalancers"]
    assert public["AdvancedConfiguration"]["ProductionListenerRule"] == {"Ref": "CartRule"}
    assert internal["AdvancedConfiguration"] == {
        "AlternateTargetGroupArn": {"Ref": "CartNetworkTargetGroupGreen"},
        "ProductionListenerRule": {"Ref": "InternalNetworkListener8080"},
        "RoleArn": {"Fn::GetAtt": ["ClusterLoadBalancerRole", "Arn"]},
    }


def test_a_service_without_paths_may_shift_where_others_call_it() -> None:
    """The new version has as long as elsewhere to become healthy, and the ten minutes that ECS may take before it."""
    limits = []
    for services, sections in (
        ({"cart": {**BALANCED, "runtime": SHIFTING}, "web": {**WEB, "uses": ["cart"]}}, {}),
        ({"cart": {**BALANCED, "runtime": SHIFTING, "address": None, "paths": ["/"]}}, DOOR),
    ):
        found = resources(services, **sections)
        limits.append(int(found["DeploymentWatch"]["Properties"]["Environment"]["Variables"]["SECONDS"]))
    assert limits[0] - limits[1] == 600
    assert [each.code for each in told({"cart": {**BALANCED, "runtime": SHIFTING}})] == ["MSA382", "MSA371"]


def test_eleven_services_on_one_port_are_called_directly() -> None:
    """That is what happens without a word. With a balancer, its one listener a port is told, and both ways out."""
    services = {f"s{number}": {"image": "s:1", "port": 8080, "runtime": "fargate"} for number in range(11)}
    web = {"web": {**WEB, "uses": list(services)}}
    assert told({**services, **web}) == []
    shared = told({**services, **web}, defaults={"address": "balanced"})
    assert [each.code for each in shared] == ["MSA367"] * 10
    assert shared[0].hint == "Give `s1` an `internal_port`, or write `address: direct`."


@pytest.mark.parametrize(("count", "refused"), [(50, False), (51, True)])
def test_the_balancer_has_fifty_listeners(count: int, refused: bool) -> None:
    """Each called port is one."""
    services = {f"s{number}": {**BALANCED, "port": 8000 + number} for number in range(count)}
    found = told({**services, "web": {**WEB, "uses": list(services)}})
    assert [(each.code, each.hint) for each in found if each.code == "MSA366"] == [
        ("MSA366", "Write `address: direct` for 1 of them or more, where they run on `fargate`.")
    ] * refused


@pytest.mark.parametrize(("services", "refused"), [(6, False), (7, True)])
def test_the_group_of_the_balancer_has_sixty_rules(services: int, refused: bool) -> None:
    """Each caller of a port is one: ten callers of six services."""
    called = {f"s{number}": {**BALANCED, "port": 8000 + number} for number in range(services)}
    callers = {f"web{number}": {**WEB, "uses": list(called)} for number in range(10)}
    found = [each for each in told({**called, **callers}) if each.code == "MSA341"]
    assert [each.hint for each in found] == [
        "Write `address: direct` for services on `fargate` that many others call."
    ] * refused


@pytest.mark.parametrize(
    ("cart", "refused"),
    [
        ({"ports": {"p1": 1, "p2": 2, "p3": 3, "p4": 4}}, False),
        ({"ports": {"p1": 1, "p2": 2, "p3": 3, "p4": 4, "p5": 5}}, True),
        ({"paths": ["/"], "runtime": SHIFTING}, False),
        ({"paths": ["/"], "runtime": SHIFTING, "ports": {"p1": 1}}, True),
    ],
)
def test_a_service_has_five_target_groups(cart: dict[str, Any], refused: bool) -> None:
    """One a port that is called or routed to; two where a deployment shifts."""
    uses = {"cart": {"ports": list(cart.get("ports", ()))}}
    found = told({"cart": {**BALANCED, **cart}, "web": {**WEB, "uses": uses}}, **(DOOR if "paths" in cart else {}))
    assert [each.code for each in found] == ["MSA395"] * refused


def test_aliases_do_not_exist_everywhere() -> None:
    """Cloud Map has none in AWS GovCloud (US), where the address is direct."""
    services = {"cart": BALANCED, "web": {**WEB, "uses": ["cart"]}}
    (found,) = told(services, region="us-gov-west-1")
    assert (found.code, found.hint) == ("MSA392", "Set `address: direct` for `cart`.")
    assert told({**services, "cart": {**BALANCED, "address": "direct"}}, region="us-gov-west-1") == []


def test_one_balancer_serves_hosts_and_tasks() -> None:
    """It is made once, for services of both runtimes, whose ports may not meet."""
    host = {"image": "r:1", "port": "6379/tcp", "runtime": "autoscaling"}
    found = resources({"cart": BALANCED, "redis": host, "web": {**WEB, "uses": ["cart", "redis"]}})
    assert [name for name, part in found.items() if part["Type"].endswith("::LoadBalancer")] == [
        "InternalNetworkLoadBalancer"
    ]
    clash = told({"cart": {**BALANCED, "port": 6379}, "redis": host, "web": {**WEB, "uses": ["cart", "redis"]}})
    assert [each.code for each in clash] == ["MSA367"]
