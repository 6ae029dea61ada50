"""What the sandbox's CloudFormation does: failures and the way back, updates, replacements, removal."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from msaspec import pipeline, sandbox
from msaspec.sandbox.world import World
from msaspec.template import render
from tests import goldens, template
from tests.sandbox.deploying import EXAMPLE, Deployer, example, small

VPC = "  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}\n"
GROUP = "  Logs: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: DAYS}}\n"


@pytest.fixture(scope="module")
def shop(world: World) -> Deployer:
    """The example, deployed."""
    deployer = Deployer(world.client("cloudformation"), s3=world.client("s3"))
    assert deployer.deploy(example()) == "CREATE_COMPLETE"
    return deployer


def test_all_that_is_replaced_exists_in_moto() -> None:
    """Every name of moto that the sandbox replaces is there, and back again when the sandbox has ended."""
    from msaspec.sandbox.on_moto import patches

    places = [(owner, name) for owner, name, _ in (*patches.PATCHED, *patches.ADDED)]
    assert len(places) == len(set(places)) > 5
    for owner, name, new in patches.PATCHED:
        assert name in vars(owner), f"{owner.__name__}.{name}"
        assert vars(owner)[name] is not new or sandbox.world._RUNNING
    for owner, name, _ in patches.ADDED:
        assert not hasattr(owner, name) or sandbox.world._RUNNING


def templates() -> list[Path]:
    """Every template that msaspec is known to write."""
    return sorted([*goldens.CASES.glob("*/expected.yaml"), *goldens.GOLDENS.glob("*.yaml")])


def test_every_type_that_msaspec_emits_is_supported() -> None:
    """All types of all golden templates, but custom ones, are in the sandbox."""
    from msaspec.sandbox.cloudformation import resource

    sandbox.load()
    emitted = {
        part["Type"]
        for path in templates()
        for part in template.load(path.read_text("utf-8")).get("Resources", {}).values()
        if "Type" in part
    }
    assert len(emitted) > 25
    assert {name for name in emitted if not name.startswith("Custom::")} - resource.supported() == set()


@pytest.mark.parametrize("case", ["nat-per-zone", "replicas", "buckets", "nat-none"])
def test_other_shapes_are_deployed_and_removed(world: World, deployer: Deployer, case: str) -> None:
    """NAT gateways, replicas, versioned buckets and endpoints: deployed without a change left, and removed."""
    document = pipeline.load((goldens.CASES / case / "msa.yaml").read_bytes(), "msa.yaml")
    text = render.to_yaml(pipeline.compile_main(document).stack)
    assert deployer.deploy(text) == "CREATE_COMPLETE", deployer.events()
    assert deployer.propose(text)["Status"] == "FAILED"
    unprotect(world)
    assert deployer.delete() == "DELETE_COMPLETE"
    assert deployer.name not in [stack["StackName"] for stack in deployer.client.describe_stacks()["Stacks"]]


def unprotect(world: World) -> None:
    """What a person does before a database may go."""
    rds = world.client("rds")
    for database in rds.describe_db_instances()["DBInstances"]:
        rds.modify_db_instance(DBInstanceIdentifier=database["DBInstanceIdentifier"], DeletionProtection=False)


def test_a_type_that_aws_does_not_know_is_refused(deployer: Deployer) -> None:
    """Such a change set is not even made, as at AWS."""
    with pytest.raises(
        deployer.client.exceptions.ClientError, match=r"Unrecognized resource types: \[AWS::EC2::Moon\]"
    ):
        deployer.propose(small(VPC + "  Moon: {Type: AWS::EC2::Moon}\n"))


def test_a_type_that_the_sandbox_lacks_fails_loudly(world: World, deployer: Deployer) -> None:
    """It fails by name, and what was made before it goes."""
    before = len(world.client("ec2").describe_vpcs()["Vpcs"])
    text = small(VPC + "  Fleet: {Type: AWS::GameLift::Fleet, DependsOn: Vpc}\n")
    assert deployer.deploy(text) == "ROLLBACK_COMPLETE"
    assert deployer.reason("Fleet") == "The sandbox has no AWS::GameLift::Fleet."
    assert deployer.events()[-4:] == [
        ("Fleet", "DELETE_COMPLETE"),
        ("Vpc", "DELETE_IN_PROGRESS"),
        ("Vpc", "DELETE_COMPLETE"),
        (deployer.name, "ROLLBACK_COMPLETE"),
    ]
    assert len(world.client("ec2").describe_vpcs()["Vpcs"]) == before


def test_a_resource_that_fails_rolls_back(deployer: Deployer) -> None:
    """The reason of the service stands in the events; the stack can only be deleted."""
    subnet = "  Subnet: {Type: AWS::EC2::Subnet, DependsOn: Vpc, Properties: {VpcId: vpc-0, CidrBlock: 10.0.0.0/20}}\n"
    assert deployer.deploy(small(VPC + subnet)) == "ROLLBACK_COMPLETE"
    assert re.fullmatch(
        r'Resource handler returned message: "VpcID vpc-0 does not exist\. '
        r'\(Service: Ec2, Status Code: 400, Request ID: [-0-9a-f]+\) \(SDK Attempt Count: 1\)" '
        r"\(RequestToken: [-0-9a-f]+, HandlerErrorCode: NotFound\)",
        deployer.reason("Subnet"),
    )
    assert deployer.ids() == {}
    with pytest.raises(
        deployer.client.exceptions.ClientError, match=r"already exists|can not be updated|does not exist"
    ):
        deployer.propose(small(VPC))


def test_a_failed_update_goes_back(world: World, deployer: Deployer) -> None:
    """What was changed is changed back, what was made goes, and the stack stays as it was."""
    assert deployer.deploy(small(GROUP.replace("DAYS", "30"))) == "CREATE_COMPLETE"
    before = deployer.ids()
    fleet = "  Fleet: {Type: AWS::GameLift::Fleet, DependsOn: [Logs, Vpc]}\n"
    assert deployer.deploy(small(GROUP.replace("DAYS", "90") + VPC + fleet)) == "UPDATE_ROLLBACK_COMPLETE"
    assert deployer.ids() == before
    (group,) = world.client("logs").describe_log_groups(logGroupNamePrefix=before["Logs"])["logGroups"]
    assert group["retentionInDays"] == 30
    assert deployer.deploy(small(GROUP.replace("DAYS", "90"))) == "UPDATE_COMPLETE"


def test_a_change_set_without_a_change_fails(deployer: Deployer) -> None:
    """As at AWS; and one that was carried out is not carried out again."""
    text = small(GROUP.replace("DAYS", "30"))
    deployer.deploy(text)
    with pytest.raises(deployer.client.exceptions.ClientError, match="ChangeSetNotFound"):
        deployer.client.execute_change_set(StackName=deployer.name, ChangeSetName="change-1")
    with pytest.raises(deployer.client.exceptions.ClientError, match="InvalidChangeSetStatus"):
        deployer.client.execute_change_set(ChangeSetName=deployer.stack()["ChangeSetId"])
    described = deployer.propose(text)
    assert (described["Status"], described["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "didn't contain changes" in described["StatusReason"]


def test_what_aws_refuses_at_once_is_refused(deployer: Deployer) -> None:
    """Lost references, circles, unknown and wrong parameters, missing capabilities, long bodies."""
    refused = deployer.client.exceptions.ClientError
    for text, sentence in {
        small("  Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Gone}}\n"): r"dependencies \[Gone\]",
        small("  A: {Type: AWS::EC2::VPC, DependsOn: A}\n"): "Circular dependency",
        "Parameters: {Tag: {Type: String}}\n" + small(VPC): r"Parameters: \[Tag\] must have values",
        "a: " + "b" * 51_200 + "\n" + small(VPC): "less than or equal to 51200",
        "just text": "unsupported structure",
        "Resources: {}": "At least one Resources member",
    }.items():
        with pytest.raises(refused, match=sentence):
            deployer.propose(text)
    with pytest.raises(refused, match=r"\[Nobody\] do not exist"):
        deployer.propose(small(VPC), Nobody="1")
    with pytest.raises(refused, match="must match pattern"):
        deployer.propose(example(), CartServiceImageTag="a b")
    with pytest.raises(refused, match="CAPABILITY_IAM"):
        deployer.client.create_stack(StackName=deployer.name, TemplateBody=example())
    assert deployer.name not in [stack["StackName"] for stack in deployer.client.describe_stacks()["Stacks"]]


def changes(described: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Action and replacement by logical id."""
    rows = [change["ResourceChange"] for change in described["Changes"]]
    return {row["LogicalResourceId"]: (row["Action"], row.get("Replacement", "")) for row in rows}


