"""Protections that a command lifted and that are to be on again: put back when it fails, and seen to by the next.

A deletion turns off the termination protection of the stack first, and on again last. An update names what it turns
off in the stack policy first, and takes the name out last. So a command that finds the termination protection off, or
a name in the policy, looks at all of them; where it finds neither, it asks AWS for nothing more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msaspec.compile import aws_types
from msaspec.deploy import policy
from msaspec.deploy.aws import fault, protection, state
from msaspec.deploy.aws.answers import NotAnAnswer
from msaspec.deploy.aws.state import Deployed, Resource
from msaspec.deploy.context import Context
from msaspec.deploy.operation import Unwatched
from msaspec.messages.deploying import NotProtectedAgain, ProtectedAgain


@contextmanager
def restored_on_failure(context: Context, deployed: Deployed, template: Mapping[str, Any]) -> Iterator[None]:
    """Put protections back if the block fails to delete a stack, which is `deployed` as it was before it.

    While the deletion goes on, they stay lifted: it would fail at them.
    """
    try:
        yield
    except Unwatched:
        raise
    except BaseException:
        _put_back(context, deployed, template)
        raise


def _put_back(context: Context, deployed: Deployed, template: Mapping[str, Any]) -> None:
    try:
        now = state.describe(context.aws, deployed.id)
        if now is None or now.status in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS"):
            return
        restore(context, template, state.resources(context.aws, deployed.id))
        if deployed.protected and not now.protected:
            turn_on(context, deployed)
            context.reporter.say(ProtectedAgain("termination", f"stack {deployed.name}"))
    except Exception as error:
        if not isinstance(error, fault.Fault) and fault.of(error, context.aws.region) is None:
            raise
        # What went wrong first is what the command ends with.
        again = context.command("deploy")
        context.reporter.say(NotProtectedAgain(type(error).__name__, context.command("status"), again))


def turn_on(context: Context, deployed: Deployed) -> None:
    """Turn the termination protection of a stack on."""
    context.aws.client("cloudformation").update_termination_protection(
        StackName=deployed.name, EnableTerminationProtection=True
    )


def restore(context: Context, template: Mapping[str, Any], resources: Iterable[Resource]) -> None:
    """Turn on the protections that a template asks for and that are off, and say which.

    Each is tried, also where AWS refuses another; then the first such error is raised.
    """
    refused: list[Exception] = []
    for resource in protection.guarded(template, resources):
        try:
            if protection.restore(context.aws, resource):
                what = f"{aws_types.of(resource.type)} {resource.id}"
                context.reporter.say(ProtectedAgain("deletion", what))
        except Exception as error:
            if fault.of(error, context.aws.region) is None:
                raise
            refused.append(error)
    if refused:
        raise refused[0]


def policy_of(context: Context, name: str) -> str | None:
    """Return the text of the policy of a stack; None where it has none."""
    found = context.aws.client("cloudformation").get_stack_policy(StackName=name)
    text: str | None = found.get("StackPolicyBody")
    return text


def guard(
    context: Context,
    name: str,
    template: Mapping[str, Any],
    released: Collection[str] = (),
    *,
    lifted: Collection[str] = (),
    restored: Collection[str] = (),
) -> None:
    """See to the stack policy while a stack still is what `template` says: it denies what nobody let go.

    `lifted` are the logical ids whose protection is about to be turned off, `restored` those whose is on again. What
    an earlier deployment named stays named.
    """
    text = policy_of(context, name)
    named = {*policy.lifted_of(text), *lifted} - set(restored)
    set_policy(context, name, text, policy.stack_policy(template, released, named))


def set_policy(context: Context, name: str, text: str | None, wanted: str) -> None:
    """Set the policy of a stack, unless `text`, which it has, says the same."""
    if policy.same_policy(text, wanted):
        return
    lost: Exception | None = None
    try:
        context.aws.client("cloudformation").set_stack_policy(StackName=name, StackPolicyBody=wanted)
    except Exception as error:
        if not fault.is_passing(error):
            raise
        lost = error
    # The answer has nothing in it by which it could be told from another's.
    if not policy.same_policy(policy_of(context, name), wanted):
        raise lost or NotAnAnswer("SetStackPolicy", "the policy is not set")
