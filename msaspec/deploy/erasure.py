"""Removes data that the user gave up by name: what a deleted stack leaves in the account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from msaspec.deploy import fault, protection
from msaspec.deploy.inventory import BUCKET, DATABASE, REPOSITORY, Fate, Item
from msaspec.deploy.policy import SECRET
from msaspec.deploy.target import Aws

BATCH = 1000
"""Objects that S3 deletes in one request."""
IMAGES = 100
"""Images that ECR deletes in one request."""


def unprotect(aws: Aws, item: Item) -> bool:
    """Lifts the protection of what the stack's deletion is to remove; whether there was any."""
    if item.fate is Fate.STAYS or not item.resource.id:
        return False
    return protection.lift(aws, item.resource.type, item.resource.id)


def empty(aws: Aws, item: Item) -> None:
    """Removes everything inside of a bucket or a repository, so that it can be deleted. What is gone is no error.

    Raises Fault with the first cause where something will not go.
    """
    from botocore.exceptions import ClientError

    emptier = {BUCKET: _empty_bucket, REPOSITORY: _empty_repository}.get(item.resource.type)
    if emptier is None or not item.resource.id:
        return
    try:
        emptier(aws, item.resource.id)
    except ClientError as error:
        if fault.code_of(error) not in _GONE:
            raise


def _empty_bucket(aws: Aws, bucket: str) -> None:
    """All versions of all objects, and what was never finished."""
    s3 = aws.client("s3")
    # Always from the beginning: what the marker of a next page names would be gone.
    while versions := _versions(s3.list_object_versions(Bucket=bucket)):
        for start in range(0, len(versions), BATCH):
            said = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions[start : start + BATCH], "Quiet": True})
            for error in said.get("Errors", []):
                message = f"The object {error['Key']} of the bucket {bucket} will not go: {error['Message']}"
                raise fault.raised(fault.REFUSED, message, None)
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])


def _versions(page: Mapping[str, Any]) -> list[dict[str, str]]:
    """The versions and delete markers of a page, as their deletion wants them."""
    rows = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    return [{"Key": row["Key"], "VersionId": row["VersionId"]} for row in rows]


def _empty_repository(aws: Aws, repository: str) -> None:
    """All images. What an index names goes only after the index, so it is done again as long as that helps."""
    ecr = aws.client("ecr")
    while True:
        pages = ecr.get_paginator("list_images").paginate(repositoryName=repository)
        ids = [id for page in pages for id in page["imageIds"]]
        failures: list[Any] = []
        for start in range(0, len(ids), IMAGES):
            said = ecr.batch_delete_image(repositoryName=repository, imageIds=ids[start : start + IMAGES])
            failures += said.get("failures", [])
        if not failures:
            return
        if len(failures) >= len(ids):
            reason = failures[0].get("failureReason") or failures[0].get("failureCode")
            raise fault.raised(fault.REFUSED, f"The images of {repository} will not go: {reason}", None)


def knows(item: Item) -> bool:
    """Whether what stays of an item can be removed here."""
    return item.resource.type in _ERASERS


def erase(aws: Aws, item: Item, deleted: datetime | None) -> list[str]:
    """Removes what stayed of an item, for good; says what. `deleted` is when the stack's deletion began.

    What is gone already is no error, so that an interrupted run can be repeated.
    """
    from botocore.exceptions import ClientError

    eraser = _ERASERS.get(item.resource.type)
    if eraser is None or not item.resource.id:
        return []
    try:
        return eraser(aws, item.resource.id, deleted)
    except ClientError as error:
        if fault.code_of(error) in _GONE:
            return []
        raise


_GONE = {
    "404",
    "DBInstanceAutomatedBackupNotFound",
    "DBInstanceNotFound",
    "DBInstanceNotFoundFault",
    "DBSnapshotNotFound",
    "NoSuchBucket",
    "RepositoryNotFoundException",
    "ResourceNotFoundException",
}


def _asked(request: Callable[..., Any], **words: str) -> Any:
    """What AWS answers; None where what it is about is gone."""
    from botocore.exceptions import ClientError

    try:
        return request(**words)
    except ClientError as error:
        if fault.code_of(error) not in _GONE:
            raise
        return None


