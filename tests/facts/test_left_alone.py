"""What CloudFormation leaves alone where a template says nothing, and templates that therefore say it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests import template
from tests.test_hazards import told

SYSTEM: dict[str, Any] = {
    "msaspec": 1,
    "name": "shop",
    "services": {
        "web": {"image": "web:1", "port": 8080, "paths": ["/web"], "uses": ["stock"]},
        "stock": {"image": "stock:1", "port": 8000, "paths": ["/stock"]},
    },
}


def system(runtime: Any, stock: dict[str, Any] | None = None, web: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the template of the system on a runtime, with other fields of its services; None takes a field away."""
    services = {}
    for name, changed in (("web", web or {}), ("stock", stock or {})):
        fields = {**SYSTEM["services"][name], **changed}
        services[name] = {key: value for key, value in fields.items() if value is not None}
    text = yaml.safe_dump({**SYSTEM, "defaults": {"runtime": runtime}, "services": services})
    return template.template_of(text)


def properties(compiled: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the properties of a resource."""
    found: dict[str, Any] = compiled["Resources"][name]["Properties"]
    return found


def test_a_task_service_that_loses_its_paths_lets_go_of_its_target_group() -> None:
    """An absent list leaves the service registered with a target group that the same update deletes."""
    assert len(properties(system("fargate"), "StockService")["LoadBalancers"]) == 1
    assert properties(system("fargate", {"paths": None}), "StockService")["LoadBalancers"] == []


def test_a_task_service_that_loses_its_last_caller_leaves_its_name() -> None:
    """An absent list leaves tasks registered under a name that then cannot be deleted."""
    assert len(properties(system("fargate"), "StockService")["ServiceRegistries"]) == 1
    assert properties(system("fargate", web={"uses": None}), "StockService")["ServiceRegistries"] == []


def test_a_task_service_says_that_nobody_runs_commands_in_it() -> None:
    """A shell that was allowed is taken away when the manifest no longer allows it."""
    assert properties(system({"type": "fargate", "exec": True}), "StockService")["EnableExecuteCommand"] is True
    assert properties(system("fargate"), "StockService")["EnableExecuteCommand"] is False


def test_a_role_that_may_do_nothing_any_more_says_so() -> None:
    """The policy by which a task was opened for commands goes with the word."""
    assert len(properties(system({"type": "fargate", "exec": True}), "StockTaskRole")["Policies"]) == 1
    assert properties(system("fargate"), "StockTaskRole")["Policies"] == []


def test_a_group_of_hosts_that_is_no_longer_balanced_says_so() -> None:
    """Without targets the group has an empty list, and its hosts are judged by EC2."""
    alone = properties(system("autoscaling", {"paths": None}, {"uses": None}), "StockGroup")
    assert (alone["TargetGroupARNs"], alone["HealthCheckType"]) == ([], "EC2")
    balanced = properties(system("autoscaling"), "StockGroup")
    assert (len(balanced["TargetGroupARNs"]), balanced["HealthCheckType"]) == (2, "ELB")


@pytest.mark.parametrize(("runtime", "codes"), [("fargate", []), ("autoscaling", ["MSA514"])])
def test_another_port_empties_no_target_group_of_tasks(runtime: str, codes: list[str]) -> None:
    """Tasks register with the port of their container, so their groups stay; hosts register with that of the group,
    which is replaced, and that is an outage which is said. Callers get another address, on a listener of its own."""
    assert told(system(runtime), system(runtime, {"port": 8001})) == codes


def test_a_new_target_group_of_something_new_empties_nothing() -> None:
    """A service that gets its first paths has no requests that could be answered with 503."""
    assert told(system("autoscaling", {"paths": None}), system("autoscaling")) == []


def test_a_task_writes_where_frameworks_write_and_reaps_what_sessions_leave() -> None:
    """A read-only file system has a writable /tmp, without which Java does not start; ECS Exec has an init process."""

    def linux(runtime: Any) -> Any:
        task = properties(system(runtime), "StockTask")
        return task["ContainerDefinitions"][0].get("LinuxParameters")

    assert linux("fargate") is None
    assert linux({"type": "fargate", "read_only": True}) == {"Tmpfs": [{"ContainerPath": "/tmp", "Size": 64}]}
    assert linux({"type": "fargate", "exec": True}) == {"InitProcessEnabled": True}
