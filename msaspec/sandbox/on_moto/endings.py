"""How operations of stacks end that did not succeed, and what is left of a stack that is removed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msaspec.sandbox.on_moto.stacks import Stack, all_of

EXECUTED = "EXECUTE_COMPLETE", "EXECUTE_FAILED"
"""What the execution of a change set ended with."""


def failed(verb: str, names: Collection[str]) -> str | None:
    """Return the reason of a stack some of whose resources failed; None where none did."""
    return f"The following resource(s) failed to {verb}: [{', '.join(names)}]. " if names else None


def end_deletion(stack: Stack, stuck: list[str]) -> bool:
    """End the deletion of a stack, of which some would not go; return whether it is gone."""
    with stack.world.lock:
        if stuck:
            stack.to("DELETE_FAILED", failed("delete", stuck))
            return False
        backend: Any = stack.backend
        stack.withdraw()
        for id, each in list(backend.change_sets.items()):
            if each.stack is stack and each.execution_status not in EXECUTED:  # those can be read by their ARN
                del backend.change_sets[id]
        for each in [each for each in all_of(backend.stacks) if each.parent is stack and not each.exists]:
            end_deletion(each, [])  # which a change set proposed
        stack.to("DELETE_COMPLETE")
        stack.deleted = stack.events[-1].at
        backend.deleted_stacks[stack.stack_id] = backend.stacks.pop(stack.stack_id)
    return True
