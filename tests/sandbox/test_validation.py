"""What CloudFormation finds in the account when a change set is made, and the events of operations."""

from __future__ import annotations

from typing import Any

import pytest

from msaspec.sandbox.world import World
from tests.sandbox.deploying import Deployer, small

LOGS = "  Logs: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 30}}\n"
REPOSITORY = "  Repository: {Type: AWS::ECR::Repository, Properties: {RepositoryName: NAME}}\n"
BUCKET = "  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: NAME}}\n"


def events(deployer: Deployer, **words: Any) -> list[dict[str, Any]]:
    """The events of an operation."""
    pages = deployer.client.get_paginator("describe_events").paginate(**words)
    return [event for page in pages for event in page["OperationEvents"]]


def found(deployer: Deployer, described: dict[str, Any]) -> list[dict[str, Any]]:
    """What the checks of a change set found."""
    told = events(deployer, ChangeSetName=described["ChangeSetId"])
    assert [event["OperationType"] for event in told] == ["CREATE_CHANGESET"] * len(told)
    return [event for event in told if event["EventType"] == "VALIDATION_ERROR"]


@pytest.mark.parametrize(
    ("part", "key", "type"),
    [(REPOSITORY, "RepositoryName", "AWS::ECR::Repository"), (BUCKET, "BucketName", "AWS::S3::Bucket")],
)
def test_a_name_that_is_taken_fails_the_change_set(
    world: World, deployer: Deployer, part: str, key: str, type: str
) -> None:
    """It cannot be executed and tells where; without the check the resource fails; what the stack has is its own."""
    text = small(part.replace("NAME", f"taken-{key.lower()}") + LOGS)
    logical_id = "Repository" if key.startswith("Repo") else "Bucket"
    other = Deployer(deployer.client, f"{deployer.name}-one")
    assert other.deploy(text) == "CREATE_COMPLETE"
    described = deployer.propose(text)
    assert (described["Status"], described["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "use the DescribeEvents API" in described["StatusReason"]
    (event,) = found(deployer, described)
    assert event["ValidationName"] == "NAME_CONFLICT_VALIDATION"
    assert (event["ValidationStatus"], event["ValidationFailureMode"]) == ("FAILED", "FAIL")
    assert event["ValidationStatusReason"] == (
        f"Resource of type '{type}' with identifier 'taken-{key.lower()}' already exists."
    )
    assert (event["LogicalResourceId"], event["ResourceType"]) == (logical_id, type)
    assert event["ValidationPath"] == f"/Resources/{logical_id}/Properties/{key}"
    with pytest.raises(deployer.client.exceptions.ClientError, match=r"current status of \[FAILED\]"):
        deployer.client.execute_change_set(ChangeSetName=described["ChangeSetId"])
    assert deployer.deploy(text, DisableValidation=True) == "ROLLBACK_COMPLETE"
    assert other.deploy(text.replace("30", "90")) == "UPDATE_COMPLETE"


def test_what_is_full_is_warned_of(world: World, deployer: Deployer) -> None:
    """A bucket and a repository that are to be removed with what is in them; the change set can be executed."""
    name = deployer.name[:30]
    assert deployer.deploy(small(LOGS + BUCKET.replace("NAME", name) + REPOSITORY.replace("NAME", name)))
    assert found(deployer, deployer.propose(small(LOGS))) == []
    world.client("s3").put_object(Bucket=name, Key="a", Body=b"a")
    manifest = '{"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "layers": []}'
    world.client("ecr").put_image(repositoryName=name, imageManifest=manifest, imageTag="1")
    described = deployer.propose(small(LOGS))
    assert (described["Status"], described["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    warnings = {event["LogicalResourceId"]: event for event in found(deployer, described)}
    assert {event["ValidationFailureMode"] for event in warnings.values()} == {"WARN"}
    assert warnings["Bucket"]["ValidationName"] == "BUCKET_EMPTINESS_VALIDATION"
    assert warnings["Bucket"]["PhysicalResourceId"] == name
    assert warnings.keys() == {"Bucket", "Repository"}


def test_operations_have_events_of_their_own(world: World, deployer: Deployer) -> None:
    """By stack, by operation, and only what failed."""
    world.refuse("Logs", "No more log groups")
    assert deployer.deploy(small(LOGS)) == "ROLLBACK_COMPLETE"
    back, operation = deployer.stack()["LastOperations"]
    assert (back["OperationType"], operation["OperationType"]) == ("ROLLBACK", "CREATE_STACK")
    told = events(deployer, OperationId=operation["OperationId"])
    assert {event["OperationType"] for event in told} == {"CREATE_STACK"}
    assert [event["OperationStatus"] for event in told if "OperationStatus" in event] == ["FAILED"]
    (failed,) = events(deployer, OperationId=operation["OperationId"], Filters={"FailedEvents": True})
    assert (failed["EventType"], failed["ResourceStatusReason"]) == ("PROVISIONING_ERROR", "No more log groups")
    assert {event["OperationType"] for event in events(deployer, StackName=deployer.name)} == {
        "CREATE_STACK",
        "CREATE_CHANGESET",
        "ROLLBACK",
    }
    with pytest.raises(deployer.client.exceptions.ClientError, match="must be specified"):
        deployer.client.describe_events()


RETAINED = REPOSITORY.replace("ECR::Repository,", "ECR::Repository, DeletionPolicy: Retain,")


def actions(described: dict[str, Any]) -> dict[str, str]:
    """What a change set does to each resource."""
    rows = [change["ResourceChange"] for change in described["Changes"]]
    return {row["LogicalResourceId"]: row["Action"] for row in rows}


def test_what_exists_is_imported(world: World, deployer: Deployer) -> None:
    """With `ImportExistingResources` a repository of the name is taken over with its images, and gets the settings and
    tags of the template, where it is to be retained; what is not there is made. It goes with the stack no more than
    one that the stack made."""
    ecr, text = world.client("ecr"), small(RETAINED.replace("NAME", "once") + LOGS)
    uri = ecr.create_repository(repositoryName="once")["repository"]["repositoryUri"]
    described = deployer.propose(text, ImportExistingResources=True)
    assert actions(described) == {"Repository": "Import", "Logs": "Add"}
    assert deployer.execute(described) == "CREATE_COMPLETE"
    assert ("Repository", "IMPORT_COMPLETE") in deployer.events()
    assert deployer.ids()["Repository"] == "once"
    (there,) = ecr.describe_repositories(repositoryNames=["once"])["repositories"]
    assert there["repositoryUri"] == uri
    assert ecr.list_tags_for_resource(resourceArn=there["repositoryArn"])["tags"] == [{"Key": "team", "Value": "shop"}]
    assert deployer.propose(text, ImportExistingResources=True)["Status"] == "FAILED"
    assert deployer.delete() == "DELETE_COMPLETE"
    assert ecr.describe_repositories(repositoryNames=["once"])["repositories"]
    assert deployer.propose(text)["Status"] == "FAILED"
    assert deployer.deploy(text, ImportExistingResources=True) == "CREATE_COMPLETE"


@pytest.mark.parametrize("policy", ["Delete", "of another stack"])
def test_what_is_not_imported(world: World, deployer: Deployer, policy: str) -> None:
    """What would go with the stack, and what is another's: the name is taken."""
    name = f"not-{len(policy)}"
    text = small((REPOSITORY if policy == "Delete" else RETAINED).replace("NAME", name))
    if policy == "Delete":
        world.client("ecr").create_repository(repositoryName=name)
    else:
        assert Deployer(deployer.client, f"{deployer.name}-one").deploy(text) == "CREATE_COMPLETE"
    described = deployer.propose(text, ImportExistingResources=True)
    assert described["Status"] == "FAILED"
    (event,) = found(deployer, described)
    assert event["ValidationName"] == "NAME_CONFLICT_VALIDATION"


def test_what_was_imported_outlives_a_failure(world: World, deployer: Deployer) -> None:
    """The way back leaves it in the account."""
    ecr, text = world.client("ecr"), small(RETAINED.replace("NAME", "kept") + LOGS)
    ecr.create_repository(repositoryName="kept")
    world.refuse("Logs", "No.")
    assert deployer.deploy(text, ImportExistingResources=True) == "ROLLBACK_COMPLETE"
    assert ecr.describe_repositories(repositoryNames=["kept"])["repositories"]