def _bucket(aws: Aws, id: str, deleted: datetime | None) -> list[str]:
    _empty_bucket(aws, id)
    aws.client("s3").delete_bucket(Bucket=id)
    return [f"the bucket {id} with all that was in it"]


def _repository(aws: Aws, id: str, deleted: datetime | None) -> list[str]:
    aws.client("ecr").delete_repository(repositoryName=id, force=True)
    return [f"the image repository {id} with its images"]


def _log_group(aws: Aws, id: str, deleted: datetime | None) -> list[str]:
    aws.client("logs").delete_log_group(logGroupName=id)
    return [f"the log group {id}"]


def _secret(aws: Aws, id: str, deleted: datetime | None) -> list[str]:
    from botocore.exceptions import ClientError

    try:
        aws.client("secretsmanager").delete_secret(SecretId=id, RecoveryWindowInDays=7)
    except ClientError as error:
        # "... it was marked for deletion", by an earlier run.
        if fault.code_of(error) == "InvalidRequestException" and "delet" in fault.message_of(error):
            return []
        raise
    return [f"the secret {id}, which can be restored for 7 days"]


def _database(aws: Aws, id: str, deleted: datetime | None) -> list[str]:
    """The instance, where it was to stay; the snapshots that the deletion made, and the automated backups. Snapshots
    that people made stay. Without knowing when the deletion began, nobody can tell one from the other."""
    if deleted is None:
        return []
    return [*_instance(aws, id, deleted), *_snapshots(aws, id, deleted), *_backups(aws, id)]


def _instance(aws: Aws, id: str, deleted: datetime) -> list[str]:
    """An instance that the stack's deletion left running. One that was made since is another of the same name."""
    rds = aws.client("rds")
    for there in protection.instances(aws, id):
        made = there.get("InstanceCreateTime")
        if there["DBInstanceStatus"] == "deleting" or made is None or made >= deleted:
            continue
        if there.get("DeletionProtection"):
            rds.modify_db_instance(DBInstanceIdentifier=id, DeletionProtection=False, ApplyImmediately=True)
        rds.delete_db_instance(DBInstanceIdentifier=id, SkipFinalSnapshot=True, DeleteAutomatedBackups=True)
        return [f"the database instance {id}, which takes some minutes to go"]
    return []


def snapshots(aws: Aws, id: str, deleted: datetime | None) -> list[str]:
    """The snapshots of a database that were made since the deletion of its stack began: CloudFormation's own."""
    if deleted is None:
        return []  # Then nobody can tell them from those that people made.
    pages = (
        aws.client("rds")
        .get_paginator("describe_db_snapshots")
        .paginate(DBInstanceIdentifier=id, SnapshotType="manual")
    )
    # One that is only being made has no time yet, and is not CloudFormation's, which waits for its own.
    return [
        snapshot["DBSnapshotIdentifier"]
        for page in pages
        for snapshot in page["DBSnapshots"]
        if "SnapshotCreateTime" in snapshot and snapshot["SnapshotCreateTime"] >= deleted.replace(microsecond=0)
    ]


def _snapshots(aws: Aws, id: str, deleted: datetime) -> list[str]:
    delete = aws.client("rds").delete_db_snapshot
    names = snapshots(aws, id, deleted)
    return [f"the snapshot {name}" for name in names if _asked(delete, DBSnapshotIdentifier=name) is not None]


def _backups(aws: Aws, id: str) -> list[str]:
    """Those of instances that are gone; those of one that is there go with it."""
    rds = aws.client("rds")
    kept = _asked(rds.describe_db_instance_automated_backups, DBInstanceIdentifier=id) or {}
    removed = [
        _asked(rds.delete_db_instance_automated_backup, DbiResourceId=backup["DbiResourceId"])
        for backup in kept.get("DBInstanceAutomatedBackups", [])
        if backup.get("Status") == "retained"
    ]
    return [f"the automated backups of {id}"] if any(said is not None for said in removed) else []


_ERASERS: Mapping[str, Callable[[Aws, str, datetime | None], list[str]]] = {
    BUCKET: _bucket,
    DATABASE: _database,
    REPOSITORY: _repository,
    SECRET: _secret,
    "AWS::Logs::LogGroup": _log_group,
}
