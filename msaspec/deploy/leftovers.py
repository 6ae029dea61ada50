"""What an update was to remove and CloudFormation could not: it stays in the account, in no stack, and costs on."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msaspec.compile import aws_types
from msaspec.deploy.aws.events import Event, ordered
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.watch import Outcome
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Path, render
from msaspec.template.origin import STRANGE

LEFT = Code(
    "MSA630",
    "A removed resource is still there",
    """
    At its end, an update deletes resources that are no longer needed. If AWS refuses a deletion, the update still
    succeeds: CloudFormation forgets the resource, which stays in the account outside any stack. The message has its ID
    and the reason, usually deletion protection or another resource that still uses it. Keep it, or delete it with the
    command.
    """,
    Severity.WARNING,
)


FORGOTTEN = ("UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
"""How operations end that forget what would not go."""


def left(aws: Aws, outcome: Outcome, entry_of: Callable[[str], Path]) -> list[Diagnostic]:
    """Return a warning for each resource that an operation could not delete, and is done with all the same."""
    return [told(aws, event, entry_of(event.logical_id)) for event in failed(outcome)]


def failed(outcome: Outcome) -> list[Event]:
    """Return the last event of each resource that an operation could not delete, and is done with all the same."""
    if outcome.status not in FORGOTTEN:
        return []
    last = {(event.logical_id, event.physical_id): event for event in ordered(outcome.events) if not event.of_stack}
    return [event for event in last.values() if event.status == "DELETE_FAILED"]


def told(aws: Aws, event: Event, entry: Path) -> Diagnostic:
    """Return the warning about a resource that was left."""
    reason = " ".join((event.reason or "CloudFormation gives no reason.").split())
    place = f"`{event.logical_id}` of `{render(entry)}`" if entry else f"`{event.logical_id}`, {STRANGE}"
    message = f"The {aws_types.of(event.type)} {event.physical_id or ''} ({place}) could not be deleted: {reason}"
    commands = " && ".join(aws.cli(*words) for words in _removing(event))
    hint = (
        f"It no longer belongs to a stack. Keep it, or delete it: {commands or 'its service has to do that by hand.'}"
    )
    return LEFT.at(entry, message, hint=hint, key=True)


def _removing(event: Event) -> Iterable[list[str]]:
    """Return the commands of the AWS CLI that remove a resource; none for what only its own function can remove."""
    id, kind = event.physical_id, event.type
    if not id or not kind.startswith("AWS::") or kind.startswith("AWS::CloudFormation::"):
        return []
    if by_hand := aws_types.of(kind).removal:
        return by_hand(id)
    return [["cloudcontrol", "delete-resource", "--type-name", kind, "--identifier", id]]
