"""What CloudFormation says of a change set that it does not have, or not in the right status."""

from __future__ import annotations

from moto.cloudformation.exceptions import CloudFormationError


class NoChangeSet(CloudFormationError):  # type: ignore[misc]
    """There is no such change set."""

    code = "ChangeSetNotFound"


class NotInThisStatus(CloudFormationError):  # type: ignore[misc]
    """The change set is not in a status for that."""

    code = "InvalidChangeSetStatus"
