"""What stayed in the account when an entry left the manifest, named when an entry of that name comes again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msaspec.compile import aws_types
from msaspec.deploy.aws.target import Aws
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import render
from msaspec.language.aws_type import Kept
from msaspec.update.changes import Action, Change

STAYED = Code(
    "MSA524",
    "Data of an earlier entry with that name exists",
    """
    An entry with this name was deployed before. When it was removed from the manifest, or the system was destroyed, its
    data stayed in the account, outside any stack. The new entry would be empty. The hint says what to write to use the
    existing data, and how to delete it.
    """,
    Severity.WARNING,
)
TAKEN = Code(
    "MSA530",
    "The place of something new is still taken",
    """
    Something of an earlier deployment could not be deleted and stayed in the account, in no stack; what comes now needs
    its place, so the update would fail. Mostly it is a subnet of a database that left the stack and is
    protected. Remove both in the order of the hints; the database leaves a last snapshot, which can be restored.
    """,
)
NOT_IMPORTED = Code(
    "MSA525",
    "An import that was not requested or is not possible",
    """
    `msaspec deploy --import NAME` imports an existing resource with the name that the template gives it, and nothing
    else. CloudFormation imports resources that have a fixed name in the template, are retained on removal
    (`DeletionPolicy: Retain` or `RetainExceptOnCreate`), and belong to no other stack.
    """,
)


def found(aws: Aws, stack: str, changes: Iterable[Change]) -> Iterator[Diagnostic]:
    """Yield a warning for each thing with data that an earlier resource of the stack left, where one comes again, and
    an error for each that a new one has no place beside. Where the user may not look, nothing is said."""
    from botocore.exceptions import ClientError

    coming = [change for change in changes if change.action is Action.ADD]
    new = {change.type for change in coming}
    found: list[tuple[Change, Kept]] = []
    for change in coming:
        kind = aws_types.of(change.type)
        if kind.kept is None or kind.within in new:
            continue
        try:
            there = [each for each in kind.kept(aws, stack, change.logical_id) if not _in_a_stack(aws, each)]
        except ClientError:
            continue
        found += [(change, each) for each in there]
    blocked = any(each.in_the_way for _, each in found)
    for change, each in found:
        yield _told(aws, change, each, blocked=blocked)


def _told(aws: Aws, change: Change, each: Kept, *, blocked: bool) -> Diagnostic:
    """Return what is said of something that stayed. `blocked`: whether a part of the network that stayed is in the
    way."""
    commands = " && ".join(aws.cli(*words) for words in each.removal)
    what = f"The {each.noun} {each.id} of an earlier `{render(change.entry)}` exists in the account, outside any stack"
    if each.in_the_way:
        message = f"{what}, and takes the place of `{change.logical_id}`, so the update would fail."
        hint = f"{each.takeover[:1].upper()}{each.takeover[1:]}. Then delete it: {commands}"
        return TAKEN.at(change.entry, message, hint=hint, key=True)
    message = f"{what}; the update creates a new, empty one beside it."
    anew = "only delete it" if blocked and each.in_network else "continue, and delete the other"
    hint = f"To have its data, {each.takeover}. To start empty, {anew}: {commands}"
    return STAYED.at(change.entry, message, hint=hint, key=True)


def _in_a_stack(aws: Aws, kept: Kept) -> bool:
    """Whether something is a resource of any stack of the Region."""
    from botocore.exceptions import ClientError

    if not kept.alone:
        return False
    try:
        aws.client("cloudformation").describe_stack_resources(PhysicalResourceId=kept.id)
    except ClientError:  # "Stack for ID does not exist"
        return False
    return True


def unasked(changes: Iterable[Change], imports: Iterable[str]) -> Iterator[Diagnostic]:
    """Yield an error for each resource that a change set would take over although nobody named it, and for each name
    that takes nothing over."""
    asked = set(imports)
    for change in changes:
        names = {change.logical_id, *map(str, change.entry[1:2])}
        if change.action is Action.IMPORT and not names & asked:
            message = f"`{change.logical_id}` of `{render(change.entry)}` already exists, and would be imported."
            hint = f"To import it: `--import {change.logical_id}`. Otherwise give it another name."
            yield NOT_IMPORTED.at(change.entry, message, hint=hint, key=True)
        if change.action is Action.IMPORT:
            asked -= names
    for name in sorted(asked):
        message = f"`--import {name}` imports nothing: no resource with the name in the template exists."
        hint = "Set its name with a patch, as the warning MSA524 says."
        yield NOT_IMPORTED.at((), message, hint=hint)
