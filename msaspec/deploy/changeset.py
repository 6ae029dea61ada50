"""Change sets: made, awaited, read as `Change` values, and removed again when they are not executed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from msaspec.compile import aws_types
from msaspec.deploy.aws import fault, token
from msaspec.deploy.aws.answers import NotAnAnswer
from msaspec.deploy.aws.nested import each
from msaspec.deploy.aws.state import Deployed, Standing, describe
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.flattening import inner_name
from msaspec.deploy.phantoms import happening
from msaspec.deploy.policy import guarded
from msaspec.diagnostics.diagnostic import Code
from msaspec.diagnostics.place import Path, pointed, render
from msaspec.template.nesting import NESTED
from msaspec.update import values
from msaspec.update.changes import Action, Change, PropertyChange, Replaces, effective, is_protected

FAILED = Code(
    "MSA610",
    "CloudFormation refuses a change set",
    """
    CloudFormation could not create the change set; the message has its reason. Nothing was changed. Findings of
    CloudFormation's validation are reported on manifest lines.
    """,
)

RACED = ("ChangeSetNotFound", "ChangeSetNotFoundException", "InvalidChangeSetStatus")
_REPEATED = ("AlreadyExistsException", "TokenAlreadyExistsException")
"""How CloudFormation refuses a change set that it has made already: botocore repeats a request without an answer."""
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
    repairs: bool = False
    """Whether what was deleted or changed by hand is made as its template says."""


@dataclass(frozen=True)
class ChangeSet:
    """A change set as CloudFormation has it."""

    id: str
    stack_id: str
    status: str
    reason: str | None
    rows: tuple[Mapping[str, Any], ...] = ()
    """The `ResourceChange` of every row."""
    still: frozenset[str] = frozenset()
    """Nested stacks of ours that are updated only because their root is: nothing changes in them."""

    @property
    def unchanged(self) -> bool:
        """Whether it failed only because nothing is to change."""
        return self.status == "FAILED" and any(words in (self.reason or "") for words in _UNCHANGED)


def create(aws: Aws, request: Request) -> ChangeSet:
    """Make a change set and wait until it is made or refused. One that nobody gets to see is removed again."""
    name = token.new()
    try:
        id, stack_id = _made(aws, request, name)
        described = aws.pace.until(f"the change set of the stack {request.stack}", lambda: _ended(aws, id))
        rows = tuple(_rows(aws, described)) if described["Status"] != "FAILED" else ()
    except BaseException as error:
        if not _is_definite(error):
            with fault.tolerated():
                _discard(aws, request, name)
        raise
    return ChangeSet(id, stack_id, described["Status"], described.get("StatusReason"), rows)


def _made(aws: Aws, request: Request, name: str) -> tuple[str, str]:
    """Return the ids of a new change set and its stack. Where the answer is lost, it is looked for by its name."""
    try:
        made = aws.client("cloudformation").create_change_set(
            StackName=request.stack,
            ChangeSetName=name,
            ChangeSetType="CREATE" if request.creates else "UPDATE",
            ClientToken=name,
            Description="Made by msaspec deploy.",
            **request.template,
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in sorted(request.parameters.items())],
            Tags=[{"Key": key, "Value": value} for key, value in sorted(request.tags.items())],
            Capabilities=list(request.capabilities),
            # fact: import-together
            # Not both: whether CloudFormation takes them together is not documented, and what imports has nothing
            # nested.
            **({"ImportExistingResources": True} if request.imports else {"IncludeNestedStacks": True}),
            **({"DeploymentMode": "REVERT_DRIFT"} if request.repairs else {}),
            **({"RoleARN": request.role_arn} if request.role_arn else {}),
        )
        return made["Id"], made["StackId"]
    except Exception as error:
        if not (fault.is_passing(error) or fault.code_of(error) in _REPEATED):
            raise
        found = _by_name(aws, request.stack, name)
        if found is None:
            raise
    return found


def _by_name(aws: Aws, stack: str, name: str) -> tuple[str, str] | None:
    """Return the ids of a change set and its stack, by their names; None where there is none."""
    from botocore.exceptions import ClientError

    try:
        found = aws.client("cloudformation").describe_change_set(StackName=stack, ChangeSetName=name)
    except ClientError as error:
        if fault.code_of(error) in (*RACED, "ValidationError"):
            return None
        raise
    return found["ChangeSetId"], found["StackId"]


def _ended(aws: Aws, id: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] = aws.client("cloudformation").describe_change_set(ChangeSetName=id)
    return None if found["Status"] in ("CREATE_PENDING", "CREATE_IN_PROGRESS") else found


def has_come(aws: Aws, id: str) -> bool | None:
    """Whether a change set was executed, or is being; None where CloudFormation does not know it any more."""
    from botocore.exceptions import ClientError

    try:
        found = aws.client("cloudformation").describe_change_set(ChangeSetName=id)
    except ClientError as error:
        if fault.code_of(error) in RACED:
            return None
        raise
    return str(found.get("ExecutionStatus", "")).startswith("EXECUTE_")


def _rows(
    aws: Aws,
    described: Mapping[str, Any],
    inside: str = "",
    *,
    words: Mapping[str, bool] | None = None,
    still: Collection[str] = (),
) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a change set, and of those of nested stacks under `NESTED.CHILD`, but for those that are
    `still`. They are asked for with more words."""
    words, pages = words or {}, set[str]()
    while True:
        rows = [change["ResourceChange"] for change in described.get("Changes", []) if change.get("ResourceChange")]
        nested = [row for row in rows if row.get("ChangeSetId") and row["ResourceType"] == NESTED]
        ids = [row["ChangeSetId"] for row in nested if row["LogicalResourceId"] not in still]
        told = dict(zip(ids, each(lambda id: _inside(aws, id, words), ids), strict=True))
        for row in rows:
            yield {**row, "LogicalResourceId": inside + row["LogicalResourceId"]}
            if found := told.get(row.get("ChangeSetId")):
                yield from _rows(aws, found, f"{inside}{row['LogicalResourceId']}.", words=words)
        if not described.get("NextToken"):
            return
        if described["NextToken"] in pages:  # as a cache would answer, for ever
            raise NotAnAnswer("DescribeChangeSet", "it has the same page again")
        pages.add(described["NextToken"])
        described = aws.client("cloudformation").describe_change_set(
            ChangeSetName=described["ChangeSetId"], NextToken=described["NextToken"], **words
        )


