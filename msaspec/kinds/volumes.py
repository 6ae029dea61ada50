"""Volumes: files that outlive containers, on EFS, mounted by TLS with the role of each user."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError
from troposphere import Output, Ref, Tags, efs

from msaspec.aws import security_groups
from msaspec.aws.data import efs as stored
from msaspec.aws.intrinsic import intrinsic
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.language.base import Model
from msaspec.language.container import MountFolder
from msaspec.language.files import LARGEST_ID
from msaspec.language.kind import Kind
from msaspec.language.part import Door, Entry, Mount, Offer, Part, Place, Site, Statement, Use
from msaspec.language.value import Text, Token, Value
from msaspec.template import names

SEVERAL_WRITERS = Code(
    "MSA465",
    "A volume with several writers",
    """
    Programs that keep their data in files, such as databases, expect to be the only one that writes them. So one
    service writes a volume, and the others read it. If the programs are made to write side by side, say so.

    Wrong: `volumes: {data: {}}`, and two services with `uses: {data: {mount: /data}}`
    Right: `access: read` in one of them, or `volumes: {data: {shared: true}}`
    """,
)
NO_WRITER = Code(
    "MSA468",
    "A volume that nobody writes",
    """
    All users of the volume have `access: read`, so it stays empty. Leave `access` out in the use of the service that
    writes the files.
    """,
    Severity.WARNING,
)
OTHER_USER = Code(
    "MSA496",
    "Writers of a volume with different users",
    """
    The folder of a volume belongs to the user who mounts it first, and others cannot write into it. Give all writers
    the same `user`. Readers may have another one.

    Wrong: `uses: {files: {mount: /files, user: 1000}}` and `uses: {files: {mount: /in, user: 2000}}`
    Right: the same `user` in both, or in none of them
    """,
)
PORT = 2049
"""NFS."""
FOLDER = "/data"
"""The folder of the file system that its users see as its root."""
_USER = re.compile(r"[0-9]{1,10}(:[0-9]{1,10})?")
READ: Final = "read"
BOTH: Final = "read-write"


def _user(written: Any) -> Any:
    text = str(written) if isinstance(written, int) and not isinstance(written, bool) else written
    fits = isinstance(text, str) and _USER.fullmatch(text)
    if not fits or any(int(each) > LARGEST_ID for each in text.split(":")):
        raise PydanticCustomError(
            "user", 'the user of files is a number, with a group behind a colon: `999`, `"999:1000"`'
        )
    return text


def _switch(written: Any) -> Any:
    if isinstance(written, bool) or written is None:
        return written
    raise PydanticCustomError(
        "backups", "AWS Backup keeps the daily backups of a file system for 35 days: write `true` or `false`"
    )


class Volume(Model):
    """A file system on EFS: encrypted, in every zone, as large as its files, kept when the stack is deleted."""

    shared: bool = Field(
        False,
        description="Let several services, and several copies of one, write at a time. By default one copy of one"
        " service writes, and a new version starts after the old one has stopped.",
        examples=[True],
    )
    backups: Annotated[bool, BeforeValidator(_switch), WithJsonSchema({"type": "boolean"})] = Field(
        True, description="Back it up every day; AWS Backup keeps each backup for 35 days.", examples=[False]
    )


class VolumeUse(Model):
    """Where a service has a volume, and what it may do with the files."""

    shorthand = "mount"

    mount: MountFolder = Field(
        description="Folder of the container that the volume is mounted at. What the image has there is hidden.",
        examples=["/var/lib/mysql"],
    )
    access: Literal["read", "read-write"] = Field(BOTH, description="What the service can do with files.")
    user: Annotated[str, BeforeValidator(_user), WithJsonSchema({"type": ["string", "integer"]})] | None = Field(
        None,
        description="Number of the user that all files are read and written as, with a group behind a colon. Default:"
        " whatever user the program runs as.",
        examples=[999, "999:1000"],
    )


class Volumes(Kind[Volume, VolumeUse]):
    """The section `volumes`."""

    section = "volumes"
    noun = "volume"
    types = (*stored.TYPES, security_groups.GROUP)
    isolated = True
    attributes: ClassVar[Mapping[str, str]] = {
        "path": "Folder of the container that it is mounted at.",
        "id": "ID of the file system.",
    }

    def check(self, entry: Entry[Volume], uses: Sequence[Use[VolumeUse]]) -> Iterable[Diagnostic]:
        """Yield more than one writer where one is meant, none, and writers that keep each other out."""
        writers = _writers(uses)
        if uses and not writers:
            message = f"Nobody writes `{entry.name}`: all its users have `access: read`."
            yield NO_WRITER.at(entry.path, message, hint="Remove `access: read` from the use of its writer.", key=True)
        if not entry.spec.shared:
            for use in writers[1:]:
                message = f"`{use.service}` writes `{entry.name}`, which `{writers[0].service}` writes."
                hint = f"Write `access: read` here, or `volumes: {{{entry.name}: {{shared: true}}}}` if both may."
                yield SEVERAL_WRITERS.at(use.path, message, hint=hint, key=True)
            return
        named = [use for use in writers if use.options.user is not None]
        for use in named[1:]:
            first = named[0]
            if use.options.user != first.options.user:
                message = (
                    f"`{use.service}` writes `{entry.name}` as {use.options.user}, and `{first.service}` as"
                    f" {first.options.user}: whoever comes second cannot."
                )
                yield OTHER_USER.at((*use.path, "user"), message, hint=f"Write `user: {first.options.user}`.", key=True)

    def doors(self, entry: Entry[Volume]) -> tuple[Door, ...]:
        """Return the port of NFS."""
        return (Door(Token(_group(entry.name)), PORT),)

    def build(self, entry: Entry[Volume], uses: Sequence[Use[VolumeUse]], site: Site) -> Part:
        """Return the file system with a mount target in each zone, and an access point for each user."""
        name = entry.name
        targets = [
            efs.MountTarget(
                target,
                FileSystemId=Ref(_id(name)),
                SubnetId=Ref(subnet.target),
                SecurityGroups=[Ref(_group(name))],
            )
            for target, subnet in zip(_targets(name, site), site.isolated, strict=True)
        ]
        owner = next((use.options.user for use in _writers(uses)), None)
        points = [_point(use, owner, site) for use in sorted(uses, key=lambda use: use.service)]
        return Part(
            resources=(
                security_groups.group(_group(name), name, site, (), security_groups.NOWHERE),
                _file_system(entry, site),
                *targets,
                *points,
            ),
            outputs=(Output(_id(name), Description=f"ID of the volume {name}.", Value=Ref(_id(name))),),
        )

    def offer(self, entry: Entry[Volume], use: Use[VolumeUse], place: Place) -> Offer:
        """Return the folder, and the access that `access` says, through an access point of the user's own."""
        id, point = Token(_id(entry.name)), names.edge(use.service, entry.name, "AccessPoint")
        folder: Value = (use.options.mount,)
        writes = use.options.access == BOTH
        attributes: dict[str, Value] = {"path": folder, "id": (id,)}
        spring = use.framework == "spring-boot"
        variable = f"msa.{entry.name}.path" if spring else f"{names.variable(entry.name)}_PATH"
        # fact: file-system-access
        actions = ["elasticfilesystem:ClientMount"]
        if _user_of(use) in (None, "0"):
            actions.append("elasticfilesystem:ClientRootAccess")
        if writes:
            actions.append("elasticfilesystem:ClientWrite")
        arn: Text = (Token(f"{_id(entry.name)}.Arn"),)
        through = {"StringEquals": {"elasticfilesystem:AccessPointArn": intrinsic((Token(f"{point}.Arn"),))}}
        return Offer(
            attributes=attributes,
            variables={variable: folder},
            doors=self.doors(entry),
            statements=(Statement(tuple(actions), (arn,), through),),
            # fact: mount-targets-first
            after=_targets(entry.name, place),
            mounts=(
                Mount(
                    volume=entry.name,
                    file_system=id,
                    access_point=Token(point),
                    folder=use.options.mount,
                    writes=writes,
                    shared=entry.spec.shared,
                    path=use.path,
                ),
            ),
        )


