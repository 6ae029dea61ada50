"""A stack looked at before a deployment, and what can be in the way: another operation, or what an earlier one left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Any, TypeVar

from msaspec.deploy import changeset, deletion, inventory, repair, resumption
from msaspec.deploy.attendance import watch
from msaspec.deploy.aws import events, fault, nested, protection, state
from msaspec.deploy.aws.state import Deployed, Resource, Standing
from msaspec.deploy.context import Context
from msaspec.deploy.inventory import Fate
from msaspec.deploy.options import DeployContext
from msaspec.deploy.overview import entries
from msaspec.deploy.ownership import own
from msaspec.deploy.parameters import filled
from msaspec.deploy.progress import Progress
from msaspec.deploy.watch import follow
from msaspec.diagnostics.diagnostic import Code
from msaspec.diagnostics.place import Path
from msaspec.messages import deploying as said
from msaspec.messages.progress import Waiting
from msaspec.template import nesting, origin
from msaspec.template.nesting import Homes, Layout
from msaspec.template.stack import Stack

BUSY = Code(
    "MSA613",
    "Another operation is in progress",
    """
    CloudFormation runs one operation at a time on a stack. `msaspec status --follow` watches the other operation,
    `msaspec deploy --wait` waits for it to end and then deploys, and `msaspec cancel` cancels an update.
    """,
)
STUCK = Code(
    "MSA614",
    "A rollback failed",
    """
    An update failed, and so did its rollback. CloudFormation accepts no update until `msaspec continue-rollback` has
    completed the rollback. Remove the cause first. Use `--skip` for a resource that cannot be rolled back, and repair
    it by hand. `continue-rollback` also rolls back an update that another tool made with rollback disabled, and that
    failed.
    """,
)
DELETE_FAILED = Code(
    "MSA615",
    "A deletion failed",
    """
    CloudFormation could not delete some resources of the stack. `msaspec destroy` tries again, and names the resources
    that fail, with the cause. If a resource cannot be deleted, for example because something outside the stack uses it,
    `msaspec destroy --retain NAME` leaves it in the account, and `--force` leaves all of them.
    """,
)
CREATE_FAILED = Code(
    "MSA616",
    "A failed first deployment",
    """
    The first deployment failed and was rolled back, or `--rollback` starts it over. CloudFormation can only delete
    such a stack. `msaspec deploy` offers that if no data is left in it. Otherwise use `msaspec destroy`, which lists
    the data first.
    """,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Looked:
    """A stack as it is before a deployment, and as it is to be."""

    compiled: Stack
    """As the manifest says, whatever is deployed."""
    deployed: Deployed | None = None
    template: Mapping[str, Any] = field(default_factory=dict)
    """Of the stack as it is; empty where nothing is deployed."""
    remains: tuple[Resource, ...] = ()
    """A failed first deployment, or kept."""
    anew: bool = False
    """Whether the stack has to be deleted before it is created."""
    adopted: bool = False
    """Whether the stack was another's until now."""

    @property
    def first(self) -> bool:
        """Whether the deployment creates the stack."""
        return changeset.is_first(self.deployed)

    @property
    def resumes(self) -> bool:
        """Whether the deployment goes on with a creation that failed and was kept."""
        return self.deployed is not None and self.deployed.standing is Standing.PRESERVED and not self.anew

    @cached_property
    def layout(self) -> Layout:
        """The stack as CloudFormation is to get it."""
        return nesting.layout(self.compiled.template, self.compiled.entry_of, self.template or None)

    @cached_property
    def stack(self) -> Stack:
        """The stack as it is to be."""
        whole = self.layout.template is self.compiled.template
        return self.compiled if whole else replace(self.compiled, template=self.layout.template)

    @property
    def homes(self) -> Homes:
        """Where the resources of the stack are to be, if one template is not enough. What is deployed stays in its
        stack."""
        return self.layout.homes

    def sides(self, values: Mapping[str, str]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return the templates as it is and as it is to be, both with the values of their parameters."""
        before = filled(self.template, self.deployed.parameters if self.deployed else {})
        return before, filled(self.stack.template, values)

    def entry_of(self, logical_id: str) -> Path:
        """Return the manifest entry, or the patch, that a resource of the stack belongs to."""
        name = logical_id.partition(".")[0]
        if path := self.stack.origin(("Resources", name)):
            return path
        named = self.template if name in self.template.get("Resources", {}) else self.stack.template
        return origin.reader(named)(name)


def look(context: DeployContext, stack: Stack) -> Looked:
    """Find out how a stack is, once nothing is in the way. Raises Fault where nothing can be done with it now, Invalid
    for a stack of another."""
    deployed = _unoccupied(context, stack)
    if deployed is None or deployed.standing is Standing.ABSENT:
        return Looked(stack)
    nested.foresee(stack)
    found = own(context, stack.owner, deployed, adopted=context.options.adopted)
    if deployed.standing is Standing.STUCK:
        stuck = [r for r in state.resources(context.aws, deployed.id) if r.status.endswith("_FAILED")]
        message = (
            f"The stack {stack.name} is {deployed.status}. These resources could not be rolled back: {_listed(stuck)}."
        )
        hint = f"Remove the cause, then: {context.command('continue-rollback')}"
        if deployed.status != "UPDATE_ROLLBACK_FAILED":
            hint = f"CloudFormation continues no rollback of an import. Delete the stack: {context.command('destroy')}"
            raise fault.new(STUCK, message, hint)
        if gone := [each.logical_id for each in stuck if repair.is_gone(each.reason)]:
            skipping = context.command("continue-rollback", *chain(*(("--skip", name) for name in gone)))
            again = context.command("deploy", "--repair")
            hint += f". What somebody deleted is left out: {skipping}. Then repair it: {again}"
        raise fault.new(STUCK, message, hint)
    if deployed.standing is Standing.DELETE_FAILED:
        left = [r for r in state.resources(context.aws, deployed.id) if r.status != "DELETE_COMPLETE"]
        message = f"The stack {stack.name} is partly deleted. These resources are left: {_listed(left)}."
        raise fault.new(DELETE_FAILED, message, f"Complete the deletion first: {context.command('destroy')}")
    if deployed.standing is Standing.PRESERVED and events.was_stable(context.aws, deployed.id):
        message = f"An update of the stack {stack.name} failed with another tool, which disabled rollback."
        hint = f"Roll it back: {context.command('continue-rollback')}"
        raise fault.new(STUCK, f"{message} It is {deployed.status}.", hint)
    if deployed.standing is Standing.PRESERVED and not context.options.rollback:
        made = state.resources(context.aws, deployed.id)
        return Looked(stack, deployed, resumption.present(found.template, made), made, adopted=found.adopted)
    if deployed.standing in (Standing.CREATE_FAILED, Standing.PRESERVED):
        remains = _without_data(context, deployed, found.template)
        return Looked(stack, deployed, remains=remains, anew=True, adopted=found.adopted)
    return Looked(stack, deployed, found.template, adopted=found.adopted)


def _unoccupied(context: DeployContext, stack: Stack) -> Deployed | None:
    """Return the stack when no other operation is in progress. Raises Fault where one is, unless the user waits for
    it."""
    name = stack.name
    deployed = state.describe(context.aws, name)
    if deployed is None or deployed.standing is not Standing.BUSY:
        return deployed
    own(context, stack.owner, deployed, adopted=context.options.adopted)
    if not context.options.wait:
        raise _busy(context, name, deployed.status)
    context.reporter.say(Waiting(name, deployed.status))
    watch(context, deployed)

    def free() -> tuple[Deployed | None] | None:
        found = state.describe(context.aws, name)
        # The events told of the end before the stack does.
        return None if found and found.standing is Standing.BUSY else (found,)

    return context.aws.pace.until(f"the stack {name}", free)[0]


def _busy(context: Context, name: str, status: str) -> Raced:
    message = f"The stack {name} is {status}: another operation is in progress."
    watching, waiting = context.command("status", "--follow"), context.command("deploy", "--wait")
    return Raced(BUSY.at((), message, hint=f"Watch it: {watching}, or deploy after it: {waiting}"))


def _without_data(context: Context, deployed: Deployed, template: Mapping[str, Any]) -> tuple[Resource, ...]:
    """Return what is left of a failed creation. Raises Fault where something is whose data would go with it."""
    remains = state.resources(context.aws, deployed.id)
    items = inventory.items(remains, template, entries(template))
    left = [
        item.resource
        for item in items
        if item.fate in (Fate.LOST, Fate.SNAPSHOT)
        and item.resource.id
        and item.resource.status not in ("DELETE_COMPLETE", "CREATE_FAILED")
    ]
    if left:
        message = f"The first deployment of {deployed.name} failed, and resources with data are left: {_listed(left)}."
        hint = f"Review and delete them, then deploy again: {context.command('destroy')}"
        raise fault.new(CREATE_FAILED, message, hint)
    return remains


def refuse_remains(context: Context, looked: Looked) -> None:
    """Raise Fault where a failed creation has to be deleted first, which a dry run does not do."""
    if looked.deployed and looked.anew:
        first = said.FailedFirst(looked.deployed.name, looked.deployed.status).sentence()
        message = f"{first} It must be deleted first."
        raise fault.new(CREATE_FAILED, message, f"Deploy, or: {context.command('destroy')}")


def clear(context: DeployContext, looked: Looked) -> Looked:
    """Delete the stack of a failed creation, if the user agrees. Raises Fault if not, or if it will not go."""
    deployed = looked.deployed
    if deployed is None or not looked.anew:
        return looked
    again = context.command("destroy")
    context.reporter.say(said.FailedFirst(deployed.name, deployed.status))
    if not context.options.yes and not context.reporter.asks(said.MayCreateAgain(deployed.name)):
        message = f"The stack {deployed.name} must be deleted first."
        raise fault.new(CREATE_FAILED, message, f"Deploy, or: {again}")
    for resource in looked.remains:
        if resource.id and resource.status != "DELETE_COMPLETE":
            protection.lift(context.aws, resource.type, resource.id)
    template = state.template_of(context.aws, deployed.id)
    progress = Progress(deployed.name, entries(template))
    outcome = follow(context, deletion.begin(context, deployed.name, deployed.id), progress)
    if outcome.status != "DELETE_COMPLETE":
        raise fault.new(DELETE_FAILED, f"The stack {deployed.name} is {outcome.status}.", f"Finish it: {again}")
    for item in inventory.items(looked.remains, template, entries(template)):
        if item.fate is Fate.STAYS and item.stateful and item.resource.id:
            context.reporter.say(said.Left(f"the {item}"))
    return replace(looked, deployed=None, remains=(), anew=False)


class Raced(fault.Fault):
    """Another operation came first. Whoever waits for that may look at the stack again, and try again."""


def raced(context: Context, stack: str, request: Callable[[], T]) -> T:
    """Make a request that another operation may have come before. Raises Raced then."""
    from botocore.exceptions import ClientError

    try:
        return request()
    except ClientError as error:
        said = fault.message_of(error)
        busy = fault.code_of(error) == "ValidationError" and "_IN_PROGRESS state" in said
        if busy or fault.code_of(error) == "OperationInProgressException":
            status = next((word for word in said.replace(",", " ").split() if word.endswith("_IN_PROGRESS")), "busy")
            raise _busy(context, stack, status) from None
        raise


def _listed(resources: list[Resource]) -> str:
    """Return the resources, with their physical ids and why each failed."""
    told = []
    for resource in resources:
        reason = f", {' '.join(resource.reason.split()).rstrip('.')}" if resource.reason else ""
        told.append(f"{resource.logical_id} ({resource.type} {resource.id or ''}{reason})".replace(" )", ")"))
    return "; ".join(told) or "none that CloudFormation names"
