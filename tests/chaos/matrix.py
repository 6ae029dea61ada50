"""Which cases there are: every operation of every scenario with every fault at some of its calls, and signals at calls.

The whole product has tens of thousands of cases, most of which say the same. A sample takes, by a seed, one call and
one number of times for each scenario, operation and fault; whatever weighs most is tried at all of them.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from tests.chaos.cases import Case
from tests.chaos.faults import FAULTS
from tests.chaos.operations import CHANGING
from tests.chaos.oracle import Reference
from tests.chaos.plans import TIMES, Kill, Moment, Plan, Rule, faulty
from tests.chaos.scenarios import SCENARIOS, Asked

W = TypeVar("W")
SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT")
EVERYTHING = "*"
"""Every operation at once: AWS is gone, the credentials have expired."""
WEIGHTY = CHANGING | {"CreateChangeSet", "ModifyDBInstance", "SetStackPolicy", "UpdateTerminationProtection"}
"""Operations whose fate is told wrong most easily."""
MOST = 3
"""Up to which call of an operation there are cases: how often a command looks again depends on the machine."""


def rules(calls: Sequence[str]) -> Iterator[Rule]:
    """Every rule that makes a difference for a command that asks for these operations.

    At the first calls of each, once, three times and for ever; and all of AWS for ever: from the beginning, from what
    begins something, and from just after it.
    """
    for operation, count in sorted(Counter(calls).items()):
        for nth in range(1, min(count, MOST) + 1):
            for fault in FAULTS:
                for times in TIMES:
                    yield Rule(operation, nth, fault, times)
    turning = [number for number, operation in enumerate(calls, 1) if operation in CHANGING]
    for nth in sorted({1, *turning, *(number + 1 for number in turning)}):
        for fault in FAULTS:
            yield Rule(EVERYTHING, nth, fault, "ever")


def faults(references: Mapping[str, Reference], seed: int) -> list[Case]:
    """A sample: one case for each scenario, operation and fault, more for the operations that weigh most."""
    found = []
    for name, reference in references.items():
        groups: dict[tuple[str, ...], list[Rule]] = {}
        for rule in rules(reference.calls):
            key: tuple[str, ...] = (rule.operation, rule.fault)
            if rule.operation in WEIGHTY:
                key = (*key, rule.times, str(rule.nth))
            groups.setdefault(key, []).append(rule)
        for group_key, group in groups.items():
            rule = random.Random(f"{seed} {name} {group_key}").choice(group)
            found.append(Case(name, faulty([rule]), reference))
    return found


def kills(references: Mapping[str, Reference], seed: int, each: int) -> list[Case]:
    """Signals at calls: `each` for every scenario that changes something, and a third of that for the others."""
    found = []
    for name, reference in references.items():
        dice = random.Random(f"{seed} {name}")
        possible = [
            Kill(operation, nth, signal, moment)
            for operation, count in sorted(Counter(reference.calls).items())
            for nth in range(1, min(count, MOST) + 1)
            for signal in SIGNALS
            for moment in Moment
        ]
        count = each if SCENARIOS[name].asked is not Asked.TOLD else max(1, each // 3)
        for kill in dice.sample(possible, min(count, len(possible))):
            found.append(Case(name, Plan(kill=kill), reference))
    return found


def shuffled(cases: Sequence[W], seed: int) -> list[W]:
    """The same in another order, so that the first thousand are a sample of all."""
    found = list(cases)
    random.Random(seed).shuffle(found)
    return found