def _writers(uses: Sequence[Use[VolumeUse]]) -> list[Use[VolumeUse]]:
    return [use for use in uses if use.options.access == BOTH]


def _user_of(use: Use[VolumeUse]) -> str | None:
    """Return the number of the user that a use acts as."""
    return None if use.options.user is None else use.options.user.partition(":")[0]


def _id(name: str) -> str:
    return names.logical(name, "FileSystem")


def _group(name: str) -> str:
    return names.logical(name, "FileSystemSecurityGroup")


def _targets(name: str, place: Place) -> tuple[str, ...]:
    return tuple(names.logical(name, f"MountTarget{zone}") for zone in range(1, len(place.isolated) + 1))


def _file_system(entry: Entry[Volume], site: Site) -> Any:
    """Return the file system. Who reaches it without TLS, or around the access points, may do nothing."""
    # fact: file-system-policy
    refused = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": [f"elasticfilesystem:Client{word}" for word in ("Mount", "RootAccess", "Write")],
    }
    return efs.FileSystem(
        _id(entry.name),
        Encrypted=True,
        PerformanceMode="generalPurpose",
        # fact: elastic-throughput
        ThroughputMode="elastic",
        BackupPolicy=efs.BackupPolicy(Status="ENABLED" if entry.spec.backups else "DISABLED"),
        FileSystemPolicy={
            "Version": "2012-10-17",
            "Statement": [
                {"Sid": "TlsOnly", **refused, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
                {
                    "Sid": "AccessPointsOnly",
                    **refused,
                    "Condition": {"Null": {"elasticfilesystem:AccessPointArn": "true"}},
                },
            ],
        },
        FileSystemTags=Tags(Name=f"{site.stack}/{entry.name}"),
        DeletionPolicy="RetainExceptOnCreate",
        UpdateReplacePolicy="Retain",
    )


# fact: access-points
def _point(use: Use[VolumeUse], owner: str | None, site: Site) -> Any:
    """Return the access point of a user. `owner` is the user who writes: whoever mounts the volume first makes its
    folder for that one."""
    user = use.options.user
    whose = owner if use.options.access == READ else user
    uid, _, gid = (whose or "0").partition(":")
    as_user = {}
    if user is not None:
        own, _, group = user.partition(":")
        as_user = {"PosixUser": efs.PosixUser(Uid=own, Gid=group or own)}
    return efs.AccessPoint(
        names.edge(use.service, use.target, "AccessPoint"),
        FileSystemId=Ref(_id(use.target)),
        **as_user,
        RootDirectory=efs.RootDirectory(
            Path=FOLDER,
            CreationInfo=efs.CreationInfo(
                OwnerUid=uid,
                OwnerGid=gid or uid,
                # Where no user is named, any that the image runs as may write: only this service comes here.
                Permissions="0755" if whose is not None else "0777",
            ),
        ),
        AccessPointTags=Tags(Name=f"{site.stack}/{use.target}/{use.service}"),
    )
