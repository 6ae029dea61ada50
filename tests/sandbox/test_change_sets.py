"""What change sets list and keep, how they page, and what becomes of those that are not executed."""

from __future__ import annotations

from typing import Any

import pytest

from msaspec.sandbox.world import World
from tests.sandbox.deploying import Deployer, small

VPC = "  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}\n"
LOGS = "  Logs: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 30}}\n"
BUCKET = "  Bucket: {Type: AWS::S3::Bucket, DeletionPolicy: RetainExceptOnCreate}\n"


def rows(described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a change set lists, by logical id."""
    return {change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"] for change in described["Changes"]}


def refused(deployer: Deployer, match: str) -> Any:
    """Expects an error of the API."""
    return pytest.raises(deployer.client.exceptions.ClientError, match=match)


def test_a_row_says_what_becomes_of_a_resource(world: World, deployer: Deployer) -> None:
    """Replacement, scope, what happens to the old, and each property with its cause."""
    text = (
        "Parameters: {Days: {Type: String, Default: 30}, Range: {Type: String, Default: 10.0.0.0/16}}\n"
        + small(VPC.replace("10.0.0.0/16", "!Ref Range") + LOGS.replace("30", "!Ref Days") + BUCKET)
        + "  Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24}}\n"
    )
    assert deployer.deploy(text) == "CREATE_COMPLETE"
    found = rows(deployer.propose(text.replace(BUCKET, ""), Days="90", Range="10.0.0.0/20"))
    assert {name: (row["Action"], row.get("Replacement"), row.get("PolicyAction")) for name, row in found.items()} == {
        "Vpc": ("Modify", "True", "ReplaceAndDelete"),
        "Logs": ("Modify", "False", None),
        "Subnet": ("Modify", "True", "ReplaceAndDelete"),
        "Bucket": ("Remove", None, "Retain"),
    }
    target = {"Attribute": "Properties", "Name": "CidrBlock", "RequiresRecreation": "Always"}
    assert found["Vpc"]["Details"] == [
        {"Target": target, "Evaluation": "Dynamic", "ChangeSource": "DirectModification"},
        {"Target": target, "Evaluation": "Static", "ChangeSource": "ParameterReference", "CausingEntity": "Range"},
    ]
    (detail,) = found["Subnet"]["Details"]
    assert (detail["Evaluation"], detail["ChangeSource"], detail["CausingEntity"]) == (
        "Static",
        "ResourceReference",
        "Vpc",
    )
    assert (found["Logs"]["Scope"], found["Logs"]["PhysicalResourceId"]) == (["Properties"], deployer.ids()["Logs"])
    (detail,) = rows(deployer.propose(text.replace("!Ref Days", "60")))["Logs"]["Details"]
    assert (detail["Evaluation"], detail["ChangeSource"]) == ("Static", "DirectModification")
    policy = text.replace("RetainExceptOnCreate", "Delete")
    (detail,) = rows(deployer.propose(policy))["Bucket"]["Details"]
    assert detail["Target"] == {"Attribute": "DeletionPolicy", "RequiresRecreation": "Never"}


def test_other_tags_change_what_has_tags(deployer: Deployer) -> None:
    """A set that only changes the stack's tags lists every resource that takes them."""
    text = small(VPC + LOGS + "  Gateway: {Type: AWS::EC2::InternetGateway}\n")
    text += "  Way: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref Vpc, "
    text += "InternetGatewayId: !Ref Gateway}}\n"
    assert deployer.deploy(text) == "CREATE_COMPLETE"
    described = deployer.propose(text, Tags=[{"Key": "team", "Value": "else"}])
    found = rows(described)
    assert found.keys() == {"Vpc", "Logs", "Gateway"}
    assert {tuple(row["Scope"]) for row in found.values()} == {("Tags",)}
    assert described["Tags"] == [{"Key": "team", "Value": "else"}]
    assert deployer.execute(described) == "UPDATE_COMPLETE"
    assert deployer.stack()["Tags"] == [{"Key": "team", "Value": "else"}]


def test_parameters_keep_their_values_or_go_back_to_their_defaults(deployer: Deployer) -> None:
    """`UsePreviousValue` keeps; one that is left out takes the default; only what there was can be kept."""
    text = "Parameters: {Days: {Type: String, Default: 30}, Word: {Type: String, Default: a, NoEcho: true}}\n"
    text += small(LOGS.replace("30", "!Ref Days"))
    with refused(deployer, "Cannot specify usePreviousValue"):
        deployer.propose(text, Days={"UsePreviousValue": True})
    assert deployer.deploy(text, Days="90", Word="b") == "CREATE_COMPLETE"
    values = {each["ParameterKey"]: each["ParameterValue"] for each in deployer.stack()["Parameters"]}
    assert values == {"Days": "90", "Word": "****"}
    kept = deployer.propose(text, Days={"UsePreviousValue": True}, Word={"UsePreviousValue": True})
    assert "didn't contain changes" in kept["StatusReason"]
    back = deployer.propose(text, Word={"UsePreviousValue": True})
    assert rows(back).keys() == {"Logs"}
    assert {each["ParameterKey"]: each["ParameterValue"] for each in back["Parameters"]}["Days"] == "30"


def test_a_change_set_is_executed_once_and_outdates_the_others(world: World, deployer: Deployer) -> None:
    """While it is executed it cannot be deleted; the others are obsolete from then on. An executed one is known by its
    ARN only, and stays."""
    assert deployer.deploy(small(LOGS)) == "CREATE_COMPLETE"
    client, name = deployer.client, deployer.name
    other = deployer.propose(small(LOGS.replace("30", "60")))
    mine = deployer.propose(small(LOGS.replace("30", "90")), RoleARN="arn:aws:iam::123456789012:role/deployer")
    with world.hold("Logs") as held:
        client.execute_change_set(StackName=name, ChangeSetName=mine["ChangeSetName"])
        assert held.reached.wait(10)
        with refused(deployer, "InvalidChangeSetStatus"):
            client.delete_change_set(ChangeSetName=mine["ChangeSetId"])
        assert client.describe_change_set(ChangeSetName=mine["ChangeSetId"])["ExecutionStatus"] == "EXECUTE_IN_PROGRESS"
    assert deployer.ended() == "UPDATE_COMPLETE"
    summaries = client.list_change_sets(StackName=name)["Summaries"]
    assert {each["ChangeSetName"]: each["ExecutionStatus"] for each in summaries} == {
        other["ChangeSetName"]: "OBSOLETE"
    }
    with refused(deployer, "ChangeSetNotFound"):
        client.describe_change_set(StackName=name, ChangeSetName=mine["ChangeSetName"])
    assert client.describe_change_set(ChangeSetName=mine["ChangeSetId"])["ExecutionStatus"] == "EXECUTE_COMPLETE"
    with refused(deployer, r"InvalidChangeSetStatus.*current execution status of \[EXECUTE_COMPLETE\]"):
        client.delete_change_set(ChangeSetName=mine["ChangeSetId"])
    with refused(deployer, r"InvalidChangeSetStatus.*current execution status of \[OBSOLETE\]"):
        client.execute_change_set(ChangeSetName=other["ChangeSetId"])
    client.delete_change_set(StackName=name, ChangeSetName=other["ChangeSetName"])
    with refused(deployer, "ChangeSetNotFound"):
        client.describe_change_set(StackName=name, ChangeSetName=other["ChangeSetName"])
    stack = deployer.stack()
    assert (stack["RoleARN"], stack["ChangeSetId"]) == ("arn:aws:iam::123456789012:role/deployer", mine["ChangeSetId"])
    assert stack["Capabilities"] == ["CAPABILITY_IAM"]
    assert not stack["EnableTerminationProtection"]


def test_a_stack_that_was_only_proposed_stays_until_it_is_deleted(deployer: Deployer) -> None:
    """Also without its change set; then a template is at hand only with the set."""
    described = deployer.propose(small(LOGS), IncludeNestedStacks=True)
    client, id = deployer.client, described["StackId"]
    assert deployer.stack()["StackStatus"] == "REVIEW_IN_PROGRESS"
    told = client.get_template(StackName=id, ChangeSetName=described["ChangeSetName"], TemplateStage="Original")
    assert told["TemplateBody"] == small(LOGS)
    client.delete_change_set(ChangeSetName=described["ChangeSetId"])
    assert deployer.stack()["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert not client.get_template(StackName=id).get("TemplateBody")
    assert deployer.rows() == []
    client.delete_stack(StackName=deployer.name)
    assert deployer.wait(lambda status: status == "DELETE_COMPLETE", id)
    with refused(deployer, "does not exist"):
        deployer.stack()


@pytest.mark.parametrize(
    "address",
    [
        "https://{bucket}.s3.amazonaws.com/{key}",
        "https://{bucket}.s3.us-east-1.amazonaws.com/{key}",
        "https://s3.us-east-1.amazonaws.com/{bucket}/{key}",
        "https://s3.amazonaws.com/{bucket}/{key}",
        "{endpoint}/{bucket}/{key}",
    ],
)
def test_a_template_may_lie_in_a_bucket(world: World, deployer: Deployer, address: str) -> None:
    """By any style of address; nothing but S3 is read."""
    s3, client = world.client("s3"), deployer.client
    s3.create_bucket(Bucket="s3.my-templates")
    s3.put_object(Bucket="s3.my-templates", Key="a b/shop.yaml", Body=small(LOGS))
    url = address.format(bucket="s3.my-templates", key="a%20b/shop.yaml", endpoint=world.endpoint)
    words = {"StackName": deployer.name, "ChangeSetName": "one", "ChangeSetType": "CREATE"}
    client.create_change_set(**words, TemplateURL=url)
    assert client.get_template(StackName=deployer.name, ChangeSetName="one")["TemplateBody"] == small(LOGS)
    for wrong, said in {url.replace("shop", "gone"): "S3 error", "https://example.com/a/b": "supported URL"}.items():
        with refused(deployer, said):
            client.create_change_set(**{**words, "ChangeSetName": "two"}, TemplateURL=wrong)


def test_one_resource_is_described(deployer: Deployer) -> None:
    """With its status; one that the stack has not is refused."""
    assert deployer.deploy(small(LOGS)) == "CREATE_COMPLETE"
    words = {"StackName": deployer.name}
    detail = deployer.client.describe_stack_resource(**words, LogicalResourceId="Logs")["StackResourceDetail"]
    assert (detail["ResourceStatus"], detail["PhysicalResourceId"]) == ("CREATE_COMPLETE", deployer.ids()["Logs"])
    with refused(deployer, "Resource Gone does not exist for stack"):
        deployer.client.describe_stack_resource(**words, LogicalResourceId="Gone")


def test_named_roles_need_a_capability_of_their_own(deployer: Deployer) -> None:
    """`CAPABILITY_IAM` does for roles without a name only."""
    trust = "{Statement: [{Effect: Allow, Action: sts:AssumeRole, Principal: {Service: ec2.amazonaws.com}}]}"
    role = f"  Role: {{Type: AWS::IAM::Role, Properties: {{NAME AssumeRolePolicyDocument: {trust}}}}}\n"
    with refused(deployer, r"Requires capabilities : \[CAPABILITY_NAMED_IAM\]"):
        deployer.propose(small(role.replace("NAME", "RoleName: mine,")))
    assert deployer.deploy(small(role.replace("NAME ", ""))) == "CREATE_COMPLETE"
