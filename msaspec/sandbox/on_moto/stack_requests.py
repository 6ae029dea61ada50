"""The requests that make, change and remove stacks without a change set."""

from __future__ import annotations

from typing import Any

from moto.cloudformation import models
from moto.cloudformation.exceptions import ValidationError
from moto.core.responses import EmptyResult

from msaspec.sandbox.on_moto import change_sets, comparing, operations, requests, tokens
from msaspec.sandbox.on_moto.by_name import Answer
from msaspec.sandbox.on_moto.stacks import PRESERVED, Stack, find, known, living, now
from msaspec.sandbox.world import current

CREATE = "CreateStack"
STATUSES = "FAILURE", "SUCCESS"
LONGEST_ID = 64
NO_SIGNALS = "{} is in {} state and cannot be signaled"


def create(api: Any) -> Answer:
    """CreateStack."""
    backend, name, token = api.cloudformation_backend, api._get_param("StackName"), tokens.token_of(api)
    proposed = None
    if (stack := find(backend, name)) and not stack.exists:
        proposed = stack
    elif stack:
        if stack.tokens.get(token or "") != CREATE:
            raise models.AlreadyExistsException(f"Stack [{name}] already exists")
        with tokens.once(stack, token, CREATE):
            return _answer(stack, token)
    text = requests.text_of(api, None)
    goal = requests.goal_of(api, text, None)
    policy = requests.policy_of(api, "StackPolicy")
    disabled, failing = api._get_bool_param("DisableRollback"), api._get_param("OnFailure")
    if disabled is not None and failing:
        raise ValidationError(message="You can specify either DisableRollback or OnFailure, but not both.")
    with current().lock:
        stack = proposed or Stack(backend, name, goal)
        change_sets.outdate(backend, stack)
        stack.policy = policy
        stack.does_nothing = failing == "DO_NOTHING"
        stack.enable_termination_protection = bool(api._get_bool_param("EnableTerminationProtection", False))
        with tokens.once(stack, token, CREATE):
            request = _request(
                api, text, goal, operations.ON_FAILURE[failing or ("DO_NOTHING" if disabled else "ROLLBACK")]
            )
            operations.carry_out(stack, request, token)
    return _answer(stack, token)


def _request(api: Any, text: str, goal: Any, failing: str, during: str = "") -> operations.Request:
    capabilities, retains = api._get_param("Capabilities", []), not api._get_bool_param("RetainExceptOnCreate", False)
    return operations.Request(text, goal, api._get_param("RoleARN"), tuple(capabilities), failing, during, retains)


def _answer(stack: Stack, token: str | None) -> Answer:
    """Return the stack, and its operation of a token; without one its last."""
    operation = next((each for each in stack.operations if token and each.token == token), stack.operation)
    return Answer({"StackId": stack.stack_id, "OperationId": operation.id})


def update(api: Any) -> Answer:
    """UpdateStack."""
    backend, token = api.cloudformation_backend, tokens.token_of(api)
    stack = living(backend, api._get_param("StackName"))
    text = requests.text_of(api, stack)
    goal = requests.goal_of(api, text, stack)
    policy, during = (requests.policy_of(api, key) for key in ("StackPolicy", "StackPolicyDuringUpdate"))
    with tokens.once(stack, token, "UpdateStack") as fresh:
        if not fresh:
            return _answer(stack, token)
        stack.is_free()
        preserves = stack.preserves("update-stack", disable_rollback=api._get_bool_param("DisableRollback"))
        before = stack.deployment.goal
        same = before is not None and not comparing.changes(stack, goal) and comparing.same(before, goal)
        if same and stack.status not in PRESERVED:  # an update to what it was leads out of a failure
            raise ValidationError(message="No updates are to be performed.")
        if refusal := comparing.of_another_type(stack, goal):
            raise ValidationError(message=refusal)
        stack.policy, stack.updated, stack.change_set_id = policy or stack.policy, now(), None
        change_sets.outdate(backend, stack)
        failing = "PRESERVE" if preserves else "ROLLBACK"
        operations.carry_out(stack, _request(api, text, goal, failing, during), token)
    return _answer(stack, token)


def delete(api: Any) -> EmptyResult:
    """DeleteStack. A stack that is not there is no error."""
    backend, name, token = api.cloudformation_backend, api._get_param("StackName"), tokens.token_of(api)
    stack = find(backend, name) or backend.deleted_stacks.get(name)
    if stack is not None:
        force = api._get_param("DeletionMode") == "FORCE_DELETE_STACK"
        retained = api._get_param("RetainResources", [])
        with tokens.once(stack, token, "DeleteStack") as fresh:
            if fresh:
                operations.delete(stack, retained, token, force=force)
    return EmptyResult()


def cancel_update(api: Any) -> EmptyResult:
    """CancelUpdateStack."""
    stack, token = living(api.cloudformation_backend, api._get_param("StackName")), tokens.token_of(api)
    with tokens.once(stack, token, "CancelUpdateStack") as fresh:
        if fresh:
            operations.cancel(stack, token)
    return EmptyResult()


def continue_rollback(api: Any) -> EmptyResult:
    """ContinueUpdateRollback."""
    stack, token = living(api.cloudformation_backend, api._get_param("StackName")), tokens.token_of(api)
    skipped = api._get_param("ResourcesToSkip", [])
    with tokens.once(stack, token, "ContinueUpdateRollback") as fresh:
        if fresh:
            operations.continue_back(stack, skipped, token)
    return EmptyResult()


def roll_back(api: Any) -> Answer:
    """RollbackStack."""
    stack, token = living(api.cloudformation_backend, api._get_param("StackName")), tokens.token_of(api)
    with tokens.once(stack, token, "RollbackStack") as fresh:
        if fresh:
            operations.roll_back(stack, retains=not api._get_bool_param("RetainExceptOnCreate", False), token=token)
    return _answer(stack, token)


def signal(api: Any) -> EmptyResult:
    """SignalResource. A resource that is not in progress takes none."""
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


def update_termination_protection(api: Any) -> Answer:
    """UpdateTerminationProtection."""
    name = api._get_param("StackName")
    stack = find(api.cloudformation_backend, name)
    if stack is None:
        raise ValidationError(message=f"Stack [{name}] does not exist")
    stack.enable_termination_protection = api._get_bool_param("EnableTerminationProtection")
    return Answer({"StackId": stack.stack_id})
