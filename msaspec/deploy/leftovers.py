"""What an update was to remove and CloudFormation could not: it stays in the account, in no stack, and costs on."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from msaspec.changes import STATEFUL
from msaspec.deploy.events import Event, ordered
from msaspec.deploy.inventory import BUCKET, DATABASE, REPOSITORY
from msaspec.deploy.target import Aws
from msaspec.deploy.watch import Outcome
from msaspec.diagnostic import Code, Diagnostic, Severity
from msaspec.place import Path, render

LEFT = Code(
    "MSA630",
    "Something that was to go is still there",
    """
    An update removes last what it no longer needs. Where a service refuses that, the update counts as done all the
    same: CloudFormation forgets the resource, which stays in the account, in no stack. The message has its ids and the
    reason, mostly a deletion protection or something that still uses it. Keep it, or remove it with the command.
    """,
    Severity.WARNING,
)


FORGOTTEN = ("UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
"""How operations end that forget what would not go."""


def left(aws: Aws, outcome: Outcome, entry_of: Callable[[str], Path]) -> list[Diagnostic]:
    """A warning for each resource that an operation could not delete, and is done with all the same."""
    if outcome.status not in FORGOTTEN:
        return []
    last = {(event.logical_id, event.physical_id): event for event in ordered(outcome.events) if not event.of_stack}
    return [_told(aws, event, entry_of(event.logical_id)) for event in last.values() if event.status == "DELETE_FAILED"]


def _told(aws: Aws, event: Event, entry: Path) -> Diagnostic:
    what = STATEFUL.get(event.type, event.type)
    reason = " ".join((event.reason or "CloudFormation gives no reason.").split())
    place = f"`{event.logical_id}` of `{render(entry)}`"
    message = f"The {what} {event.physical_id or ''} ({place}) could not be deleted: {reason}"
    region = "" if "--region" in shlex.split(aws.words) else f" --region {shlex.quote(aws.region)}"
    commands = " && ".join(f"aws {shlex.join(words)}{region}{aws.words}" for words in _removing(event))
    hint = f"It is in no stack any more. Keep it, or remove it: {commands or 'its service has to do that by hand.'}"
    return LEFT.at(entry, message, hint=hint, key=True)


def _removing(event: Event) -> list[list[str]]:
    """The commands of the AWS CLI that remove a resource; none for what only its own function can remove."""
    id, kind = event.physical_id, event.type
    if not id or not kind.startswith("AWS::") or kind.startswith("AWS::CloudFormation::"):
        return []
    if kind == DATABASE:
        named = ["--db-instance-identifier", id]
        return [
            ["rds", "modify-db-instance", *named, "--no-deletion-protection", "--apply-immediately"],
            ["rds", "delete-db-instance", *named, "--final-db-snapshot-identifier", f"{id}-last"],
        ]
    if kind == BUCKET:
        return [["s3", "rb", f"s3://{id}", "--force"]]
    if kind == REPOSITORY:
        return [["ecr", "delete-repository", "--repository-name", id, "--force"]]
    return [["cloudcontrol", "delete-resource", "--type-name", kind, "--identifier", id]]
