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
    (operation,) = deployer.stack()["LastOperations"]
    assert operation["OperationType"] == "CREATE_STACK"
    told = events(deployer, OperationId=operation["OperationId"])
    assert {event["OperationType"] for event in told} == {"CREATE_STACK"}
    assert [event["OperationStatus"] for event in told if "OperationStatus" in event] == ["FAILED"]
    (failed,) = events(deployer, OperationId=operation["OperationId"], Filters={"FailedEvents": True})
    assert (failed["EventType"], failed["ResourceStatusReason"]) == ("PROVISIONING_ERROR", "No more log groups")
    assert {event["OperationType"] for event in events(deployer, StackName=deployer.name)} == {
        "CREATE_STACK",
        "CREATE_CHANGESET",
    }
    with pytest.raises(deployer.client.exceptions.ClientError, match="must be specified"):
        deployer.client.describe_events()
