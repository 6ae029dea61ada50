"""Stacks that are resources of other stacks: they are worked on within the operation of the stack that is in no other.

None of them removes anything before all have been updated, or have been rolled back: `clean` and `clean_back` do it
then. What fails in one is a failure of it in its parent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from moto.cloudformation.exceptions import CloudFormationError

from msaspec.sandbox.cloudformation import engine, wellformed
from msaspec.sandbox.cloudformation.engine import Broken
from msaspec.sandbox.cloudformation.goal import Goal, check
from msaspec.sandbox.cloudformation.intrinsics import Unknown
from msaspec.sandbox.cloudformation.proposal import NESTED
from msaspec.sandbox.cloudformation.resource import At, Cancelled, Failed, Made, Properties
from msaspec.sandbox.on_moto import comparing, endings, requests
from msaspec.sandbox.on_moto.stacks import Operation, Stack, find

LONGEST_NAME = 128


class Nest:
    """The nested stacks of one stack."""

    def __init__(self, parent: Stack) -> None:
        self.parent = parent

    def create(self, at: At, new: Properties) -> Made:
        """Make a nested stack with all its resources."""
        text = template(new, self.parent)
        goal = wanted(text, new, self.parent, self.parent.root.capabilities)
        child = self.parent.nested.pop(at.logical_id, None) or empty(self.parent, at.logical_id, goal)
        at.initiated(child.stack_id)
        operation = self._begun(child, "CREATE_STACK", "CREATE_IN_PROGRESS")
        child.template, child.shown = text, goal
        try:
            child.deployment.bring(goal)
        except Broken as fault:
            child.to("CREATE_FAILED", str(fault))
            operation.end(succeeded=False)
            failed = self._failed(fault, "CREATE", f"Embedded stack {child.stack_id} was not successfully created")
            failed.made = _made(child)
            raise failed from None
        child.list_only(child.deployment.resources)
        child.publish()
        child.to("CREATE_COMPLETE")
        operation.end(succeeded=True)
        return _made(child)

    def update(self, at: At, id: str, new: Properties) -> Made:
        """Bring a nested stack to what it should be; it is not looked into again where that is what it is."""
        child = _there(self.parent, id)
        text = template(new, self.parent)
        goal = wanted(text, new, self.parent, self.parent.root.capabilities)
        before = child.deployment.goal
        nested = any(part["Type"] == NESTED for part in goal.template["Resources"].values())
        if before is not None and not nested and comparing.same(before, goal) and not comparing.changes(child, goal):
            return _made(child)
        child.kept = before, dict(child.deployment.outputs), child.template, child.shown
        child.forget_removed()
        operation = self._begun(child, "UPDATE_STACK", "UPDATE_IN_PROGRESS")
        self.parent.root.touched[child.stack_id] = child
        try:
            child.deployment.bring(goal, child.refusal())
        except Broken as fault:
            said = f"Embedded stack {id} was not successfully updated. Currently in UPDATE_ROLLBACK_IN_PROGRESS"
            failed = self._failed(fault, "UPDATE", f"{said} with reason")
            operation.end(succeeded=False)
            self._go_back(child, str(fault))
            raise failed from None
        child.template, child.shown = text, goal
        child.publish()
        child.to("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        operation.end(succeeded=True)
        return _made(child)

    def back(self, id: str) -> None:
        """Bring a nested stack back to where it was before the operation. Raises Failed where something in it stays."""
        child = _there(self.parent, id)
        if child.status == "UPDATE_ROLLBACK_FAILED":
            self._go_back(child, None)
        elif child.stack_id in self.parent.root.touched and child.status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
            self._go_back(child, "Parent stack rolls back")
        if child.status == "UPDATE_ROLLBACK_FAILED":
            raise Failed(f"Embedded stack {id} was not successfully updated. Currently in {child.status}")

    def _go_back(self, child: Stack, reason: str | None) -> None:
        goal, outputs, text, shown = child.kept
        child.goes_back = True
        try:
            child.begin(Operation("ROLLBACK", child.operation.token), "UPDATE_ROLLBACK_IN_PROGRESS", reason)
            child.deployment.goal, child.deployment.outputs = goal, outputs
            child.template, child.shown = text, shown
            prefix = f"{child.name}."
            skipped = [each.removeprefix(prefix) for each in child.root.skipped if each.startswith(prefix)]
            stuck = child.deployment.back(skipped)
            status = "UPDATE_ROLLBACK_FAILED" if stuck else "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
            child.to(status, endings.failed("update", stuck))
        finally:
            child.goes_back = False
            child.operation.end(succeeded=child.status != "UPDATE_ROLLBACK_FAILED")

    def delete(self, id: str) -> None:
        """Remove a nested stack with all its resources. Raises Failed where one would not go."""
        child = find(self.parent.backend, id)
        if child is None:
            return
        unfinished = child.status in ("CREATE_FAILED", "REVIEW_IN_PROGRESS")
        child.leaves()
        operation = self._begun(child, "DELETE_STACK", "DELETE_IN_PROGRESS")
        child.goes_back = True
        stuck = child.deployment.remove_failed(retains=True) if unfinished else child.deployment.remove()
        child.goes_back = False
        operation.end(succeeded=endings.end_deletion(child, stuck))
        if stuck:
            why = endings.failed("delete", stuck)
            raise Failed(f"Embedded stack {id} was not successfully deleted: {why}")

    def _begun(self, child: Stack, kind: str, status: str) -> Operation:
        operation = Operation(kind, self.parent.operation.token)
        child.capabilities, child.role_arn = self.parent.capabilities, self.parent.role_arn
        child.begin(operation, status, None)
        return operation

    def _failed(self, fault: Broken, verb: str, said: str) -> Failed:
        running = self.parent.root.running
        if running is not None and running.cancelled:
            return Cancelled(engine.cancelled(verb))
        return Failed(f"{said}: {fault}")


def clean(root: Stack) -> None:
    """Let the nested stacks that were updated remove what they no longer have."""
    # fact: nested-cleanup
    touched, root.touched = list(root.touched.values()), {}
    for child in reversed(touched):
        stuck = child.deployment.clean()
        child.list_only(child.deployment.resources)
        said = "Update successful. One or more resources could not be deleted." if stuck else None
        child.to("UPDATE_COMPLETE", said)


def clean_back(root: Stack, *, retains: bool) -> None:
    """Let the nested stacks that were rolled back remove what the update had made in them."""
    touched, root.touched = list(root.touched.values()), {}
    for child in reversed(touched):
        child.deployment.remove_fresh(retains=retains)
        child.to("UPDATE_ROLLBACK_COMPLETE")


def is_stuck(stack: Stack, name: str) -> bool:
    """Whether the rollback of a resource failed, which is one of a nested stack where the name is `NESTED.CHILD`."""
    inside, _, logical_id = name.rpartition(".")
    found = find(stack.backend, inside) if inside else stack
    row = found.rows.get(logical_id) if found and found.root is stack else None
    return row is not None and row.status == "UPDATE_FAILED"


def template(new: Properties, parent: Stack) -> str:
    """Return the text of the template that a nested stack is made from. Raises Failed."""
    try:
        return requests.from_bucket(str(new.get("TemplateURL", "")), parent.deployment.around.region)
    except CloudFormationError as fault:
        raise Failed(_message(fault)) from None


def wanted(text: str, new: Properties, parent: Stack, capabilities: Collection[str]) -> Goal:
    """Return what a nested stack should become. Raises Failed."""
    given = {str(key): value for key, value in (new.get("Parameters") or {}).items()}
    if lists := [key for key, value in given.items() if isinstance(value, list | Mapping)]:
        said = "Value of property Parameters must be an object with String (or simple type) properties"
        raise Failed(f"{said}: {', '.join(lists)}")
    tags = {tag["Key"]: tag["Value"] for tag in new.get("Tags", [])}
    goal = Goal(wellformed.parse(text), given, tags)
    around = parent.deployment.around
    check(goal, lambda goal: around.values(goal, lambda name, attribute: Unknown(name)))
    try:
        requests.check_capabilities(goal, set(capabilities))
    except CloudFormationError as fault:
        raise Failed(_message(fault)) from None
    return goal


def empty(parent: Stack, logical_id: str, goal: Goal) -> Stack:
    """Return a nested stack in which nothing is yet."""
    at = parent.deployment.around.at(logical_id, NESTED)
    child = Stack(parent.backend, at.name(LONGEST_NAME), goal, parent)
    child.deployment.around.nesting = Nest(child)
    return child


def _there(parent: Stack, id: str) -> Stack:
    child = find(parent.backend, id)
    if child is None:
        raise Failed(f"Stack [{id}] does not exist")
    return child


def _made(child: Stack) -> Made:
    outputs = {f"Outputs.{key}": output["Value"] for key, output in child.deployment.outputs.items()}
    return Made(child.stack_id, outputs)


def _message(fault: Any) -> str:
    return str(getattr(fault, "message", fault))
