"""Deployments that shift requests end when the new version never becomes healthy: by the function, and by `deploy`."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.deploy.account import SMALL, Account
from tests.sandbox.deploying import Deployer

RUNTIME = "{type: fargate, deploy: {strategy: canary, limit: 20 min}}"
CANARY = SMALL.replace("uses: [media]", f"uses: [media], paths: [/], runtime: {RUNTIME}")
BROKEN = "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:...)"


def older(monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    """Have every deployment that does not end be so old."""
    from msaspec.sandbox.on_moto import readiness

    plain = readiness.mark_failing

    def mark(service: Any, deployment: dict[str, Any], before: list[dict[str, Any]], *, seen: bool = True) -> None:
        deployment["createdAt"] -= timedelta(minutes=minutes)
        plain(service, deployment, before, seen=seen)

    monkeypatch.setattr(readiness, "mark_failing", mark)


def begin(account: Account, deployer: Deployer) -> None:
    """Execute an update by hand whose deployment does not end, as the AWS CLI does, and wait for that deployment."""
    account.write(CANARY.replace("nginx:1", "nginx:2"))
    compiled = account.run("compile")
    assert compiled.exit_code == 0, compiled.stderr
    described = deployer.propose(compiled.stdout, Zones={"UsePreviousValue": True})
    account.cloudformation.execute_change_set(ChangeSetName=described["ChangeSetId"], DisableRollback=False)
    waited(lambda: "IN_PROGRESS" in states(account))


def states(account: Account) -> list[str]:
    """Return the states of the deployments of the service."""
    ids = account.ids()
    found = account.world.client("ecs").describe_services(cluster=ids["Cluster"], services=[ids["CartService"]])
    return [each.get("rolloutState", "") for each in found["services"][0]["deployments"]]


def waited(met: Callable[[], bool]) -> None:
    """Wait until something is so."""
    for _ in range(6000):
        if met():
            return
        threading.Event().wait(0.01)
    raise AssertionError("never so")


def watch(account: Account) -> Any:
    """Call the function as its schedule does; return its answer."""
    answer = account.world.client("lambda").invoke(FunctionName=account.ids()["DeploymentWatch"])
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


def test_the_function_takes_back_what_is_late(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before the limit of the manifest has passed. The old version answers all the time."""
    assert account.deploy(CANARY).exit_code == 0
    deployer = Deployer(account.cloudformation)
    with account.world.fail_tasks("CartService", BROKEN):
        for minutes in (19, 21):
            with monkeypatch.context() as patch:
                older(patch, minutes)
                begin(account, deployer)
            assert watch(account) == (None, None)
            if minutes == 19:
                assert account.status() == "UPDATE_IN_PROGRESS"
                account.cloudformation.cancel_update_stack(StackName="shop")
            assert deployer.ended() == "UPDATE_ROLLBACK_COMPLETE"
            assert states(account) == ["COMPLETED"]


def test_the_function_stops_a_deployment_that_no_update_made(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody deployed anew by hand: ECS takes the service back."""
    assert account.deploy(CANARY).exit_code == 0
    ecs, ids = account.world.client("ecs"), account.ids()
    where = {"cluster": ids["Cluster"], "service": ids["CartService"]}
    before = ecs.describe_services(cluster=ids["Cluster"], services=[ids["CartService"]])["services"][0]
    words = ecs.describe_task_definition(taskDefinition=before["taskDefinition"])["taskDefinition"]
    known = ecs.meta.service_model.operation_model("RegisterTaskDefinition").input_shape.members
    older(monkeypatch, 21)
    with account.world.fail_tasks("CartService", BROKEN):
        again = ecs.register_task_definition(**{key: value for key, value in words.items() if key in known})
        ecs.update_service(**where, taskDefinition=again["taskDefinition"]["taskDefinitionArn"])
        assert watch(account) == (None, None)
        assert states(account)[0] == "COMPLETED"
    after = ecs.describe_services(cluster=ids["Cluster"], services=[ids["CartService"]])["services"][0]
    assert after["taskDefinition"] == before["taskDefinition"]


def test_deploy_ends_what_is_late_and_says_which(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure is on the manifest line of the service."""
    assert account.deploy(CANARY).exit_code == 0
    older(monkeypatch, 21)
    with account.world.fail_tasks("CartService", BROKEN):
        result = account.deploy(CANARY.replace("nginx:1", "nginx:2"))
    assert result.exit_code == 3, result.stderr
    assert (
        "The new version of `services.cart` is not healthy after 20 min. msaspec cancels the update, and it rolls back."
    ) in result.stderr
    assert "MSA628" in result.stderr
    assert "msa.yaml:7" in result.stderr
    assert account.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert states(account) == ["COMPLETED"]
