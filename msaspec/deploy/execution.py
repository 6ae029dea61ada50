"""A proposal carried out: asked about, executed, followed; then what belongs to a stack beside its template."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from msaspec.compile import aws_types
from msaspec.deploy import changeset, failure, latecomers, leftovers, policy, resumption, safeguards, service_roles
from msaspec.deploy.aws import fault, protection, state
from msaspec.deploy.aws.state import Deployed, Resource
from msaspec.deploy.context import Context
from msaspec.deploy.deadline import Deadline
from msaspec.deploy.investigation import Investigation
from msaspec.deploy.obstacles import Looked, Raced
from msaspec.deploy.operation import NotBegun, Operation, Unwatched, begin
from msaspec.deploy.options import DeployContext
from msaspec.deploy.progress import Progress
from msaspec.deploy.proposal import Proposal, Unchanged, withdraw
from msaspec.deploy.reporter import Declined
from msaspec.deploy.watch import Outcome, follow
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.messages import deploying as said
from msaspec.template.resources import inner
from msaspec.update import changes

OVERTAKEN = Code(
    "MSA612",
    "Another deployment came first",
    """
    Someone changed the stack or deleted the change set after msaspec showed it. msaspec did not execute it, because it
    executes only what it showed. Run the command again to see what would change now.
    """,
)
UNSETTLED = Code(
    "MSA633",
    "Deployed, but a follow-up step failed",
    """
    CloudFormation completed the deployment. Afterwards msaspec turns on termination protection, sets the stack policy
    that protects data, and reads the outputs. One of these steps failed. The system runs. The next `msaspec deploy`
    completes the steps.
    """,
)


@dataclass(frozen=True)
class Agreed:
    """A proposal to which the user said yes."""

    proposal: Proposal


@dataclass(frozen=True)
class Begun:
    """An execution for whose end nobody waits."""

    proposal: Proposal


@dataclass(frozen=True)
class Executed:
    """An execution that ended well."""

    proposal: Proposal
    outcome: Outcome


@dataclass(frozen=True)
class Settled:
    """A stack with all that belongs to it."""

    deployed: Deployed | None
    """None where it is gone, or cannot be read."""
    open_ends: tuple[Diagnostic, ...] = ()
    """What could not be done beside its template."""


def confirm(context: DeployContext, proposal: Proposal) -> Agreed:
    """Ask, unless the user said yes beforehand. Raises Declined."""
    looked = proposal.looked
    verb = "Create" if looked.first else "Update"
    question = said.MayDeploy(verb, looked.stack.name, context.aws.region, context.aws.account)
    try:
        if not context.options.yes and not context.reporter.asks(question):
            raise Declined
    except BaseException:  # However the question ended without a yes.
        withdraw(context, looked, proposal.change_set)
        raise
    return Agreed(proposal)


def execute(context: DeployContext, agreed: Agreed) -> Executed | Begun:
    """Execute the very change set that was shown, and follow it to its end, if somebody waits for that.

    Raises Fault with the first cause if it fails, Raced if another deployment came first.
    """
    proposal = agreed.proposal
    looked, stack = proposal.looked, proposal.looked.stack.name
    lifted: tuple[Resource, ...] = ()
    try:
        service_roles.make(context, looked)
        lifted = _leaving(context, proposal)
        if not (looked.first or looked.resumes):  # What failed to be made is made anew, and nothing is replaced.
            names = {each.logical_id for each in lifted}
            safeguards.guard(context, stack, looked.template, proposal.judged.released, lifted=names)
        _release(context, proposal, lifted)
    except BaseException:
        with fault.tolerated():
            _restore(context, proposal, lifted)
        with fault.tolerated():
            withdraw(context, looked, proposal.change_set)
        raise
    operation = _begin(context, proposal, lifted)
    if not context.options.follow:
        return Begun(proposal)
    expected = {c.logical_id: c.entry for c in proposal.judged.changes if "::" in c.type}
    unblocking = Unblocking(context, proposal)
    deadline = Deadline(context, looked, proposal.change_set.stack_id)
    progress = Progress(stack, looked.entry_of, expected)
    investigation = Investigation(context, looked.entry_of, proposal.change_set.stack_id, looked.stack.template)

    def beside() -> None:
        deadline.look()
        investigation.look(progress)

    try:
        outcome = follow(context, operation, progress, meanwhile=unblocking, beside=beside)
    except Unwatched:
        if lifted:
            what = " and ".join(f"the {aws_types.of(each.type)} {each.logical_id}" for each in lifted)
            context.reporter.say(said.ProtectionStaysOff(what, context.command("deploy")))
        raise
    if not state.succeeded(outcome.status):
        with fault.tolerated():  # Why it failed is what the user has to hear of.
            _restore(context, proposal, lifted)
        report_left(context, proposal, outcome)
        if deadline.missed:
            raise failure.late(context, looked.entry_of, deadline.missed, proposal.change_set.stack_id, outcome)
        why = partial(investigation.causes, progress)
        raise failure.explained(context, looked.entry_of, stack, proposal.change_set.stack_id, outcome, why)
    return Executed(proposal, outcome)


def preserves(context: DeployContext, looked: Looked) -> bool:
    """Return whether CloudFormation is to keep what it makes where that fails.

    It keeps a first creation, unless the user, or something in the stack, wants it rolled back. One that was kept can
    only go on so. Of everything else the stack would remember it, and then refuse replacements, so it is said each
    time that it is not wanted.
    """
    if looked.resumes:
        return True
    # fact: import-together
    # Not together with an import: whether CloudFormation takes both is not documented.
    imports = looked.stack.role.imports or bool(context.options.imports)
    simple = not looked.homes and resumption.can_be_kept(looked.stack.template)
    return looked.first and not (context.options.rollback or imports) and simple


OLD_ANSWERS = 3
"""How many answers about a stack may be older than its creation, one after the other."""
_ROLLS_BACK = (
    "ROLLBACK_IN_PROGRESS",
    "UPDATE_ROLLBACK_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
)


class Unblocking:
    """Lifts the protections that a rollback would fail at, as soon as it begins: of all that a creation made, and of
    what an update made and holds no data."""

    def __init__(self, context: Context, proposal: Proposal) -> None:
        self._context, self._stack_id = context, proposal.change_set.stack_id
        self._before, self._after = proposal.looked.template, proposal.looked.stack.template
        self._first = proposal.looked.first
        self._lifted: set[str] = set()

    def __call__(self, status: str) -> None:
        """Take note of the status of the stack."""
        if status not in (_ROLLS_BACK[:1] if self._first else _ROLLS_BACK[1:]):
            return
        with fault.tolerated():  # What cannot be lifted now stays, and `destroy` lifts it.
            for each in state.resources(self._context.aws, self._stack_id, inside=False):  # Nothing nested has any.
                if each.id and each.made and each.id not in self._lifted and self._goes(each):
                    if protection.lift(self._context.aws, each.type, each.id):
                        what = f"{aws_types.of(each.type)} {each.id}"
                        self._context.reporter.say(said.Unprotected(what, removed=True))
                    self._lifted.add(each.id)

    def _goes(self, resource: Resource) -> bool:
        """Whether the rollback deletes a resource."""
        name = resource.logical_id
        return self._first or not (
            name in self._before.get("Resources", {}) or _holds_data(self._after, name, resource.type)
        )


def _begin(context: DeployContext, proposal: Proposal, lifted: Collection[Resource]) -> Operation:
    """Asks for the execution. What it lets go of data is guarded again where it certainly does not begin."""
    change_set, stack = proposal.change_set, proposal.looked.stack.name
    what = f"the {'creation' if proposal.looked.first else 'update'} of the stack {stack}"
    keeping = preserves(context, proposal.looked)

    def request(token: str) -> None:
        context.aws.client("cloudformation").execute_change_set(
            ChangeSetName=change_set.id, ClientRequestToken=token, DisableRollback=keeping
        )

    try:
        came = partial(changeset.has_come, context.aws, change_set.id)
        return begin(context, what, change_set.stack_id, request, came, change_set.still)
    except Unwatched:
        raise
    except Exception as error:
        if not isinstance(error, NotBegun) or error.known:
            with fault.tolerated():
                _restore(context, proposal, lifted)
        if fault.code_of(error) in changeset.RACED:
            message = f"The change set of {stack} is obsolete: {fault.message_of(error)}"
            raise Raced(OVERTAKEN.at((), message, hint=f"Run the command again: {context.command('deploy')}")) from None
        raise


def report_left(context: Context, proposal: Proposal, outcome: Outcome) -> None:
    """Say what CloudFormation could not remove, although it is done."""
    looked = proposal.looked
    left = latecomers.remove(context, leftovers.failed(outcome), looked.template, looked.homes)
    found = [leftovers.told(context.aws, event, looked.entry_of(event.logical_id)) for event in left]
    context.reporter.diagnosed([context.placed(each) for each in found])


def settle(context: DeployContext, done: Executed | Unchanged) -> Settled:
    """See to termination protection and the stack policy, and read the outputs.

    The stack is what it is to be by now, so nothing of this is a failure of the deployment: what cannot be done is
    told, with the command that mends it.
    """
    looked = done.looked if isinstance(done, Unchanged) else done.proposal.looked
    name, wanted = looked.stack.name, looked.stack.protected
    open_ends: list[Diagnostic] = []
    deployed, text, readable = None, None, looked.first
    with _noting(open_ends, context, f"The stack {name} is deployed, but its outputs cannot be read"):
        deployed = _described(context, name, made=isinstance(done, Executed))
        if deployed is None and isinstance(done, Executed):
            what = f"The stack {name} was deployed, and CloudFormation does not find it any more."
            open_ends.append(UNSETTLED.at((), what, hint=f"See what is there: {context.command('status')}"))
        if deployed is None:
            return Settled(None, tuple(open_ends))
    if not looked.first:
        with _noting(open_ends, context, f"The stack {name} is deployed, but its stack policy cannot be read"):
            text, readable = safeguards.policy_of(context, name), True
    # What a deployment or a failed `destroy` turned off and could not turn on again.
    lifted: Collection[str] = policy.lifted_of(text)
    exposed = not (looked.first or (looked.deployed and looked.deployed.protected))
    if deployed and (lifted or exposed):
        with _noting(open_ends, context, f"The stack {name} is deployed, but not all of its protections are on"):
            lifted = protection.asked_for(looked.stack.template)
            safeguards.restore(context, looked.stack.template, state.resources(context.aws, deployed.id))
            lifted = ()
    agreed = isinstance(done, Executed) or context.options.yes
    if deployed and deployed.protected != wanted and (wanted or agreed or _may_lift(context, name)):
        how = "not on" if wanted else "still on"
        with _noting(open_ends, context, f"The stack {name} is deployed, but its termination protection is {how}"):
            _protect(context, name, wanted=wanted)
    if readable:
        with _noting(open_ends, context, f"The stack {name} is deployed, but its stack policy could not be set"):
            safeguards.set_policy(context, name, text, policy.stack_policy(looked.stack.template, lifted=lifted))
    return Settled(deployed, tuple(open_ends))


def _described(context: Context, name: str, *, made: bool) -> Deployed | None:
    """Return a stack as it is. Where it was just `made`, an answer that it does not exist is an old one."""
    found = state.describe(context.aws, name)
    for _ in range(OLD_ANSWERS if made else 0):
        if found is not None:
            break
        context.aws.pace.sleep(context.aws.pace.first)
        found = state.describe(context.aws, name)
    return found


@contextmanager
def _noting(found: list[Diagnostic], context: Context, what: str) -> Iterator[None]:
    """Note what AWS refuses in the block as what is left to do."""
    try:
        yield
    except Exception as error:
        cause = fault.of(error, context.aws.region)
        if cause is None:
            raise
        why = " ".join(each.message for each in cause.diagnostics)
        first = " ".join(each.hint for each in cause.diagnostics if each.hint)
        found.append(UNSETTLED.at((), f"{what}: {why}", hint=f"{first} Then: {context.command('deploy')}"))


def _protect(context: Context, name: str, *, wanted: bool) -> None:
    """Turn termination protection on or off. Where the answer is lost, it is looked which it is."""
    try:
        context.aws.client("cloudformation").update_termination_protection(
            StackName=name, EnableTerminationProtection=wanted
        )
    except Exception as error:
        if not fault.is_passing(error):
            raise
        found = state.describe(context.aws, name)
        if found is None or found.protected != wanted:
            raise


def _may_lift(context: Context, name: str) -> bool:
    """Whether termination protection may go, where nothing else was to be agreed to."""
    if context.reporter.asks(said.MayLiftProtection(name, context.aws.region, context.aws.account)):
        return True
    context.reporter.say(said.TerminationProtected(name))
    return False


def _holds_data(template: Mapping[str, Any], logical_id: str, kind: str) -> bool:
    """Whether a resource of a template holds data of its own: a read replica has that of its source."""
    part = inner(template, "Resources", logical_id, "Properties")
    return aws_types.of(kind).holds_data(part if isinstance(part, Mapping) else {})


def _leaving(context: Context, proposal: Proposal) -> tuple[Resource, ...]:
    """Return the load balancers and read replicas that are to go and whose protection is on: CloudFormation would leave
    them in the account. A database's stays on, for nobody was asked."""
    leaving = (changes.Action.REMOVE, changes.Action.REPLACE)
    going = {each.logical_id for each in proposal.judged.changes if each.action in leaving}
    rows = (
        Resource(row["LogicalResourceId"], row["ResourceType"], "", row.get("PhysicalResourceId"))
        for row in proposal.change_set.rows
        if row["LogicalResourceId"] in going
    )
    template = proposal.looked.template
    return tuple(
        each
        for each in rows
        if not _holds_data(template, each.logical_id, each.type) and protection.is_on(context.aws, each)
    )


def _release(context: Context, proposal: Proposal, leaving: Collection[Resource]) -> None:
    """Turn off the protection of what is to go. The stack policy names each of it by then."""
    for each in leaving:
        protection.turn_off(context.aws, each)
        context.reporter.say(said.Unprotected(f"{aws_types.of(each.type)} {each.logical_id}", removed=True))
    # What failed to be made is deleted before it is made anew.
    for each in proposal.looked.remains if proposal.looked.resumes else ():
        if each.status == "CREATE_FAILED" and each.id and protection.lift(context.aws, each.type, each.id):
            context.reporter.say(said.Unprotected(f"{aws_types.of(each.type)} {each.logical_id}", removed=False))


def _restore(context: Context, proposal: Proposal, lifted: Collection[Resource]) -> None:
    """Restore the protections that were lifted, and the stack policy, after an update that failed. If nobody waits for
    the update they must stay as they are; the next deployment restores them then."""
    restored, looked = False, proposal.looked
    with fault.tolerated():
        safeguards.restore(context, looked.template, lifted)
        restored = True
    if (lifted or proposal.judged.released) and not (looked.first or looked.resumes):
        names = [each.logical_id for each in lifted] if restored else []
        safeguards.guard(context, looked.stack.name, looked.template, restored=names)
