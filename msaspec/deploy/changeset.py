"""Change sets: made, awaited, read as `Change` values, and removed again when they are not executed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from msaspec.changes import STATEFUL, Action, Change, PropertyChange, Replaces
from msaspec.deploy import fault
from msaspec.deploy.policy import guarded
from msaspec.deploy.state import Deployed, Standing, describe
from msaspec.deploy.target import Aws
from msaspec.diagnostic import Code
from msaspec.place import Path

PREFIX = "msaspec-"
"""How the names of our change sets begin, by which a later run knows what an earlier one left."""

FAILED = Code(
    "MSA610",
    "CloudFormation refuses a change set",
    """
    CloudFormation could not make the change set, and says why. Nothing was changed. What its checks before a deployment
    find stands beside it, on manifest lines.
    """,
)

_RACED = ("ChangeSetNotFound", "ChangeSetNotFoundException", "InvalidChangeSetStatus")
_UNCHANGED = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True)
class Request:
    """What a stack is to become."""

    stack: str
    creates: bool
    template: Mapping[str, str]
    """`TemplateBody` or `TemplateURL`."""
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    capabilities: Sequence[str]
    role_arn: str | None = None
    imports: bool = False
    """Whether the stack takes over what exists under the names that its template gives."""


@dataclass(frozen=True)
class ChangeSet:
    """A change set as CloudFormation has it."""

    id: str
    stack_id: str
    status: str
    reason: str | None
    rows: tuple[Mapping[str, Any], ...] = ()
    """The `ResourceChange` of every row."""

    @property
    def unchanged(self) -> bool:
        """Whether it failed only because nothing is to change."""
        return self.status == "FAILED" and any(words in (self.reason or "") for words in _UNCHANGED)


def create(aws: Aws, request: Request) -> ChangeSet:
    """Makes a change set and waits until it is made or refused."""
    made = aws.client("cloudformation").create_change_set(
        StackName=request.stack,
        ChangeSetName=f"{PREFIX}{uuid.uuid4()}",
        ChangeSetType="CREATE" if request.creates else "UPDATE",
        Description="Made by msaspec deploy.",
        **request.template,
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in sorted(request.parameters.items())],
        Tags=[{"Key": key, "Value": value} for key, value in sorted(request.tags.items())],
        Capabilities=list(request.capabilities),
        # Not both: whether CloudFormation takes them together is not documented, and what imports has nothing nested.
        **({"ImportExistingResources": True} if request.imports else {"IncludeNestedStacks": True}),
        **({"RoleARN": request.role_arn} if request.role_arn else {}),
    )
    pause = aws.pace.first
    while True:
        described = aws.client("cloudformation").describe_change_set(ChangeSetName=made["Id"])
        if described["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            break
        aws.pace.sleep(pause)
        pause = aws.pace.longer(pause)
    rows = tuple(_rows(aws, described)) if described["Status"] != "FAILED" else ()
    return ChangeSet(made["Id"], made["StackId"], described["Status"], described.get("StatusReason"), rows)


def _rows(aws: Aws, described: Mapping[str, Any], inside: str = "") -> Iterator[Mapping[str, Any]]:
    """The rows of a change set, and of those of nested stacks under `NESTED.CHILD`."""
    while True:
        for change in described.get("Changes", []):
            row = change.get("ResourceChange")
            if not row:
                continue
            yield {**row, "LogicalResourceId": inside + row["LogicalResourceId"]}
            if row.get("ChangeSetId") and row["ResourceType"] == "AWS::CloudFormation::Stack":
                nested = aws.client("cloudformation").describe_change_set(ChangeSetName=row["ChangeSetId"])
                yield from _rows(aws, nested, f"{inside}{row['LogicalResourceId']}.")
        if not described.get("NextToken"):
            return
        described = aws.client("cloudformation").describe_change_set(
            ChangeSetName=described["ChangeSetId"], NextToken=described["NextToken"]
        )


def remove(aws: Aws, change_set: ChangeSet, *, with_stack: bool) -> None:
    """Takes back a change set that is not executed, and the stack that was made for it, if that is still empty."""
    _delete(aws, change_set.id)
    if not with_stack:
        return
    # Somebody else may have executed a change set meanwhile.
    deployed = describe(aws, change_set.stack_id)
    if deployed and deployed.standing is Standing.PROPOSED:
        aws.client("cloudformation").delete_stack(StackName=change_set.stack_id)


def _delete(aws: Aws, id: str) -> bool:
    """Deletes a change set; False if another run executes or removes it at this moment."""
    from botocore.exceptions import ClientError

    try:
        aws.client("cloudformation").delete_change_set(ChangeSetName=id)
    except ClientError as error:
        if fault.code_of(error) not in _RACED:
            raise
        return False
    return True


def remove_stale(aws: Aws, stack: str, but: str | None = None) -> int:
    """Removes the change sets of ours that earlier runs left, and says how many. Those of others stay."""
    removed = 0
    for page in aws.client("cloudformation").get_paginator("list_change_sets").paginate(StackName=stack):
        for summary in page["Summaries"]:
            ours = summary["ChangeSetName"].startswith(PREFIX) and summary["ChangeSetId"] != but
            if not ours or summary.get("ExecutionStatus") in ("EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE"):
                continue
            removed += _delete(aws, summary["ChangeSetId"])
    return removed


def reconciled(
    change_set: ChangeSet,
    offline: Iterable[Change],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    entry_of: Mapping[str, Path],
) -> tuple[Change, ...]:
    """What the change set does, with what the comparison of the templates knows beyond it.

    CloudFormation's list is what happens. It calls a replacement `Conditional` wherever a value is only known later;
    there the comparison decides, which knows what a reference's value hangs on, if both templates have the resource.
    Changes of outputs and parameters, which CloudFormation does not list, are taken from the comparison.
    """
    compared = list(offline)
    known = {change.logical_id: change for change in compared if "::" in change.type}
    new, old = after.get("Resources", {}), before.get("Resources", {})
    data = {**guarded(after), **guarded(before)}
    listed = []
    for row in change_set.rows:
        name, kind = row["LogicalResourceId"], row["ResourceType"]
        both = name in new and name in old
        # What no template names, being in a nested stack or made by one that cannot be read, has data if its type has.
        stateful = name in data or (name not in new and name not in old and kind in STATEFUL)
        entry = entry_of.get(name.partition(".")[0], ())
        listed.append(
            _change(
                row,
                known.get(name),
                both,
                old.get(name, {}),
                Change(name, kind, Action.MODIFY, entry=entry, stateful=stateful),
            )
        )
    order = {name: number for number, name in enumerate(dict.fromkeys([*new, *old]))}
    listed.sort(key=lambda change: order.get(change.logical_id.partition(".")[0], len(order)))
    return (*listed, *(change for change in compared if "::" not in change.type))


def _change(
    row: Mapping[str, Any], compared: Change | None, both: bool, old: Mapping[str, Any], unknown: Change
) -> Change:
    """A row as a change. `unknown` is what is said of a resource that the comparison is silent about."""
    action = _action(row, compared, both)
    compared = compared or unknown
    properties = tuple(_properties(row))
    if compared.properties and not any(each.replaces is not Replaces.NO for each in properties):
        properties = compared.properties  # The comparison knows whole paths.
    if action in (Action.ADD, Action.IMPORT, Action.MODIFY):
        properties = tuple(replace(each, replaces=Replaces.NO) for each in properties)
        return replace(compared, action=action, properties=properties, retained=None, protected=False)
    policy = str(row.get("PolicyAction") or "").removeprefix("ReplaceAnd")
    protection = (old.get("Properties") or {}).get("DeletionProtection")
    return replace(
        compared,
        action=action,
        properties=properties,
        retained=policy or compared.retained,
        protected=protection in (True, "true"),
    )


def _action(row: Mapping[str, Any], compared: Change | None, both: bool) -> Action:
    if row["Action"] in ("Add", "Import"):
        return Action.ADD if row["Action"] == "Add" else Action.IMPORT
    if row["Action"] == "Remove":
        return Action.REMOVE
    if row.get("Replacement") == "True":
        return Action.REPLACE
    if row.get("Replacement") == "Conditional" or row["Action"] == "Dynamic":
        if not both:
            return Action.MAYBE_REPLACE
        return compared.action if compared else Action.MODIFY
    return Action.MODIFY


def _properties(row: Mapping[str, Any]) -> Iterator[PropertyChange]:
    """The properties that change, each once, with the strongest effect that is told of it."""
    strongest: dict[tuple[Path, bool], Replaces] = {}
    for detail in row.get("Details", []):
        target = detail.get("Target", {})
        attribute = target.get("Attribute", "Properties")
        whole = attribute != "Properties"
        path: Path = (attribute,) if whole else _path(target) or (target.get("Name") or "Properties",)
        effect = Replaces.NO
        if row.get("Replacement") != "False" and target.get("RequiresRecreation") in ("Always", "Conditionally"):
            certain = target["RequiresRecreation"] == "Always" and detail.get("Evaluation") != "Dynamic"
            effect = Replaces.YES if certain else Replaces.MAYBE
        held = strongest.get((path, whole), Replaces.NO)
        order = (Replaces.NO, Replaces.MAYBE, Replaces.YES)
        strongest[path, whole] = max(held, effect, key=order.index)
    return (PropertyChange(path, effect, whole) for (path, whole), effect in strongest.items())


def _path(target: Mapping[str, Any]) -> Path:
    """The path below `Properties`, which AWS gives as a JSON pointer from the resource."""
    pointer = str(target.get("Path") or "")
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/") if step]
    return tuple(int(step) if step.isdigit() else step for step in steps[steps[:1] == ["Properties"] :])


def is_first(deployed: Deployed | None) -> bool:
    """Whether a change set has to make the stack."""
    return deployed is None or deployed.status == "REVIEW_IN_PROGRESS"
