"""Systems that use one another: what a deployment takes from the stacks of others, and who uses what is to go.

Each side looks before anything is changed. A user's parameters are filled with the outputs of the other stack, which
also say who may use what. Whoever shares something finds its users by the values of their parameters, so it needs no
record that could be wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from msaspec.aws import existing_network
from msaspec.aws.data.ec2 import VPC
from msaspec.compile import systems
from msaspec.compile.plan import Plan
from msaspec.deploy.aws import fault, state
from msaspec.deploy.aws.state import Deployed, Standing
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.context import Context
from msaspec.deploy.obstacles import Looked
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity, ordered
from msaspec.language.systems import NETWORK
from msaspec.template import sharing
from msaspec.template.owner import claim
from msaspec.template.sharing import Taken
from msaspec.template.stack import Stack

NOT_DEPLOYED = Code(
    "MSA545",
    "A system that is used is not deployed",
    """
    The manifest uses an entry of another system, whose stack is not deployed in this account and Region. Deploy the
    other system first. Where two systems use each other, deploy the first one without its `uses` of the second, then
    the second, then the first one again.
    """,
)
NOT_SHARED = Code(
    "MSA546",
    "An entry that is not shared with this system",
    """
    A manifest lists what other systems may use under `shares`, with the names of the systems that may use
    it: `shares: {ledger: [shop]}`. The stack of the other system does not share the entry, or not with this system.
    Nothing was changed. Add the line there, deploy the other system, and deploy this one again.
    """,
)
IN_USE = Code(
    "MSA547",
    "Other systems use what would go",
    """
    Another system uses an entry that the deployment would remove or no longer share, or the stack that is to be
    deleted. Its requests would fail. Remove the use from the manifest of the other system and deploy it, or destroy the
    other system, before this one.
    """,
)
CHANGED = Code(
    "MSA548",
    "Users of an entry need a deployment too",
    """
    The address, the port or the security group of a shared entry changes. Other systems have the old one in the
    parameters of their stacks until they are deployed again, and their requests fail until then.
    """,
    Severity.WARNING,
)
OTHER_NETWORK = Code(
    "MSA550",
    "A network that is not that of the other system",
    """
    A service or a store of another system is reached in its own VPC. The two systems stand in different VPCs, or this
    manifest says something of the network that is not so: `network.cidr` is the block of the VPC, and `zones` and
    `placement` ask for subnets that the other system has.
    """,
)
OTHERWISE = Code(
    "MSA552",
    "A store of another system that is another than the manifest says",
    """
    A use says of a store of another system what this system's template depends on: the engine and the port of a
    database, the engine of a cache and whether it has TLS and users, the virtual host of a broker. The stack of the
    other system says it too, and the two differ. Nothing was changed.
    """,
)


@dataclass(frozen=True)
class User:
    """A stack that uses a shared entry."""

    stack: str
    system: str


def values(aws: Aws, plan: Plan, stack: Stack) -> tuple[dict[str, str], list[Diagnostic]]:
    """Return the parameters of a stack that hold values of other stacks; and what is wrong with what they share."""
    found: dict[str, str] = {}
    wrong: list[Diagnostic] = []
    by_stack: dict[str, dict[str, Taken]] = {}
    for name, each in sorted(stack.taken.items()):
        by_stack.setdefault(each.stack, {})[name] = each
    for other, taken in by_stack.items():
        deployed = state.describe(aws, other)
        if deployed is None or not deployed.outputs or deployed.standing in (Standing.ABSENT, Standing.PROPOSED):
            wrong.append(_not_deployed(aws, plan, other, next(iter(taken.values())), deployed))
            continue
        own, refused = _taken(plan, taken, deployed.outputs)
        found |= own
        wrong += refused or _misplaced(plan, taken, deployed.outputs, own)
    return found, ordered(plan.manifest.document.place(each) for each in wrong)


def _not_deployed(aws: Aws, plan: Plan, stack: str, taken: Taken, deployed: Deployed | None) -> Diagnostic:
    environment = plan.site.environment
    words = f" --env {environment}" if environment and stack == f"{taken.system}-{environment}" else ""
    message = f"The stack {stack} of the system `{taken.system}` is not in {aws.region} of the account {aws.account}."
    if deployed and deployed.standing is not Standing.ABSENT:
        message = f"The stack {stack} of the system `{taken.system}` is {deployed.status}, and has no outputs."
    hint = f"Deploy it first, in the folder of its manifest: msaspec deploy{words}"
    return NOT_DEPLOYED.at(taken.path, message, hint=hint, key=True)


def _taken(
    plan: Plan, taken: Mapping[str, Taken], outputs: Mapping[str, str]
) -> tuple[dict[str, str], list[Diagnostic]]:
    """Return the values of what is shared with this system, and the faults of what is not shared."""
    shared = {entry: systems for entry, systems, _ in sharing.shares(outputs)}
    found: dict[str, str] = {}
    wrong: dict[str, Diagnostic] = {}
    for name, each in taken.items():
        if plan.site.system not in shared.get(each.entry, ()):
            message = f"The stack {each.stack} does not share `{each.entry}` with `{plan.site.system}`."
            line = f"`shares: {{{each.entry}: [{plan.site.system}]}}`"
            hint = f"Write {line} into the manifest of `{each.system}`, and deploy that system."
            wrong.setdefault(each.entry, NOT_SHARED.at(each.path, message, hint=hint, key=True))
        elif each.words and (there := outputs.get(sharing.words(each.entry))) and there != each.words:
            message = f"`{each.entry}` of the stack {each.stack} is `{there}`, and the manifest says `{each.words}`."
            hint = f"Write `{each.system}/{each.entry}: {{{there}}}`."
            wrong.setdefault(each.entry, OTHERWISE.at(each.path, message, hint=hint, key=True))
        elif each.output not in outputs:
            wrong.setdefault(each.entry, _lacking(each, name))
        else:
            found[name] = outputs[each.output]
    return found, list(wrong.values())


def _lacking(taken: Taken, parameter: str) -> Diagnostic:
    """Return the diagnostic of an output that an entry does not have, although it is shared."""
    if taken.entry == NETWORK:
        message = f"The network of the stack {taken.stack} has no {parameter}."
        hint = "Set `zones` and `placement` of `network` as in the other manifest, or name the system whose VPC it is."
        return OTHER_NETWORK.at(taken.path, message, hint=hint)
    if taken.words:
        message = f"The stack {taken.stack} has no output {taken.output}."
        hint = f"Deploy the system `{taken.system}` with this version of msaspec, too."
        return NOT_SHARED.at(taken.path, message, hint=hint, key=True)
    message = f"The stack {taken.stack} does not share a used port of `{taken.entry}`: it has no {taken.output}."
    line = f"`shares: {{{taken.entry}: {{with: [...], ports: [...]}}}}`"
    hint = f"Name the port in the manifest of `{taken.system}`: {line}"
    return NOT_SHARED.at(taken.path, message, hint=hint, key=True)


def _misplaced(
    plan: Plan, taken: Mapping[str, Taken], outputs: Mapping[str, str], own: Mapping[str, str]
) -> Iterator[Diagnostic]:
    """Yield what is wrong with where the two systems stand."""
    network, first = plan.root.network, next(iter(taken.values()))
    block = outputs.get(sharing.output(NETWORK, systems.CIDR), "")
    if network.system == first.system and block != network.cidr:
        message = f"The network of the stack {first.stack} has the block {block}, and `network.cidr` is {network.cidr}."
        yield OTHER_NETWORK.at((NETWORK, "system"), message, hint=f"Write `cidr: {block}` under `network`.")
    theirs = outputs.get(sharing.output(NETWORK, systems.VPC), "")
    ours = network.vpc or own.get(existing_network.VPC)
    for each in taken.values():
        if each.reached and ours and theirs != ours:
            message = f"The stack {each.stack} stands in {theirs}, and this system in {ours}."
            hint = f"Let both stand in one VPC, or write `network: {{system: {each.system}}}`."
            yield OTHER_NETWORK.at(each.path, message, hint=hint, key=True)
            return


def filled(context: Context, plan: Plan, stack: Stack) -> dict[str, str]:
    """Return the parameters of a stack that hold values of other stacks. Raises Fault where those are not there, or are
    not shared with this system."""
    found, wrong = values(context.aws, plan, stack)
    if wrong:
        raise fault.Fault(*wrong)
    return found


def users(aws: Aws, deployed: Deployed, template: Mapping[str, Any]) -> dict[str, list[User]]:
    """Return who uses what a stack shares, by its entries, from the values of all stacks' parameters."""
    own_network = template.get("Resources", {}).get(existing_network.VPC, {}).get("Type") == VPC
    marks: dict[str, str] = {}
    for entry, _, given in sharing.shares(deployed.outputs):
        if entry != NETWORK or own_network:
            marks |= {known: entry for value in given.values() if (known := sharing.mark(value))}
    found: dict[str, list[User]] = {}
    if not marks:
        return found
    for page in aws.client("cloudformation").get_paginator("describe_stacks").paginate():
        for each in page["Stacks"]:
            gone = state.standing(each["StackStatus"]) in (Standing.ABSENT, Standing.PROPOSED)
            if gone or each.get("ParentId") or each["StackId"] == deployed.id:
                continue
            has = {sharing.mark(value.get("ParameterValue", "")) for value in each.get("Parameters", ())}
            used = sorted({marks[known] for known in has if known in marks})
            user = User(each["StackName"], _system(aws, each["StackName"])) if used else None
            for entry in used:
                found.setdefault(entry, []).append(user) if user else None
    return found


