"""Operations of stacks: each answers at once and does its work in the background, status by status as AWS does it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from moto.cloudformation.exceptions import ValidationError

from msaspec.sandbox.cloudformation.engine import Broken
from msaspec.sandbox.cloudformation.goal import Goal
from msaspec.sandbox.on_moto import endings, nested
from msaspec.sandbox.on_moto.stacks import PRESERVED, Operation, Stack

ON_FAILURE = {"DELETE": "DELETE", "DO_NOTHING": "PRESERVE", "ROLLBACK": "ROLLBACK"}
"""What is done where an operation fails, by the words of the API."""
NOT_NOW = "{} cannot be called from current stack status"


@dataclass(frozen=True)
class Request:
    """What a stack is to become, and how."""

    text: str
    goal: Goal
    role_arn: str | None = None
    capabilities: tuple[str, ...] = ()
    on_failure: str = "ROLLBACK"
    """`ROLLBACK`, `DELETE` or `PRESERVE`."""
    during_policy: str = ""
    """A stack policy for this update only."""
    retains: bool = True
    """Whether a creation that fails leaves what is to be retained."""
    done: Callable[[bool], None] = lambda succeeded: None
    """Called at the end with whether it succeeded."""


def _launch(stack: Stack, operation: Operation, work: Callable[[], bool]) -> None:
    before = stack.work

    def run() -> None:
        if before is not None:
            before.join()
        stack.running = operation
        try:
            succeeded = work()
        except Exception as fault:  # a mistake of the sandbox, reported to the client
            verb = {"CONTINUE": "UPDATE_ROLLBACK"}.get(first := operation.type.partition("_")[0], first)
            stack.to(f"{verb}_FAILED", f"Internal Failure: {type(fault).__name__}: {fault}")
            succeeded = False
        operation.end(succeeded=succeeded)
        for each in stack.operations:
            if each.type == "ROLLBACK" and each.ended is None and each.token == operation.token:
                each.end(succeeded=not stack.status.endswith("_FAILED"))

    stack.work = stack.world.launch(run)


def carry_out(stack: Stack, request: Request, token: str | None) -> Operation:
    """Bring a stack to a goal, or roll it back. Return the operation, which continues."""
    creates = not stack.exists
    verb = "CREATE" if creates else "UPDATE"
    operation = Operation(f"{verb}_STACK", token)
    with stack.world.lock:
        if creates:
            stack.template, stack.shown = request.text, request.goal
        stack.role_arn = request.role_arn or stack.role_arn
        stack.capabilities = list(request.capabilities) or stack.capabilities
        stack.disable_rollback = request.on_failure == "PRESERVE"
        stack.deployment.around.nesting = stack.deployment.around.nesting or nested.Nest(stack)
        stack.touched = {}
        stack.forget_removed()
        stack.begin(operation, f"{verb}_IN_PROGRESS")
        work = _create if creates else _update

        def run() -> bool:
            succeeded = False
            try:
                succeeded = work(stack, request, operation)
            finally:
                request.done(succeeded)
            return succeeded

        _launch(stack, operation, run)
    return operation


def _create(stack: Stack, request: Request, operation: Operation) -> bool:
    try:
        stack.deployment.bring(request.goal, preserve=request.on_failure == "PRESERVE")
    except Broken as fault:
        with stack.world.lock:
            if operation.abandoned:
                return False
            if request.on_failure == "PRESERVE":
                stack.to("CREATE_FAILED", str(fault))
                return False
            stack.leaves()
            if request.on_failure == "DELETE":
                stack.to("DELETE_IN_PROGRESS", f"{fault}Delete requested by user.")
            else:
                _rolls_back(stack, "ROLLBACK_IN_PROGRESS", f"{fault}Rollback requested by user.")
            operation.cancelled = False
        stuck = stack.deployment.remove_failed(retains=request.retains)
        if request.on_failure == "DELETE":
            endings.end_deletion(stack, stuck)
        else:
            _conclude(
                stack, operation, "ROLLBACK_FAILED" if stuck else "ROLLBACK_COMPLETE", endings.failed("delete", stuck)
            )
        return False
    stack.list_only(stack.deployment.resources)
    stack.publish()
    _conclude(stack, operation, "CREATE_COMPLETE")
    return True


def _conclude(stack: Stack, operation: Operation, status: str, reason: str | None = None) -> None:
    with stack.world.lock:
        if not operation.abandoned:
            stack.to(status, reason)


def _update(stack: Stack, request: Request, operation: Operation) -> bool:
    def settle() -> None:
        with stack.world.lock:
            if operation.cancelled:
                raise Broken("User Initiated")
            stack.template, stack.shown = request.text, request.goal
            stack.to("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")

    try:
        stack.deployment.bring(
            request.goal, stack.refusal(request.during_policy), settle, preserve=request.on_failure == "PRESERVE"
        )
    except Broken as fault:
        with stack.world.lock:
            # What was never stable has nothing to be rolled back to.
            if request.on_failure == "PRESERVE" and not (operation.cancelled and stack.stable):
                stack.to("UPDATE_FAILED", str(fault))
                return False
            reason = "User Initiated" if operation.cancelled else str(fault)
            _rolls_back(stack, "UPDATE_ROLLBACK_IN_PROGRESS", reason)
            operation.cancelled = False
        _go_back(stack, retains=request.retains)
        return False
    stack.publish()
    nested.clean(stack)
    stuck = stack.deployment.clean()
    stack.list_only(stack.deployment.resources)
    stack.to("UPDATE_COMPLETE", "Update successful. One or more resources could not be deleted." if stuck else None)
    return True


def _rolls_back(stack: Stack, status: str, reason: str) -> None:
    """Begin with a rollback, which is an operation of its own under the token of the one that failed."""
    before = stack.operation
    stack.begin(Operation("ROLLBACK", before.token), status, reason)


def _go_back(stack: Stack, skipped: Collection[str] = (), *, retains: bool) -> bool:
    stack.skipped = list(skipped)
    if stuck := stack.deployment.back(skipped):
        stack.to("UPDATE_ROLLBACK_FAILED", endings.failed("update", stuck))
        return False
    stack.to("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    nested.clean_back(stack, retains=retains)
    stack.deployment.remove_fresh(retains=retains)
    stack.to("UPDATE_ROLLBACK_COMPLETE")
    return True


def cancel(stack: Stack, token: str | None) -> None:
    """Cancel a running update and roll it back."""
    with stack.world.lock:
        if stack.status != "UPDATE_IN_PROGRESS":
            raise ValidationError(message=NOT_NOW.format("CancelUpdateStack"))
        stack.operation.cancelled = True
        stack.operation.token = token or stack.operation.token
    stack.world.controls.wake()


def continue_back(stack: Stack, skipped: list[str], token: str | None) -> None:
    """Continue a rollback that failed."""
    with stack.world.lock:
        if stack.status != "UPDATE_ROLLBACK_FAILED":
            raise ValidationError(message=NOT_NOW.format("ContinueUpdateRollback"))
        if strangers := [name for name in skipped if not nested.is_stuck(stack, name)]:
            names = ", ".join(strangers)
            raise ValidationError(message=f"ResourcesToSkip [{names}] are not in the UPDATE_FAILED state")
        operation = Operation("CONTINUE_ROLLBACK", token)
        stack.begin(operation, "UPDATE_ROLLBACK_IN_PROGRESS")
        _launch(stack, operation, lambda: _go_back(stack, retains=True, skipped=skipped))


def roll_back(stack: Stack, token: str | None, *, retains: bool) -> Operation:
    """Bring a stack that failed and was preserved back to where it was stable; delete one that never was."""
    with stack.world.lock:
        if stack.status not in PRESERVED:
            raise ValidationError(message=NOT_NOW.format("RollbackStack"))
        operation = Operation("ROLLBACK", token)
        if stack.stable:
            stack.begin(operation, "UPDATE_ROLLBACK_IN_PROGRESS")
            _launch(stack, operation, lambda: _go_back(stack, retains=retains))
        else:
            stack.leaves()
            stack.begin(operation, "DELETE_IN_PROGRESS")
            _launch(
                stack, operation, lambda: endings.end_deletion(stack, stack.deployment.remove_failed(retains=retains))
            )
        return operation


def delete(stack: Stack, retained: list[str], token: str | None, *, force: bool) -> None:
    """Remove everything by its deletion policy, and then the stack."""
    with stack.world.lock:
        if stack.status == "DELETE_COMPLETE":
            return
        _may_be_deleted(stack, retained, force=force)
        if stack.status == "DELETE_IN_PROGRESS":
            return
        if stack.exists and stack.status.endswith("IN_PROGRESS"):
            for each in stack.operations:
                each.abandoned, each.cancelled = True, stack.status == "CREATE_IN_PROGRESS"
        operation = Operation("DELETE_STACK", token)
        stack.leaves()
        stack.begin(operation, "DELETE_IN_PROGRESS")
        _launch(stack, operation, lambda: endings.end_deletion(stack, stack.deployment.remove(retained, force=force)))
    stack.world.controls.wake()


def _may_be_deleted(stack: Stack, retained: list[str], *, force: bool) -> None:
    id = stack.stack_id
    if stack.enable_termination_protection:
        raise ValidationError(message=f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    busy = stack.status.endswith("IN_PROGRESS") and stack.exists
    if busy and stack.status not in ("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"):
        raise ValidationError(message=f"Stack [{id}] cannot be deleted while in status {stack.status}")
    if (retained or force) and stack.status != "DELETE_FAILED":
        said = "RetainResources and FORCE_DELETE_STACK are for stacks in the DELETE_FAILED state"
        raise ValidationError(message=f"Invalid operation on stack [{id}]. {said}")
    there = {*stack.deployment.resources, *(each.name for each in stack.deployment.fresh)}
    if strangers := [name for name in retained if name not in there]:
        raise ValidationError(message=f"Resources [{', '.join(strangers)}] do not exist in stack [{id}]")
