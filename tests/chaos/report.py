"""The count of faults, kills and stories: from verdicts to a table of numbers, and from that to a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.chaos.cases import Verdict
from tests.chaos.faults import FAULTS
from tests.chaos.oracle import Kind
from tests.chaos.plans import Plan
from tests.chaos.scenarios import SCENARIOS

COUNT = Path(__file__).parent / "count.json"
"""The numbers of the last whole run."""
GROUPS: Mapping[str, tuple[str, ...]] = {
    "connection": ("closed", "reset"),
    "answer lost": ("closed-after", "reset-after", "cut", "504-after"),
    "AWS fails": ("500", "500-after", "502", "503", "504"),
    "slow": ("throttled", "late"),
    "not AWS": ("page-200", "page-200-after", "page-403", "garbage", "garbage-after", "empty", "empty-after"),
    "no result": ("no-result", "no-result-after", "stale"),
    "refused": ("denied", "expired", "skewed"),
}
"""Faults of one kind, as a column."""
LIES = {
    "wrong reports": (Kind.REPORT, Kind.GUARD, Kind.MESSAGE),
    "hangs": (Kind.HANG,),
    "lost data": (Kind.DATA,),
    "tracebacks": (Kind.TRACEBACK,),
    "second runs that did not converge": (Kind.AGAIN,),
    "things left over": (Kind.LEFT,),
}
"""What is counted apart."""


@dataclass
class Tally:
    """How many were tried, and how many of them went well."""

    tried: int = 0
    survived: int = 0

    def add(self, survived: bool) -> None:
        """Count one more."""
        self.tried += 1
        self.survived += survived

    def __str__(self) -> str:
        if not self.tried:
            return ""
        return str(self.tried) if self.tried == self.survived else f"**{self.survived} of {self.tried}**"


Table = dict[str, dict[str, Tally]]


@dataclass
class Count:
    """The numbers of a whole run."""

    date: str
    seed: int
    faults: Table = field(default_factory=dict)
    """By operation and fault."""
    scenarios: Table = field(default_factory=dict)
    """By scenario, and `faults`, `SIGKILL`, `SIGTERM` or `SIGINT`."""
    stories: Tally = field(default_factory=Tally)
    steps: int = 0
    lies: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LIES, 0))

    def write(self) -> None:
        """Keep it."""
        COUNT.write_text(json.dumps(asdict(self), indent=1, sort_keys=True) + "\n", "utf-8")

    @classmethod
    def read(cls) -> Count:
        """What was kept."""
        facts = json.loads(COUNT.read_text("utf-8"))
        tables = {
            name: {row: {column: Tally(**each) for column, each in cells.items()} for row, cells in facts[name].items()}
            for name in ("faults", "scenarios")
        }
        return cls(**{**facts, **tables, "stories": Tally(**facts["stories"])})


def counted(cases: Iterable[Verdict], stories: Iterable[Verdict], date: str, seed: int) -> Count:
    """Count verdicts; a case whose fault was not reached counts for nothing."""
    count = Count(date, seed)
    for verdict in cases:
        if not verdict.hits:
            continue
        scenario, _, plan = verdict.case.partition("/")
        chosen = Plan.named(plan)
        for rule in chosen.rules:
            _cell(count.faults, rule.operation, rule.fault).add(verdict.survived)
        _cell(count.scenarios, scenario, chosen.kill.signal if chosen.kill else "faults").add(verdict.survived)
        _add_lies(count, verdict)
    for verdict in stories:
        count.stories.add(verdict.survived)
        count.steps += len(verdict.case.split("; "))
        _add_lies(count, verdict)
    return count


def _cell(table: Table, row: str, column: str) -> Tally:
    return table.setdefault(row, {}).setdefault(column, Tally())


def _add_lies(count: Count, verdict: Verdict) -> None:
    for name, kinds in LIES.items():
        count.lies[name] += any(f"{kind}: " in problem for kind in kinds for problem in verdict.problems)


def _sum(cells: Iterable[Tally]) -> Tally:
    found = list(cells)
    return Tally(sum(each.tried for each in found), sum(each.survived for each in found))


ABOUT = """\
# Faults

This page counts how msaspec's commands behave when something goes wrong. A proxy between a command and the
[sandbox](../guides/sandbox.md) injects one fault: at the first, second or third call of an operation, once, three times
or for ever. Or the command receives a signal at that call. Then the same command runs again without a fault.

After each run, a test compares:

- the exit code with the state of the stack: 0 if and only if the command did what it was asked to do;
- the messages with the state: nothing that is done or in progress is reported as failed, and each error names a cause
  and the next command;
- the data (each object, database and image), the protections, and what is left in the account;
- the result of the second run with what was asked.

A cell is the number of cases that were tried and passed. Where a case failed, the cell shows both numbers.
"""


def page(count: Count, notice: str) -> str:
    """Write the page of the reference."""
    by_fault = {name: _sum(row[name] for row in count.faults.values() if name in row) for name in FAULTS}
    faults = _sum(by_fault.values())
    signals = ("SIGKILL", "SIGTERM", "SIGINT")
    kills = {word: _sum(row[word] for row in count.scenarios.values() if word in row) for word in signals}
    total = _sum(kills.values())
    stories = f"{count.stories.tried} stories of {count.steps} steps"
    lines = [
        notice,
        ABOUT,
        f"{count.date}, seed {count.seed}: {faults.tried} faults, {faults.survived} survived;"
        f" {total.tried} kills, {total.survived} survived; {stories}, {count.stories.survived} survived."
        " `scripts/chaos` runs all of them again.\n",
        "| what went wrong | cases |\n|---|---|",
        *(f"| {name} | {number} |" for name, number in count.lies.items()),
        "\n## By operation and fault\n",
        *_table("operation", GROUPS, sorted(count.faults), lambda row, column: _group(count.faults[row], column)),
        "\n`*`: all operations fail, from some call on.\n",
        "## By fault\n",
        "| fault | what happens | column above | tried and survived |\n|---|---|---|---|",
        *(f"| `{name}` | {FAULTS[name].means} | {_column(name)} | {tally} |" for name, tally in by_fault.items()),
        "\n## By command\n",
        "A signal arrives before the request reaches AWS, after it has reached AWS, or together with the response.\n",
        *_table(
            "situation",
            ("faults", *signals),
            [name for name in SCENARIOS if name in count.scenarios],
            lambda row, column: count.scenarios[row].get(column, Tally()),
        ),
        "\n## Stories\n",
        "A story is a random sequence of edits, deployments, cancellations, deletions, signals, faults, resources that"
        " fail, and changes by hand in the account. Each command is checked as above. At the end every cause of a"
        " failure is removed, and the commands that the messages name are run until the system is deployed with all its"
        " data.",
    ]
    return "\n".join(lines) + "\n"


def _column(fault: str) -> str:
    return next(name for name, faults in GROUPS.items() if fault in faults)


def _group(row: Mapping[str, Tally], group: str) -> Tally:
    return _sum(row[fault] for fault in GROUPS[group] if fault in row)


def _table(head: str, columns: Iterable[str], rows: Iterable[str], cell: Callable[[str, str], Tally]) -> Iterable[str]:
    names = list(columns)
    yield f"| {head} | {' | '.join(names)} |"
    yield f"|---|{'---|' * len(names)}"
    for row in rows:
        yield f"| `{row}` | {' | '.join(str(cell(row, name)) for name in names)} |"
