"""Operations of stacks: begun with a token, found again where the answer was lost, never taken for another's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from msaspec.deploy.aws import fault, token
from msaspec.deploy.aws.events import Event, Feed, operation_of
from msaspec.deploy.aws.pace import Rhythm
from msaspec.deploy.context import Context
from msaspec.diagnostics.diagnostic import Diagnostic
from msaspec.messages.progress import AnswerLost, InterruptedDuringOperation, InterruptedDuringRequest

LOOKS = 5
"""How often it is looked whether a request arrived of which the answer was lost: over some ten seconds."""
_AMBIGUOUS = (
    "AlreadyExistsException",
    "ChangeSetNotFound",
    "ChangeSetNotFoundException",
    "InvalidChangeSetStatus",
    "OperationInProgressException",
    "TokenAlreadyExistsException",
    "ValidationError",
)
"""How CloudFormation refuses a request that it has carried out already: botocore repeats one whose answer is lost."""


class Unwatched(Exception):
    """The user has seen enough. What was begun goes on."""


class NotBegun(fault.Fault):
    """AWS did not answer a request. `known` is whether it is sure that nothing has begun."""

    def __init__(self, *diagnostics: Diagnostic, details: Iterable[str] = (), known: bool) -> None:
        super().__init__(*diagnostics, details=details)
        self.known = known


@dataclass(frozen=True)
class Operation:
    """An operation of a stack, as far as it takes to follow it."""

    what: str
    """In a sentence: ``the update of the stack shop``."""
    stack_id: str
    feed: Feed
    token: str | None = None
    """That of its request; None for the first operation that the feed tells of."""
    past: tuple[Event, ...] = ()
    """What of it happened before."""
    came: Callable[[], bool | None] = lambda: None
    """Asks, beside the events, whether the operation has begun; None where that does not tell."""


def begin(
    context: Context,
    what: str,
    stack_id: str,
    request: Callable[[str], object],
    came: Callable[[], bool | None],
    still: Collection[str] = (),
) -> Operation:
    """Make a request that begins an operation, and return that. `request` gets the client token.
    `still` are nested stacks of ours in which nothing is to happen.

    Where the answer is lost, broken, or says that the request was made before, it is looked whether the operation goes
    on. Raises what the request raises where AWS refuses it, NotBegun where AWS does not answer, Unwatched on Ctrl-C.
    """
    operation = Operation(what, stack_id, Feed.from_now(context.aws, stack_id, still), token.new(), came=came)
    try:
        request(operation.token or "")
        return operation
    except KeyboardInterrupt:
        _interrupted(context, operation)
        raise Unwatched from None
    except Exception as error:
        if not _may_have_arrived(error):
            raise
        found = _found(context, operation, LOOKS if fault.is_passing(error) else 2)
        if isinstance(found, Operation):
            context.reporter.say(AnswerLost(what))
            return found
        if found is None:
            told = f"msaspec cannot tell whether {what} has started. Check: {context.command('status', '--follow')}"
        elif fault.is_passing(error):
            told = f"{what[0].upper()}{what[1:]} has not started. Run the command again."
        else:
            raise
        known = fault.of(error, context.aws.region)
        raise NotBegun(*(known.diagnostics if known else ()), details=[told], known=found is not None) from error


def joined(context: Context, what: str, stack_id: str) -> Operation:
    """Return the operation of a stack that is in progress, with what happened since it began."""
    feed, past = Feed.of_the_last_operation(context.aws, stack_id)
    return Operation(what, stack_id, feed, past=tuple(past))


def _may_have_arrived(error: Exception) -> bool:
    """Whether a request can have been carried out although it raised this."""
    from botocore.exceptions import ClientError

    if fault.is_passing(error):
        return True
    return isinstance(error, ClientError) and fault.code_of(error) in _AMBIGUOUS


def _found(context: Context, operation: Operation, looks: int) -> Operation | Literal[False] | None:
    """Return the operation, where it has begun; False where it has not; None where nobody can tell."""
    rhythm, heard, answered = Rhythm(context.aws.pace), list(operation.past), False
    for number in range(looks):
        if number:
            rhythm.rest()
        with fault.tolerated():
            heard += operation.feed.news()
            if any(event.token == operation.token for event in heard):
                return replace(operation, past=tuple(heard))
            came = operation.came()
            answered = True
            if came:
                own = operation_of(heard, operation.token)
                return replace(operation, token=operation.token if own or not heard else None, past=tuple(heard))
    return False if answered else None


def _interrupted(context: Context, operation: Operation) -> None:
    """Says what Ctrl-C leaves going on, that came while a request was out."""
    watching = context.command("status", "--follow")
    begun = False
    try:
        with fault.tolerated():
            begun = bool(_found(context, operation, 1))
    except KeyboardInterrupt:  # Twice is enough.
        begun = False
    if begun:
        context.reporter.say(InterruptedDuringOperation(operation.what, watching))
    else:
        context.reporter.say(InterruptedDuringRequest(operation.what, watching))
