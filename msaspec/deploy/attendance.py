"""Joins an operation that is in progress already, and watches it to its end."""

from __future__ import annotations

from msaspec.deploy import leftovers, state
from msaspec.deploy.events import Feed
from msaspec.deploy.failure import Failure
from msaspec.deploy.here import Here
from msaspec.deploy.overview import entries
from msaspec.deploy.progress import Progress
from msaspec.deploy.state import Standing
from msaspec.deploy.target import Aws
from msaspec.deploy.teller import Teller
from msaspec.deploy.watch import Outcome, follow


def attend(aws: Aws, teller: Teller, here: Here, stack: str) -> None:
    """Watches what is in progress, if anything is. Raises Fault with the first cause if it fails."""
    deployed = state.describe(aws, stack)
    if deployed is None or deployed.standing is not Standing.BUSY:
        return
    outcome = watch(aws, teller, here, deployed.name, deployed.id)
    entry_of = entries(state.template_of(aws, deployed.id))
    teller.diagnosed(leftovers.left(aws, outcome, entry_of))
    if not state.succeeded(outcome.status):
        raise Failure(aws, here, None, entry_of).fault(stack, deployed.id, outcome)


def watch(aws: Aws, teller: Teller, here: Here, stack: str, stack_id: str) -> Outcome:
    """Watches from the beginning of the operation that is in progress, which may have been some time ago."""
    feed, past = Feed.of_the_last_operation(aws, stack_id)
    progress = Progress(stack, entries(state.template_of(aws, stack_id)))
    return follow(aws, feed, progress, teller, here=here, past=past)
