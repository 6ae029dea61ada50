"""The requests that make, change and remove stacks without a change set."""

from __future__ import annotations

from typing import Any

from moto.cloudformation import models
from moto.cloudformation.exceptions import ValidationError
from moto.core.responses import ActionResult, EmptyResult

from msaspec.sandbox.on_moto import change_sets, operations, requests
from msaspec.sandbox.on_moto.stacks import Stack, find, known, living, now
from msaspec.sandbox.world import current

STATUSES = "FAILURE", "SUCCESS"
LONGEST_ID = 64
NO_SIGNALS = "{} is in {} state and cannot be signaled"


def create(api: Any) -> ActionResult:
    """CreateStack."""
    backend, name = api.cloudformation_backend, api._get_param("StackName")
    if find(backend, name):
        raise models.AlreadyExistsException(f"Stack [{name}] already exists")
    text = requests.text_of(api, None)
    goal = requests.goal_of(api, text, None)
    policy = requests.policy_of(api, "StackPolicy")
    disabled = api._get_bool_param("DisableRollback", False)
    failing = "DO_NOTHING" if disabled else api._get_param("OnFailure") or "ROLLBACK"
    with current().lock:
        stack = Stack(backend, name, goal)
        stack.policy = policy
        stack.enable_termination_protection = bool(api._get_bool_param("EnableTerminationProtection", False))
        operations.carry_out(stack, _wish(api, text, goal, failing), api._get_param("ClientRequestToken"))
    return ActionResult({"StackId": stack.stack_id})


def _wish(api: Any, text: str, goal: Any, failing: str, during: str = "") -> operations.Wish:
    capabilities, retains = api._get_param("Capabilities", []), not api._get_bool_param("RetainExceptOnCreate", False)
    return operations.Wish(text, goal, api._get_param("RoleARN"), tuple(capabilities), failing, during, retains)


def update(api: Any) -> ActionResult:
    """UpdateStack."""
    backend = api.cloudformation_backend
    stack = living(backend, api._get_param("StackName"))
    text = requests.text_of(api, stack)
    goal = requests.goal_of(api, text, stack)
    policy, during = (requests.policy_of(api, key) for key in ("StackPolicy", "StackPolicyDuringUpdate"))
    failing = "DO_NOTHING" if api._get_bool_param("DisableRollback", False) else "ROLLBACK"
    with current().lock:
        stack.is_free()
        before = stack.deployment.goal
        if before is not None and not change_sets.changes(stack, goal) and change_sets.same(before, goal):
            raise ValidationError(message="No updates are to be performed.")
        stack.policy, stack.updated = policy or stack.policy, now()
        change_sets.outdate(backend, stack)
        operations.carry_out(stack, _wish(api, text, goal, failing, during), api._get_param("ClientRequestToken"))
    return ActionResult({"StackId": stack.stack_id})


def delete(api: Any) -> EmptyResult:
    """DeleteStack. A stack that is not there is no error."""
    stack = find(api.cloudformation_backend, api._get_param("StackName"))
    if stack is not None:
        force = api._get_param("DeletionMode") == "FORCE_DELETE_STACK"
        retained = api._get_param("RetainResources", [])
        operations.delete(stack, retained, force, api._get_param("ClientRequestToken"))
    return EmptyResult()


def cancel_update(api: Any) -> EmptyResult:
    """CancelUpdateStack."""
    stack = living(api.cloudformation_backend, api._get_param("StackName"))
    operations.cancel(stack, api._get_param("ClientRequestToken"))
    return EmptyResult()


def continue_rollback(api: Any) -> EmptyResult:
    """ContinueUpdateRollback."""
    stack = living(api.cloudformation_backend, api._get_param("StackName"))
    skipped = api._get_param("ResourcesToSkip", [])
    operations.continue_back(stack, skipped, api._get_param("ClientRequestToken"))
    return EmptyResult()


def signal(api: Any) -> EmptyResult:
    """SignalResource. What is not in progress takes none."""
    name, wanted, id, status = (api._get_param(key) for key in ("StackName", "LogicalResourceId", "UniqueId", "Status"))
    if status not in STATUSES:
        raise ValidationError(message=_unfit(status, "status", f"satisfy enum value set: [{', '.join(STATUSES)}]"))
    if len(id) > LONGEST_ID:
        said = f"have length less than or equal to {LONGEST_ID}"
        raise ValidationError(message=_unfit(id, "uniqueId", said))
    with current().lock:
        stack = known(api.cloudformation_backend, name, "Stack {} does not exist")
        if not (stack.exists and stack.status.endswith("_IN_PROGRESS")):
            raise ValidationError(message=NO_SIGNALS.format(f"Stack {stack.stack_id}", stack.status))
        row = stack.rows.get(wanted)
        if row is None:
            raise ValidationError(message=f"Resource {wanted} does not exist for stack {name}")
        if row.status not in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
            raise ValidationError(message=NO_SIGNALS.format(f"Resource {wanted}", row.status))
        stack.signals.receive(wanted, id, status)
    return EmptyResult()


def _unfit(value: str, where: str, constraint: str) -> str:
    said = f"1 validation error detected: Value '{value}' at '{where}' failed to satisfy constraint"
    return f"{said}: Member must {constraint}"


def update_termination_protection(api: Any) -> ActionResult:
    """UpdateTerminationProtection."""
    name = api._get_param("StackName")
    stack = find(api.cloudformation_backend, name)
    if stack is None:
        raise ValidationError(message=f"Stack [{name}] does not exist")
    stack.enable_termination_protection = api._get_bool_param("EnableTerminationProtection")
    return ActionResult({"StackId": stack.stack_id})
