"""What is to go wrong in a run: faults at calls of operations, and a signal at a call."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tests.chaos.faults import FAULTS, Fault
from tests.chaos.operations import Operation

EVER = 1_000_000
"""As many times as a rule ever applies: for ever."""
TIMES = {"once": 1, "thrice": 3, "ever": EVER}
"""How often a fault happens, in words."""


@dataclass(frozen=True)
class Rule:
    """A fault at some calls of an operation, counted from 1."""

    operation: str
    """Such as `ExecuteChangeSet`; `*` is every call of whatever operation."""
    nth: int
    fault: str
    times: str = "once"

    def __str__(self) -> str:
        return f"{self.operation}#{self.nth}/{self.fault}/{self.times}"

    @classmethod
    def named(cls, name: str) -> Rule:
        """The rule that writes itself so. Raises ValueError for what none does."""
        place, fault, times = name.split("/")
        operation, nth = place.split("#")
        if fault not in FAULTS or times not in TIMES:
            raise ValueError(name)
        return cls(operation, int(nth), fault, times)

    def hits(self, number: int) -> bool:
        """Whether it applies to the call of a number."""
        return self.nth <= number < self.nth + TIMES[self.times]


class Moment(StrEnum):
    """When a signal comes, seen from a request."""

    BEFORE = "before"
    """The request does not reach AWS."""
    AFTER = "after"
    """It has reached AWS, and its answer never comes."""
    ANSWERED = "answered"
    """Together with the answer."""


@dataclass(frozen=True)
class Kill:
    """A signal to the command at a call of an operation, counted from 1."""

    operation: str
    nth: int
    signal: str
    """`SIGKILL`, `SIGTERM` or `SIGINT`."""
    moment: Moment

    def __str__(self) -> str:
        return f"{self.signal}@{self.operation}#{self.nth}/{self.moment}"

    @classmethod
    def named(cls, name: str) -> Kill:
        """The kill that writes itself so. Raises ValueError for what none does."""
        place, moment = name.split("/")
        word, call = place.split("@")
        operation, nth = call.split("#")
        return cls(operation, int(nth), word, Moment(moment))

    @property
    def number(self) -> int:
        """The number of the signal."""
        return int(signal.Signals[self.signal])


@dataclass(frozen=True)
class Plan:
    """All that goes wrong in one run of a command."""

    rules: tuple[Rule, ...] = ()
    kill: Kill | None = None

    def __str__(self) -> str:
        return "+".join([*map(str, self.rules), *([str(self.kill)] if self.kill else [])]) or "nothing"

    @classmethod
    def named(cls, name: str) -> Plan:
        """The plan that writes itself so. Raises ValueError for what none writes."""
        words = name.split("+")
        kills = [Kill.named(word) for word in words if "@" in word]
        rules = (Rule.named(word) for word in words if "@" not in word and word != "nothing")
        return cls(tuple(rules), kills[0] if kills else None)

    def fault(self, operation: Operation, number: int, overall: int) -> Fault | None:
        """The fault of a call: `number` counts the calls of its operation, `overall` those of all."""
        return next(
            (
                FAULTS[rule.fault]
                for rule in self.rules
                if rule.operation in ("*", operation.name) and rule.hits(overall if rule.operation == "*" else number)
            ),
            None,
        )


def faulty(rules: Iterable[Rule]) -> Plan:
    """A plan of faults alone."""
    return Plan(tuple(rules))
