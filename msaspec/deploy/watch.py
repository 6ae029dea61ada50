"""Follows an operation of a stack to its end, with pauses that grow while nothing happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from msaspec.deploy import slowness
from msaspec.deploy.aws import fault, state
from msaspec.deploy.aws.events import Event, operation_of
from msaspec.deploy.aws.pace import Rhythm, stalled
from msaspec.deploy.aws.state import Standing, is_terminal
from msaspec.deploy.context import Context
from msaspec.deploy.operation import Operation, Unwatched
from msaspec.deploy.progress import Progress
from msaspec.deploy.reporter import Reporter
from msaspec.diagnostics.diagnostic import Code
from msaspec.messages.progress import Answered, Continues, Unanswered
from msaspec.template.nesting import is_home

NOT_BEGUN = Code(
    "MSA623",
    "An operation that did not start",
    """
    AWS, or something in between, accepted the request, but the stack did not change. Run the command again.
    """,
)

UNHEARD = Code(
    "MSA670",
    "The end of an operation is not known",
    """
    AWS accepted the request, and no operation is in progress. But AWS does not return the events of the stack, which
    show whether the operation ran and how it ended. Check `msaspec status`, then run the command again: it continues
    from the state of the stack.
    """,
)

SILENT = (6, 12, 24)
"""After how many looks without news the stack itself is asked, the last again and again."""
QUIET = 2
"""How often a stack may be found at rest before an operation counts as one that did not begin."""


@dataclass(frozen=True)
class Outcome:
    """How an operation ended."""

    status: str
    reason: str | None
    events: tuple[Event, ...]


class Watch:
    """The watching of one operation: takes in what each look at it gives, and says whether it is over."""

    def __init__(
        self,
        progress: Progress,
        reporter: Reporter,
        token: str | None = None,
        ended: Callable[[str], bool] = is_terminal,
    ) -> None:
        self.progress, self.reporter = progress, reporter
        self.events: list[Event] = []
        """Those of the operation."""
        self.silent = 0
        """How many looks in a row had nothing new."""
        self.at_rest = 0
        """How often the stack was found at rest while nothing of the operation was heard."""
        self.lost = False
        """Whether AWS did not answer the last time."""
        self._heard: list[Event] = []
        self._token, self._ended = token, ended

    @property
    def over(self) -> bool:
        """Whether the operation has ended."""
        return self._ended(self.progress.status or "UNKNOWN_IN_PROGRESS")

    def take(self, look: Sequence[Event] | Exception) -> bool:
        """Take in the events of a look, or why there was no answer; return whether something happened."""
        self.silent += 1
        if isinstance(look, Exception):
            if not self.lost:
                self.reporter.say(Unanswered())
            self.lost = True
            return False
        if self.lost:
            self.reporter.say(Answered())
        self.lost = False
        if not look:
            return False
        self._heard += look
        known = {event.id for event in self.events}
        new = [e for e in operation_of(self._heard, self._token, self._ended) if e.id not in known]
        if not new:
            return False
        self.silent = self.at_rest = 0
        self.events += new
        # Every update touches all nested stacks. Report what happens in them, and those that fail to start.
        told = [event for event in new if event.failed or not is_home(event.logical_id, event.type)]
        self.progress.apply(told)
        if told:
            self.reporter.moved(self.progress, told)
        return True

    @property
    def doubtful(self) -> bool:
        """Whether it has been silent for so long that the stack itself is to be asked."""
        return self.silent in SILENT or (self.silent > SILENT[-1] and self.silent % SILENT[-1] == 0)


def follow(
    context: Context,
    operation: Operation,
    progress: Progress,
    *,
    ended: Callable[[str], bool] = is_terminal,
    meanwhile: Callable[[str], None] | None = None,
    beside: Callable[[], None] = lambda: None,
) -> Outcome:
    """Report what happens until the stack's own event ends the operation, and call `beside` after each pause.

    A lost connection, throttling and a fault of AWS itself only lengthen the pause: CloudFormation goes on, and so does
    the watching. While nothing is heard, the stack itself is asked now and then. Raises Unwatched when the user
    interrupts, and Fault when nothing happens for too long, each having said that what was begun goes on; whatever else
    ends the watching says so too. `meanwhile` is called with the status of the stack whenever something happened.
    """
    again = context.command("status", "--follow")
    continues = Continues(progress.stack, again)
    going_on = continues.sentence()
    watch = Watch(progress, context.reporter, operation.token, ended)
    pace, interrupted, end = context.aws.pace, False, None
    rhythm, slow = Rhythm(pace), slowness.Notes(context.reporter)
    news = answered = pace.now()
    context.reporter.begins(progress)
    try:
        if operation.past:
            watch.take(operation.past)
        while not watch.over and end is None:
            rhythm.rest()
            beside()
            if watch.take(_look(context, operation, going_on)):
                rhythm.again()
                news = pace.now()
                if meanwhile and not watch.over:
                    meanwhile(progress.status)
            elif watch.doubtful:
                end = _asked(context, operation, watch)
            if not watch.lost:
                answered = pace.now()
            slow.add(progress, datetime.fromtimestamp(pace.now(), UTC))
            if pace.now() - answered > pace.deaf or pace.now() - news > pace.patience:
                raise stalled(f"the stack {progress.stack}", pace.now() - news, going_on, deaf=watch.lost)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        context.reporter.ends(progress)
    if interrupted:  # Below the last picture, where it is seen however large that is.
        context.reporter.say(continues)
        raise Unwatched
    return end or Outcome(progress.status, progress.reason, tuple(watch.events))


def _look(context: Context, operation: Operation, going_on: str) -> Sequence[Event] | Exception:
    """Return what is new, or why AWS did not answer this time. Raises Fault where waiting would not help."""
    try:
        return operation.feed.news()
    except Exception as error:
        if fault.is_passing(error):
            return error
        found = fault.of(error, context.aws.region, context.aws.profile)
        raise fault.Fault(*found.diagnostics, details=[going_on]) if found else error from None


def _asked(context: Context, operation: Operation, watch: Watch) -> Outcome | None:
    """Return what the stack itself says where its events say nothing: how the operation ended, or None while it goes
    on.

    Raises Fault where it never began, and where nothing tells whether it did.
    """
    heard = False
    with fault.tolerated():
        deployed = state.describe(context.aws, operation.stack_id)
        status = deployed.status if deployed else "DELETE_COMPLETE"
        if state.standing(status) is Standing.BUSY:
            return None
        with fault.tolerated():
            watch.take(operation.feed.news())
            heard = True
        if watch.over or not watch.silent:
            return None
        if watch.events or operation.came():
            return Outcome(status, deployed.reason if deployed else None, tuple(watch.events))
        watch.at_rest += 1
        if watch.at_rest >= QUIET:
            what = f"{operation.what[0].upper()}{operation.what[1:]}"
            if not heard:
                message = f"{what} may have ended: the stack is {status}, and AWS does not return its events."
                hint = f"See its current state: {context.command('status')}. Then run the command again."
                raise fault.new(UNHEARD, message, hint)
            hint = f"The stack is {status}. Run the command again."
            raise fault.new(NOT_BEGUN, f"{what} did not start, although AWS accepted the request.", hint)
    return None
