"""Change sets: made, listed, executed, deleted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from moto.cloudformation import models
from moto.cloudformation.exceptions import ValidationError
from moto.core.responses import EmptyResult

from msaspec.sandbox.cloudformation import drift, proposal
from msaspec.sandbox.cloudformation.goal import Goal
from msaspec.sandbox.cloudformation.removal import RETAIN
from msaspec.sandbox.cloudformation.resource import Failed, lookup
from msaspec.sandbox.on_moto import comparing, endings, nested, operations, requests, tokens, validation
from msaspec.sandbox.on_moto.by_name import Answer
from msaspec.sandbox.on_moto.endings import EXECUTED
from msaspec.sandbox.on_moto.pages import page
from msaspec.sandbox.on_moto.refusals import NoChangeSet, NotInThisStatus
from msaspec.sandbox.on_moto.stacks import Operation, Stack, find, known, now
from msaspec.sandbox.world import current

UNCHANGED = "The submitted information didn't contain changes. Submit different information to create a change set."
NOT_NESTED = "Nested change set {} was not successfully created: Currently in FAILED."
NOT_ROOT = "ChangeSet {} belongs to a nested stack: it is executed and deleted from the root change set."
REVERTS = "REVERT_DRIFT"
MISMATCH = "ChangeSet {} cannot be created due to a mismatch with existing attribute {}"
BOTH = (
    "Either DisableRollback or OnStackFailure can be specified, but not both. "
    "Validation error as OnStackFailure parameter was specified during CreateChangeSet."
)


@dataclass(frozen=True)
class _Words:
    """What a request for a change set says of it beside its template and its parameters."""

    name: str
    type: str
    description: str | None
    capabilities: list[str]
    role_arn: str | None
    on_failure: str | None
    nested: bool
    mode: str | None
    checked: bool
    imports: bool | None = None
    request: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, api: Any) -> _Words:
        """Return those of a request."""
        return cls(
            api._get_param("ChangeSetName"),
            api._get_param("ChangeSetType", "UPDATE"),
            api._get_param("Description"),
            api._get_param("Capabilities", []),
            api._get_param("RoleARN"),
            api._get_param("OnStackFailure"),
            bool(api._get_bool_param("IncludeNestedStacks", False)),
            api._get_param("DeploymentMode"),
            not api._get_bool_param("DisableValidation", False),
            api._get_bool_param("ImportExistingResources"),
            _request(api),
        )


class ChangeSet:
    """A change set, with what it would do to the current stack."""

    def __init__(
        self, words: _Words, stack: Stack, text: str, goal: Goal, operation: Operation, parent: ChangeSet | None = None
    ) -> None:
        self.name, self.imports, self.nested, self.mode = words.name, words.imports, words.nested, words.mode
        around = stack.deployment.around
        self.id: str = models.generate_changeset_id(self.name, around.region, around.account)
        goal = importing(stack, goal) if self.imports else goal
        self.stack, self.text, self.goal = stack, text, goal
        self.parent = parent
        self.root: ChangeSet = parent.root if parent else self
        """That of the stack which is in no other one."""
        self.description, self.capabilities = words.description, words.capabilities
        self.role_arn, self.on_failure = words.role_arn, words.on_failure
        self.created: datetime = now()
        self.operation = operation
        self.request = words.request
        self.gone = drift.gone(stack.deployment) if self.mode else frozenset[str]()
        """What a drift-aware change set creates again, because it was deleted."""
        self.changes = comparing.changes(stack, goal, self.gone)
        self.valued = comparing.changes(stack, goal, self.gone, proposal.valued)
        self.findings = list(validation.findings(stack, self.changes)) if words.checked else []
        self.children = {each.logical_id: child for each in self.changes if (child := self._inside(words, each))}
        """Those of nested stacks, by logical id."""
        self.status_reason: str | None = None
        failed = [child for child in self.children.values() if child.status == "FAILED" and not child.unchanged]
        if stack.deployment.goal is not None and self._is_idle() and comparing.same(stack.deployment.goal, goal):
            self.status_reason = UNCHANGED
        elif refusal := comparing.of_another_type(stack, goal):
            self.status_reason = refusal
        elif any(finding.fails for finding in self.findings):
            self.status_reason = validation.FAILED
        elif failed:
            self.status_reason = NOT_NESTED.format(failed[0].id)
        self.status: str = "FAILED" if self.status_reason else "CREATE_COMPLETE"
        self.execution_status = "UNAVAILABLE" if self.status_reason else "AVAILABLE"
        self.operation.end(succeeded=not self.status_reason)

    @property
    def unchanged(self) -> bool:
        """Whether nothing is to change."""
        return self.status_reason == UNCHANGED

    def _is_idle(self) -> bool:
        """Whether all that is listed is nested stacks that are looked into, and in which nothing changes."""
        return all(
            change.details == (proposal.AUTOMATIC,)
            and change.logical_id in self.children
            and self.children[change.logical_id].unchanged
            for change in self.changes
        )

    def _inside(self, words: _Words, change: proposal.Change) -> ChangeSet | None:
        """Return the change set of a nested stack that is made or looked into."""
        if not words.nested or change.type != proposal.NESTED or change.action == "Remove" or not change.properties:
            return None
        try:
            text = nested.template(change.properties, self.stack)
            goal = nested.wanted(text, change.properties, self.stack, self.capabilities)
        except Failed as fault:
            said = f"Nested change set for {change.logical_id} was not successfully created: {fault}"
            raise ValidationError(message=said) from None
        there = find(self.stack.backend, change.physical_id) if change.physical_id else None
        child = there or nested.empty(self.stack, change.logical_id, goal)
        operation = Operation("CREATE_CHANGESET", self.operation.token)
        if there is None:
            child.begin(operation, "REVIEW_IN_PROGRESS")
        name = f"{words.name}-{change.logical_id}"[:128]
        inside = replace(words, name=name, type="UPDATE" if there else "CREATE", imports=None, request={})
        made = ChangeSet(inside, child, text, goal, operation, self)
        self.stack.backend.change_sets[made.id] = made
        return made

    @property
    def whole(self) -> list[ChangeSet]:
        """The change set itself, and those of all nested stacks."""
        return [self, *(each for child in self.children.values() for each in child.whole)]

    def executed(self, *, succeeded: bool) -> None:
        """Note how its execution ended."""
        for each in self.whole:
            each.execution_status = "EXECUTE_COMPLETE" if succeeded else "EXECUTE_FAILED"


def importing(stack: Stack, goal: Goal) -> Goal:
    """Return the goal with what it takes over: what exists under its name, is to be retained, and is in no stack."""
    parts, world = goal.template["Resources"], stack.world
    with world.lock:
        owned = {(r.type, r.made.id) for s in stack.backend.stacks.values() for r in s.deployment.resources.values()}
    imports = {
        change.logical_id
        for change in comparing.changes(stack, goal)
        if change.action == "Add"
        and (taken := validation.taken(stack.deployment.around.api, change))
        and lookup(change.type).imports
        and (change.type, taken) not in owned
        and parts[change.logical_id].get("DeletionPolicy") in RETAIN
    }
    return replace(goal, imports=frozenset(imports))


def create(api: Any) -> Answer:
    """CreateChangeSet."""
    backend, name, called = api.cloudformation_backend, api._get_param("StackName"), api._get_param("ChangeSetName")
    kind, token = api._get_param("ChangeSetType", "UPDATE"), tokens.token_of(api, "ClientToken")
    stack = find(backend, name)
    if kind == "UPDATE" and (stack is None or not stack.exists):
        raise ValidationError(message=f"Stack [{name}] does not exist")
    if kind == "CREATE" and (name in backend.deleted_stacks or (stack is not None and stack.exists)):
        said = f"Stack [{name}] already exists and cannot be created again with the changeSet [{called}]."
        raise ValidationError(message=said)
    if kind not in ("CREATE", "UPDATE"):
        raise ValidationError(message=f"The sandbox has no change sets of type {kind}.")
    if (mode := api._get_param("DeploymentMode")) not in (None, REVERTS) or (mode and kind == "CREATE"):
        raise ValidationError(message=f"DeploymentMode {mode} is not valid for a change set of type {kind}")
    if api._get_param("OnStackFailure") == "DELETE" and kind != "CREATE":
        raise ValidationError(message="OnStackFailure DELETE is only valid for change sets of type CREATE")
    if stack is not None and (before := [each for each in of(backend, stack) if each.name == called]):
        return _again(api, before[0])
    text = requests.text_of(api, stack)
    goal = requests.goal_of(api, text, stack)
    operation = Operation("CREATE_CHANGESET", token)
    if stack is None:
        stack = Stack(backend, name, goal)
        stack.begin(operation, "REVIEW_IN_PROGRESS")
    stack.is_free()
    made = ChangeSet(_Words.of(api), stack, text, goal, operation)
    with current().lock:
        backend.change_sets[made.id] = made
    return Answer({"Id": made.id, "StackId": stack.stack_id})


def _request(api: Any) -> dict[str, Any]:
    """Return what a request for a change set says, as far as a repetition has to say the same."""
    template = [api._get_param(key) for key in ("TemplateBody", "TemplateURL", "UsePreviousTemplate")]
    named = {key: api._get_param(key) for key in ("ClientToken", "ChangeSetType", "Parameters", "Tags")}
    return {"Template": template, **named}


def _again(api: Any, before: ChangeSet) -> Answer:
    """Return the answer to a request whose change set is there. Raises AlreadyExistsException where it says something
    else."""
    wanted = _request(api)
    for key, value in before.request.items():
        if value != wanted[key]:
            raise models.AlreadyExistsException(MISMATCH.format(before.name, key))
    return Answer({"Id": before.id, "StackId": before.stack.stack_id})


def of(backend: Any, stack: Stack) -> list[ChangeSet]:
    """Return the change sets of a stack that are not executed, in the order in which they were made. An executed one is
    known by its ARN only, and its name is free."""
    with current().lock:
        there = [each for each in backend.change_sets.values() if each.stack is stack]
    return [each for each in there if each.execution_status not in EXECUTED]


def wanted(api: Any) -> ChangeSet:
    """Return the change set that a request names. Raises NoChangeSet."""
    backend, name, stack_name = api.cloudformation_backend, api._get_param("ChangeSetName"), api._get_param("StackName")
    with current().lock:
        found: ChangeSet | None = backend.change_sets.get(name)
    if not name.startswith("arn:"):
        if not stack_name:
            raise ValidationError(message="StackName must be specified if ChangeSetName is not specified as an ARN.")
        there = of(backend, known(backend, stack_name, "Stack [{}] does not exist"))
        found = next((each for each in there if each.name == name), None)
    if found:
        return found
    raise NoChangeSet(f"ChangeSet [{name}] does not exist")


def describe(api: Any) -> Answer:
    """DescribeChangeSet."""
    found, valued = wanted(api), bool(api._get_bool_param("IncludePropertyValues", False))
    listed = found.valued if valued else found.changes
    rows, token = page(api, [_row(found, change, valued=valued) for change in listed])
    return Answer(
        {
            **_summary(found),
            "StatusReason": found.status_reason or (proposal.warning(found.valued) if valued else None),
            "Capabilities": found.capabilities,
            "Changes": rows,
            "NextToken": token,
            "NotificationARNs": [],
            "OnStackFailure": found.on_failure,
            "DeploymentMode": found.mode,
            **({"StackDriftStatus": "DRIFTED" if found.gone else "IN_SYNC"} if found.mode else {}),
            "Parameters": requests.shown_parameters(found.stack, found.goal) or None,
            "RollbackConfiguration": {},
            "Tags": [{"Key": key, "Value": value} for key, value in found.goal.tags.items()] or None,
        }
    )


def _summary(found: ChangeSet) -> dict[str, Any]:
    return {
        "StackId": found.stack.stack_id,
        "StackName": found.stack.name,
        "ChangeSetId": found.id,
        "ChangeSetName": found.name,
        "ExecutionStatus": found.execution_status,
        "Status": found.status,
        "StatusReason": found.status_reason,
        "CreationTime": found.created,
        "Description": found.description,
        "IncludeNestedStacks": found.nested,
        "RootChangeSetId": None if found.root is found else found.root.id,
        "ParentChangeSetId": found.parent.id if found.parent else None,
        "ImportExistingResources": found.imports,
    }


def _row(found: ChangeSet, change: proposal.Change, *, valued: bool) -> dict[str, Any]:
    gone, inside = change.logical_id in found.gone, found.children.get(change.logical_id)
    before, after = ({"Properties": each} if each is not None and valued else None for each in _contexts(change))
    row = {
        **({"ResourceDriftStatus": "DELETED"} if gone else {}),
        "BeforeContext": before and json.dumps(proposal.shown(before)),
        "AfterContext": after and json.dumps(proposal.shown(after)),
        "PolicyAction": change.policy_action,
        "Action": change.action,
        "LogicalResourceId": change.logical_id,
        "PhysicalResourceId": change.physical_id,
        "ResourceType": change.type,
        "ChangeSetId": inside.id if inside else None,
        "Replacement": change.replacement,
        "Scope": list(change.scope),
        "Details": [{**each, "Target": _target(each["Target"])} for each in change.details],
    }
    return {"Type": "Resource", "ResourceChange": row}


def _contexts(change: proposal.Change) -> tuple[Any, Any]:
    """Return the properties before and after, where there are any."""
    return change.before, None if change.action == "Remove" else change.properties


def _target(target: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a detail is about, with its values as texts."""
    values = {key: target[key] for key in ("BeforeValue", "AfterValue") if key in target}
    return {**target, **{key: _text(proposal.shown(value)) for key, value in values.items()}}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def list_all(api: Any) -> Answer:
    """ListChangeSets."""
    backend = api.cloudformation_backend
    stack = known(backend, api._get_param("StackName"), "Stack [{}] does not exist")
    rows, token = page(api, [_summary(each) for each in of(backend, stack)])
    return Answer({"Summaries": rows, "NextToken": token})


