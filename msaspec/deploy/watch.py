"""Follows an operation of a stack to its end, with pauses that grow while nothing happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from msaspec.deploy import fault
from msaspec.deploy.events import Event, Feed
from msaspec.deploy.here import Here
from msaspec.deploy.progress import Progress
from msaspec.deploy.state import is_terminal
from msaspec.deploy.target import Aws
from msaspec.deploy.teller import Teller


@dataclass(frozen=True)
class Outcome:
    """How an operation ended."""

    status: str
    reason: str | None
    events: tuple[Event, ...]


class Unwatched(Exception):
    """The user has seen enough. The operation goes on."""


def follow(
    aws: Aws,
    feed: Feed,
    progress: Progress,
    teller: Teller,
    *,
    here: Here | None = None,
    past: Iterable[Event] = (),
    ended: Callable[[str], bool] = is_terminal,
) -> Outcome:
    """Tells what happens until the stack's own event ends the operation.

    A lost connection, throttling and a fault of AWS itself only lengthen the pause: CloudFormation goes on, and so does
    the watching. Raises Unwatched when the user interrupts, having said that what was begun goes on; whatever else ends
    the watching says so too.
    """
    again = (here or Here()).command("status", "--follow")
    going_on = f"What was begun at the stack {progress.stack} goes on in CloudFormation. Watch it again: {again}"
    events = list(past)
    pause, lost, interrupted = aws.pace.first, False, False
    teller.begins(progress)
    try:
        if events:
            progress.apply(events)
            teller.moved(progress, events)
        while not ended(progress.status or "UNKNOWN_IN_PROGRESS"):
            aws.pace.sleep(pause)
            try:
                news = feed.news()
            except Exception as error:
                if not fault.is_passing(error):
                    found = fault.of(error, aws.region)
                    raise fault.Fault(*found.diagnostics, details=[going_on]) if found else error from None
                if not lost:
                    teller.note(
                        "AWS does not answer at the moment. The deployment goes on there; watching goes on too."
                    )
                lost, pause = True, aws.pace.longer(pause)
                continue
            if lost:
                teller.note("AWS answers again.")
                lost = False
            pause = aws.pace.first if news else aws.pace.longer(pause)
            events += news
            progress.apply(news)
            if news:
                teller.moved(progress, news)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        teller.ends(progress)
    if interrupted:  # Below the last picture, where it is seen however large that is.
        teller.note(going_on)
        raise Unwatched
    return Outcome(progress.status, progress.reason, tuple(events))
