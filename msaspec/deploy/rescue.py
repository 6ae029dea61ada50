"""The two ways out of an operation that should not go on, or did not: cancel it, continue its way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msaspec.deploy import failure
from msaspec.deploy.aws import events, fault, nested, state
from msaspec.deploy.aws.state import Deployed, Standing
from msaspec.deploy.context import Context
from msaspec.deploy.obstacles import STUCK
from msaspec.deploy.operation import Operation, begin
from msaspec.deploy.overview import entries, required
from msaspec.deploy.ownership import own
from msaspec.deploy.progress import Progress
from msaspec.deploy.watch import follow
from msaspec.diagnostics.diagnostic import Code, Invalid
from msaspec.diagnostics.place import Path
from msaspec.messages import others as said
from msaspec.template.role import Named

NOTHING_TO_CANCEL = Code(
    "MSA619",
    "Nothing to cancel or continue",
    """
    CloudFormation cancels only a running update, and continues only a failed rollback. A first creation cannot be
    cancelled; delete it with `msaspec destroy`. A failed first creation that was kept has nothing to roll back to:
    `msaspec deploy` continues it, and `msaspec destroy` deletes it.
    """,
)

BACK = ("UPDATE_ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE")


def cancel(context: Context, named: Named, *, wait: bool = True) -> None:
    """Cancel an update that is being made. Raises Fault where there is none, or where the rollback fails; Invalid for
    a stack of another. Where it goes on with a first creation that failed, what was made is kept again."""
    stack = named.name
    deployed = required(context, stack)
    template = own(context, named, deployed, aws_cli="cancel-update-stack").template
    if deployed.status != "UPDATE_IN_PROGRESS":
        message = f"The stack {stack} is {deployed.status}: there is no running update to cancel."
        raise fault.new(NOTHING_TO_CANCEL, message, _instead(context, deployed))
    entry_of = entries(template)
    kept = deployed.keeps and not events.was_stable(context.aws, deployed.id)

    def request(token: str) -> None:
        context.aws.client("cloudformation").cancel_update_stack(StackName=deployed.id, ClientRequestToken=token)

    what = "end of the creation" if kept else "rollback"
    operation = begin(context, f"the {what} of the stack {stack}", deployed.id, request, _is_back(context, deployed))
    _await_rollback(context, deployed, operation, entry_of, wait=wait, kept=kept)


def _is_back(context: Context, deployed: Deployed) -> Callable[[], bool]:
    """Asks whether a stack is on its way back, or has been brought back."""

    def came() -> bool:
        found = state.describe(context.aws, deployed.id)
        if found is None or found.status == deployed.status:
            return False
        return "ROLLBACK" in found.status or found.standing is Standing.PRESERVED

    return came


def _instead(context: Context, deployed: Deployed) -> str:
    if deployed.status == "CREATE_IN_PROGRESS":
        return f"A first creation cannot be cancelled. Delete it: {context.command('destroy')}"
    return f"See the current state: {context.command('status')}"


def continue_rollback(
    context: Context, named: Named, *, skipped: Sequence[str] = (), role_arn: str | None = None, wait: bool = True
) -> None:
    """Bring a stack to where it was before an update whose rollback failed, or that another tool kept where it failed.
    Raises Fault if it fails again; Invalid for a stack of another."""
    stack = named.name
    deployed = required(context, stack)
    template = own(context, named, deployed, aws_cli="continue-update-rollback").template
    if deployed.status == "UPDATE_FAILED" and events.was_stable(context.aws, deployed.id):
        _roll_back(context, deployed, entries(template), role_arn, wait=wait)
        return
    if deployed.standing is Standing.PRESERVED:
        message = f"The stack {stack} is {deployed.status}: a first creation has nothing to roll back to."
        hint = f"Continue it: {context.command('deploy')}. Or delete it: {context.command('destroy')}"
        raise fault.new(NOTHING_TO_CANCEL, message, hint)
    if deployed.status != "UPDATE_ROLLBACK_FAILED":
        message = f"The stack {stack} is {deployed.status}: there is no failed rollback to continue."
        raise fault.new(NOTHING_TO_CANCEL, message, f"See the current state: {context.command('status')}")
    stuck = [each.logical_id for each in state.resources(context.aws, deployed.id) if each.status == "UPDATE_FAILED"]
    # `STACK.ID` is a resource of a nested stack by the name of that, which is not known here.
    if strangers := sorted({name for name in skipped if "." not in name} - set(stuck)):
        message = f"`--skip` names resources that are not stuck: {', '.join(strangers)}."
        hint = f"These are: {', '.join(stuck)}." if stuck else "Nothing in the stack itself is."
        raise Invalid([STUCK.at((), message, hint=hint)])
    entry_of = entries(template)
    inside = nested.places(context.aws, deployed.id, skipped)
    named_so = [f"{inside[name][1]}.{name}" if name in inside else name for name in skipped]

    def request(token: str) -> None:
        context.aws.client("cloudformation").continue_update_rollback(
            StackName=deployed.id,
            ClientRequestToken=token,
            **({"ResourcesToSkip": named_so} if skipped else {}),
            **({"RoleARN": role_arn} if role_arn else {}),
        )

    operation = begin(context, f"the rollback of the stack {stack}", deployed.id, request, _is_back(context, deployed))
    for name in skipped:
        again = context.command("deploy", "--repair")
        context.reporter.say(said.LeftAsItIs(name, again))
    _await_rollback(context, deployed, operation, entry_of, wait=wait, skipped=skipped)


def _roll_back(
    context: Context, deployed: Deployed, entry_of: Callable[[str], Path], role_arn: str | None, *, wait: bool
) -> None:
    """Roll back an update that failed and was kept. Only for a stack that was stable once: AWS deletes any other."""

    # fact: rollback-stack
    def request(token: str) -> None:
        context.aws.client("cloudformation").rollback_stack(
            StackName=deployed.id, ClientRequestToken=token, **({"RoleARN": role_arn} if role_arn else {})
        )

    what = f"the rollback of the stack {deployed.name}"
    operation = begin(context, what, deployed.id, request, _is_back(context, deployed))
    _await_rollback(context, deployed, operation, entry_of, wait=wait)


def _await_rollback(
    context: Context,
    deployed: Deployed,
    operation: Operation,
    entry_of: Callable[[str], Path],
    *,
    wait: bool,
    kept: bool = False,
    skipped: Sequence[str] = (),
) -> None:
    """Follow a rollback, or with `kept` the end of a creation that keeps what it made, if somebody waits for that."""
    if not wait:
        watching = context.command("status", "--follow")
        context.reporter.say(said.RollingBack(deployed.name, watching))
        return
    outcome = follow(context, operation, Progress(deployed.name, entry_of))
    if kept and outcome.status == "UPDATE_FAILED":
        commands = context.command("deploy"), context.command("destroy")
        context.reporter.say(said.CreationKept(deployed.name, *commands))
        return
    if outcome.status not in BACK:
        raise failure.explained(context, entry_of, deployed.name, deployed.id, outcome)
    context.reporter.say(said.AsBefore(deployed.name, tuple(sorted(skipped))))
