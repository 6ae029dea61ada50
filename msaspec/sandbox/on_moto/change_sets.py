"""Change sets: made, listed, executed, deleted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from moto.cloudformation import models
from moto.cloudformation.exceptions import CloudFormationError, ValidationError
from moto.core.responses import ActionResult, EmptyResult

from msaspec.sandbox import proposal
from msaspec.sandbox.engine import RETAIN
from msaspec.sandbox.goal import Goal
from msaspec.sandbox.on_moto import operations, requests, validation
from msaspec.sandbox.on_moto.pages import page
from msaspec.sandbox.on_moto.stacks import Operation, Stack, find, known, now
from msaspec.sandbox.resource import Failed, lookup
from msaspec.sandbox.world import current

UNCHANGED = "The submitted information didn't contain changes. Submit different information to create a change set."
MISMATCH = "ChangeSet {} cannot be created due to a mismatch with existing attribute Template"


class NoChangeSet(CloudFormationError):  # type: ignore[misc]
    """There is no such change set."""

    code = "ChangeSetNotFound"


class NotInThisStatus(CloudFormationError):  # type: ignore[misc]
    """The change set is not in a status for that."""

    code = "InvalidChangeSetStatus"


class ChangeSet:
    """A change set, with what it would do to a stack as it stands."""

    def __init__(self, api: Any, stack: Stack, text: str, goal: Goal, operation: Operation) -> None:
        self.name: str = api._get_param("ChangeSetName")
        self.id: str = models.generate_changeset_id(self.name, api.region, api.current_account)
        self.imports = bool(api._get_bool_param("ImportExistingResources", False))
        goal = importing(stack, goal) if self.imports else goal
        self.stack, self.text, self.goal = stack, text, goal
        self.type: str = api._get_param("ChangeSetType", "UPDATE")
        self.description: str | None = api._get_param("Description")
        self.capabilities: list[str] = api._get_param("Capabilities", [])
        self.role_arn: str | None = api._get_param("RoleARN")
        self.on_failure: str | None = api._get_param("OnStackFailure")
        self.nested = bool(api._get_bool_param("IncludeNestedStacks", False))
        self.created: datetime = now()
        self.operation = operation
        self.changes = changes(stack, goal)
        checked = not api._get_bool_param("DisableValidation", False)
        self.findings = list(validation.findings(stack, self.changes)) if checked else []
        self.status_reason: str | None = None
        if stack.deployment.goal is not None and not self.changes and same(stack.deployment.goal, goal):
            self.status_reason = UNCHANGED
        elif any(finding.fails for finding in self.findings):
            self.status_reason = validation.FAILED
        self.status = "FAILED" if self.status_reason else "CREATE_COMPLETE"
        self.execution_status = "UNAVAILABLE" if self.status_reason else "AVAILABLE"
        self.operation.end(not self.status_reason)

    def executed(self, succeeded: bool) -> None:
        """Notes how its execution ended."""
        self.execution_status = "EXECUTE_COMPLETE" if succeeded else "EXECUTE_FAILED"


def changes(stack: Stack, goal: Goal) -> list[proposal.Change]:
    """What a goal would change of a stack. Raises a ValidationError."""
    try:
        return proposal.changes(stack.deployment, goal)
    except Failed as fault:
        raise ValidationError(message=str(fault)) from None
    except (LookupError, TypeError, ValueError) as fault:  # a template that cfn-lint would refuse
        raise ValidationError(message=f"Template error: {type(fault).__name__}: {fault}") from None


def importing(stack: Stack, goal: Goal) -> Goal:
    """The goal with what it takes over: what exists under its name, is to be retained, and is in no stack."""
    parts, world = goal.template["Resources"], stack.world
    with world.lock:
        owned = {(r.type, r.made.id) for s in stack.backend.stacks.values() for r in s.deployment.resources.values()}
    imports = {
        change.logical_id
        for change in changes(stack, goal)
        if change.action == "Add"
        and (taken := validation.taken(stack.deployment.around.api, change))
        and lookup(change.type).imports
        and (change.type, taken) not in owned
        and parts[change.logical_id].get("DeletionPolicy") in RETAIN
    }
    return replace(goal, imports=frozenset(imports))


def same(old: Goal, new: Goal) -> bool:
    """Whether two goals say the same beside their resources."""
    return (old.template.get("Outputs"), old.values, old.tags) == (new.template.get("Outputs"), new.values, new.tags)


def create(api: Any) -> ActionResult:
    """CreateChangeSet."""
    backend, name, called = api.cloudformation_backend, api._get_param("StackName"), api._get_param("ChangeSetName")
    kind = api._get_param("ChangeSetType", "UPDATE")
    stack = find(backend, name)
    if kind == "UPDATE" and (stack is None or not stack.exists):
        raise ValidationError(message=f"Stack [{name}] does not exist")
    if kind == "CREATE" and stack is not None and stack.exists:
        raise ValidationError(message=f"Stack [{name}] already exists and cannot be created again")
    if kind not in ("CREATE", "UPDATE"):
        raise ValidationError(message=f"The sandbox has no change sets of type {kind}.")
    if api._get_param("OnStackFailure") == "DELETE" and kind != "CREATE":
        raise ValidationError(message="OnStackFailure DELETE is only valid for change sets of type CREATE")
    if stack is not None and called in [each.name for each in of(backend, stack)]:
        raise models.AlreadyExistsException(MISMATCH.format(called))
    text = requests.text_of(api, stack)
    goal = requests.goal_of(api, text, stack)
    operation = Operation("CREATE_CHANGESET", api._get_param("ClientToken"))
    if stack is None:
        stack = Stack(backend, name, goal)
        stack.begin(operation, "REVIEW_IN_PROGRESS")
    stack.is_free()
    made = ChangeSet(api, stack, text, goal, operation)
    with current().lock:
        backend.change_sets[made.id] = made
    return ActionResult({"Id": made.id, "StackId": stack.stack_id})


def of(backend: Any, stack: Stack) -> list[ChangeSet]:
    """The change sets of a stack, in the order in which they were made."""
    with current().lock:
        return [each for each in backend.change_sets.values() if each.stack is stack]


def wanted(api: Any) -> ChangeSet:
    """The change set that a request names. Raises NoChangeSet."""
    backend, name, stack_name = api.cloudformation_backend, api._get_param("ChangeSetName"), api._get_param("StackName")
    with current().lock:
        candidates: list[ChangeSet] = list(backend.change_sets.values())
    if not name.startswith("arn:"):
        if not stack_name:
            raise ValidationError(message="StackName must be specified if ChangeSetName is not specified as an ARN.")
        candidates = of(backend, known(backend, stack_name, "Stack [{}] does not exist"))
    for change_set in candidates:
        if name in (change_set.id, change_set.name):
            return change_set
    raise NoChangeSet(f"ChangeSet [{name}] does not exist")


def describe(api: Any) -> ActionResult:
    """DescribeChangeSet."""
    found = wanted(api)
    rows, token = page(api, [_row(change) for change in found.changes])
    return ActionResult(
        {
            **_summary(found),
            "Capabilities": found.capabilities,
            "Changes": rows,
            "NextToken": token,
            "NotificationARNs": [],
            "OnStackFailure": found.on_failure,
            "Parameters": found.goal.values,
            "RollbackConfiguration": {},
            "Tags": [{"Key": key, "Value": value} for key, value in found.goal.tags.items()],
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
        "ImportExistingResources": found.imports,
    }


def _row(change: proposal.Change) -> dict[str, Any]:
    return {
        "PolicyAction": change.policy_action,
        "Action": change.action,
        "LogicalResourceId": change.logical_id,
        "PhysicalResourceId": change.physical_id,
        "ResourceType": change.type,
        "Replacement": change.replacement,
        "Scope": list(change.scope),
        "Details": list(change.details),
    }


def list_all(api: Any) -> ActionResult:
    """ListChangeSets."""
    backend = api.cloudformation_backend
    stack = known(backend, api._get_param("StackName"), "Stack [{}] does not exist")
    rows, token = page(api, [_summary(each) for each in of(backend, stack)])
    return ActionResult({"Summaries": rows, "NextToken": token})


def delete(api: Any) -> EmptyResult:
    """DeleteChangeSet. One that is not there is no error."""
    try:
        found = wanted(api)
    except NoChangeSet:
        return EmptyResult()
    with current().lock:
        if found.execution_status == "EXECUTE_IN_PROGRESS":
            state = "cannot be deleted in its current execution status of [EXECUTE_IN_PROGRESS]"
            raise NotInThisStatus(f"ChangeSet [{found.id}] {state}")
        api.cloudformation_backend.change_sets.pop(found.id, None)
    return EmptyResult()


def execute(api: Any) -> EmptyResult:
    """ExecuteChangeSet."""
    found = wanted(api)
    stack, disabled = found.stack, api._get_bool_param("DisableRollback", False)
    if disabled and found.on_failure:
        raise ValidationError(message="DisableRollback cannot be specified for change sets with OnStackFailure")
    with current().lock:
        if found.status != "CREATE_COMPLETE":
            state = f"cannot be executed in its current status of [{found.status}]"
            raise NotInThisStatus(f"ChangeSet [{found.id}] {state}")
        if found.execution_status != "AVAILABLE":
            state = f"cannot be executed in its current execution status of [{found.execution_status}]"
            raise NotInThisStatus(f"ChangeSet [{found.id}] {state}")
        stack.is_free()
        outdate(api.cloudformation_backend, stack)
        found.execution_status = "EXECUTE_IN_PROGRESS"
        stack.change_set_id, stack.updated = found.id, now()
        wish = operations.Wish(
            found.text,
            found.goal,
            found.role_arn,
            tuple(found.capabilities),
            "DO_NOTHING" if disabled else found.on_failure or "ROLLBACK",
            retains=not api._get_bool_param("RetainExceptOnCreate", False),
            done=found.executed,
        )
        operations.carry_out(stack, wish, api._get_param("ClientRequestToken"))
    return EmptyResult()


def outdate(backend: Any, stack: Stack) -> None:
    """Makes the change sets of a stack obsolete, since it changes."""
    for each in of(backend, stack):
        if each.execution_status == "AVAILABLE":
            each.execution_status = "OBSOLETE"
