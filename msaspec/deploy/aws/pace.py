"""How a command waits for AWS: the pauses between two looks, and the clock."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import click

from msaspec.deploy.aws import fault
from msaspec.diagnostics.diagnostic import Code

STALLED = Code(
    "MSA622",
    "No news of an operation",
    """
    Nothing happened in the stack for a long time, or AWS did not answer, so msaspec stopped watching. The operation
    continues in CloudFormation; `msaspec status --follow` watches it again. `--timeout MINUTES` or MSASPEC_TIMEOUT sets
    after how many minutes without news msaspec stops watching. The default is 15 minutes without any answer, and 3
    hours in which nothing happens.
    """,
)

PACE = "MSASPEC_PACE"
"""The variable of the environment that makes pauses shorter, for an emulator that answers faster than AWS."""

SHORT = 60.0
"""Seconds for which lost answers are waited out where nothing goes on that could not be asked for again."""

T = TypeVar("T")


@dataclass(frozen=True)
class Pace:
    """The pauses between two looks, in seconds, and the clock."""

    first: float = 1.0
    most: float = 5.0
    """Pauses grow to this while nothing happens."""
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
    patience: float = 3 * 3600.0
    """How long an operation is watched in which nothing happens."""
    deaf: float = 15 * 60.0
    """How long AWS may give no answer to whoever watches."""

    def within(self, minutes: float | None) -> Pace:
        """Return the same with another patience, in minutes; None leaves it as it is."""
        return self if minutes is None else replace(self, patience=60 * minutes, deaf=60 * minutes)

    def longer(self, pause: float) -> float:
        """Return the pause after one in which nothing happened."""
        return min(pause * 1.5, self.most)

    @classmethod
    def chosen(cls) -> Pace:
        """Return the pace that MSASPEC_PACE chooses: its number times each pause, and times the patience.

        Raises a usage error for what is no number above zero.
        """
        word = os.environ.get(PACE) or "1"
        try:
            factor = float(word)
        except ValueError:
            factor = math.nan
        if not 0 < factor < math.inf:
            raise click.UsageError(f"{PACE} is `{word}`: write a number above zero, such as 0.1.")
        times = {name: getattr(cls, name) * factor for name in ("first", "most", "patience", "deaf")}
        return cls(**times)

    def until(self, what: str, look: Callable[[], T | None]) -> T:
        """Call `look` until it gives something, with growing pauses in between, and return that.

        An answer that is lost meanwhile is waited out for a while. `what` is waited for, as a Fault would name it that
        is raised where it takes too long.
        """
        rhythm = Rhythm(self)
        began = answered = self.now()
        while True:
            try:
                if (found := look()) is not None:
                    return found
                answered = self.now()
            except Exception as error:
                if not fault.is_passing(error) or self.now() - answered > min(self.deaf, SHORT):
                    raise
            if self.now() - began > self.patience:
                raise stalled(what, self.now() - began, "Run the command again.", deaf=False)
            rhythm.rest()


def stalled(what: str, seconds: float, hint: str, *, deaf: bool) -> fault.Fault:
    """Make the fault of something that was watched for some time without any news."""
    minutes = max(1, round(seconds / 60))
    why = "AWS has not answered" if deaf else "Nothing has happened"
    message = (
        f"{why} for {minutes} minute{'' if minutes == 1 else 's'} while msaspec watched {what}, so it stops watching."
    )
    return fault.new(STALLED, message, hint)


class Rhythm:
    """The pauses of one wait: they grow while nothing happens, and begin again when something did."""

    def __init__(self, pace: Pace) -> None:
        self._pace, self._pause = pace, pace.first

    def rest(self) -> None:
        """Sleep once; the next pause is longer."""
        self._pace.sleep(self._pause)
        self._pause = self._pace.longer(self._pause)

    def again(self) -> None:
        """Begin with the shortest pause again."""
        self._pause = self._pace.first
