"""EFS file systems as holders of data, and what leads to one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msaspec.language.aws_type import (
    AwsType,
    Clients,
    Deletion,
    Effect,
    Holds,
    Kept,
    Objection,
    Properties,
    Unremovable,
    code_of,
    unless_gone,
)
from msaspec.template.resources import inner

_GONE = frozenset({"FileSystemNotFound"})
_TARGET_GONE = frozenset({"MountTargetNotFound"})
_POINT_GONE = frozenset({"AccessPointNotFound"})
_MADE_FOR = ("aws:cloudformation:stack-name", "aws:cloudformation:logical-id")
"""Tags by which CloudFormation says what a resource was made for."""


def _there(aws: Clients, id: str) -> bool:
    return unless_gone(_GONE, aws.client("efs").describe_file_systems, FileSystemId=id) is not None


# fact: file-system-deletion
def _erase(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    """Remove what leads to a file system, then itself. EFS takes a minute to remove a mount target."""
    from botocore.exceptions import ClientError

    efs = aws.client("efs")
    if not _there(aws, id):
        return []
    for point in efs.describe_access_points(FileSystemId=id)["AccessPoints"]:
        unless_gone(_POINT_GONE, efs.delete_access_point, AccessPointId=point["AccessPointId"])
    for target in efs.describe_mount_targets(FileSystemId=id)["MountTargets"]:
        unless_gone(_TARGET_GONE, efs.delete_mount_target, MountTargetId=target["MountTargetId"])
    try:
        unless_gone(_GONE, efs.delete_file_system, FileSystemId=id)
    except ClientError as error:
        if code_of(error) != "FileSystemInUse":
            raise
        raise Unremovable(f"The mount targets of the file system {id} are still being removed") from error
    return [f"the file system {id} with all its files, of which AWS Backup keeps the backups that there are"]


def _kept(aws: Clients, stack: str, logical_id: str) -> Iterator[Kept]:
    """File systems that CloudFormation made for the same resource of a stack of the same name."""
    for page in aws.client("efs").get_paginator("describe_file_systems").paginate():
        for each in page["FileSystems"]:
            tags = {tag["Key"]: tag["Value"] for tag in each.get("Tags", ())}
            if [tags.get(key) for key in _MADE_FOR] == [stack, logical_id]:
                id = each["FileSystemId"]
                takeover = f"copy its files into the new one: both can be mounted on one host, {id} by its id"
                yield Kept(id, "file system", takeover, tuple(map(tuple, _removal(id))))


def _removal(id: str) -> Iterable[list[str]]:
    yield ["efs", "delete-file-system", "--file-system-id", id]


def _objections(before: Properties, after: Properties) -> Iterator[Objection]:
    """Yield backups that are no longer made."""
    old, new = (inner(each, "BackupPolicy", "Status") for each in (before, after))
    if old == "ENABLED" and new != "ENABLED":
        reason = "would no longer be backed up; the backups that there are go after 35 days"
        yield Objection(Effect.COSTS, "backups", reason, "Keep `backups: true` to be able to restore a file.")


FILE_SYSTEM = AwsType(
    name="AWS::EFS::FileSystem",
    noun="file system",
    holds=Holds.DATA,
    erase=_erase,
    gone=_GONE,
    there=_there,
    kept=_kept,
    removal=_removal,
    objections=_objections,
)


def _label(path: tuple[str | int, ...]) -> str | None:
    """Return what people call a value of an access point."""
    names: Mapping[tuple[Any, ...], str] = {("PosixUser", "Uid"): "user", ("PosixUser", "Gid"): "group"}
    return names.get(path)


ACCESS_POINT = AwsType(name="AWS::EFS::AccessPoint", noun="access point", labels=_label)
MOUNT_TARGET = AwsType(
    name="AWS::EFS::MountTarget",
    noun="mount target",
    unique=(("FileSystemId", "SubnetId"),),
    slow={"create": "1 to 3 minutes", "delete": "1 to 3 minutes"},
)
TYPES = (FILE_SYSTEM, ACCESS_POINT, MOUNT_TARGET)
