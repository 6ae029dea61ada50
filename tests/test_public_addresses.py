"""Public addresses as references, and references in commands, hosts and secrets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.template import Filled, compiled, template_of
from tests.test_ports import DOOR, RUNTIMES, resources, text


def environment_of(services: dict[str, Any], name: str, **sections: Any) -> dict[str, Any]:
    """Return the resolved variables of a service."""
    plan = compiled(text(services, **sections)).plan
    (found,) = (workload.environment for _, workload in plan.workloads if workload.name == name)
    return dict(found)


@RUNTIMES
def test_a_public_address_needs_no_use(runtime: str) -> None:
    """It is what the output of the service says, and opens no port."""
    web = {"image": "w:1", "port": 80, "runtime": runtime, "paths": ["/web"]}
    worker = {"image": "x:1", "runtime": "fargate", "env": {"WEB": "${web.public_url}", "HOST": "${web.public_host}"}}
    template = template_of(text({"web": web, "worker": worker}))
    (container,) = template["Resources"]["WorkerTask"]["Properties"]["ContainerDefinitions"]
    filled = Filled(template)
    env = {each["Name"]: filled.value(each["Value"]) for each in container["Environment"]}
    assert env["WEB"] == filled.value(template["Outputs"]["WebUrl"]["Value"])
    assert env["WEB"] == f"http://{env['HOST']}/web"
    assert not any(name.startswith("WorkerTo") for name in template["Resources"])


@pytest.mark.parametrize("runtime", ["autoscaling", "fargate"])
def test_a_service_knows_its_own_address(runtime: str) -> None:
    """Behind the load balancer; the first host names it, or the domain, and a path that is the root adds nothing."""
    own = {"A": "${web.public_url}", "B": "${api.public_url}"}
    web = {
        "image": "w:1",
        "port": 80,
        "runtime": runtime,
        "paths": ["/"],
        "hosts": ["www.shop.example.com"],
        "env": own,
    }
    api = {"image": "a:1", "port": 80, "runtime": runtime, "paths": ["/api", "/v2"]}
    found = environment_of({"web": web, "api": api}, "web", **DOOR)
    assert found == {"A": ("https://www.shop.example.com",), "B": ("https://shop.example.com/api",)}


def test_an_address_that_comes_last_makes_no_circle() -> None:
    """A service may use another that names the public address of its caller: then nobody starts first."""
    web = {"image": "w:1", "port": 80, "paths": ["/"], "uses": ["api"]}
    api = {"image": "a:1", "port": 80, "env": {"WEB": "${web.public_url}"}}
    found = resources({"web": web, "api": api})
    assert "ApiInstanceRegistration" not in found["WebInstance"]["DependsOn"]
    without = resources({"web": web, "api": {**api, "env": {}}})
    assert set(without["WebInstance"]["DependsOn"]) > set(found["WebInstance"]["DependsOn"])


@RUNTIMES
def test_a_command_has_references(runtime: str) -> None:
    """Those of what is used, of the system and of AWS; every other dollar sign is the shell's."""
    words = ["--a=${api.address}", "${aws.region}", "$$ $HOME ${X} $${Y} $${a.b}", ""]
    web = {"image": "w:1", "runtime": runtime, "uses": ["api"], "command": words}
    plan = compiled(text({"web": web, "api": {"image": "a:1", "port": 80, "runtime": runtime}})).plan
    (found,) = (workload.command for _, workload in plan.workloads if workload.name == "web")
    filled = ["".join(piece if isinstance(piece, str) else f"<{piece.target}>" for piece in word) for word in found]
    assert filled == ["--a=api.shop.internal:80", "<AWS::Region>", "$$ $HOME ${X} $${Y} ${a.b}", ""]


@pytest.mark.parametrize(("environment", "word"), [(None, "default"), ("prod", "prod")])
def test_hosts_and_secrets_follow_the_environment(environment: str | None, word: str) -> None:
    """The domain, a host and the path of a parameter hold the name of the environment."""
    door = {"domain": "${system.environment}.example.com", "hosted_zone": "Z0123456789ABC"}
    web = {
        "image": "w:1",
        "port": 80,
        "runtime": "fargate",
        "hosts": ["www.${system.environment}.example.com"],
        "secrets": {"KEY": "/${system.name}/${system.environment}/key"},
    }
    written = text({"web": web}, ingress=door, environments={"prod": {}})
    template = template_of(written, environment)
    assert template["Outputs"]["WebUrl"]["Value"] == f"https://www.{word}.example.com"
    (container,) = template["Resources"]["WebTask"]["Properties"]["ContainerDefinitions"]
    assert f"parameter/shop/{word}/key" in str(container["Secrets"])
