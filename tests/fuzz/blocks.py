"""Cases in blocks, each judged by one process, and the count of what became of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.fuzz.judge import Case, judge

BLOCK = 250
"""Cases of one way that a process judges before it reports."""
SHARES = {"text": 20, "tree": 22, "patches": 20, "large": 3, "shape": 15, "sound": 20}
"""Of a hundred cases, how many are made in each way."""


@dataclass
class Count:
    """What became of cases."""

    cases: Counter[str] = field(default_factory=Counter)
    """By way."""
    compiled: Counter[str] = field(default_factory=Counter)
    """Of these, how many came to a stack."""
    linted: int = 0
    """Stacks that cfn-lint has seen."""
    seconds: float = 0
    faults: dict[str, list[str]] = field(default_factory=dict)
    """The cases of each fault, the first few."""

    def add(self, other: Count) -> None:
        """Take another count in."""
        self.cases += other.cases
        self.compiled += other.compiled
        self.linted += other.linted
        self.seconds += other.seconds
        for fault, cases in other.faults.items():
            self.faults[fault] = [*self.faults.get(fault, ()), *cases][:5]


@dataclass(frozen=True)
class Block:
    """Cases of one way with numbers that follow one another."""

    way: str
    first: int
    size: int
    every: int
    """Each how many-th case cfn-lint looks at; 0 for none."""

    def cases(self) -> Iterator[Case]:
        """All of them."""
        return (Case(self.way, self.first + n) for n in range(self.size))


def run(block: Block) -> Count:
    """Judge a block."""
    count, begun = Count(), time.process_time()
    for case in block.cases():
        linted = bool(block.every) and case.number % block.every == 0
        verdict = judge(case.manifest(), case.number, linted=linted)
        count.cases[case.way] += 1
        count.compiled[case.way] += verdict.compiled > 0
        count.linted += verdict.linted
        for fault in verdict.faults:
            count.faults.setdefault(fault, []).append(str(case))
    count.seconds = time.process_time() - begun
    return count


def blocks(first: int, count: int, ways: Sequence[str], every: int) -> Iterator[Block]:
    """The blocks of so many cases, the ways in turn."""
    total = sum(SHARES[way] for way in ways)
    left = {way: count * SHARES[way] // total for way in ways}
    at = dict.fromkeys(ways, first)
    while any(left.values()):
        for way in ways:
            if size := min(BLOCK, left[way]):
                yield Block(way, at[way], size, every)
                at[way] += size
                left[way] -= size
