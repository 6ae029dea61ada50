"""What CloudFormation checks in the account when a change set is made: names that are taken, buckets that are full."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from msaspec.sandbox.cloudformation.intrinsics import Unknown
from msaspec.sandbox.cloudformation.proposal import Change
from msaspec.sandbox.on_moto.stacks import Stack

# The first two names and their sentences are those that tools show; how ECR's check is called could not be verified.
NAME_CONFLICT = "NAME_CONFLICT_VALIDATION"
BUCKET_FULL = "BUCKET_EMPTINESS_VALIDATION"
REPOSITORY_FULL = "ECR_REPOSITORY_DELETE_READINESS_VALIDATION"

FAILED = (
    "The following hook(s)/validation failed: [AWS::EarlyValidation::ResourceExistenceCheck]. "
    "To troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure information."
)
"""The reason of a change set that a check fails."""


@dataclass(frozen=True)
class Finding:
    """What a check found."""

    name: str
    fails: bool
    """Whether the change set cannot be executed."""
    reason: str
    change: Change
    path: str


def findings(stack: Stack, changes: list[Change]) -> Iterator[Finding]:
    """Yield what the checks find."""
    client = stack.deployment.around.api
    for change in changes:
        if change.action == "Add" or change.replacement == "True":
            yield from _taken(client, change)
        if change.policy_action in ("Delete", "ReplaceAndDelete"):
            yield from _full(client, change)


def taken(client: Callable[[str], Any], change: Change) -> str | None:
    """Return the name that a resource is to have, if another has it already."""
    key, there = _NAMED.get(change.type, ("", None))
    name = (change.properties or {}).get(key)
    return None if there is None or not name or isinstance(name, Unknown) or name not in there(client) else str(name)


def _taken(client: Callable[[str], Any], change: Change) -> Iterator[Finding]:
    if name := taken(client, change):
        reason = f"Resource of type '{change.type}' with identifier '{name}' already exists."
        path = f"/Resources/{change.logical_id}/Properties/{_NAMED[change.type][0]}"
        yield Finding(NAME_CONFLICT, True, reason, change, path)


def _repositories(client: Callable[[str], Any]) -> set[str]:
    pages = client("ecr").get_paginator("describe_repositories").paginate()
    return {each["repositoryName"] for page in pages for each in page["repositories"]}


def _tables(client: Callable[[str], Any]) -> set[str]:
    pages = client("dynamodb").get_paginator("list_tables").paginate()
    return {name for page in pages for name in page["TableNames"]}


def _buckets(client: Callable[[str], Any]) -> set[str]:
    return {each["Name"] for each in client("s3").list_buckets()["Buckets"]}


_NAMED: dict[str, tuple[str, Callable[[Callable[[str], Any]], set[str]]]] = {
    "AWS::ECR::Repository": ("RepositoryName", _repositories),
    "AWS::S3::Bucket": ("BucketName", _buckets),
    "AWS::DynamoDB::Table": ("TableName", _tables),
}
"""The property that names a resource, and the names that are taken."""


def _full(client: Callable[[str], Any], change: Change) -> Iterator[Finding]:
    id, path = change.physical_id or "", f"/Resources/{change.logical_id}"
    if change.type == "AWS::S3::Bucket" and id in _buckets(client):
        versions = client("s3").list_object_versions(Bucket=id, MaxKeys=1)
        if versions.get("Versions") or versions.get("DeleteMarkers"):
            said = "You must either delete all objects and versions or use the deletion policy to retain it, otherwise"
            reason = f"The bucket '{id}' is not empty. {said} the delete operation will fail."
            yield Finding(BUCKET_FULL, False, reason, change, path)
    if change.type != "AWS::ECR::Repository" or id not in _repositories(client):
        return
    if client("ecr").list_images(repositoryName=id)["imageIds"]:
        reason = f"The repository '{id}' is not empty. Delete its images, or the delete operation will fail."
        yield Finding(REPOSITORY_FULL, False, reason, change, path)