def _inside(aws: Aws, id: str, words: Mapping[str, bool]) -> Mapping[str, Any]:
    """Return the change set of a nested stack."""
    found: Mapping[str, Any] = aws.client("cloudformation").describe_change_set(ChangeSetName=id, **words)
    return found


def _is_definite(error: BaseException) -> bool:
    """Whether AWS refused a change set, so that there is none."""
    from botocore.exceptions import ClientError

    return isinstance(error, ClientError) and not fault.is_passing(error)


def _discard(aws: Aws, request: Request, name: str) -> None:
    """Remove a change set that may have been made, by its name, and the empty stack that was made for it."""
    _delete(aws, name, StackName=request.stack)
    deployed = describe(aws, request.stack) if request.creates else None
    if deployed and deployed.standing is Standing.PROPOSED:
        aws.client("cloudformation").delete_stack(StackName=deployed.id, ClientRequestToken=token.new())


def remove(aws: Aws, change_set: ChangeSet, *, with_stack: bool) -> None:
    """Take back a change set that is not executed, and the stack that was made for it, if that is still empty."""
    _delete(aws, change_set.id)
    if not with_stack:
        return
    # Somebody else may have executed a change set meanwhile.
    deployed = describe(aws, change_set.stack_id)
    if deployed and deployed.standing is Standing.PROPOSED:
        aws.client("cloudformation").delete_stack(StackName=change_set.stack_id, ClientRequestToken=token.new())


def _delete(aws: Aws, id: str, **where: str) -> bool:
    """Delete a change set; False if another run executes or remove it at this moment."""
    from botocore.exceptions import ClientError

    try:
        aws.client("cloudformation").delete_change_set(ChangeSetName=id, **where)
    except ClientError as error:
        if fault.code_of(error) not in RACED:
            raise
        return False
    return True