def test_a_new_tag_replaces_one_host_and_touches_nothing_else(world: World, shop: Deployer) -> None:
    """Its launch template gets a version, its host is replaced, and its address and name move on."""
    before = shop.ids()
    described = shop.propose(example(), ProductServiceImageTag="2.0")
    assert changes(described) == {
        "ProductServiceLaunchTemplate": ("Modify", "False"),
        "ProductServiceInstance": ("Modify", "Conditional"),
        "ProductServicePublicAddress": ("Modify", "False"),
        "ProductServiceAddressInstance": ("Modify", "Conditional"),
    }
    assert shop.execute(described) == "UPDATE_COMPLETE"
    after = shop.ids()
    assert {name for name in after if after[name] != before[name]} == {
        "ProductServiceInstance",
        "ProductServiceAddressInstance",
    }
    touched = {name for name, status in shop.events() if status == "UPDATE_COMPLETE"} - {shop.name}
    assert touched == set(changes(described))
    ec2 = world.client("ec2")
    address = ec2.describe_addresses(PublicIps=[after["ProductServicePublicAddress"]])["Addresses"][0]
    assert address["InstanceId"] == after["ProductServiceInstance"]
    gone = ec2.describe_instances(InstanceIds=[before["ProductServiceInstance"]])["Reservations"][0]["Instances"][0]
    assert gone["State"]["Name"] == "terminated"


