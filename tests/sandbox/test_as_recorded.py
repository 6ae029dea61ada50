"""What CloudFormation answered in recordings, as own small examples: the sandbox answers alike."""

from __future__ import annotations

import json
from typing import Any

import pytest

from msaspec.sandbox import World
from tests.sandbox.deploying import Deployer

PARAMETER = "AWS::SSM::Parameter"


def parameter(value: Any = "v", **more: Any) -> dict[str, Any]:
    """A parameter of Systems Manager."""
    return {"Type": PARAMETER, "Properties": {"Type": "String", "Value": value, **more}}


def topic(**properties: Any) -> dict[str, Any]:
    """A topic of SNS."""
    return {"Type": "AWS::SNS::Topic", "Properties": properties}


def template(resources: dict[str, Any], **more: Any) -> str:
    """A template as text."""
    return json.dumps({"Resources": resources, **more})


def test_what_is_made_is_told_with_its_id_before_it_is_complete(deployer: Deployer) -> None:
    """Creation gives two events that it is in progress, of which the second has the physical id."""
    assert deployer.deploy(template({"Word": parameter()})) == "CREATE_COMPLETE"
    told = [each for each in reversed(deployer.told()) if each["LogicalResourceId"] == "Word"]
    assert [(each["ResourceStatus"], each.get("ResourceStatusReason")) for each in told] == [
        ("CREATE_IN_PROGRESS", None),
        ("CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("CREATE_COMPLETE", None),
    ]
    assert [bool(each["PhysicalResourceId"]) for each in told] == [False, True, True]
    assert json.loads(told[0]["ResourceProperties"])["Value"] == "v"


def test_a_stack_can_be_created_while_it_is_reviewed(deployer: Deployer) -> None:
    """It is the same stack, and its change set is obsolete."""
    proposed = deployer.propose(template({"Word": parameter()}))
    client = deployer.client
    made = client.create_stack(StackName=deployer.name, TemplateBody=template({"Word": parameter()}))
    assert made["StackId"] == proposed["StackId"]
    assert deployer.ended() == "CREATE_COMPLETE"
    assert client.describe_change_set(ChangeSetName=proposed["ChangeSetId"])["ExecutionStatus"] == "OBSOLETE"


def test_an_executed_change_set_outlives_its_stack(deployer: Deployer) -> None:
    """By its ARN; and a deleted stack is not created again by its id."""
    assert deployer.deploy(template({"Word": parameter()})) == "CREATE_COMPLETE"
    id, change_set = deployer.stack()["StackId"], deployer.stack()["ChangeSetId"]
    deployer.client.delete_stack(StackName=id)
    deployer.client.get_waiter("stack_delete_complete").wait(StackName=id, WaiterConfig={"Delay": 1})
    assert deployer.client.describe_change_set(ChangeSetName=change_set)["ExecutionStatus"] == "EXECUTE_COMPLETE"
    with pytest.raises(deployer.client.exceptions.ClientError, match="already exists and cannot be created again"):
        deployer.client.create_change_set(
            StackName=id, ChangeSetName="again", ChangeSetType="CREATE", TemplateBody=template({"Word": parameter()})
        )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (template({"A": parameter()}, Outputs={"O": {"Value": None}}), "'null' values are not allowed in templates"),
        (template({"a-b": parameter()}), "Resource name a-b is non alphanumeric"),
        (template({"A": {"Properties": {}}}), r"\[/Resources/A\] Every Resources object must contain a Type member"),
        (template({"A": {**parameter(), "Word": 1}}), "Invalid template resource property 'Word'"),
        (template({"A": parameter()}, Outputs={"O": {}}), "Every Outputs member must contain a Value object"),
        (
            template({"A": parameter({"Fn::GetAtt": ["A"]})}),
            "every Fn::GetAtt object requires two non-empty parameters",
        ),
        (template({"A": parameter({"Fn::If": ["C", "a", "b"]})}), "unresolved condition dependency C in Fn::If"),
        (
            template({"A": parameter({"Fn::FindInMap": ["M", "x", "y"]})}, Mappings={"M": {"k": {"y": "v"}}}),
            "Template error: Unable to get mapping for M::x::y",
        ),
        (
            template({"A": parameter()}, Parameters={"N": {"Type": "Number", "Default": "x"}}),
            "Parameter 'N' must be a number",
        ),
        ('{"Resources": ', "JSON not well-formed"),
    ],
)
def test_a_template_is_refused_with_the_text_of_aws(deployer: Deployer, text: str, said: str) -> None:
    """Before a stack is there."""
    with pytest.raises(deployer.client.exceptions.ClientError, match=said):
        deployer.propose(text)


