"""What a command may say and do, against what really became of the account.

The oracle does not know what went wrong. It knows what was asked, what is so, and what the command said; every sentence
below is a promise of `docs/guides/deploying.md`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.chaos.account import Account, Run, steady
from tests.chaos.commands import TIMEOUT
from tests.chaos.scenarios import REASON, Asked, Scenario

GOING_ON = re.compile(
    r"continues? in CloudFormation|is still (running|in progress)|has started|stack \S+ is [A-Z_]+_IN_PROGRESS"
)
"""That something goes on."""
DONE = re.compile(
    r"is deployed|was deployed|is gone|is deleted|is as it was before|has no changes|"
    r"is (CREATE|UPDATE|IMPORT|DELETE|UPDATE_ROLLBACK)_COMPLETE"
)
"""That it is done."""
DENIES = re.compile(r"Nothing was changed|was not executed|is obsolete|has not started")
"""That nothing was begun."""
IDLE = re.compile(r"Nothing is running in CloudFormation for this command")
"""That what was begun, if anything was, is over."""
UNKNOWN = re.compile(r"may (have|be|go|run)|is not known|cannot tell|not known whether|perhaps")
"""That it is not known what became of it."""
CAUSE = re.compile(r"(error|warning) MSA\d{3}: \S.{15,}")
NEXT = re.compile(r"hint: \S|msaspec [a-z]|Run the (same )?command|aws [a-z]")
"""What to do next."""
EVENT = re.compile(r"^(\d\d:\d\d:\d\d|TIME)\s.*[A-Z_]+_(COMPLETE|IN_PROGRESS|FAILED|SKIPPED)\b.*$", re.MULTILINE)
"""A row of what is followed: it tells what CloudFormation did, and is no word of the command's on how things stand."""
UNTOLD = re.compile(r"^ *msaspec cannot tell whether .*\n?", re.MULTILINE)
"""A row of `status` about what the user may not read, or AWS does not answer: it claims nothing."""
UNKNOWN_ROW = re.compile(r"^ *(\S+) +unknown +unknown\b.*$", re.MULTILINE)
"""A row of `status` about a service or store of which AWS does not tell how it is."""
UNKNOWN_HEALTH = ", health unknown"
"""What `status` says of copies whose health AWS does not tell."""
HEALTH = re.compile(r", \d+ healthy\b")
INTERRUPTED = 130


class Kind(StrEnum):
    """What can be wrong with a command."""

    TRACEBACK = "traceback"
    HANG = "hang"
    REPORT = "report"
    """It says what is not so: by its exit code or its words."""
    MESSAGE = "message"
    """It does not say why, or what to do next."""
    GUARD = "guard"
    """It says that all is well, and a protection is off."""
    DATA = "data"
    """What holds data is another, or gone."""
    AGAIN = "again"
    """The same command, run again, does not bring about what was asked."""
    LEFT = "left"
    """Something is left that nobody asked for."""


@dataclass(frozen=True)
class Problem:
    """Something that is wrong."""

    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


@dataclass(frozen=True)
class Reference:
    """What a scenario comes to where nothing goes wrong."""

    code: int
    stdout: str
    calls: tuple[str, ...]
    """The operations that were asked for, in their order."""
    inventory: Counter[str]
    """What the account has in the end."""


def said(run: Run) -> str:
    """What a command says of how things stand: its messages, without the rows of events."""
    return EVENT.sub("", run.done.stderr) + "".join(_objects(run.done.stdout))


def _objects(stdout: str) -> Iterator[str]:
    """The messages of a command with `--format json`, which prints them as objects among its results."""
    for line in stdout.splitlines() if stdout.startswith("{") else ():
        with suppress(ValueError):
            told = json.loads(line)
            if told.get("event") == "diagnostic":
                yield f"{told['level']} {told['code']}: {told['message']}\n"
                yield f"   = hint: {told['hint']}\n" if told["hint"] else ""