def remove_stale(aws: Aws, stack: str, but: str | None = None) -> int:
    """Remove the change sets of ours that earlier runs left, and say how many. Those of others stay."""
    removed = 0
    for page in aws.client("cloudformation").get_paginator("list_change_sets").paginate(StackName=stack):
        for summary in page["Summaries"]:
            ours = summary["ChangeSetName"].startswith(token.PREFIX) and summary["ChangeSetId"] != but
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
    """Return what the change set does, with what the comparison of the templates knows beyond it.

    CloudFormation's list is what happens, but for what `phantoms` tells. It calls a replacement `Conditional` where a
    value is only known later; there the comparison decides, which knows what a reference's value hangs on, if both
    templates have the resource.
    Changes of outputs and parameters, which CloudFormation does not list, are taken from the comparison.
    """
    compared = list(offline)
    known = {change.logical_id: change for change in compared if "::" in change.type}
    new, old = after.get("Resources", {}), before.get("Resources", {})
    data = {**guarded(after), **guarded(before)}
    listed = []
    for row in happening(change_set.rows, before, after):
        name, kind = row["LogicalResourceId"], row["ResourceType"]
        both = name in new and name in old
        # What no template names, being in a nested stack or made by one that cannot be read, has data if its type has.
        stateful = name in data or (name not in new and name not in old and aws_types.of(kind).holds_data({}))
        entry = entry_of.get(name.partition(".")[0], ())
        listed.append(
            _change(
                row,
                known.get(name),
                both=both,
                old=old.get(name, {}),
                unknown=Change(name, kind, Action.MODIFY, entry=entry, stateful=stateful),
            )
        )
    order = {name: number for number, name in enumerate(dict.fromkeys([*new, *old]))}
    listed.sort(key=lambda change: order.get(change.logical_id.partition(".")[0], len(order)))
    return (*listed, *(change for change in compared if "::" not in change.type))


def valued(aws: Aws, change_set: ChangeSet, changes: Sequence[Change]) -> tuple[Change, ...]:
    """Return the changes with their values, of which CloudFormation is asked only where the templates do not tell them:
    of drift, and of what a macro makes.

    Rows are those of the plain description: the one with values leaves out some that happen.
    """
    rows = {row["LogicalResourceId"]: row for row in change_set.rows}
    untold = [c for c in changes if c.action in _IN_PLACE and not c.values and _direct(rows.get(c.logical_id))]
    if not untold:
        return tuple(changes)
    described: dict[str, Mapping[str, Any]] = {}
    with fault.tolerated():
        words = {"IncludePropertyValues": True}
        found = aws.client("cloudformation").describe_change_set(ChangeSetName=change_set.id, **words)
        listed = _rows(aws, found, words=words, still=change_set.still)
        described = {inner_name(row["LogicalResourceId"]): row for row in listed}
    told = {c.logical_id: tuple(_values(described.get(c.logical_id, {}))) for c in untold}
    return tuple(replace(c, values=told.get(c.logical_id, c.values)) for c in changes)


_IN_PLACE = (Action.MODIFY, Action.REPLACE, Action.MAYBE_REPLACE)


def _direct(row: Mapping[str, Any] | None) -> bool:
    """Whether a row has a property that changes by itself, and not because of another resource."""
    sources = [each.get("ChangeSource") for each in (row or {}).get("Details", [])]
    return any(source not in ("ResourceAttribute", "ResourceReference") for source in sources)


def _values(row: Mapping[str, Any]) -> Iterator[values.Difference]:
    for detail in row.get("Details", []):
        target = detail.get("Target", {})
        before = target.get("Drift", {}).get("ActualValue", target.get("BeforeValue"))
        after = target.get("AfterValue")
        if before != after:
            path = render(_path(target)) or str(target.get("Name") or target.get("Attribute"))
            yield values.told(path, before, after)


def _change(
    row: Mapping[str, Any], compared: Change | None, old: Mapping[str, Any], unknown: Change, *, both: bool
) -> Change:
    """Return a row as a change. `unknown` is what is said of a resource that the comparison is silent about."""
    action = effective(aws_types.of(row["ResourceType"]), _action(row, compared, both=both))
    compared = compared or unknown
    properties = tuple(_properties(row))
    if compared.properties and not any(each.replaces is not Replaces.NO for each in properties):
        properties = compared.properties  # The comparison knows whole paths.
    if action in (Action.ADD, Action.IMPORT, Action.MODIFY):
        properties = tuple(replace(each, replaces=Replaces.NO) for each in properties)
        return replace(compared, action=action, properties=properties, retained=None, protected=False)
    policy = str(row.get("PolicyAction") or "").removeprefix("ReplaceAnd")
    return replace(
        compared,
        action=action,
        properties=properties,
        retained=policy or compared.retained,
        protected=is_protected(old),
    )


def _action(row: Mapping[str, Any], compared: Change | None, *, both: bool) -> Action:
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
    """Return the properties that change, each once, with the strongest effect that is told of it."""
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
    """Return the path below `Properties`, which AWS gives as a JSON pointer from the resource."""
    steps = pointed(str(target.get("Path") or ""))
    return steps[steps[:1] == ("Properties",) :]


def is_first(deployed: Deployed | None) -> bool:
    """Whether a change set has to make the stack."""
    return deployed is None or deployed.status == "REVIEW_IN_PROGRESS"