def test_another_service_changes_only_what_it_must(world: World, shop: Deployer) -> None:
    """A fourth service adds its own; the databases' custom resource gets an Update with four roles."""
    manifest = EXAMPLE.read_text("utf-8") + (
        "  review-service:\n    image: review-service:1.0\n    port: 8003\n    uses:\n"
        "      main: {database: review_database}\n"
    )
    if (proposed := shop.propose(example(), ProductServiceImageTag="2.0"))["ExecutionStatus"] == "AVAILABLE":
        shop.execute(proposed)
    before, calls = shop.ids(), len(world.database_calls)
    text = render.to_yaml(pipeline.compile_main(pipeline.load(manifest, "msa.yaml")).stack)
    shop.deploy(text, ProductServiceImageTag="2.0")
    after = shop.ids()
    assert shop.stack()["StackStatus"] == "UPDATE_COMPLETE", shop.events()
    assert {name: after[name] for name in before} == before
    assert all(name.startswith("ReviewService") for name in after.keys() - before.keys())
    touched = {name for name, status in shop.events() if status == "UPDATE_COMPLETE"} - {shop.name}
    assert touched == {"DatabaseBootstrapHandlerRole", "MainBootstrap"}
    (call,) = world.database_calls[calls:]
    assert "review_service" in call["logins"]
    assert call["ServiceToken"]


def test_removal_keeps_what_is_to_stay(world: World, shop: Deployer) -> None:
    """A protected database stops the removal; then it leaves a snapshot, and bucket and logs stay."""
    ids = shop.ids()
    assert shop.delete() == "DELETE_FAILED"
    assert "Cannot delete protected DB Instance" in shop.reason("MainDatabase")
    unprotect(world)
    assert shop.delete() == "DELETE_COMPLETE"
    assert shop.name not in [stack["StackName"] for stack in shop.client.describe_stacks()["Stacks"]]
    assert world.client("s3").head_bucket(Bucket=ids["MediaBucket"])
    names = {group["logGroupName"] for group in world.client("logs").describe_log_groups()["logGroups"]}
    assert ids["CartServiceLogGroup"] in names
    snapshots = world.client("rds").describe_db_snapshots()["DBSnapshots"]
    assert [s["DBInstanceIdentifier"] for s in snapshots if s["DBInstanceIdentifier"] == ids["MainDatabase"]]
    assert not world.client("ec2").describe_subnets(Filters=[{"Name": "vpc-id", "Values": [ids["Vpc"]]}])["Subnets"]
