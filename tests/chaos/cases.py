"""A case: a scenario, what goes wrong in it, and the verdict on what the command made of it."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from typing import Any
from zlib import crc32

from tests.chaos.account import Account, steady
from tests.chaos.oracle import Oracle, Reference
from tests.chaos.plans import Plan
from tests.chaos.scenarios import SCENARIOS, Asked, Scenario
from tests.chaos.worlds import Work


@dataclass(frozen=True)
class Verdict:
    """What became of a case."""

    case: str
    hits: int
    """How many calls something went wrong with; 0 if the fault was not reached."""
    code: int
    problems: tuple[str, ...]
    seconds: float
    said: str
    """What the command said on standard error."""
    again: str = ""
    """What it said when it was run again."""
    calls: tuple[str, ...] = ()

    def line(self) -> str:
        """It as a line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, line: str) -> Verdict:
        """The verdict of a line."""
        facts: dict[str, Any] = json.loads(line)
        return cls(**{**facts, "problems": tuple(facts["problems"]), "calls": tuple(facts["calls"])})

    @property
    def survived(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


@dataclass(frozen=True)
class Case(Work):
    """One run with faults or a signal, and one without after it."""

    name: str
    plan: Plan
    reference: Reference | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.name}/{self.plan}"

    @classmethod
    def named(cls, name: str, reference: Reference | None = None) -> Case:
        """The case of a name."""
        scenario, _, plan = name.partition("/")
        return cls(scenario, Plan.named(plan), reference)

    @property
    def scenario(self) -> Scenario:
        """The situation."""
        return SCENARIOS[self.name]

    @property
    def base(self) -> str:
        """The account that it begins with."""
        return self.scenario.base

    def __call__(self, account: Account) -> Verdict:
        """Run it in an account of its own, which is spoilt afterwards."""
        began, scenario = time.monotonic(), self.scenario
        # AWS does not document which of the two it does with a token that it knows, so half of the cases have either.
        account.world.repeats = bool(crc32(str(self).encode()) % 2)
        account.write(scenario.manifest)
        scenario.arrange(account)
        account.write(scenario.manifest)
        oracle = Oracle(scenario, account, self.reference)
        oracle.begin()
        signal = self.plan.kill.signal if self.plan.kill else None
        run = account.run(scenario.words, self.plan)
        reached = run.hits > 0
        problems = list(oracle.first(run, signal if reached else None))
        account.settled_if_free()
        scenario.mend(account)
        again = None
        if scenario.asked in (Asked.DEPLOYED, Asked.TOLD) or not self._over(oracle, account):
            again = account.run(scenario.words)
        problems += oracle.second(again)
        account.release()
        return Verdict(
            str(self),
            run.hits,
            run.done.code,
            tuple(map(str, problems)),
            round(time.monotonic() - began, 2),
            run.done.stderr,
            again.done.stderr if again else "",
            tuple(f"{c.operation.name}{f'!{c.fault}' if c.fault else ''}" for c in run.calls),
        )

    def _over(self, oracle: Oracle, account: Account) -> bool:
        """Whether nothing is left to do of what was asked, data that was given up included."""
        more = account.inventory() - self.reference.inventory if self.reference else None
        return not oracle.lacks() and not more


@dataclass(frozen=True)
class Undisturbed(Work):
    """A scenario in which nothing goes wrong: what the others are measured by."""

    name: str

    def __str__(self) -> str:
        return f"{self.name}/undisturbed"

    @property
    def base(self) -> str:
        """The account that it begins with."""
        return SCENARIOS[self.name].base

    def __call__(self, account: Account) -> Reference:
        """Run it. Raises AssertionError where it does not do what was asked."""
        scenario = SCENARIOS[self.name]
        account.write(scenario.manifest)
        scenario.arrange(account)
        account.write(scenario.manifest)
        oracle = Oracle(scenario, account, None)
        oracle.begin()
        run = account.run(scenario.words)
        problems = [*oracle.first(run)]
        if scenario.fails:
            assert run.done.code == 3, run.done.stderr
        else:
            assert run.done.code == (1 if self.name == "diff" else 0), (run.done, self.name)
        scenario.mend(account)
        again = account.run(scenario.words) if scenario.asked is Asked.DEPLOYED or scenario.fails else None
        problems += oracle.second(again)
        assert not problems, (self.name, problems, run.done.stderr)
        calls = tuple(call.operation.name for call in run.calls)
        return Reference(run.done.code, steady(run.done.stdout), calls, account.inventory())
