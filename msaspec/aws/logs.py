"""Log groups."""

from __future__ import annotations

from typing import Any

from troposphere import logs

from msaspec.language.part import Statement
from msaspec.language.value import Token


def group(name: str, retention: int) -> Any:
    """A log group that outlives the stack. `retention` in days.

    CloudFormation names it, so that a service that leaves and comes back does not meet its old group. It stays after a
    failed creation too: it then holds why a service did not boot.
    """
    return logs.LogGroup(name, RetentionInDays=retention, DeletionPolicy="Retain", UpdateReplacePolicy="Retain")


def writing(name: str) -> Statement:
    """Writing into a log group."""
    return Statement(("logs:CreateLogStream", "logs:PutLogEvents"), ((Token(f"{name}.Arn"),),))
