"""What a deployment will need in the account, looked at before it begins: by `msaspec verify`, and by `deploy` as far
as it is new."""

from __future__ import annotations

import json
from collections.abc import Sequence

from msaspec.deploy import content, parameters, precondition, quotas, service_roles
from msaspec.deploy.aws import fault, state
from msaspec.deploy.context import Context
from msaspec.deploy.obstacles import Looked
from msaspec.deploy.options import DeployContext
from msaspec.deploy.parameters import Tag
from msaspec.deploy.precondition import Needs
from msaspec.diagnostics.diagnostic import Invalid, errors, ordered
from msaspec.messages.others import NothingMissing, Unseen
from msaspec.pipeline import System

SECONDS = 3.0
"""For how long a deployment waits for all of it."""


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
    made = content.tags(system.plan, {})
    tags = parameters.tags(system.plan, {}, made, running, {"Parameters": declared})
    place = aws.region, caller["Account"], caller["Arn"]
    needs = Needs(system.plan, system.stacks, tags, context, *place, frozenset(own), running)
    missing, unseen = precondition.missing(needs, aws)
    for said in unseen:
        context.reporter.say(Unseen("verify", said))
    found = ordered([*found, *missing])
    context.reporter.diagnosed(found)
    if not errors(found):
        context.reporter.say(NothingMissing(warned=bool(found)))
    return not errors(found)


def examine(context: DeployContext, system: System, looked: Looked, tags: Sequence[Tag]) -> None:
    """Look at what is new in a stack before its change set is made. Raises Invalid where something is missing; a dry
    run only says so."""
    aws, known = context.aws, _known(looked)
    same = looked.template == looked.stack.template and all(f"{tag.parameter}={tag.content}\n" in known for tag in tags)
    # An emulator on this machine begins without the zones, certificates and secrets that people make.
    if aws.local() or looked.stack.role.shared or looked.resumes or (known and same):
        return
    own: frozenset[str] = frozenset()
    ingress = system.plan.root.ingress
    if known and ingress.hosted_zone and ingress.domain and ingress.domain not in known:
        with fault.tolerated():
            deployed = looked.deployed.id if looked.deployed else looked.stack.name
            own = frozenset(each.id for each in state.resources(aws, deployed) if each.id)
    caller = aws.caller
    running = looked.deployed.parameters if looked.deployed else {}
    needs = Needs(
        plan=system.plan,
        stacks=[looked.stack],
        tags=tags,
        context=context,
        region=aws.region,
        account=caller["Account"],
        caller=caller["Arn"],
        own=own,
        values=running,
        role=context.options.role_arn,
        seen_to=True,
        known=known,
    )
    missing, unseen = precondition.missing(needs, aws, SECONDS)
    for said in unseen:
        context.reporter.say(Unseen("verify", said))
    if errors(missing) and not context.options.dry_run:
        raise Invalid(missing)
    context.reporter.diagnosed(missing)


def _known(looked: Looked) -> str:
    """Return what the deployed stack names; nothing where none was ever complete."""
    if looked.first or looked.anew or looked.deployed is None:
        return ""
    values = "\n".join(f"{name}={value}" for name, value in looked.deployed.parameters.items())
    return f"{json.dumps(looked.template)}\n{values}\n"
