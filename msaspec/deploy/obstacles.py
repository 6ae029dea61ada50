"""What can stand in the way of a deployment: another operation, or what an earlier one left."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from msaspec.changes import STATEFUL
from msaspec.deploy import fault, protection, state
from msaspec.deploy.attendance import watch
from msaspec.deploy.events import Feed
from msaspec.deploy.here import Here
from msaspec.deploy.overview import entries
from msaspec.deploy.progress import Progress
from msaspec.deploy.state import Deployed, Resource, Standing
from msaspec.deploy.target import Aws
from msaspec.deploy.teller import Teller
from msaspec.deploy.watch import follow
from msaspec.deploy.wish import Wish
from msaspec.diagnostic import Code

BUSY = Code(
    "MSA613",
    "Another operation is in progress",
    """
    CloudFormation does one thing at a time with a stack. `msaspec status --follow` watches the other operation,
    `msaspec deploy --wait` waits for its end and then goes on, `msaspec cancel` takes an update back.
    """,
)
STUCK = Code(
    "MSA614",
    "A stack is stuck on its way back",
    """
    An update failed, and so did the way back from it. CloudFormation does nothing more with the stack until
    `msaspec continue-rollback` has brought it to where it was. Remove the cause first; a resource that cannot be
    brought back is left out with `--skip`, and has to be put right by hand.
    """,
)
HALF_DELETED = Code(
    "MSA615",
    "A stack is half deleted",
    "The stack was to be deleted, and some of it would not go. `msaspec destroy` says what, and finishes it.",
)
STILLBORN = Code(
    "MSA616",
    "What a failed creation left",
    """
    The first deployment failed. CloudFormation can only delete such a stack. `msaspec deploy` offers that by itself
    where nothing with data is left in it; where something is, `msaspec destroy` tells of it first.
    """,
)

T = TypeVar("T")


class Obstacles:
    """The way to one stack."""

    def __init__(self, aws: Aws, teller: Teller, here: Here, stack: str, wish: Wish) -> None:
        self.aws, self.teller, self.here, self.stack, self.wish = aws, teller, here, stack, wish
        self._remains: tuple[Resource, ...] = ()
        """What a failed creation left."""

    def passed(self) -> Deployed | None:
        """The stack as it stands, once nothing is in the way; None where there is none. Raises Fault otherwise."""
        pause, waited = self.aws.pace.first, False
        while True:
            deployed = state.describe(self.aws, self.stack)
            if deployed is None or deployed.standing is Standing.ABSENT:
                return None
            if deployed.standing is not Standing.BUSY:
                break
            if not self.wish.wait:
                raise self._busy(deployed.status)
            if waited:  # The events told of the end before the stack does.
                self.aws.pace.sleep(pause)
                pause = self.aws.pace.longer(pause)
            else:
                self._wait(deployed)
                waited = True
        if deployed.standing is Standing.STUCK:
            stuck = [r for r in state.resources(self.aws, deployed.id) if r.status.endswith("_FAILED")]
            message = f"The stack {self.stack} is {deployed.status}. These could not be brought back: {_listed(stuck)}."
            hint = f"Remove the cause, then: {self.here.command('continue-rollback')}"
            raise fault.raised(STUCK, message, hint)
        if deployed.standing is Standing.HALF_DELETED:
            left = [r for r in state.resources(self.aws, deployed.id) if r.status != "DELETE_COMPLETE"]
            message = f"The stack {self.stack} is half deleted. These are left: {_listed(left)}."
            raise fault.raised(HALF_DELETED, message, f"Finish it first: {self.here.command('destroy')}")
        if deployed.standing is Standing.STILLBORN:
            self._empty(deployed)
        return deployed

    def _busy(self, status: str) -> fault.Fault:
        message = f"The stack {self.stack} is {status}: another operation is in progress."
        watch, wait = self.here.command("status", "--follow"), self.here.command("deploy", "--wait")
        return fault.raised(BUSY, message, f"Watch it: {watch}, or deploy after it: {wait}")

    def _wait(self, deployed: Deployed) -> None:
        self.teller.note(f"The stack {self.stack} is {deployed.status}; waiting for that to end.")
        watch(self.aws, self.teller, self.here, self.stack, deployed.id)

    def _empty(self, deployed: Deployed) -> None:
        """Sees that nothing with data is left of a failed creation."""
        self._remains = state.resources(self.aws, deployed.id)
        left = [
            resource
            for resource in self._remains
            if resource.type in STATEFUL and resource.id and resource.status not in ("DELETE_COMPLETE", "CREATE_FAILED")
        ]
        if left:
            message = (
                f"The first deployment of {self.stack} failed, and these with data are left of it: {_listed(left)}."
            )
            hint = f"See what they are and remove them, then deploy again: {self.here.command('destroy')}"
            raise fault.raised(STILLBORN, message, hint)

    def cleared(self, deployed: Deployed) -> Deployed | None:
        """Deletes the stack of a failed creation, if the user agrees. Raises Fault if not, or if it will not go."""
        message = f"The first deployment of {self.stack} failed; the stack is {deployed.status} and holds no data."
        again = self.here.command("destroy")
        if self.wish.dry_run:
            raise fault.raised(STILLBORN, f"{message} It has to be deleted first.", f"Deploy, or: {again}")
        self.teller.note(message)
        if not self.wish.yes and not self.teller.asks("Delete it, and create it anew?"):
            raise fault.raised(STILLBORN, f"The stack {self.stack} has to be deleted first.", f"Deploy, or: {again}")
        for resource in self._remains:
            if resource.id and resource.status != "DELETE_COMPLETE":
                protection.lift(self.aws, resource.type, resource.id)
        feed = Feed.from_now(self.aws, deployed.id)
        self.aws.client("cloudformation").delete_stack(StackName=deployed.id)
        progress = Progress(self.stack, entries(state.template_of(self.aws, deployed.id)))
        outcome = follow(self.aws, feed, progress, self.teller, here=self.here)
        if outcome.status != "DELETE_COMPLETE":
            raise fault.raised(HALF_DELETED, f"The stack {self.stack} is {outcome.status}.", f"Finish it: {again}")
        return None

    def raced(self, request: Callable[[], T]) -> T:
        """A request that another operation may have come before. Raises Fault BUSY then."""
        from botocore.exceptions import ClientError

        try:
            return request()
        except ClientError as error:
            said = fault.message_of(error)
            busy = fault.code_of(error) == "ValidationError" and "_IN_PROGRESS state" in said
            if busy or fault.code_of(error) == "OperationInProgressException":
                status = next(
                    (word for word in said.replace(",", " ").split() if word.endswith("_IN_PROGRESS")), "busy"
                )
                raise self._busy(status) from None
            raise


def _listed(resources: list[Resource]) -> str:
    """The resources, with their physical ids and why each failed."""
    told = []
    for resource in resources:
        reason = f", {' '.join(resource.reason.split()).rstrip('.')}" if resource.reason else ""
        told.append(f"{resource.logical_id} ({resource.type} {resource.id or ''}{reason})".replace(" )", ")"))
    return "; ".join(told) or "none that CloudFormation names"
