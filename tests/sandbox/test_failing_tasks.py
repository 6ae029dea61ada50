"""Tasks that do not come to run: what ECS and CloudFormation make of it, with and without a circuit breaker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from msaspec import sandbox
from msaspec.sandbox.world import World
from tests import template as templates
from tests.sandbox import fronted
from tests.sandbox.deploying import Deployer
from tests.sandbox.test_left_alone import changed, service
from tests.sandbox.test_runtimes import template

BREAKER = {"DeploymentCircuitBreaker": {"Enable": True, "Rollback": True}}
REASON = "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:...)"
TRIGGERED = "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'."


NEXT = {"UserImageTag": "2"}
"""Another image of the service."""


def configured(text: str, configuration: dict[str, Any]) -> str:
    """The same with another deployment configuration of the service."""
    return changed(text, DeploymentConfiguration=configuration)


@pytest.fixture
def stack() -> Iterator[tuple[World, Deployer]]:
    """A sandbox and a stack, as yet without anything."""
    with sandbox.start() as world:
        yield world, fronted.deployer(world)


def test_a_circuit_breaker_ends_a_deployment(stack: tuple[World, Deployer]) -> None:
    """The service fails with CloudFormation's words, its tasks say why they stopped, and the old ones run on."""
    world, deployer = stack
    text = configured(template("fargate"), BREAKER)
    assert deployer.deploy(text) == "CREATE_COMPLETE", deployer.events()
    before = service(world, deployer)
    with world.fail_tasks("UserService", REASON):
        assert deployer.deploy(text, **NEXT) == "UPDATE_ROLLBACK_COMPLETE"
        assert f'"{TRIGGERED}"' in deployer.reason("UserService")
        assert "HandlerErrorCode: GeneralServiceException" in deployer.reason("UserService")
        assert REASON in stopped(world, deployer)
    after = service(world, deployer)
    assert (after["taskDefinition"], after["runningCount"]) == (before["taskDefinition"], before["runningCount"])
    assert deployer.deploy(text, **NEXT) == "UPDATE_COMPLETE"
    assert service(world, deployer)["taskDefinition"] != before["taskDefinition"]


def stopped(world: World, deployer: Deployer) -> list[str]:
    """Why tasks of the cluster stopped."""
    ecs, cluster = world.client("ecs"), deployer.ids()["Cluster"]
    arns = ecs.list_tasks(cluster=cluster, desiredStatus="STOPPED")["taskArns"]
    return [task.get("stoppedReason", "") for task in ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]]


def test_a_first_creation_that_fails_leaves_nothing(stack: tuple[World, Deployer]) -> None:
    """The service that was made goes with the rest, its cluster after it."""
    world, deployer = stack
    text = unprotected(configured(template("fargate"), BREAKER))
    with world.fail_tasks("UserService"):
        assert deployer.deploy(text) == "ROLLBACK_COMPLETE", deployer.events()
    assert TRIGGERED in deployer.reason("UserService")
    assert world.client("ecs").list_clusters()["clusterArns"] == []


def unprotected(text: str) -> str:
    """The same where nothing is protected from deletion."""
    data = templates.load(text)
    for part in data["Resources"].values():
        part.get("Properties", {}).pop("DeletionProtection", None)
        if part["Type"] == "AWS::ElasticLoadBalancingV2::LoadBalancer":
            part["Properties"].pop("LoadBalancerAttributes", None)
    return yaml.safe_dump(data)


def test_without_a_circuit_breaker_a_deployment_goes_on(stack: tuple[World, Deployer]) -> None:
    """Until somebody cancels it, or the tasks are well."""
    world, deployer = stack
    text = configured(template("fargate"), {"MaximumPercent": 200})
    assert deployer.deploy(text) == "CREATE_COMPLETE", deployer.events()
    before = service(world, deployer)
    for heals in (False, True):
        described = deployer.propose(text, **NEXT)
        with world.fail_tasks("UserService", REASON) as ailing:
            deployer.client.execute_change_set(ChangeSetName=described["ChangeSetId"])
            waits(world, deployer)
            assert deployer.stack()["StackStatus"] == "UPDATE_IN_PROGRESS"
            assert service(world, deployer)["runningCount"] == before["runningCount"]
            if heals:
                ailing.heal()
            else:
                deployer.client.cancel_update_stack(StackName=deployer.name)
            assert deployer.ended() == ("UPDATE_COMPLETE" if heals else "UPDATE_ROLLBACK_COMPLETE")
        assert (service(world, deployer)["taskDefinition"] == before["taskDefinition"]) is not heals


def waits(world: World, deployer: Deployer) -> None:
    """Waits until the service is in a deployment that does not end."""
    deployer.wait(lambda _: service(world, deployer)["deployments"][0]["rolloutState"] == "IN_PROGRESS")


SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:other"


@pytest.mark.parametrize(("granted", "runs"), [(SECRET, False), (f"{SECRET}-??????", True), ("*", True)])
def test_a_task_reads_only_what_its_role_may(stack: tuple[World, Deployer], granted: str, runs: bool) -> None:
    """IAM compares the ARN that Secrets Manager keeps, with its six last characters: a grant without them is none."""
    world, deployer = stack
    text = changed(configured(template("fargate"), BREAKER), LoadBalancers=[])
    assert deployer.deploy(text) == "CREATE_COMPLETE", deployer.events()
    data = templates.load(text)
    definition = data["Resources"]["UserTask"]["Properties"]
    definition["ContainerDefinitions"][0].setdefault("Secrets", []).append({"Name": "OTHER", "ValueFrom": SECRET})
    role = data["Resources"][definition["ExecutionRoleArn"]["Fn::GetAtt"][0]]["Properties"]
    statement = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": granted}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    role.setdefault("Policies", []).append({"PolicyName": "other", "PolicyDocument": document})
    status = deployer.deploy(yaml.safe_dump(data))
    assert status == ("UPDATE_COMPLETE" if runs else "UPDATE_ROLLBACK_COMPLETE")
    if not runs:
        said = next(reason for reason in stopped(world, deployer) if "ResourceInitializationError" in reason)
        assert f"secretsmanager:GetSecretValue on resource: {SECRET}-" in said


def test_a_managed_policy_grants_too(stack: tuple[World, Deployer]) -> None:
    """What is attached to the role counts as what stands in it."""
    _, deployer = stack
    data = templates.load(configured(template("fargate"), BREAKER))
    role = data["Resources"]["UserExecutionRole"]["Properties"]
    [policy] = role.pop("Policies")
    managed = {"PolicyDocument": policy["PolicyDocument"]}
    data["Resources"]["Managed"] = {"Type": "AWS::IAM::ManagedPolicy", "Properties": managed}
    role["ManagedPolicyArns"] = [{"Ref": "Managed"}]
    assert deployer.deploy(yaml.safe_dump(data)) == "CREATE_COMPLETE", deployer.events()
