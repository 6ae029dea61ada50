"""The two ways out of an operation that should not go on, or did not: cancel it, continue its way back."""

from __future__ import annotations

from collections.abc import Sequence

from msaspec.deploy import fault, state
from msaspec.deploy.events import Feed
from msaspec.deploy.failure import Failure
from msaspec.deploy.here import Here
from msaspec.deploy.obstacles import STUCK
from msaspec.deploy.overview import entries, required
from msaspec.deploy.progress import Progress
from msaspec.deploy.state import Deployed
from msaspec.deploy.target import Aws
from msaspec.deploy.teller import Teller
from msaspec.deploy.watch import follow
from msaspec.diagnostic import Code, Invalid

NOTHING_TO_CANCEL = Code(
    "MSA619",
    "Nothing can be cancelled or continued",
    """
    CloudFormation cancels an update only while it is made, and continues a way back only where one failed. A first
    creation cannot be cancelled; it can be deleted with `msaspec destroy`.
    """,
)

BACK = ("UPDATE_ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE")


def cancel(aws: Aws, teller: Teller, here: Here, stack: str, *, wait: bool = True) -> None:
    """Takes an update back that is being made. Raises Fault where there is none, or where the way back fails."""
    deployed = required(aws, stack, here)
    if deployed.status != "UPDATE_IN_PROGRESS":
        message = f"The stack {stack} is {deployed.status}: there is no update that could be cancelled."
        raise fault.raised(NOTHING_TO_CANCEL, message, _instead(deployed, here))
    feed = Feed.from_now(aws, deployed.id)
    aws.client("cloudformation").cancel_update_stack(StackName=deployed.id)
    _await_way_back(aws, teller, here, deployed, feed, wait)


def _instead(deployed: Deployed, here: Here) -> str:
    if deployed.status == "CREATE_IN_PROGRESS":
        return f"A first creation is not cancelled but deleted: {here.command('destroy')}"
    return f"See how things stand: {here.command('status')}"


def continue_rollback(
    aws: Aws,
    teller: Teller,
    here: Here,
    stack: str,
    *,
    skipped: Sequence[str] = (),
    role_arn: str | None = None,
    wait: bool = True,
) -> None:
    """Brings a stack to where it was before an update whose way back failed. Raises Fault if it fails again."""
    deployed = required(aws, stack, here)
    if deployed.status != "UPDATE_ROLLBACK_FAILED":
        message = f"The stack {stack} is {deployed.status}: no way back failed that could be continued."
        raise fault.raised(NOTHING_TO_CANCEL, message, f"See how things stand: {here.command('status')}")
    stuck = [each.logical_id for each in state.resources(aws, deployed.id) if each.status == "UPDATE_FAILED"]
    # `STACK.ID` is a resource of a nested stack by the name of that, which is not known here.
    if strangers := sorted({name for name in skipped if "." not in name} - set(stuck)):
        message = f"`--skip` names what is not stuck: {', '.join(strangers)}."
        hint = f"These are: {', '.join(stuck)}." if stuck else "Nothing in the stack itself is."
        raise Invalid([STUCK.at((), message, hint=hint)])
    feed = Feed.from_now(aws, deployed.id)
    aws.client("cloudformation").continue_update_rollback(
        StackName=deployed.id,
        **({"ResourcesToSkip": list(skipped)} if skipped else {}),
        **({"RoleARN": role_arn} if role_arn else {}),
    )
    for name in skipped:
        teller.note(f"{name} is left as it is; bring it to what the template says by hand, or with the next update.")
    _await_way_back(aws, teller, here, deployed, feed, wait)


def _await_way_back(aws: Aws, teller: Teller, here: Here, deployed: Deployed, feed: Feed, wait: bool) -> None:
    if not wait:
        teller.note(f"The stack {deployed.name} is on its way back. Watch it: {here.command('status', '--follow')}")
        return
    entry_of = entries(state.template_of(aws, deployed.id))
    outcome = follow(aws, feed, Progress(deployed.name, entry_of), teller, here=here)
    if outcome.status not in BACK:
        raise Failure(aws, here, None, entry_of).fault(deployed.name, deployed.id, outcome)
    teller.note(f"The stack {deployed.name} is as it was before the update.")
