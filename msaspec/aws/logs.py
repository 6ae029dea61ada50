"""Log groups."""

from __future__ import annotations

from typing import Any

from troposphere import logs

from msaspec.language.aws_type import AwsType, Clients, Deletion
from msaspec.language.part import Statement
from msaspec.language.value import Token


def _erase(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    aws.client("logs").delete_log_group(logGroupName=id)
    return [f"the log group {id}"]


def _there(aws: Clients, id: str) -> bool:
    pages = aws.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=id)
    return any(group["logGroupName"] == id for page in pages for group in page["logGroups"])


GROUP = AwsType(
    name="AWS::Logs::LogGroup",
    noun="log group",
    erase=_erase,
    gone=frozenset({"ResourceNotFoundException"}),
    there=_there,
    unique=(("LogGroupName",),),
)


def group(name: str, retention: int) -> Any:
    """Return a log group that outlives the stack. `retention` in days.

    CloudFormation names it, so that a service that leaves and comes back does not meet its old group. It stays after a
    failed creation too: it then holds why a service did not boot.
    """
    return logs.LogGroup(name, RetentionInDays=retention, DeletionPolicy="Retain", UpdateReplacePolicy="Retain")


def writing(name: str) -> Statement:
    """Return the grant to write into a log group."""
    return Statement(("logs:CreateLogStream", "logs:PutLogEvents"), ((Token(f"{name}.Arn"),),))
