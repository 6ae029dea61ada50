"""Jobs that run before a deployment: services are changed only after they ended well."""

from __future__ import annotations

import json
from typing import Any

from tests.deploy.account import SMALL, Account

GATED = f"""{SMALL.replace("uses: [media]", "uses: [media], runtime: fargate")}\
  alone: {{image: "docker.io/library/nginx:1", runtime: fargate}}
jobs:
  migrate: {{image: "docker.io/library/busybox:1", command: [migrate], run: before-deploy, uses: [media]}}
"""
NEXT = GATED.replace("nginx:1", "nginx:2").replace("[migrate]", "[migrate, again]")


def runs(account: Account) -> list[str]:
    """How the runs of the job ended, the newest first."""
    machine = account.ids()["MigrateMachine"]
    listed = account.world.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    return [each["status"] for each in listed]


def image(account: Account, service: str) -> Any:
    """The image that a service runs."""
    ecs, ids = account.world.client("ecs"), account.ids()
    [found] = ecs.describe_services(cluster=ids["Cluster"], services=[ids[service]])["services"]
    definition = ecs.describe_task_definition(taskDefinition=found["taskDefinition"])["taskDefinition"]
    return definition["containerDefinitions"][0]["image"]


def test_a_job_runs_before_the_first_deployment_and_again_when_it_changed(account: Account) -> None:
    """Not when only a service changed."""
    first = account.deploy(GATED)
    assert first.exit_code == 0, first.output
    assert runs(account) == ["SUCCEEDED"]
    assert account.deploy(GATED.replace("port: 8000", "port: 8001")).exit_code == 0
    assert runs(account) == ["SUCCEEDED"]
    result = account.deploy(NEXT)
    assert result.exit_code == 0, result.output
    assert runs(account) == ["SUCCEEDED", "SUCCEEDED"]
    assert "before a deployment" in account.run("jobs").stdout


def test_a_job_that_fails_leaves_the_old_version_running(account: Account) -> None:
    """The update is taken back, without running the job of the version before; the fault has the line of the job, its
    exit code and the end of its log. A service that shares nothing with the job does not wait."""
    first = account.deploy(GATED)
    assert first.exit_code == 0, first.output
    said = ("step 1", "column exists: postgres://cart:hunter2@db/shop")
    with account.world.fail_tasks("MigrateMachine", exit_code=9, log=said):
        failed = account.deploy(NEXT)
    assert failed.exit_code == 3
    assert "msa.yaml:10:3: error MSA620: Custom::JobGate `MigrateGate` of `jobs.migrate`" in failed.stderr
    assert "exit code 9" in failed.stderr
    assert "column exists" in failed.stderr
    events = account.cloudformation.describe_stack_events(StackName="shop")["StackEvents"]
    reasons = [each.get("ResourceStatusReason", "") for each in events]
    assert any("postgres://cart:***@db/shop" in reason for reason in reasons)
    assert not any("hunter2" in reason for reason in reasons)
    assert account.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert image(account, "CartService").endswith("nginx:1")
    assert runs(account) == ["FAILED", "SUCCEEDED"]


def test_a_first_deployment_that_fails_goes_on_with_the_job(account: Account) -> None:
    """What was made is kept, and the next deployment runs the job again."""
    with account.world.fail_tasks("MigrateMachine", exit_code=1):
        failed = account.deploy(GATED)
    assert (failed.exit_code, "exit code 1" in failed.stderr) == (3, True)
    again = account.deploy()
    assert again.exit_code == 0, again.output
    assert runs(account) == ["SUCCEEDED", "FAILED"]


def test_a_gated_job_can_be_run_by_hand(account: Account) -> None:
    """Nobody waits for that, and its exit code is that of the container."""
    account.deploy(GATED)
    assert account.run("run", "migrate").exit_code == 0
    with account.world.fail_tasks("MigrateMachine", exit_code=4):
        assert account.run("run", "migrate").exit_code == 4


def test_services_with_the_same_stores_depend_on_the_gate(account: Account) -> None:
    """One that shares nothing does not."""
    account.write(GATED)
    resources = json.loads(account.run("compile", "--format", "json").stdout)["template"]["Resources"]
    assert "MigrateGate" in resources["CartService"]["DependsOn"]
    assert "MigrateGate" not in resources["AloneService"].get("DependsOn", [])
