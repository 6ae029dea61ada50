"""Operations of stacks: each answers at once and does its work in the background, status by status as AWS does it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from moto.cloudformation.exceptions import ValidationError

from msaspec.sandbox.engine import Broken
from msaspec.sandbox.goal import Goal
from msaspec.sandbox.on_moto.stacks import Operation, Stack

NOT_NOW = "{} cannot be called from current stack status"


@dataclass(frozen=True)
class Wish:
    """What a stack is to become, and how."""

    text: str
    goal: Goal
    role_arn: str | None = None
    capabilities: tuple[str, ...] = ()
    on_failure: str = "ROLLBACK"
    during_policy: str = ""
    """A stack policy for this update only."""
    retains: bool = True
    """Whether a creation that fails leaves what is to be retained."""
    done: Callable[[bool], None] = lambda succeeded: None
    """Told at the end whether it succeeded."""


def _launch(stack: Stack, operation: Operation, work: Callable[[], bool]) -> None:
    before = stack.work

    def run() -> None:
        if before is not None:
            before.join()
        stack.running = operation
        try:
            succeeded = work()
        except Exception as fault:  # a mistake of the sandbox; whoever waits is to hear of it
            verb = {"CONTINUE": "UPDATE_ROLLBACK"}.get(first := operation.type.partition("_")[0], first)
            stack.to(f"{verb}_FAILED", f"Internal Failure: {type(fault).__name__}: {fault}")
            succeeded = False
        operation.end(succeeded)

    stack.work = stack.world.launch(run)


def carry_out(stack: Stack, wish: Wish, token: str | None) -> None:
    """Brings a stack to what is wished, or back to where it was."""
    creates = stack.deployment.goal is None
    verb = "CREATE" if creates else "UPDATE"
    operation = Operation(f"{verb}_STACK", token)
    with stack.world.lock:
        if creates:
            stack.template, stack.shown = wish.text, wish.goal
        stack.role_arn = wish.role_arn or stack.role_arn
        stack.capabilities = list(wish.capabilities)
        stack.forget_removed()
        stack.begin(operation, f"{verb}_IN_PROGRESS")
        stack.deployment.around.exports = stack.backend.exports
        work = _create if creates else _update

        def run() -> bool:
            succeeded = False
            try:
                succeeded = work(stack, wish, operation)
            finally:
                wish.done(succeeded)
            return succeeded

        _launch(stack, operation, run)


def _create(stack: Stack, wish: Wish, operation: Operation) -> bool:
    try:
        stack.deployment.bring(wish.goal)
    except Broken as fault:
        with stack.world.lock:
            if operation.abandoned:
                return False
            if wish.on_failure == "DO_NOTHING":
                stack.to("CREATE_FAILED", str(fault))
            elif wish.on_failure == "DELETE":
                stack.to("DELETE_IN_PROGRESS", f"{fault}Delete requested by user.")
            else:
                stack.to("ROLLBACK_IN_PROGRESS", f"{fault}Rollback requested by user.")
            operation.cancelled = False
        if wish.on_failure == "DO_NOTHING":
            return False
        stuck = stack.deployment.remove_failed(wish.retains)
        if wish.on_failure == "DELETE":
            _end_deletion(stack, stuck)
        else:
            _conclude(stack, operation, "ROLLBACK_FAILED" if stuck else "ROLLBACK_COMPLETE", _failed("delete", stuck))
        return False
    stack.list_only(stack.deployment.resources)
    stack.publish()
    _conclude(stack, operation, "CREATE_COMPLETE")
    return True


def _conclude(stack: Stack, operation: Operation, status: str, reason: str | None = None) -> None:
    with stack.world.lock:
        if not operation.abandoned:
            stack.to(status, reason)


def _update(stack: Stack, wish: Wish, operation: Operation) -> bool:
    def settle() -> None:
        with stack.world.lock:
            if operation.cancelled:
                raise Broken("User Initiated")
            stack.template, stack.shown = wish.text, wish.goal
            stack.to("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")

    try:
        stack.deployment.bring(wish.goal, stack.refusal(wish.during_policy), settle)
    except Broken as fault:
        if wish.on_failure == "DO_NOTHING" and not operation.cancelled:
            stack.to("UPDATE_FAILED", str(fault))
            return False
        with stack.world.lock:
            stack.to("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated" if operation.cancelled else str(fault))
            operation.cancelled = False
        _go_back(stack)
        return False
    stack.publish()
    stuck = stack.deployment.clean()
    stack.list_only(stack.deployment.resources)
    stack.to("UPDATE_COMPLETE", "Update successful. One or more resources could not be deleted." if stuck else None)
    return True


def _go_back(stack: Stack, skipped: Collection[str] = ()) -> bool:
    if stuck := stack.deployment.back(skipped):
        stack.to("UPDATE_ROLLBACK_FAILED", _failed("update", stuck))
        return False
    stack.to("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    stack.deployment.clean_back()
    stack.to("UPDATE_ROLLBACK_COMPLETE")
    return True


def _failed(verb: str, names: Collection[str]) -> str | None:
    return f"The following resource(s) failed to {verb}: [{', '.join(names)}]. " if names else None


def cancel(stack: Stack, token: str | None) -> None:
    """Has a running update go back."""
    with stack.world.lock:
        if stack.status != "UPDATE_IN_PROGRESS":
            raise ValidationError(message=NOT_NOW.format("CancelUpdateStack"))
        stack.operation.cancelled = True
        stack.operation.token = token or stack.operation.token
    stack.world.controls.wake()


def continue_back(stack: Stack, skipped: list[str], token: str | None) -> None:
    """Goes on with a way back that failed."""
    with stack.world.lock:
        if stack.status != "UPDATE_ROLLBACK_FAILED":
            raise ValidationError(message=NOT_NOW.format("ContinueUpdateRollback"))
        if strangers := [n for n in skipped if n not in stack.rows or stack.rows[n].status != "UPDATE_FAILED"]:
            names = ", ".join(strangers)
            raise ValidationError(message=f"ResourcesToSkip [{names}] are not in the UPDATE_FAILED state")
        operation = Operation("CONTINUE_ROLLBACK", token)
        stack.begin(operation, "UPDATE_ROLLBACK_IN_PROGRESS")
        _launch(stack, operation, lambda: _go_back(stack, skipped))


def delete(stack: Stack, retained: list[str], force: bool, token: str | None) -> None:
    """Removes everything by its deletion policy, and then the stack."""
    with stack.world.lock:
        _may_be_deleted(stack, retained, force)
        if stack.status == "DELETE_IN_PROGRESS":
            return
        if stack.exists and stack.status.endswith("IN_PROGRESS"):
            stack.operation.abandoned = True
            stack.operation.cancelled = stack.status == "CREATE_IN_PROGRESS"
        operation = Operation("DELETE_STACK", token)
        stack.begin(operation, "DELETE_IN_PROGRESS")
        _launch(stack, operation, lambda: _end_deletion(stack, stack.deployment.remove(retained, force)))
    stack.world.controls.wake()


def _may_be_deleted(stack: Stack, retained: list[str], force: bool) -> None:
    id = stack.stack_id
    if stack.enable_termination_protection:
        raise ValidationError(message=f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    busy = stack.status.endswith("IN_PROGRESS") and stack.exists
    if busy and stack.status not in ("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"):
        raise ValidationError(message=f"Stack [{id}] cannot be deleted while in status {stack.status}")
    if (retained or force) and stack.status != "DELETE_FAILED":
        said = "RetainResources and FORCE_DELETE_STACK are for stacks in the DELETE_FAILED state"
        raise ValidationError(message=f"Invalid operation on stack [{id}]. {said}")
    if strangers := [name for name in retained if name not in stack.deployment.resources]:
        raise ValidationError(message=f"Resources [{', '.join(strangers)}] do not exist in stack [{id}]")


def _end_deletion(stack: Stack, stuck: list[str]) -> bool:
    with stack.world.lock:
        if stuck:
            stack.to("DELETE_FAILED", _failed("delete", stuck))
            return False
        backend: Any = stack.backend
        stack.withdraw()
        for id in [id for id, change_set in backend.change_sets.items() if change_set.stack is stack]:
            del backend.change_sets[id]
        stack.to("DELETE_COMPLETE")
        stack.deleted = stack.events[-1].at
        backend.deleted_stacks[stack.stack_id] = backend.stacks.pop(stack.stack_id)
    return True
