"""Why an operation failed: the first cause on its manifest line, what the service itself said, and what to do next."""

from __future__ import annotations

from collections.abc import Callable

from msaspec.deploy import state, tail
from msaspec.deploy.events import Event, cause
from msaspec.deploy.fault import Fault
from msaspec.deploy.here import Here
from msaspec.deploy.target import Aws
from msaspec.deploy.watch import Outcome
from msaspec.diagnostic import Code
from msaspec.place import Path, render
from msaspec.source import Document

FAILED = Code(
    "MSA620",
    "A deployment failed",
    """
    CloudFormation could not make, change or remove a resource, and took back what it had done. The message has the
    first resource that failed, with CloudFormation's reason in full; what failed after it failed because of it. For a
    service whose host never became healthy, the last lines of its log stand below.
    """,
)

_GROUP = "AWS::Logs::LogGroup"


class Failure:
    """Explains what went wrong in a stack of a manifest."""

    def __init__(self, aws: Aws, here: Here, document: Document | None, entry_of: Callable[[str], Path]) -> None:
        self.aws, self.here, self.document, self.entry_of = aws, here, document, entry_of

    def fault(self, stack: str, stack_id: str, outcome: Outcome) -> Fault:
        """The failure of an operation that ended so."""
        found = cause(self.aws, outcome.events)
        hint = self._next(outcome.status)
        if found is None or found.of_stack:
            reason = (found.reason if found else outcome.reason) or "CloudFormation gives no reason"
            message = f"The stack {stack} is {outcome.status}: {_sentence(reason)}"
            return Fault(FAILED.at((), message, hint=hint))
        entry = self.entry_of(found.logical_id)
        step = found.status.removesuffix("_FAILED").lower()
        reason = _sentence(found.reason or "CloudFormation gives no reason")
        message = f"{found.type} `{found.logical_id}` of `{render(entry)}` failed to {step}: {reason}"
        diagnostic = FAILED.at(entry, f"{message} The stack {stack} is {outcome.status}.", hint=hint, key=True)
        if self.document:
            diagnostic = self.document.place(diagnostic)
        return Fault(diagnostic, details=self._log(stack_id, found, entry))

    def _log(self, stack_id: str, found: Event, entry: Path) -> list[str]:
        """The last lines of the service that failed; none where AWS does not say: that would hide the failure."""
        from botocore.exceptions import BotoCoreError, ClientError

        if entry[:1] != ("services",) or found.type == _GROUP:
            return []
        try:
            resources = state.resources(self.aws, stack_id)
        except (BotoCoreError, ClientError):
            return []
        groups = [
            resource.id
            for resource in resources
            if resource.type == _GROUP and resource.id and self.entry_of(resource.logical_id)[:2] == entry[:2]
        ]
        return [line for group in groups for line in tail.last_lines(self.aws, group)]

    def _next(self, status: str) -> str:
        command = self.here.command
        if status == "UPDATE_ROLLBACK_COMPLETE":
            return f"The system is as it was before. Correct the cause, then: {command('deploy')}"
        if status in ("ROLLBACK_COMPLETE", "CREATE_FAILED"):
            return f"Correct the cause, then: {command('deploy')}, which offers to clear away what is left."
        if status == "ROLLBACK_FAILED":
            return f"Something could not be taken back. See what: {command('status')}. Remove it: {command('destroy')}"
        if status == "UPDATE_ROLLBACK_FAILED":
            return f"The way back failed too. Remove the cause, then: {command('continue-rollback')}"
        if status == "DELETE_FAILED":
            return f"Remove the cause, then once more: {command('destroy')}"
        return f"See how things stand: {command('status')}"


def _sentence(reason: str) -> str:
    text = " ".join(reason.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."
