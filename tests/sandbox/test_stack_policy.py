"""Stack policies: kept, checked, and in force for updates."""

from __future__ import annotations

import json
from typing import Any

import pytest

from msaspec.sandbox.cloudformation import policy
from msaspec.sandbox.world import World
from tests.sandbox.deploying import Deployer, small

VPC = "  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}\n"
LOGS = "  Logs: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 30}}\n"
LONGER = LOGS.replace("30", "90")
ALLOW = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}


def deny(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    """A statement that denies."""
    return {"Effect": "Deny", "Action": action, "Principal": "*", "Resource": resource, **more}


def text(*statements: dict[str, Any]) -> str:
    """A policy."""
    return json.dumps({"Statement": list(statements)})


def test_a_denied_replacement_fails_before_anything_is_touched(world: World, deployer: Deployer) -> None:
    """The resource fails with AWS's sentence and the update goes back; what is not denied is possible."""
    assert deployer.deploy(small(VPC + LOGS)) == "CREATE_COMPLETE"
    before = deployer.ids()
    kept = text(ALLOW, deny(["Update:Replace", "Update:Delete"], "LogicalResourceId/Vpc"))
    deployer.client.set_stack_policy(StackName=deployer.name, StackPolicyBody=kept)
    assert deployer.client.get_stack_policy(StackName=deployer.name)["StackPolicyBody"] == kept
    assert deployer.deploy(small(LONGER + VPC.replace("10.0", "10.1"))) == "UPDATE_ROLLBACK_COMPLETE"
    said = "Statement [#1] does not allow [Update:Replace] for resource [LogicalResourceId/Vpc]"
    assert deployer.reason("Vpc") == f"Action denied by stack policy: {said}"
    assert deployer.events() == [
        (deployer.name, "UPDATE_IN_PROGRESS"),
        ("Vpc", "UPDATE_FAILED"),
        (deployer.name, "UPDATE_ROLLBACK_IN_PROGRESS"),
        ("Vpc", "UPDATE_COMPLETE"),
        (deployer.name, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"),
        (deployer.name, "UPDATE_ROLLBACK_COMPLETE"),
    ]
    assert deployer.deploy(small(LONGER)) == "UPDATE_ROLLBACK_COMPLETE"
    assert "does not allow [Update:Delete]" in deployer.reason("Vpc")
    assert ("Vpc", "DELETE_FAILED") in deployer.events()
    assert deployer.deploy(small(VPC + LONGER)) == "UPDATE_COMPLETE"
    assert deployer.ids() == before
    assert deployer.delete() == "DELETE_COMPLETE"


def test_a_policy_may_hold_for_one_update(deployer: Deployer) -> None:
    """`StackPolicyDuringUpdateBody` stands in for the policy of the stack."""
    client = deployer.client
    client.create_stack(StackName=deployer.name, TemplateBody=small(LOGS), StackPolicyBody=text(deny("Update:*", "*")))
    assert deployer.ended() == "CREATE_COMPLETE"
    client.update_stack(StackName=deployer.name, TemplateBody=small(LONGER))
    assert deployer.ended() == "UPDATE_ROLLBACK_COMPLETE"
    words = {"StackName": deployer.name, "TemplateBody": small(LONGER), "StackPolicyDuringUpdateBody": text(ALLOW)}
    client.update_stack(**words)
    assert deployer.ended() == "UPDATE_COMPLETE"


@pytest.mark.parametrize(
    ("statements", "denied"),
    [
        ([], False),
        ([ALLOW], False),
        ([{**ALLOW, "Resource": "LogicalResourceId/Other"}], True),
        ([{**ALLOW, "Action": "Update:Replace"}], True),
        ([ALLOW, deny("Update:Modify", "LogicalResourceId/Da*")], True),
        ([ALLOW, deny("Update:Delete", "LogicalResourceId/Da*")], False),
        ([ALLOW, deny("Update:*", "*", Condition={"StringEquals": {"ResourceType": ["AWS::S3::Bucket"]}})], True),
        ([ALLOW, deny("Update:*", "*", Condition={"StringEquals": {"ResourceType": "AWS::RDS::*"}})], False),
        ([ALLOW, deny("Update:*", "*", Condition={"StringLike": {"ResourceType": "AWS::S3::*"}})], True),
        ([ALLOW, {"Effect": "Deny", "NotAction": "Update:Modify", "Principal": "*", "Resource": "*"}], False),
        ([ALLOW, {"Effect": "Deny", "Action": "Update:*", "Principal": "*", "NotResource": "*/Other"}], True),
    ],
)
def test_what_statements_say(statements: list[dict[str, Any]], denied: bool) -> None:
    """Actions, resources and types, with wildcards; a policy denies what no statement allows."""
    parsed = policy.parse(text(*statements)) if statements else policy.parse("")
    assert bool(policy.refusal(parsed, "Data", "AWS::S3::Bucket", "Update:Modify")) is denied


@pytest.mark.parametrize(
    "body", ["no", '{"Rule": []}', text({**ALLOW, "Action": "Fly"}), text({**ALLOW, "Principal": "me"})]
)
def test_a_policy_that_is_none_is_refused(deployer: Deployer, body: str) -> None:
    """Before it is kept."""
    deployer.deploy(small(LOGS))
    with pytest.raises(deployer.client.exceptions.ClientError, match="Error validating stack policy"):
        deployer.client.set_stack_policy(StackName=deployer.name, StackPolicyBody=body)
    assert "StackPolicyBody" not in deployer.client.get_stack_policy(StackName=deployer.name)
