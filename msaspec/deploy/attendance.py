"""Joins an operation that is in progress already, and watches it to its end."""

from __future__ import annotations

from functools import partial

from msaspec.deploy import failure, leftovers
from msaspec.deploy.aws import state
from msaspec.deploy.aws.state import Deployed, Standing
from msaspec.deploy.context import Context
from msaspec.deploy.investigation import Investigation
from msaspec.deploy.operation import Operation, joined
from msaspec.deploy.overview import entries
from msaspec.deploy.progress import Progress
from msaspec.deploy.watch import Outcome, follow


def attend(context: Context, stack: str) -> None:
    """Watch what is in progress, if anything is. Raises Fault with the first cause if it fails."""
    deployed = state.describe(context.aws, stack)
    if deployed is None or deployed.standing is not Standing.BUSY:
        return
    operation = _joined(context, deployed)
    template = state.template_of(context.aws, deployed.id)
    entry_of = entries(template)
    progress = Progress(deployed.name, entry_of)
    investigation = Investigation(context, entry_of, deployed.id, template)
    outcome = follow(context, operation, progress, beside=partial(investigation.look, progress))
    context.reporter.diagnosed(leftovers.left(context.aws, outcome, entry_of))
    if not state.succeeded(outcome.status):
        why = partial(investigation.causes, progress)
        raise failure.explained(context, entry_of, stack, deployed.id, outcome, why)


def watch(context: Context, deployed: Deployed) -> Outcome:
    """Watch from the beginning of the operation that is in progress, which may have been some time ago."""
    operation = _joined(context, deployed)
    progress = Progress(deployed.name, entries(state.template_of(context.aws, deployed.id)))
    return follow(context, operation, progress)


def _joined(context: Context, deployed: Deployed) -> Operation:
    return joined(context, f"the operation of the stack {deployed.name}", deployed.id)
