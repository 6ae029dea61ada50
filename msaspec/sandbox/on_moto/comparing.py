"""What a goal would change of a stack."""

from __future__ import annotations

from collections.abc import Callable

from moto.cloudformation.exceptions import ValidationError

from msaspec.sandbox.cloudformation import drift, proposal
from msaspec.sandbox.cloudformation.goal import Goal
from msaspec.sandbox.cloudformation.resource import Failed
from msaspec.sandbox.cloudformation.standing import Standing
from msaspec.sandbox.on_moto.stacks import Stack


def changes(
    stack: Stack,
    goal: Goal,
    gone: frozenset[str] = frozenset(),
    compared: Callable[[Standing, Goal], list[proposal.Change]] = proposal.changes,
) -> list[proposal.Change]:
    """Return what a goal would change of a stack, of which some is gone. Raises a ValidationError."""
    try:
        return compared(drift.without(stack.deployment, gone), goal)
    except Failed as fault:
        raise ValidationError(message=str(fault)) from None
    except (LookupError, TypeError, ValueError) as fault:  # a template that cfn-lint would refuse
        raise ValidationError(message=f"Template error: {type(fault).__name__}: {fault}") from None


# fact: resource-types
def of_another_type(stack: Stack, goal: Goal) -> str | None:
    """Return the refusal of resources that would be of another type than those of their names."""
    wanted = goal.template["Resources"]
    there = stack.deployment.resources
    moved = [name for name in sorted(there.keys() & wanted.keys()) if there[name].type != wanted[name]["Type"]]
    said = "Update of resource type is not permitted. The new template modifies resource type of the following"
    return f"{said} resources: [{', '.join(moved)}]" if moved else None


def same(old: Goal, new: Goal) -> bool:
    """Whether two goals say the same beside their resources."""
    return (old.template.get("Outputs"), old.values, old.tags) == (new.template.get("Outputs"), new.values, new.tags)