def delete(api: Any) -> EmptyResult:
    """DeleteChangeSet. One that is not there is no error."""
    try:
        found = wanted(api)
    except NoChangeSet:
        return EmptyResult()
    with current().lock:
        if found.execution_status in ("EXECUTE_IN_PROGRESS", *EXECUTED):
            state = f"cannot be deleted in its current execution status of [{found.execution_status}]"
            raise NotInThisStatus(f"ChangeSet [{found.id}] {state}")
        if found.root is not found:
            raise ValidationError(message=NOT_ROOT.format(found.id))
        for each in found.whole:
            api.cloudformation_backend.change_sets.pop(each.id, None)
            if each is not found and not each.stack.exists:
                endings.end_deletion(each.stack, [])
    return EmptyResult()


def execute(api: Any) -> EmptyResult:
    """ExecuteChangeSet."""
    found, token = wanted(api), tokens.token_of(api)
    stack, disabled = found.stack, api._get_bool_param("DisableRollback")
    if disabled is not None and found.on_failure:
        raise ValidationError(message=BOTH)
    with tokens.once(stack, token, f"ExecuteChangeSet {found.id}") as fresh:
        if fresh:
            _execute(api, found, token, disabled=disabled)
    return EmptyResult()


def _execute(api: Any, found: ChangeSet, token: str | None, *, disabled: bool | None) -> None:
    stack = found.stack
    if found.status != "CREATE_COMPLETE":
        state = f"cannot be executed in its current status of [{found.status}]"
        raise NotInThisStatus(f"ChangeSet [{found.id}] {state}")
    if found.execution_status != "AVAILABLE":
        state = f"cannot be executed in its current execution status of [{found.execution_status}]"
        raise NotInThisStatus(f"ChangeSet [{found.id}] {state}")
    if found.root is not found:
        raise ValidationError(message=NOT_ROOT.format(found.id))
    stack.is_free()
    preserves = stack.preserves("execute-change-set", disable_rollback=disabled)
    failing = operations.ON_FAILURE[found.on_failure or ("DO_NOTHING" if preserves else "ROLLBACK")]
    stack.does_nothing = found.on_failure == "DO_NOTHING"
    outdate(api.cloudformation_backend, stack)
    stack.change_set_id, stack.updated = found.id, now()
    for each in found.whole:
        each.stack.deployment.resources = drift.without(each.stack.deployment, each.gone).resources
        each.stack.nested = {name: child.stack for name, child in each.children.items() if not child.stack.exists}
        each.execution_status = "EXECUTE_IN_PROGRESS"
    request = operations.Request(
        found.text,
        found.goal,
        found.role_arn,
        tuple(found.capabilities),
        failing,
        retains=not api._get_bool_param("RetainExceptOnCreate", False),
        done=lambda succeeded: found.executed(succeeded=succeeded),
    )
    operations.carry_out(stack, request, token)


def outdate(backend: Any, stack: Stack) -> None:
    """Make the change sets of a stack obsolete, since it changes."""
    for each in of(backend, stack):
        if each.execution_status == "AVAILABLE":
            each.execution_status = "OBSOLETE"
