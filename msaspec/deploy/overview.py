"""How the stacks of a system stand: status, manifest entries, what is not well."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msaspec import origin
from msaspec.deploy import fault, state
from msaspec.deploy.here import Here
from msaspec.deploy.state import Deployed, Resource, Standing
from msaspec.deploy.target import Aws
from msaspec.diagnostic import Code
from msaspec.place import Path

NO_STACK = Code(
    "MSA617",
    "There is no such stack",
    """
    In this Region and account CloudFormation has no stack of the system's name. Either it was never deployed, or it is
    in another Region, account or environment: `--region`, `--profile` and `--env` choose.
    """,
)


NO_OUTPUTS = Code(
    "MSA631",
    "A stack gives out nothing",
    """
    The outputs of a stack, its addresses and names, are there when its first creation has ended well. Until then, and
    where that failed, there are none that a program could go on with.
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
class Overview:
    """A stack with its entries."""

    deployed: Deployed
    entries: tuple[Entry, ...]


def required(aws: Aws, name: str, here: Here) -> Deployed:
    """The stack of a name. Raises Fault where there is none."""
    deployed = state.describe(aws, name)
    if deployed is None:
        message = f"There is no stack {name} in {aws.region} of the account {aws.account}."
        hint = f"Is that the Region, the account and the environment? Deploy it: {here.command('deploy')}"
        raise fault.raised(NO_STACK, message, hint)
    return deployed


def given_out(aws: Aws, name: str, here: Here) -> Deployed:
    """The stack of a name, whose outputs are there. Raises Fault where it has none yet, or is not there."""
    deployed = required(aws, name, here)
    never = deployed.standing in (Standing.PROPOSED, Standing.STILLBORN)
    if deployed.outputs or not (never or deployed.status in ("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS")):
        return deployed
    message = f"The stack {name} is {deployed.status}: its outputs are there when its creation has ended well."
    if deployed.standing is Standing.PROPOSED:
        hint = f"Nothing was deployed yet. Deploy it: {here.command('deploy')}"
    elif deployed.standing is Standing.STILLBORN:
        hint = f"See what is left of it: {here.command('status')}"
    else:
        hint = f"Watch it: {here.command('status', '--follow')}"
    raise fault.raised(NO_OUTPUTS, message, hint)


def entries(template: Mapping[str, Any]) -> Callable[[str], Path]:
    """The manifest entry of a logical id, by what a deployed template says of itself."""
    entry_of = origin.reader(template)
    return lambda logical_id: entry_of(logical_id.partition(".")[0])


def overview(aws: Aws, deployed: Deployed) -> Overview:
    """A stack with what is in it, by manifest entry in the order of the template."""
    template = state.template_of(aws, deployed.id)
    entry_of = entries(template)
    order = {name: number for number, name in enumerate(template.get("Resources", {}))}
    groups: dict[Path, list[Resource]] = {}
    for resource in _sorted(state.resources(aws, deployed.id), order):
        groups.setdefault(entry_of(resource.logical_id)[:2], []).append(resource)
    return Overview(deployed, tuple(Entry(path, tuple(group)) for path, group in groups.items()))


def _sorted(resources: Iterable[Resource], order: Mapping[str, int]) -> Sequence[Resource]:
    return sorted(resources, key=lambda resource: (order.get(resource.logical_id, len(order)), resource.logical_id))
