"""What a person removed by hand: its deletion is done, by the contract of CloudFormation's handlers; a change fails."""

from __future__ import annotations

import pytest

from msaspec import pipeline, sandbox
from msaspec.sandbox.cloudformation.resource import lookup
from msaspec.sandbox.world import World
from msaspec.template import render
from tests import goldens
from tests.sandbox import fronted
from tests.sandbox.deploying import Deployer, example_registry, small
from tests.sandbox.test_runtimes import template

SYSTEMS = {
    "instance": lambda: template("instance"),
    "autoscaling": lambda: template("autoscaling"),
    "fargate": lambda: template("fargate"),
    "registry": example_registry,
    "nat": lambda: case("nat-per-zone"),
    "endpoints": lambda: case("nat-none"),
    "replicas": lambda: case("replicas"),
}

DOCUMENT = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]}'


def case(name: str) -> str:
    """The template of a case."""
    document = pipeline.load((goldens.CASES / name / "msa.yaml").read_bytes(), "msa.yaml")
    return render.to_yaml(pipeline.compile_main(document).stack)


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_deletion_of_what_is_gone_is_done(system: str) -> None:
    """Each resource of a system is removed through its service; then the stack is deleted without one failure."""
    with sandbox.start() as world:
        stack = fronted.deployer(world)
        assert stack.deploy(SYSTEMS[system]()) == "CREATE_COMPLETE", stack.events()
        fronted.unprotect(world)
        deployment = standing(world, stack)
        for name in reversed(list(deployment.resources)):
            old = deployment.resources[name]
            lookup(old.type).delete(deployment.around.at(name, old.type), old.made.id, old.properties)
        id = stack.stack()["StackId"]
        assert stack.delete() == "DELETE_COMPLETE"
        assert not [event for event in stack.told(id) if event["ResourceStatus"].endswith("FAILED")]


def standing(world: World, stack: Deployer):  # type: ignore[no-untyped-def]
    """What the sandbox's CloudFormation knows of a stack."""
    from moto.cloudformation.models import cloudformation_backends

    backends = cloudformation_backends["123456789012"].values()
    return next(each for backend in backends for each in backend.stacks.values() if each.name == stack.name).deployment


def test_a_change_of_what_is_gone_fails(world: World, deployer: Deployer) -> None:
    """With the code `NotFound`, in the update as in its rollback, which can then be skipped."""
    logs = "  Logs: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 30}}\n"
    topic = "  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: one}}\n"
    assert deployer.deploy(small(logs + topic)) == "CREATE_COMPLETE"
    world.client("logs").delete_log_group(logGroupName=deployer.ids()["Logs"])
    changed = logs.replace("30", "90") + topic.replace("one", "two")
    assert deployer.deploy(small(changed)) == "UPDATE_ROLLBACK_FAILED"
    reasons = [event for event in deployer.told() if event["ResourceStatus"] == "UPDATE_FAILED"]
    assert [event["LogicalResourceId"] for event in reasons] == ["Logs", "Logs"]
    assert all("HandlerErrorCode: NotFound)" in event["ResourceStatusReason"] for event in reasons)
    deployer.client.continue_update_rollback(StackName=deployer.name, ResourcesToSkip=["Logs"])
    assert deployer.ended() == "UPDATE_ROLLBACK_COMPLETE"


def test_what_a_person_added_is_in_the_way(world: World, deployer: Deployer) -> None:
    """A security group in the network and a policy on the role stop their deletion; what is independent goes."""
    vpc = "  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}\n"
    trust = "{Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: 'sts:AssumeRole'}]}"
    role = f"  Role: {{Type: AWS::IAM::Role, Properties: {{AssumeRolePolicyDocument: {trust}}}}}\n"
    logs = "  Logs: {Type: AWS::Logs::LogGroup}\n"
    assert deployer.deploy(small(vpc + role + logs)) == "CREATE_COMPLETE"
    ids = deployer.ids()
    group = world.client("ec2").create_security_group(GroupName="mine", Description="mine", VpcId=ids["Vpc"])
    world.client("iam").put_role_policy(RoleName=ids["Role"], PolicyName="mine", PolicyDocument=DOCUMENT)
    assert deployer.delete() == "DELETE_FAILED"
    assert deployer.statuses() == {"Vpc": "DELETE_FAILED", "Role": "DELETE_FAILED", "Logs": "DELETE_COMPLETE"}
    assert f"The vpc '{ids['Vpc']}' has dependencies and cannot be deleted." in deployer.reason("Vpc")
    assert "HandlerErrorCode: ResourceConflict" in deployer.reason("Vpc")
    assert "must delete policies first" in deployer.reason("Role")
    world.client("ec2").delete_security_group(GroupId=group["GroupId"])
    world.client("iam").delete_role_policy(RoleName=ids["Role"], PolicyName="mine")
    assert deployer.delete() == "DELETE_COMPLETE"
