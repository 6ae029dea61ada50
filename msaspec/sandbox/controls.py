"""What a test may do to a sandbox's deployments: hold them at a resource, have one refused, slow them down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from msaspec.sandbox.resource import Failed

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
        """Lets whoever waits go on, and nobody wait any more."""
        with self._moved:
            self.released = True
            self._moved.notify_all()

    def __enter__(self) -> Hold:
        """Holds until the block ends."""
        return self

    def __exit__(self, *ignored: object) -> None:
        """Releases."""
        self.release()


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
        self._stops: list[Callable[[], object]] = []
        self._ended = False

    def hold(self, logical_id: str) -> Hold:
        """Has every deployment wait before a resource, from now on."""
        held = Hold(logical_id, self._moved)
        with self._moved:
            self._holds.append(held)
        return held

    def refuse(self, logical_id: str, reason: str, verb: Verb, times: int) -> None:
        """Has a step of a resource fail, as many times."""
        with self._moved:
            self._refusals.append(_Refusal(logical_id, reason, verb, times))

    def arrive(self, logical_id: str, verb: str, cancelled: Callable[[], bool]) -> None:
        """Called before each step of a resource: waits where it has to. Raises Failed where the step is refused, and
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
        """Waits until something is so, for which whoever makes it so has to `wake`, or up to a time of the monotonic
        clock. Raises Ended when the sandbox ends."""
        with self._moved:
            while not (self._ended or met()) and (rest := until - time.monotonic()) > 0:
                self._moved.wait(rest)
            if self._ended:
                raise Ended

    def wake(self) -> None:
        """Has everyone who waits look again."""
        with self._moved:
            self._moved.notify_all()

    @contextmanager
    def stopping(self, stop: Callable[[], object]) -> Iterator[None]:
        """Calls `stop` if the sandbox ends before the block does."""
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
        """Ends whatever is under way."""
        with self._moved:
            self._ended = True
            for stop in self._stops:
                stop()
            self._moved.notify_all()
