"""How far an operation of CloudFormation is."""

from __future__ import annotations

from msaspec.messages.message import Level, Message


class Begin(Message, code="MSG151", level=Level.PROGRESS):
    """msaspec begins to watch the operation of a stack."""

    stack: str


class StackMoved(Message, code="MSG152", event="stack", level=Level.PROGRESS):
    """The stack has another status."""

    at: str
    stack: str
    status: str
    reason: str | None


class ResourceMoved(Message, code="MSG153", event="resource", level=Level.PROGRESS):
    """A resource has another status."""

    at: str
    stack: str
    status: str
    entry: str | None
    logical_id: str
    type: str
    id: str | None
    reason: str | None


class End(Message, code="MSG154", level=Level.PROGRESS):
    """msaspec ends watching: the operation is over, or the user has seen enough."""

    stack: str
    status: str
    reason: str | None
    seconds: float | None


class Unanswered(Message, code="MSG155", level=Level.WARNING):
    """AWS does not answer a look at an operation."""

    said = "AWS does not answer at the moment. The operation continues; msaspec keeps watching."


class Answered(Message, code="MSG156"):
    """AWS answers again."""

    said = "AWS answers again."


class Continues(Message, code="MSG157"):
    """Nobody watches any more; the operation goes on."""

    said = "The operation on the stack {stack} continues in CloudFormation. Watch it: {command}"
    stack: str
    command: str


class Slow(Message, code="MSG158"):
    """Something is at work that takes long by nature."""

    said = "{logical_id} is still in progress. {usual}"
    logical_id: str
    usual: str


class AnswerLost(Message, code="MSG159", level=Level.WARNING):
    """The answer to a request was lost, and the operation has started all the same."""

    said = "The answer of AWS was lost, but {operation} has started."
    operation: str


class InterruptedDuringOperation(Message, code="MSG160", level=Level.WARNING):
    """The user broke the command off while the request for an operation was out, and it has started."""

    said = "Interrupted. {operation} continues in CloudFormation. Watch it: {command}"
    operation: str
    command: str

    def sentence(self) -> str:
        """Return the sentence; the operation stands at a beginning."""
        shown = f"{self.operation[:1].upper()}{self.operation[1:]}"
        return self.said.format(operation=shown, command=self.command)


class InterruptedDuringRequest(Message, code="MSG161", level=Level.WARNING):
    """The user broke the command off while the request for an operation was out; it may have started."""

    said = "Interrupted during the request: {operation} may have started. Check: {command}"
    operation: str
    command: str


class Waiting(Message, code="MSG162"):
    """Another operation of the stack comes first."""

    said = "The stack {stack} is {status}; waiting for it to end."
    stack: str
    status: str


class CauseUnseen(Message, code="MSG163", level=Level.WARNING):
    """A permission to look for the cause of a failure is missing; the operation goes on."""

    said = "msaspec cannot look for the cause everywhere. {reason}"
    reason: str
