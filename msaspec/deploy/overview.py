"""How the stacks of a system stand: status, manifest entries, what is not well."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from msaspec.deploy import condition
from msaspec.deploy.aws import fault, protection, state
from msaspec.deploy.aws.state import Deployed, Resource, Standing
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.condition import Condition
from msaspec.deploy.context import Context
from msaspec.diagnostics.diagnostic import Code
from msaspec.diagnostics.place import Path
from msaspec.template import origin
from msaspec.template.owner import Claim, claim

NO_STACK = Code(
    "MSA617",
    "The stack does not exist",
    """
    CloudFormation has no stack with the system's name in this Region and account. Either it was never deployed, or it
    is in another Region, account or environment: use `--region`, `--profile` and `--env`.
    """,
)


NO_OUTPUTS = Code(
    "MSA631",
    "A stack without outputs",
    """
    The outputs of a stack (addresses and names) exist once its first creation has succeeded. Before that, or if it
    failed, there are none.
    """,
)


@dataclass(frozen=True)
class Entry:
    """A manifest entry and what stands for it."""

    path: Path
    resources: tuple[Resource, ...]

    @property
    def failed(self) -> tuple[Resource, ...]:
        """What is not well."""
        return tuple(resource for resource in self.resources if resource.status.endswith("_FAILED"))


@dataclass(frozen=True)
class Protected:
    """A resource whose template turns a deletion protection of its own on."""

    resource: Resource
    entry: Path
    on: bool | None
    """Whether it is on; None where AWS does not tell."""


Examined: TypeAlias = tuple[tuple[Condition, ...], tuple[str, ...]]
OLD_LISTS = 3
"""How many lists of resources may be older than an update, one after the other."""


@dataclass(frozen=True)
class Overview:
    """A stack with its entries."""

    deployed: Deployed
    entries: tuple[Entry, ...]
    claim: Claim
    """What its template says of its maker."""
    protections: tuple[Protected, ...] = ()
    conditions: tuple[Condition, ...] = ()
    """How its services and stores are."""
    unseen: tuple[str, ...] = ()
    """Why AWS does not tell of some, each reason once."""

    @property
    def faults(self) -> tuple[Condition, ...]:
        """What is not well."""
        return tuple(each for each in self.conditions if each.well is False)


def required(context: Context, name: str) -> Deployed:
    """Return the stack of a name. Raises Fault where there is none."""
    aws = context.aws
    deployed = state.describe(aws, name)
    if deployed is None:
        message = f"There is no stack {name} in {aws.region} of the account {aws.account}."
        hint = f"Check the Region, the account and --env. Deploy it: {context.command('deploy')}"
        raise fault.new(NO_STACK, message, hint)
    return deployed


def given_out(context: Context, name: str) -> Deployed:
    """Return the stack of a name, whose outputs are there. Raises Fault where it has none yet, or is not there."""
    deployed = required(context, name)
    never = deployed.standing in (Standing.PROPOSED, Standing.CREATE_FAILED, Standing.PRESERVED)
    if deployed.outputs or not (never or deployed.status in ("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS")):
        return deployed
    message = f"The stack {name} is {deployed.status}: its outputs exist once its creation has succeeded."
    if deployed.standing is Standing.PROPOSED:
        hint = f"Nothing is deployed yet. To deploy it: {context.command('deploy')}"
    elif never:
        hint = f"See its current state: {context.command('status')}"
    else:
        hint = f"Watch it: {context.command('status', '--follow')}"
    raise fault.new(NO_OUTPUTS, message, hint)


def entries(template: Mapping[str, Any]) -> Callable[[str], Path]:
    """Return the manifest entry of a logical id, by what a deployed template says of itself."""
    entry_of = origin.reader(template)
    return lambda logical_id: entry_of(logical_id.partition(".")[0])


def overview(aws: Aws, deployed: Deployed) -> Overview:
    """Return a stack with what is in it, by manifest entry in the order of the template."""
    template = state.template_of(aws, deployed.id)
    entry_of = entries(template)
    order = {name: number for number, name in enumerate(template.get("Resources", {}))}
    listed, (conditions, unseen) = _examined(aws, deployed, template)
    groups: dict[Path, list[Resource]] = {}
    resources = _sorted(listed, order)
    for resource in resources:
        groups.setdefault(entry_of(resource.logical_id)[:2], []).append(resource)
    protections = tuple(
        Protected(resource, entry_of(resource.logical_id), _is_on(aws, resource))
        for resource in protection.guarded(template, resources)
    )
    by_entry = tuple(Entry(path, tuple(group)) for path, group in groups.items())
    return Overview(deployed, by_entry, claim(template), protections, conditions, unseen)


def _examined(aws: Aws, deployed: Deployed, template: Mapping[str, Any]) -> tuple[Sequence[Resource], Examined]:
    """Return the resources of a stack, and how they are. Where one is gone, the list may be older than an update that
    replaced it, so that it is read again."""
    listed = state.resources(aws, deployed.id)
    examined = condition.examined(aws, deployed, template, listed)
    for _ in range(OLD_LISTS):
        if not any(each.is_gone for each in examined[0]):
            break
        aws.pace.sleep(aws.pace.first)
        newer = state.resources(aws, deployed.id)
        if newer != listed:
            listed, examined = newer, condition.examined(aws, deployed, template, newer)
    return listed, examined


def _is_on(aws: Aws, resource: Resource) -> bool | None:
    """Whether a protection is on; None also where the user may not look: that is no fault of the stack."""
    from botocore.exceptions import ClientError

    try:
        return protection.is_on(aws, resource)
    except ClientError:
        return None


def _sorted(resources: Iterable[Resource], order: Mapping[str, int]) -> Sequence[Resource]:
    return sorted(resources, key=lambda resource: (order.get(resource.logical_id, len(order)), resource.logical_id))
