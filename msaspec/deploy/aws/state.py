"""A stack as CloudFormation has it, and what its status lets one do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from msaspec.deploy.aws import fault, nested
from msaspec.deploy.aws.target import Aws
from msaspec.template import reading


class Standing(StrEnum):
    """What a status means for whoever wants to change the stack."""

    ABSENT = "absent"
    PROPOSED = "proposed"
    """A change set was made for it and never executed: nothing is there."""
    READY = "ready"
    BUSY = "busy"
    CREATE_FAILED = "stillborn"
    """Its creation failed and was rolled back: it can only be deleted."""
    PRESERVED = "preserved"
    """An operation failed, and what it made was kept: the next one can go on from there."""
    STUCK = "stuck"
    """The way back from an update failed."""
    DELETE_FAILED = "half-deleted"


_CREATE_FAILED = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
_PRESERVED = ("CREATE_FAILED", "UPDATE_FAILED")
_NOT_MADE = ("CREATE_IN_PROGRESS", "CREATE_FAILED", "IMPORT_FAILED", "DELETE_COMPLETE", "DELETE_SKIPPED")
_STUCK = ("UPDATE_ROLLBACK_FAILED", "IMPORT_ROLLBACK_FAILED")


def standing(status: str | None) -> Standing:
    """Return what a status means; None is a stack that is not there."""
    if status is None or status == "DELETE_COMPLETE":
        return Standing.ABSENT
    if status == "REVIEW_IN_PROGRESS":
        return Standing.PROPOSED
    if status.endswith("_IN_PROGRESS"):
        return Standing.BUSY
    if status in _CREATE_FAILED:
        return Standing.CREATE_FAILED
    if status in _PRESERVED:
        return Standing.PRESERVED
    if status in _STUCK:
        return Standing.STUCK
    return Standing.DELETE_FAILED if status == "DELETE_FAILED" else Standing.READY


def is_terminal(status: str) -> bool:
    """Whether an operation of a stack ends with a status."""
    return not status.endswith("_IN_PROGRESS")


def succeeded(status: str) -> bool:
    """Whether the operation that ended with a status did what was asked."""
    return status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE", "IMPORT_COMPLETE")


@dataclass(frozen=True)
class Deployed:
    """A stack that is there."""

    name: str
    id: str
    status: str
    reason: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)
    """What the outputs are."""
    protected: bool = False
    """Whether termination protection is on."""
    changed: datetime | None = None
    created: datetime | None = None
    description: str = ""
    """What its template says that it is."""
    keeps: bool = False
    """Whether its last operation was to keep what it made where it failed."""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether something has to be done about it before it is what anybody wants."""
        bad = (Standing.CREATE_FAILED, Standing.PRESERVED, Standing.STUCK, Standing.DELETE_FAILED)
        return self.standing in bad or self.status.endswith("_FAILED")

    @property
    def standing(self) -> Standing:
        """What its status lets one do."""
        return standing(self.status)


@dataclass(frozen=True)
class Resource:
    """A resource of a stack."""

    logical_id: str
    type: str
    status: str
    id: str | None = None
    reason: str | None = None

    @property
    def made(self) -> bool:
        """Whether the stack has it: it was made, and not removed since."""
        return self.status not in _NOT_MADE


def describe(aws: Aws, name: str) -> Deployed | None:
    """Return the stack of a name or id; None where there is none."""
    from botocore.exceptions import ClientError

    try:
        found = aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if fault.code_of(error) == "ValidationError" and "does not exist" in fault.message_of(error):
            return None
        raise
    outputs = found.get("Outputs", [])
    return Deployed(
        found["StackName"],
        found["StackId"],
        found["StackStatus"],
        found.get("StackStatusReason"),
        {each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", [])},
        {each["OutputKey"]: each["OutputValue"] for each in outputs},
        {each["OutputKey"]: each.get("Description", "") for each in outputs},
        bool(found.get("EnableTerminationProtection")),
        found.get("LastUpdatedTime") or found.get("CreationTime"),
        found.get("CreationTime"),
        found.get("Description") or "",
        bool(found.get("DisableRollback")),
        {each["Key"]: each["Value"] for each in found.get("Tags", [])},
    )


def resources(aws: Aws, name: str, *, inside: bool = True) -> tuple[Resource, ...]:
    """Return the resources of a stack by its name or id, with those `inside` of its nested stacks, sorted by logical
    id."""
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
    rows = [row for page in pages for row in page["StackResourceSummaries"]]
    found = [
        Resource(
            row["LogicalResourceId"],
            row["ResourceType"],
            row["ResourceStatus"],
            row.get("PhysicalResourceId") or None,
            row.get("ResourceStatusReason"),
        )
        for row in (nested.rows(aws, rows) if inside else rows)
    ]
    return tuple(sorted(found, key=lambda resource: resource.logical_id))


def template_of(aws: Aws, name: str, change_set: str | None = None) -> Mapping[str, Any]:
    """Return the template that a stack was made from, joined with those of its nested stacks, or that of a change set;
    empty where nobody can read it, or the stack was made from none yet."""
    from botocore.exceptions import ClientError

    words = {"ChangeSetName": change_set} if change_set else {"StackName": name}
    try:
        body = aws.client("cloudformation").get_template(**words, TemplateStage="Original").get("TemplateBody")
    except ClientError as error:
        deployed = describe(aws, name) if fault.code_of(error) == "ValidationError" else None
        empty = deployed and (deployed.standing is Standing.PROPOSED or deployed.status == "DELETE_IN_PROGRESS")
        if not empty:
            raise
        return {}
    try:
        # botocore reads a JSON template itself, with its keys in order.
        data = reading.load(body) if isinstance(body, str) else body
        root = reading.validated(data) if reading.is_template(data) else {}
        return root if change_set else nested.whole(aws, name, root)
    except reading.Unreadable:
        return {}
