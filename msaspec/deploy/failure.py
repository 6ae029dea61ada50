"""Why an operation failed: the first cause on its manifest line, what the service itself said, and what to do next."""

from __future__ import annotations

from collections.abc import Callable

from msaspec.deploy import repair
from msaspec.deploy.aws import fault, refusals, state, tail
from msaspec.deploy.aws.events import Event, cause
from msaspec.deploy.aws.fault import Fault
from msaspec.deploy.aws.state import Resource
from msaspec.deploy.causes import HOOK
from msaspec.deploy.context import Context
from msaspec.deploy.watch import Outcome
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.diagnostics.printable import sentence
from msaspec.template.origin import belonging, workload

FAILED = Code(
    "MSA620",
    "A deployment failed",
    """
    CloudFormation could not create, update or delete a resource. It rolls back an update. After a failed first creation
    it keeps what was created, and the next deployment continues from there. The message names the first resource that
    failed, with CloudFormation's full reason; later failures are consequences. For a service whose host never became
    healthy, the last lines of its log follow.
    """,
)
LATE = Code(
    "MSA628",
    "A new version never became healthy",
    """
    A service that shifts requests (`deploy.strategy: canary`, `linear` or `blue-green`) starts its new version beside
    the old one, and shifts requests only once the new version is healthy. It was not healthy within `deploy.limit`, so
    the update was rolled back; the old version kept serving requests. The log of the new version says why. If it only
    needs longer, raise `deploy.limit`.
    """,
)

_GROUP = "AWS::Logs::LogGroup"


EntryOf = Callable[[str], Path]
Why = Callable[[str], tuple[list[Diagnostic], list[str]]]
"""Finds out why a resource failed: errors, and the last lines of its log."""


def _unknown(logical_id: str) -> tuple[list[Diagnostic], list[str]]:
    return [], []


def explained(
    context: Context, entry_of: EntryOf, stack: str, stack_id: str, outcome: Outcome, why: Why = _unknown
) -> Fault:
    """Explain why an operation failed that ended so: the first cause, on its manifest line. What `why` finds out of the
    resource comes first."""
    found = cause(context.aws, outcome.events)
    hint = next_step(context, outcome.status)
    if found is None or found.of_stack:
        reason = (found.reason if found else outcome.reason) or "CloudFormation gives no reason"
        message = f"The stack {stack} is {outcome.status}: {sentence(reason)}"
        return Fault(FAILED.at((), message, hint=_joined(refusals.hint(reason), hint)))
    entry = entry_of(found.logical_id)
    step = found.status.removesuffix("_FAILED").lower()
    reason = sentence(found.reason or "CloudFormation gives no reason")
    message = f"{found.type} `{found.logical_id}` {belonging(entry)} failed to {step}: {reason}"
    hint = _joined(refusals.hint(reason), hint + _remade(context, found, outcome.status))
    diagnostic = FAILED.at(entry, f"{message} The stack {stack} is {outcome.status}.", hint=hint, key=True)
    causes, lines = why(found.logical_id)
    causes = [*_hooks(context, entry, found, outcome), *causes]
    of_service = workload(entry) and found.type != _GROUP and not causes
    log = _log(context, entry_of, stack_id, entry) if of_service else lines
    return Fault(*causes, context.placed(diagnostic), details=log)


def _hooks(context: Context, entry: Path, found: Event, outcome: Outcome) -> list[Diagnostic]:
    """Return what hooks of CloudFormation say of a resource that failed."""
    said = dict.fromkeys(each.hook for each in outcome.events if each.hook and each.logical_id == found.logical_id)
    what = f"A hook refuses {found.type} `{found.logical_id}` {belonging(entry)}"
    told = [HOOK.at(entry, f"{what}: {sentence(each)}", hint=HOOK.hint, key=True) for each in said if each]
    return [context.placed(each) for each in told]


def late(context: Context, entry_of: EntryOf, entry: Path, stack_id: str, outcome: Outcome) -> Fault:
    """Explain that an operation was ended because the new version of a service was not healthy in time."""
    message = f"The new version {belonging(entry)} never became healthy. The stack is {outcome.status}."
    diagnostic = LATE.at(entry, message, hint=next_step(context, outcome.status), key=True)
    return Fault(context.placed(diagnostic), details=_log(context, entry_of, stack_id, entry))


def _joined(*hints: str | None) -> str:
    return " ".join(filter(None, hints))


def _log(context: Context, entry_of: EntryOf, stack_id: str, entry: Path) -> list[str]:
    """Return the last lines of the service that failed; none where AWS does not say: that would hide the failure."""
    resources: tuple[Resource, ...] = ()
    with fault.tolerated():
        resources = state.resources(context.aws, stack_id)
    groups = [
        resource.id
        for resource in resources
        if resource.type == _GROUP and resource.id and entry_of(resource.logical_id)[:2] == entry[:2]
    ]
    return [line for group in groups for line in tail.last_lines(context.aws, group)]


def _remade(context: Context, found: Event, status: str) -> str:
    """How to go on where the resource that failed is not there; empty where it is, as far as AWS says."""
    if not found.status.startswith("UPDATE") or not repair.is_gone(found.reason):
        return ""
    again = context.command("deploy", "--repair")
    if status == "UPDATE_ROLLBACK_FAILED":
        skipping = context.command("continue-rollback", "--skip", found.logical_id)
        return f". If somebody deleted it, or what it refers to, leave it out: {skipping}. Then repair it: {again}"
    return f". If somebody deleted it, or what it refers to, repair it: {again}"


def next_step(context: Context, status: str) -> str:
    """Say what to do about a stack of a status in which something failed."""
    command = context.command
    if status == "UPDATE_ROLLBACK_COMPLETE":
        return f"The system is as it was before. Correct the cause, then: {command('deploy')}"
    if status in ("CREATE_FAILED", "UPDATE_FAILED"):
        going_on = (
            f"Everything created so far is kept. Correct the cause, then continue from there: {command('deploy')}"
        )
        return f"{going_on}. Or delete it: {command('destroy')}"
    if status == "ROLLBACK_COMPLETE":
        return f"Correct the cause, then: {command('deploy')}, which offers to delete what is left."
    if status == "ROLLBACK_FAILED":
        return f"The rollback failed. See what is left: {command('status')}. Delete it: {command('destroy')}"
    if status == "UPDATE_ROLLBACK_FAILED":
        return f"The rollback failed, too. Remove the cause, then: {command('continue-rollback')}"
    if status == "DELETE_FAILED":
        return f"Remove the cause, then run again: {command('destroy')}"
    return f"See the current state: {command('status')}"
