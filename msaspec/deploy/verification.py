"""`msaspec verify`: everything that a deployment will need in the account, looked at before it begins."""

from __future__ import annotations

from msaspec.deploy import parameters, precondition, quotas, service_roles
from msaspec.deploy.aws import fault, state
from msaspec.deploy.context import Context
from msaspec.deploy.obstacles import Looked
from msaspec.deploy.precondition import Needs
from msaspec.diagnostics.diagnostic import errors, ordered
from msaspec.messages.others import NothingMissing, Unseen
from msaspec.pipeline import System


def verify(context: Context, system: System) -> bool:
    """Report what is missing, and return whether nothing is. Raises Fault where AWS cannot be asked at all."""
    aws = context.aws
    caller = aws.caller
    found = []
    own: set[str] = set()
    running: dict[str, str] = {}
    declared: dict[str, object] = {}
    for stack in system.stacks:
        deployed = state.describe(aws, stack.name)
        template = state.template_of(aws, deployed.id) if deployed else {}
        looked = Looked(stack, deployed, template)
        with fault.tolerated():
            own |= {each.id for each in state.resources(aws, deployed.id) if each.id} if deployed else set()
        running |= deployed.parameters if deployed else {}
        declared |= template.get("Parameters", {})
        with fault.tolerated():
            found += [*map(context.placed, quotas.exceeded(aws, looked))]
        service_roles.report(context, looked)
    tags = parameters.tags(system.plan, {}, running, {"Parameters": declared})
    needs = Needs(
        system.plan, system.stacks, tags, context, aws.region, caller["Account"], caller["Arn"], frozenset(own)
    )
    missing, unseen = precondition.missing(needs, aws)
    for said in unseen:
        context.reporter.say(Unseen("verify", said))
    found = ordered([*found, *missing])
    context.reporter.diagnosed(found)
    if not errors(found):
        context.reporter.say(NothingMissing(warned=bool(found)))
    return not errors(found)
