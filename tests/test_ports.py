"""Ports with protocols and names: what they become, and the order in which services start."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from msaspec.compile import order
from msaspec.diagnostics.diagnostic import Invalid
from tests.template import compiled, template_of

DOOR = {"ingress": {"domain": "shop.example.com", "hosted_zone": "Z0123456789ABC"}}
NETWORK = {"network": {"placement": "public"}}
RUNTIMES = pytest.mark.parametrize("runtime", ["instance", "autoscaling", "fargate"])


def text(services: dict[str, Any], **sections: Any) -> str:
    """Return a manifest of some services."""
    return yaml.safe_dump({"msaspec": 1, "name": "shop", **NETWORK, **sections, "services": services})


def resources(services: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """Return the resources of a manifest of some services."""
    found: dict[str, Any] = template_of(text(services, **sections))["Resources"]
    return found


def opened(found: dict[str, Any]) -> set[tuple[str, int]]:
    """Return the rules that callers have: logical id and port."""
    rules = {name: part for name, part in found.items() if part["Type"] == "AWS::EC2::SecurityGroupIngress"}
    return {(name, part["Properties"]["FromPort"]) for name, part in rules.items() if name.startswith("WebTo")}


@RUNTIMES
def test_a_use_opens_the_ports_that_it_names(runtime: str) -> None:
    """The main port always, a further one where it is named, each by a rule that is named for it."""
    rabbit = {"image": "r:1", "port": "5672/tcp", "ports": {"console": 15672, "metrics": 15692}, "runtime": runtime}
    web = {"image": "w:1", "port": 80, "runtime": runtime}
    plain = opened(resources({"rabbit": rabbit, "web": {**web, "uses": ["rabbit"]}}))
    more = opened(resources({"rabbit": rabbit, "web": {**web, "uses": {"rabbit": {"ports": ["console"]}}}}))
    assert {port for _, port in plain} == {5672}
    assert {port for _, port in more} == {5672, 15672}
    assert plain < more, "a further port moves no rule"


@RUNTIMES
def test_the_variables_of_a_port_follow_its_protocol(runtime: str) -> None:
    """A URL for HTTP; host and port for gRPC and other protocols; attributes for all of them."""
    callee = {"image": "r:1", "port": "5672/tcp", "ports": {"side-door": 80, "rpc": "7000/grpc"}, "runtime": runtime}
    env = {"A": "${rabbit.side_door_url} ${rabbit.rpc_address} ${rabbit.rpc_port} ${rabbit.url}"}
    web = {"image": "w:1", "runtime": runtime, "uses": {"rabbit": {"ports": ["side-door", "rpc"]}}, "env": env}
    plan = compiled(text({"rabbit": callee, "web": web})).plan
    (environment,) = (workload.environment for _, workload in plan.workloads if workload.name == "web")
    host = "rabbit.shop.internal"
    assert environment == {
        "A": (f"http://{host}:80 {host}:7000 7000 tcp://{host}:5672",),
        "RABBIT_ADDRESS": (f"{host}:5672",),
        "RABBIT_RPC_ADDRESS": (f"{host}:7000",),
        "RABBIT_SIDE_DOOR_URL": (f"http://{host}:80",),
    }


def test_hosts_that_speak_more_than_http_are_called_through_a_balancer_of_tcp() -> None:
    """An Application Load Balancer could never reach them. It has a group from the start and hides client addresses."""
    redis = {"image": "r:1", "port": "6379/tcp", "internal_port": 6380, "runtime": "autoscaling"}
    found = resources({"redis": redis, "web": {"image": "w:1", "uses": ["redis"]}})
    assert "InternalLoadBalancer" not in found
    assert found["InternalNetworkLoadBalancer"]["Properties"]["SecurityGroups"] == [
        {"Ref": "InternalNetworkSecurityGroup"}
    ]
    listener = found["InternalNetworkListener6380"]["Properties"]
    assert (listener["Protocol"], listener["Port"]) == ("TCP", 6380)
    group = found["RedisNetworkTargetGroup"]["Properties"]
    assert (group["Protocol"], group["Port"], group["HealthCheckProtocol"]) == ("TCP", 6379, "TCP")
    assert {"Key": "preserve_client_ip.enabled", "Value": "false"} in group["TargetGroupAttributes"]
    assert found["RedisGroup"]["Properties"]["TargetGroupARNs"] == [{"Ref": "RedisNetworkTargetGroup"}]
    name = found["RedisAddressBalancer"]["Properties"]["InstanceAttributes"]["AWS_ALIAS_DNS_NAME"]
    assert name == {"Fn::GetAtt": ["InternalNetworkLoadBalancer", "DNSName"]}


def test_two_services_on_one_port_of_a_balancer_are_told() -> None:
    """One port of one balancer leads to one service; the same port of the other balancer to another."""
    redis = {"image": "r:1", "port": "6379/tcp", "runtime": "autoscaling"}
    http = {"image": "h:1", "port": 6379, "runtime": "autoscaling"}
    resources({"redis": redis, "http": http, "web": {"image": "w:1", "uses": ["redis", "http"]}})
    with pytest.raises(Invalid) as caught:
        compiled(text({"redis": redis, "other": redis, "web": {"image": "w:1", "uses": ["redis", "other"]}}))
    assert [(each.code, each.path) for each in caught.value.diagnostics] == [
        ("MSA367", ("services", "redis", "port")),
    ]


@pytest.mark.parametrize("runtime", ["autoscaling", "fargate"])
def test_grpc_is_routed_over_https(runtime: str) -> None:
    """The target group speaks gRPC and asks the health service; without a health service any status will do."""
    mail = {"image": "m:1", "port": "7000/grpc", "paths": ["/shop.Mail"], "runtime": runtime}
    group = resources({"mail": mail}, **DOOR)["MailTargetGroup"]["Properties"]
    assert (group["Protocol"], group["ProtocolVersion"]) == ("HTTP", "GRPC")
    assert (group["HealthCheckPath"], group["Matcher"]) == ("/grpc.health.v1.Health/Check", {"GrpcCode": "0"})
    lenient = resources({"mail": {**mail, "health": "tcp"}}, **DOOR)["MailTargetGroup"]["Properties"]
    assert lenient["Matcher"] == {"GrpcCode": "0-99"}


@pytest.mark.parametrize("deploy", ["rolling", "canary"])
def test_a_path_leads_to_a_further_port(deploy: str) -> None:
    """Its port has a target group of its own, which the tasks join, also where a deployment shifts between two."""
    paths = [{"path": "/admin", "port": "console"}]
    rabbit = {"image": "r:1", "port": "5672/tcp", "ports": {"console": 15672}, "paths": paths}
    runtime = {"type": "fargate", "deploy": deploy}
    found = resources({"rabbit": {**rabbit, "runtime": runtime, "scale": {"max": 3, "cpu": 50}}}, **DOOR)
    (balanced,) = found["RabbitService"]["Properties"]["LoadBalancers"]
    assert (balanced["ContainerPort"], balanced["TargetGroupArn"]) == (15672, {"Ref": "RabbitPortConsoleTargetGroup"})
    assert ("RabbitPortConsoleTargetGroupGreen" in found) is (deploy == "canary")
    assert found["RabbitFromIngressPortConsole"]["Properties"]["FromPort"] == 15672
    assert "RabbitTargetGroup" not in found


def test_scaling_on_requests_counts_the_port_that_is_routed() -> None:
    """Where no path leads to the main port, the first further port counts."""
    paths = [{"path": "/admin", "port": "console"}]
    for runtime in ("autoscaling", "fargate"):
        rabbit = {"image": "r:1", "port": "5672/tcp", "ports": {"console": 15672}, "paths": paths, "runtime": runtime}
        found = resources({"rabbit": {**rabbit, "scale": {"max": 3, "requests": 50}}}, **DOOR)
        assert "RabbitPortConsoleTargetGroup" in str(found["RabbitScaleOnRequests"])


def test_a_command_is_a_check_in_the_container() -> None:
    """ECS runs it, with the counts and times of the service, and at most five minutes for the start."""
    health = {"command": ["redis-cli", "-p", "${x}", "ping"], "unhealthy": 5, "interval": "20 s", "grace": "1 h"}
    redis = {"image": "r:1", "port": "6379/tcp", "runtime": "fargate"}
    found = resources({"redis": {**redis, "health": health}})
    (container,) = found["RedisTask"]["Properties"]["ContainerDefinitions"]
    literal = {"Fn::Join": ["", ["$", "{x}"]]}
    assert container["HealthCheck"] == {
        "Command": ["CMD", "redis-cli", "-p", literal, "ping"],
        "Interval": 20,
        "Timeout": 5,
        "Retries": 5,
        "StartPeriod": 300,
    }
    (container,) = resources({"redis": redis})["RedisTask"]["Properties"]["ContainerDefinitions"]
    assert "HealthCheck" not in container


@RUNTIMES
def test_who_is_called_starts_first(runtime: str) -> None:
    """A service waits until the services that it uses answer at their names, but for those that lead back to it."""
    common = {"image": "x:1", "port": 8080, "runtime": runtime}
    services = {
        "config": {**common, "port": 8001},
        "left": {**common, "port": 8002, "uses": ["right", "config"]},
        "right": {**common, "port": 8003, "uses": ["left"]},
        "front": {**common, "port": 8004, "uses": ["left"]},
    }
    found = resources(services)
    suffix = {"instance": "Instance", "autoscaling": "Group", "fargate": "Service"}[runtime]
    ready = {"instance": "AddressInstance", "autoscaling": "AddressBalancer", "fargate": "Service"}[runtime]

    def waits(name: str) -> set[str]:
        (start,) = (part for key, part in found.items() if key.startswith(f"{name}{suffix}") and "DependsOn" in part)
        return {each for each in start["DependsOn"] if each.endswith(ready)}

    assert waits("Front") == {f"Left{ready}"}
    assert waits("Left") == {f"Config{ready}"}
    assert waits("Right") == set()


def test_the_order_of_any_uses_has_no_circle() -> None:
    """A service that a circle leads to and from waits for nothing on it, however long the circle is."""
    ring = {f"s{number}": [f"s{(number + 1) % 2000}"] for number in range(2000)}
    assert set(order.before(ring).values()) == {()}
    chain = {f"s{number}": [f"s{number + 1}"] for number in range(2000)} | {"s2000": []}
    assert order.before(chain) == {name: tuple(used) for name, used in chain.items()}
