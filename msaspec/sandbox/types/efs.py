"""EFS: file systems, what they are reached by, and who may."""

from __future__ import annotations

import json
from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Resource, made_for, only, resource
from msaspec.sandbox.cloudformation.shapes import shaped


def _api(at: At) -> Any:
    return at.api("efs")


def _retagged(at: At, id: str, key: str, old: Properties, new: Properties) -> None:
    gone = {tag["Key"] for tag in old.get(key, [])} - {tag["Key"] for tag in new.get(key, [])}
    if gone:
        _api(at).untag_resource(ResourceId=id, TagKeys=sorted(gone))
    if new.get(key):
        _api(at).tag_resource(ResourceId=id, Tags=new[key])


@resource("AWS::EFS::FileSystem")
class FileSystem(Resource):
    """A file system with its policy."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it, with its policies."""
        words = only(new, "Encrypted", "KmsKeyId", "PerformanceMode", "ThroughputMode", "AvailabilityZoneName")
        tags = [*new.get("FileSystemTags", []), *made_for(at)]
        made = _api(at).create_file_system(
            **shaped(_api(at), "CreateFileSystem", {**words, "CreationToken": at.name(64), "Tags": tags})
        )
        self._policies(at, made["FileSystemId"], {}, new)
        return self._made(at, made["FileSystemId"])

    def _made(self, at: At, id: str) -> Made:
        (there,) = _api(at).describe_file_systems(FileSystemId=id)["FileSystems"]
        return Made(id, {"Arn": there["FileSystemArn"], "FileSystemId": id})

    def _policies(self, at: At, id: str, old: Properties, new: Properties) -> None:
        if new.get("FileSystemPolicy") and new["FileSystemPolicy"] != old.get("FileSystemPolicy"):
            _api(at).put_file_system_policy(FileSystemId=id, Policy=json.dumps(new["FileSystemPolicy"]))
        if new.get("BackupPolicy") and new["BackupPolicy"] != old.get("BackupPolicy"):
            _api(at).put_backup_policy(FileSystemId=id, BackupPolicy=dict(new["BackupPolicy"]))

    _CHANGES = frozenset({"BackupPolicy", "FileSystemPolicy", "FileSystemTags"})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change its policies and tags."""
        if {key for key in {*old, *new} if old.get(key) != new.get(key)} - self._CHANGES:
            return super().update(at, id, old, new)
        self._policies(at, id, old, new)
        _retagged(at, id, "FileSystemTags", old, new)
        return self._made(at, id)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it with its files. EFS refuses that while anything leads to it."""
        _api(at).delete_file_system(FileSystemId=id)


@resource("AWS::EFS::MountTarget")
class MountTarget(Resource):
    """An address of a file system in a zone."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        made = _api(at).create_mount_target(**only(new, "FileSystemId", "SubnetId", "SecurityGroups"))
        return Made(made["MountTargetId"], {"Id": made["MountTargetId"], "IpAddress": made["IpAddress"]})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change its groups."""
        _api(at).modify_mount_target_security_groups(MountTargetId=id, SecurityGroups=new["SecurityGroups"])
        (there,) = _api(at).describe_mount_targets(MountTargetId=id)["MountTargets"]
        return Made(id, {"Id": id, "IpAddress": there["IpAddress"]})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        _api(at).delete_mount_target(MountTargetId=id)


@resource("AWS::EFS::AccessPoint")
class AccessPoint(Resource):
    """A way to a folder of a file system, as one user."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it. moto does not look whether the file system is there."""
        _api(at).describe_file_systems(FileSystemId=new["FileSystemId"])
        words = {**only(new, "FileSystemId", "PosixUser", "RootDirectory"), "ClientToken": at.name(64)}
        words["Tags"] = [*new.get("AccessPointTags", []), *made_for(at)]
        made = _api(at).create_access_point(**shaped(_api(at), "CreateAccessPoint", words))
        return self._made(made)

    def _made(self, there: Any) -> Made:
        id = there["AccessPointId"]
        return Made(id, {"Arn": there["AccessPointArn"], "AccessPointId": id})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change its tags."""
        _retagged(at, id, "AccessPointTags", old, new)
        (there,) = _api(at).describe_access_points(AccessPointId=id)["AccessPoints"]
        return self._made(there)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it; the files stay."""
        _api(at).delete_access_point(AccessPointId=id)