def _system(aws: Aws, stack: str) -> str:
    """Return the system that a stack is of; its name where its template does not say it."""
    owner = claim(state.template_of(aws, stack)).owner
    return owner.system if owner else stack


def refuse_deletion(context: Context, deployed: Deployed, template: Mapping[str, Any]) -> None:
    """Raise Fault where other systems use something of a stack that is to be deleted."""
    if found := users(context.aws, deployed, template):
        raise _in_use(context, f"The stack {deployed.name}", found)


def guard(context: Context, looked: Looked) -> None:
    """Raise Fault where a deployment would take away what other systems use, and warn where it moves what they use."""
    if looked.deployed is None or looked.first:
        return
    found = users(context.aws, looked.deployed, looked.template)
    after = looked.stack.template.get("Outputs", {})
    gone: dict[str, list[User]] = {}
    for entry, using in found.items():
        left = sharing.permitted(str(after.get(sharing.allowed(entry), {}).get("Value", "")))[1]
        if lost := [user for user in using if user.system not in left]:
            gone[entry] = lost
    if gone:
        raise _in_use(context, f"The deployment of {looked.stack.name} would end what it shares, which", gone)
    before = looked.template.get("Outputs", {})
    for entry, using in sorted(found.items()):
        start = sharing.output(entry, "")
        moved = any(
            before[name].get("Value") != after.get(name, {}).get("Value")
            for name in before
            if name.startswith(start) and name != sharing.allowed(entry)
        )
        if moved:
            stacks = ", ".join(user.stack for user in using)
            message = f"`{entry}` gets another address, port or security group, and {stacks} has the old one."
            hint = "Deploy the systems that use it right after this one; their requests fail until then."
            context.reporter.diagnosed([context.placed(CHANGED.at(("shares", entry), message, hint=hint, key=True))])


def _in_use(context: Context, what: str, found: Mapping[str, list[User]]) -> fault.Fault:
    by_stack: dict[str, list[str]] = {}
    for entry, using in sorted(found.items()):
        for user in using:
            by_stack.setdefault(user.stack, []).append(f"`{entry}`")
    said = "; ".join(f"{stack} uses {', '.join(entries)}" for stack, entries in sorted(by_stack.items()))
    hint = "Remove those uses from the other manifests and deploy them, or destroy the other systems, first."
    return fault.Fault(context.placed(IN_USE.at(("shares",), f"{what} is in use: {said}.", hint=hint, key=True)))
