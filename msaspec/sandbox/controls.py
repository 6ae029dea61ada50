"""What a test may do to a sandbox's deployments: hold them at a resource, have one refused, slow them down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from msaspec.sandbox.cloudformation.resource import Failed

Verb = Literal["CREATE", "UPDATE", "DELETE"]
"""What is done to a resource; what makes another one in an update is part of the `UPDATE`."""


class Ended(BaseException):
    """The sandbox ends, and with it whatever it does. Nothing that handles failures may take it for one."""


class Hold:
    """A place where deployments wait: the resource is said to be in progress, and nothing of it is touched yet.

    It lasts until the block ends, or `release` is called.
    """

    def __init__(self, logical_id: str, moved: threading.Condition) -> None:
        self.logical_id = logical_id
        self.reached = threading.Event()
        """Set as soon as a deployment has arrived: `assert held.reached.wait(10)`."""
        self.released = False
        self._moved = moved

    def release(self) -> None:
        """Let those that wait continue, and let nothing wait any more."""
        with self._moved:
            self.released = True
            self._moved.notify_all()

    def __enter__(self) -> Hold:
        """Hold until the block ends."""
        return self

    def __exit__(self, *ignored: object) -> None:
        """Releases."""
        self.release()


@dataclass(frozen=True)
class Fate:
    """How a task of a service ends."""

    reason: str
    """The `stoppedReason` of the task."""
    exit_code: int | None = None
    """That of its container, where that ran."""
    container: str | None = None
    """What ECS says of the container, such as ``OutOfMemoryError: Container killed due to memory usage``."""
    event: str | None = None
    """What the service says in its events, `{service}` standing for its name; then no task may start at all."""
    starts: bool = True
    """Whether there is a task that stops."""
    log: tuple[str, ...] = ()
    """The lines that its program writes."""


class Ailment:
    """A service whose new tasks stop, until the block ends or `heal` is called."""

    def __init__(self, logical_id: str, fate: Fate, moved: threading.Condition, *, lasting: bool = False) -> None:
        self.logical_id = logical_id
        self.fate = fate
        self.lasting = lasting
        """Whether a circuit breaker has yet to see it: until `give_up`."""
        self.begun = datetime.now(UTC).replace(tzinfo=None)
        self.healed = False
        self._moved = moved

    def heal(self) -> None:
        """Let tasks run again."""
        with self._moved:
            self.healed = True
            self._moved.notify_all()

    def give_up(self) -> None:
        """Let a circuit breaker see that tasks fail."""
        with self._moved:
            self.lasting = False
            self._moved.notify_all()

    def __enter__(self) -> Ailment:
        """Lasts until the block ends."""
        return self

    def __exit__(self, *ignored: object) -> None:
        """Heals."""
        self.heal()


@dataclass
class _Refusal:
    logical_id: str
    reason: str
    verb: str
    times: int


class Controls:
    """What holds up, refuses and ends the work on resources."""

    def __init__(self, pace: float = 0.0) -> None:
        self.pace = pace
        """How many seconds each resource takes at least."""
        self._moved = threading.Condition()
        self._holds: list[Hold] = []
        self._refusals: list[_Refusal] = []
        self._ailments: list[Ailment] = []
        self._launches: list[Ailment] = []
        self._stops: list[Callable[[], object]] = []
        self._ended = False

    def hold(self, logical_id: str) -> Hold:
        """Make every deployment wait before a resource, from now on."""
        held = Hold(logical_id, self._moved)
        with self._moved:
            self._holds.append(held)
        return held

    def refuse(self, logical_id: str, reason: str, verb: Verb, times: int) -> None:
        """Make a step of a resource fail, so many times."""
        with self._moved:
            self._refusals.append(_Refusal(logical_id, reason, verb, times))

    def accept(self, logical_id: str) -> None:
        """Let no step of a resource fail any more."""
        with self._moved:
            self._refusals = [refusal for refusal in self._refusals if refusal.logical_id != logical_id]

    def fail_tasks(self, logical_id: str, fate: Fate, *, lasting: bool) -> Ailment:
        """End the tasks of a service so, whose definition is registered from now on."""
        ailing = Ailment(logical_id, fate, self._moved, lasting=lasting)
        self._ailments.append(ailing)
        return ailing

    def fail_launches(self, logical_id: str, reason: str) -> Ailment:
        """Has a group of hosts launch none, for a reason."""
        ailing = Ailment(logical_id, Fate(reason), self._moved)
        self._launches.append(ailing)
        return ailing

    def unlaunched(self, group: str) -> Ailment | None:
        """Return why a group of hosts of a name launches none; None where it does."""
        return next((each for each in self._launches if f"-{each.logical_id}-" in group and not each.healed), None)

    def ailment(self, service: str, registered: datetime) -> Ailment | None:
        """Why tasks of an ECS service stop, by its name and the time when their definition was registered, in UTC."""
        for each in self._ailments:
            named = f"-{each.logical_id}-" in service
            if named and not each.healed and registered.replace(tzinfo=None) >= each.begun:
                return each
        return None

    def pause(self, seconds: float) -> None:
        """Wait so long at most, or until something moves. Raises Ended when the sandbox ends."""
        with self._moved:
            if not self._ended:
                self._moved.wait(seconds)
            if self._ended:
                raise Ended

    def arrive(self, logical_id: str, verb: str, cancelled: Callable[[], bool]) -> None:
        """Wait before a step of a resource where a test holds it. Raises Failed where the step is refused, and
        Ended when the sandbox ends."""
        with self._moved:
            due = time.monotonic() + self.pace
            while not (self._ended or cancelled()):
                holds = [held for held in self._holds if held.logical_id == logical_id and not held.released]
                for held in holds:
                    held.reached.set()
                rest = due - time.monotonic()
                if not holds and rest <= 0:
                    break
                self._moved.wait(None if holds else rest)
            if self._ended:
                raise Ended
            if not cancelled():
                self._refuse(logical_id, verb)

    def _refuse(self, logical_id: str, verb: str) -> None:
        for refusal in self._refusals:
            if (refusal.logical_id, refusal.verb) == (logical_id, verb) and refusal.times:
                refusal.times -= 1
                raise Failed(refusal.reason)

    def wait(self, met: Callable[[], bool], until: float) -> None:
        """Wait until a condition is met, or up to a time of the monotonic clock. The code that meets
        it calls `wake`. Raise Ended when the sandbox ends."""
        with self._moved:
            while not (self._ended or met()) and (rest := until - time.monotonic()) > 0:
                self._moved.wait(rest)
            if self._ended:
                raise Ended

    def wake(self) -> None:
        """Make everyone who waits look again."""
        with self._moved:
            self._moved.notify_all()

    @contextmanager
    def stopping(self, stop: Callable[[], object]) -> Iterator[None]:
        """Call `stop` if the sandbox ends before the block does."""
        with self._moved:
            if self._ended:
                stop()
            self._stops.append(stop)
        try:
            yield
        finally:
            with self._moved:
                self._stops.remove(stop)

    def end(self) -> None:
        """End whatever is under way."""
        with self._moved:
            self._ended = True
            for stop in self._stops:
                stop()
            self._moved.notify_all()
