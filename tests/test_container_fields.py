"""Fields that say how a container starts and stops, what its role may do, and what the load balancer does for it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from msaspec.aws.service_hosts import boot
from tests.aws.test_user_data import WORKER, Machine, machine
from tests.template import Filled, compiled, template_of
from tests.test_ports import DOOR, RUNTIMES, resources, text

__all__ = ["machine"]

CASE = (Path(__file__).parent / "cases" / "container-fields" / "msa.yaml").read_text("utf-8")
HERE = {"AWS::Partition": "aws-cn", "AWS::Region": "cn-north-1", "AWS::AccountId": "123456789012"}


def test_docker_gets_what_the_manifest_says(machine: Machine) -> None:
    """The first word of the entry point is an option; the others come before the command."""
    result = compiled(CASE)
    (worker,) = (workload for _, workload in result.plan.workloads if workload.name == "worker")
    assert worker.spec.entrypoint == ("sh", "-c", 'exec "$@"', "--")
    made = boot(worker, result.plan.site, "Service", {})  # type: ignore[arg-type]
    assert made.options == ("--entrypoint=sh", "--user=app:app", "--workdir=/srv/app", "--stop-timeout=300")
    assert machine.launch(replace(WORKER, options=made.options, command=made.command)).returncode == 0, machine.log
    options = machine.container["options"]
    assert (options["--entrypoint"], options["--user"]) == (["sh"], ["app:app"])
    assert machine.container["command"] == ["-c", 'exec "$@"', "--", "run"]


@pytest.mark.parametrize(
    ("prefix", "asked", "seen"),
    [
        ("/api", "/api", "/"),
        ("/api", "/api/users/7", "/users/7"),
        ("/api", "/api/", "/"),
        ("/a.b/c+d$e", "/a.b/c+d$e/x.y?z=1", "/x.y?z=1"),
    ],
)
def test_a_prefix_is_stripped(prefix: str, asked: str, seen: str) -> None:
    """The rule rewrites what it matched, whatever characters the prefix has; the health path is asked as it is."""
    web = {"image": "w:1", "port": 80, "runtime": "fargate", "paths": [prefix], "strip": True, "health": "/up"}
    found = resources({"web": web}, **DOOR)
    (rule,) = (part["Properties"] for part in found.values() if part["Type"].endswith("::ListenerRule"))
    (rewrite,) = rule["Transforms"][0]["UrlRewriteConfig"]["Rewrites"]
    assert re.sub(rewrite["Regex"], rewrite["Replace"].replace("$1", r"\1"), asked) == seen
    assert found["WebTargetGroup"]["Properties"]["HealthCheckPath"] == "/up"


def test_the_root_is_not_stripped() -> None:
    """There is nothing to take off; the default health path of a service that strips is the root."""
    web = {"image": "w:1", "port": 80, "runtime": "autoscaling", "paths": ["/", "/api"], "strip": True}
    found = resources({"web": web}, **DOOR)
    assert "Transforms" not in found["WebRule"]["Properties"]
    assert "Transforms" in found["WebRuleApi"]["Properties"]
    assert found["WebTargetGroup"]["Properties"]["HealthCheckPath"] == "/"


@RUNTIMES
def test_a_grant_is_one_of_the_program(runtime: str) -> None:
    """It is in the role that the program acts by, never in the one by which ECS starts it; references are filled in."""
    wanted = "arn:${aws.partition}:ssm:${aws.region}:${aws.account}:parameter/${system.name}/*"
    grants = [{"actions": ["ssm:GetParameter"], "resources": [wanted]}]
    template: dict[str, Any] = template_of(text({"web": {"image": "w:1", "runtime": runtime, "grants": grants}}))
    role = "WebTaskRole" if runtime == "fargate" else "WebRole"
    (policy,) = template["Resources"][role]["Properties"]["Policies"]
    statement = policy["PolicyDocument"]["Statement"][-1]
    assert statement["Action"] == "ssm:GetParameter"
    assert (
        Filled(template, **HERE).value(statement["Resource"])
        == "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/shop/*"
    )
    assert "ssm:" not in str(template["Resources"].get("WebExecutionRole", {}))


def test_a_read_only_container_writes_where_it_may(machine: Machine) -> None:
    """Docker gets a file system of memory for each folder, in which any user may write."""
    web = {"image": "w:1", "read_only": {"except": ["/tmp", "/var/run"], "size": "128 MiB"}}
    result = compiled(text({"web": web}))
    ((_, workload),) = result.plan.workloads
    made = boot(workload, result.plan.site, "Service", {})  # type: ignore[arg-type]
    assert machine.launch(replace(WORKER, options=made.options)).returncode == 0, machine.log
    assert machine.container["options"]["--tmpfs"] == ["/tmp:size=128m,mode=1777", "/var/run:size=128m,mode=1777"]
    (run,) = machine.called("docker", "run")
    assert "--read-only" in run


def test_a_read_only_task_has_tmp() -> None:
    """On Fargate each folder is a tmpfs; the runtime's own field is the same as the service's."""
    base = {"image": "w:1", "runtime": "fargate"}
    own = {"image": "w:1", "runtime": {"type": "fargate", "read_only": True}}
    one, other = (resources({"web": web})["WebTask"] for web in ({**base, "read_only": True}, own))
    assert one == other
    (container,) = one["Properties"]["ContainerDefinitions"]
    assert container["ReadonlyRootFilesystem"] is True
    assert container["LinuxParameters"]["Tmpfs"] == [{"ContainerPath": "/tmp", "Size": 64}]
    assert resources({"web": {**base, "read_only": False}}) == resources({"web": base})