def test_a_change_set_with_values_tells_what_each_property_was(deployer: Deployer) -> None:
    """And not what only the deployment tells; it leaves out what follows from attributes."""
    used = parameter({"Fn::GetAtt": ["News", "DisplayName"]})
    assert deployer.deploy(template({"News": topic(DisplayName="a"), "Word": used})) == "CREATE_COMPLETE"
    described = deployer.propose(template({"News": topic(DisplayName="b"), "Word": used}))
    assert [each["ResourceChange"]["LogicalResourceId"] for each in described["Changes"]] == ["News", "Word"]
    words = {"ChangeSetName": described["ChangeSetId"], "IncludePropertyValues": True}
    valued = deployer.client.describe_change_set(**words)
    (row,) = [each["ResourceChange"] for each in valued["Changes"] if each["ResourceChange"]["Action"] == "Modify"][:1]
    assert json.loads(row["BeforeContext"])["Properties"]["DisplayName"] == "a"
    assert json.loads(row["AfterContext"])["Properties"]["DisplayName"] == "b"
    assert {each["Target"]["Path"] for each in row["Details"]} == {"/Properties/DisplayName"}


def test_what_a_change_set_cannot_tell_is_warned_of(deployer: Deployer) -> None:
    """An import that nobody exports yet."""
    described = deployer.propose(template({"Word": parameter({"Fn::ImportValue": "nobody"})}))
    words = {"ChangeSetName": described["ChangeSetId"], "IncludePropertyValues": True}
    valued = deployer.client.describe_change_set(**words)
    assert "StatusReason" not in described
    assert "[WARN] --include-property-values option can return incomplete ChangeSet data" in valued["StatusReason"]
    assert "resource [Word] because: No export named nobody" in valued["StatusReason"]
    context = json.loads(valued["Changes"][0]["ResourceChange"]["AfterContext"])
    assert context["Properties"]["Value"] == "{{changeSet:KNOWN_AFTER_APPLY}}"


def test_what_could_not_be_made_is_tried_to_be_removed(deployer: Deployer) -> None:
    """And keeps the stack from going, until it is retained."""
    document = {"Version": "2012-10-17", "Statement": []}
    policy = {"Type": "AWS::IAM::Policy", "Properties": {"PolicyName": "p", "PolicyDocument": document}}
    assert deployer.deploy(template({"Policy": policy})) == "ROLLBACK_FAILED"
    deployer.client.delete_stack(StackName=deployer.name)
    assert deployer.ended() == "DELETE_FAILED"
    id = deployer.stack()["StackId"]
    deployer.client.delete_stack(StackName=deployer.name, RetainResources=["Policy"])
    deployer.client.get_waiter("stack_delete_complete").wait(StackName=id, WaiterConfig={"Delay": 1})


def test_a_deletion_policy_may_be_chosen_by_a_condition(world: World, deployer: Deployer) -> None:
    """Its value at the last update counts."""
    kept = {**parameter(Name="/kept"), "DeletionPolicy": {"Fn::If": ["Keeps", "Retain", "Delete"]}}
    text = template({"Word": kept}, Conditions={"Keeps": {"Fn::Equals": ["a", "a"]}})
    assert deployer.deploy(text) == "CREATE_COMPLETE"
    id = deployer.stack()["StackId"]
    deployer.client.delete_stack(StackName=id)
    deployer.client.get_waiter("stack_delete_complete").wait(StackName=id, WaiterConfig={"Delay": 1})
    assert world.client("ssm").get_parameter(Name="/kept")["Parameter"]["Value"] == "v"


def test_a_role_that_cloudformation_may_not_assume_is_refused(world: World, deployer: Deployer) -> None:
    """By its trust policy; one that trusts CloudFormation is taken."""

    def role(name: str, principal: dict[str, str]) -> str:
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        made = world.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)
        return str(made["Role"]["Arn"])

    text = template({"Word": parameter()})
    with pytest.raises(deployer.client.exceptions.ClientError, match="role/mine is invalid or cannot be assumed"):
        deployer.propose(text, RoleARN=role("mine", {"AWS": "arn:aws:iam::123456789012:root"}))
    trusted = role("its", {"Service": "cloudformation.amazonaws.com"})
    assert deployer.propose(text, RoleARN=trusted)["Status"] == "CREATE_COMPLETE"


def test_json_with_a_comma_too_many_is_yaml(deployer: Deployer) -> None:
    """CloudFormation takes it, as recorded."""
    text = template({"Word": parameter()})
    assert deployer.deploy(text.rstrip().removesuffix("}") + ",}") == "CREATE_COMPLETE"