def agrees(run: Run, expected: str) -> bool:
    """Whether a command printed what is so, but for what it says is unknown, and then also why."""
    shown = UNTOLD.sub("", steady(run.done.stdout))
    silent = dict.fromkeys(UNKNOWN_ROW.findall(shown))
    if (silent or UNKNOWN_HEALTH in shown) and "msaspec cannot tell everything" not in run.done.stderr:
        return False
    rows = [re.compile(rf"^ *{re.escape(name)} .*$\n?", re.MULTILINE) for name in silent]
    for row in rows:
        shown, expected = row.sub("", shown, count=1), row.sub("", expected, count=1)
    if UNKNOWN_HEALTH in shown:
        shown, expected = shown.replace(UNKNOWN_HEALTH, ""), HEALTH.sub("", expected)
    return shown.replace(": unknown", "") == expected


class Oracle:
    """Judges the runs of one scenario in one account."""

    def __init__(self, scenario: Scenario, account: Account, reference: Reference | None) -> None:
        self.scenario, self.account, self.reference = scenario, account, reference
        self.before: Mapping[str, Any] = {}
        """What held data before."""
        self.statuses: Mapping[str, str | None] = {}
        self.protects = True
        """Whether the manifest wants termination protection."""

    def begin(self) -> None:
        """Take down how things stand before anything is run."""
        self.before, self.statuses = self.account.data(), self.account.statuses()

    def lacks(self, stacks: Sequence[str] = ()) -> list[str]:
        """What there is still to do of what was asked, of some stacks only where they are named."""
        asked, account = self.scenario.asked, self.account
        if asked is Asked.DEPLOYED:
            tags = self.scenario.tags
            return [
                lack
                for name in stacks or self.scenario.stacks
                for lack in account.missing_of(name, self.scenario.manifest, tags if name == "shop" else {})
            ]
        (stack,) = self.scenario.stacks
        status = account.status(stack)
        if asked is Asked.GONE:
            return [] if status is None else [f"the stack {stack} is {status}"]
        if asked is Asked.BACK:
            return [] if status == "UPDATE_ROLLBACK_COMPLETE" else [f"the stack {stack} is {status}"]
        if asked is Asked.PUSHED:
            images = self.scenario.images
            return [f"{name} has no image {tag}" for name, tag in images if not account.has_image(name, tag)]
        return []

    def unguarded(self) -> list[str]:
        """The protections that are off although a deployment is over."""
        if self.scenario.asked is not Asked.DEPLOYED:
            return []
        return [
            lack
            for name in self.scenario.stacks
            for lack in self.account.unguarded(name, protected=self.protects and name == "shop")
        ]

    def first(self, run: Run, signal: str | None = None) -> Iterator[Problem]:
        """Judge the run in which something went wrong. Asked right after it."""
        lacked = self.lacks()
        if "Traceback (most recent call last)" in run.done.stderr:
            last = run.done.stderr.strip().splitlines()[-1]
            yield Problem(Kind.TRACEBACK, last)
        elif run.done.code == TIMEOUT:
            yield Problem(Kind.HANG, f"after {len(run.calls)} calls and {run.done.seconds:.0f} s")
        elif signal in ("SIGKILL", "SIGTERM") and run.done.code < 0:
            pass  # It could say nothing.
        elif self.scenario.asked is Asked.TOLD:
            yield from self._told(run, signal)
        elif run.done.code == 0:
            yield from self._well(run, lacked)
        else:
            yield from self._not_well(run, lacked, signal)
        yield from self._data("after it")

    def _told(self, run: Run, signal: str | None) -> Iterator[Problem]:
        """A command that only reads says what is so, or why it does not."""
        expected = self.reference.code if self.reference else run.done.code
        if signal and run.done.code == INTERRUPTED:
            return
        if run.done.code == expected:
            if self.reference and not agrees(run, self.reference.stdout):
                yield Problem(Kind.REPORT, f"exit code {expected}, but it says {steady(run.done.stdout)[:200]!r}")
        else:
            yield from self._message(run)

    def _well(self, run: Run, lacked: list[str]) -> Iterator[Problem]:
        """Exit code 0 is only for what was done."""
        busy = [f"{name} is {s}" for name, s in run.statuses.items() if s and s.endswith("_IN_PROGRESS")]
        if self.scenario.fails:
            yield Problem(Kind.REPORT, "exit code 0, but it was bound to fail")
        elif lacked or busy:
            yield Problem(Kind.REPORT, f"exit code 0, but {'; '.join([*lacked, *busy])}")
        else:
            for lack in self.unguarded():
                yield Problem(Kind.GUARD, f"exit code 0, but {lack}")

    def _not_well(self, run: Run, lacked: list[str], signal: str | None) -> Iterator[Problem]:
        """Another exit code says why, and never denies what is done or goes on."""
        words = said(run)
        if signal == "SIGINT":
            if run.done.code != INTERRUPTED:
                yield Problem(Kind.REPORT, f"exit code {run.done.code} after Ctrl-C")
        elif run.done.code != 3:
            yield Problem(Kind.REPORT, f"exit code {run.done.code}, but the manifest is right")
        else:
            yield from self._message(run)
        self.account.settled_if_free()
        after = self.lacks()
        claims = IDLE.sub("", DENIES.sub("", words))
        honest = GOING_ON.search(claims) or DONE.search(words) or UNKNOWN.search(words)
        if self.scenario.fails:
            if run.began and REASON not in run.done.stderr and not honest:
                yield Problem(Kind.REPORT, "it began, and neither why it failed nor that it goes on is said")
        elif not after and self.changed(run) and not honest:
            yield Problem(Kind.REPORT, f"exit code {run.done.code}, but it is done{' or goes on' if lacked else ''}")
        elif run.began and (left := self.lacks(run.begun)) and not honest and "MSA620" not in run.done.stderr:
            yield Problem(Kind.REPORT, f"it began something, and does not say what became of it: {'; '.join(left)}")
        idle = not run.began and not self._busy_before()
        if idle and "continues in CloudFormation" in claims and not UNKNOWN.search(words):
            yield Problem(Kind.REPORT, "it says that something goes on, but nothing was begun")
        if run.last_began and DENIES.search(words):
            yield Problem(Kind.REPORT, "it says that nothing was begun, but something was")
        busy = [name for name in run.begun if str(run.statuses.get(name)).endswith("_IN_PROGRESS")]
        if busy and IDLE.search(words):
            yield Problem(Kind.REPORT, f"it says that nothing goes on, but {', '.join(busy)} does")

    def changed(self, run: Run) -> bool:
        """Whether the run itself did what is done now, which may have been so before."""
        return run.began or self.scenario.asked is Asked.PUSHED

    def _busy_before(self) -> bool:
        return any(status and status.endswith("_IN_PROGRESS") for status in self.statuses.values())

    def _message(self, run: Run) -> Iterator[Problem]:
        words = said(run)
        if not CAUSE.search(words):
            yield Problem(Kind.MESSAGE, f"exit code {run.done.code} without a cause: {words.strip()[-120:]!r}")
        elif not NEXT.search(words):
            yield Problem(Kind.MESSAGE, f"exit code {run.done.code} without a next command: {words.strip()[-160:]!r}")

    def _data(self, when: str) -> Iterator[Problem]:
        after = self.account.data()
        for name, value in self.before.items():
            now = after.get(name)
            if self.scenario.asked is Asked.PUSHED and isinstance(now, tuple):
                now = tuple(each for each in now if each in value)  # One image more is what was asked for.
            if not name.startswith(self.scenario.gives_up or ("nothing",)) and now != value:
                yield Problem(Kind.DATA, f"{name} is {'another' if name in after else 'gone'} {when}")

    def second(self, run: Run | None) -> Iterator[Problem]:
        """Judge the run after it, with which nothing went wrong; None where there was nothing left to do."""
        if run is not None:
            expected = self.reference.code if self.reference and self.scenario.asked is Asked.TOLD else 0
            if run.done.code != expected:
                last = " ".join(said(run).split())[-300:]
                yield Problem(Kind.AGAIN, f"exit code {run.done.code}: {last}")
        self.account.settled_if_free()
        for lack in self.lacks():
            yield Problem(Kind.AGAIN, lack)
        for lack in self.unguarded():
            yield Problem(Kind.GUARD, f"after the second run {lack}")
        # What only looks removes no change set that another look left: the next deployment does.
        for each in self.account.stale() if self.scenario.asked is not Asked.TOLD else ():
            yield Problem(Kind.LEFT, f"a change set: {each}")
        yield from self._data("after the second run")
        if self.reference:
            inventory = self.account.inventory()
            for name in sorted({*inventory, *self.reference.inventory}):
                if (has := inventory[name]) > (due := self.reference.inventory[name]):
                    yield Problem(Kind.LEFT, f"{has} {name} instead of {due}")
