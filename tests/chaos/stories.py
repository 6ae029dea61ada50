"""Stories: edits, deployments, kills, faults, hands in the account and second commands, in any order, by a seed.

A story is a text, such as `edit port 8001; deploy SIGKILL@ExecuteChangeSet#1/after; hand unprotect; deploy`. A seed
writes one; a failing one is made shorter by leaving out steps, and becomes a test as it is. After each command the
oracle judges it. In the end every cause is mended, and a person does what messages say until the system is deployed.
"""

from __future__ import annotations

import random
import re
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from msaspec.deploy import policy
from msaspec.template import reading
from tests.chaos import matrix
from tests.chaos.account import Account, Run, wanted_template
from tests.chaos.cases import Verdict
from tests.chaos.faults import FAULTS
from tests.chaos.operations import CHANGING
from tests.chaos.oracle import Kind, Oracle, Problem
from tests.chaos.plans import Kill, Moment, Plan, Rule
from tests.chaos.scenarios import DEPLOY, Asked, Scenario
from tests.chaos.wishes import PARTS, Wish
from tests.chaos.worlds import Work

ADVICE = re.compile(r"msaspec ((?:deploy|destroy|cancel|continue-rollback)\b[^\n,;`]*)")
"""A command that a message names."""
PATIENCE = 6
"""How many commands a person types, as they are told, before they give up."""
_CALLS = {
    "deploy": ("DescribeStacks", "CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "DescribeStackEvents"),
    "cancel": ("DescribeStacks", "CancelUpdateStack", "DescribeStackEvents", "GetTemplate"),
    "destroy": ("DescribeStacks", "GetTemplate", "DeleteStack", "DescribeStackEvents", "ModifyDBInstance"),
    "continue": ("DescribeStacks", "ContinueUpdateRollback", "DescribeStackEvents"),
}
_RESOURCES = ("CartInstance", "CartLogGroup", "CartLaunchTemplate", "MediaBucket", "MainDatabase", "UserInstance")


def written(seed: int, length: int = 9) -> str:
    """Write the story of a seed."""
    dice = random.Random(seed)
    steps = ["deploy"] if dice.random() < 0.8 else []
    while len(steps) < length:
        steps.append(_step(dice))
    return "; ".join(steps)


def _step(dice: random.Random) -> str:
    kinds = {
        "edit": 6,
        "deploy": 5,
        "begin": 2,
        "release": 2,
        "cancel": 2,
        "continue": 1,
        "destroy": 1,
        "refuse": 2,
        "hand": 3,
        "race": 1,
    }
    kind = dice.choices(list(kinds), list(kinds.values()))[0]
    if kind == "edit":
        edits = [f"port {dice.randint(8000, 8003)}", f"+{dice.choice(PARTS)}", f"-{dice.choice(PARTS)}"]
        return f"edit {dice.choice([*edits, edits[0], 'protect', 'expose'])}"
    if kind in _CALLS:
        allowing = " allowing" if kind == "deploy" and dice.random() < 0.3 else ""
        return f"{kind}{allowing}{_plan(dice, _CALLS[kind])}"
    if kind == "refuse":
        return f"refuse {dice.choice(('CREATE', 'UPDATE', 'UPDATE', 'DELETE'))} {dice.choice(_RESOURCES)}"
    if kind == "hand":
        return f"hand {dice.choice(('unprotect', 'open', 'object', 'snapshot', 'propose', 'update'))}"
    if kind == "race":
        return f"race {dice.choice(('deploy', 'deploy', 'destroy', 'cancel'))} {dice.choice((0, 20, 100, 300))}"
    return kind


def _plan(dice: random.Random, calls: Sequence[str]) -> str:
    draw = dice.random()
    if draw < 0.4:
        return ""
    operation, nth = dice.choice(calls), dice.choice((1, 1, 1, 2, 3))
    if draw < 0.65:
        return f" {Kill(operation, nth, dice.choice(matrix.SIGNALS), dice.choice(list(Moment)))}"
    times = "once" if operation in CHANGING else dice.choice(("once", "once", "thrice", "ever"))
    return f" {Rule(operation, nth, dice.choice(list(FAULTS)), times)}"


@dataclass(frozen=True)
class Story(Work):
    """A story that is played in an account of its own."""

    text: str
    base: str = "empty"

    def __str__(self) -> str:
        return self.text

    def __call__(self, account: Account) -> Verdict:
        """Play it."""
        began = time.monotonic()
        player = Player(account)
        problems, said, hits = [], "", 0
        for number, step in enumerate(self.text.split("; "), 1):
            found = list(player.play(step))
            hits += player.hits
            problems += [f"{number}. {step}: {problem}" for problem in found]
            if found:
                said += f"{number}. {step}\n{player.said}\n"
        if not problems:
            problems = [f"in the end: {problem}" for problem in player.end()]
            said = player.said
        return Verdict(self.text, hits, 0, tuple(problems), round(time.monotonic() - began, 2), said)


class Player:
    """Plays the steps of a story, and judges each."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.wish = Wish()
        self.said = ""
        """What the last command said."""
        self.hits = 0
        """What went wrong in the last step, by the story's will."""
        self.theirs: set[str] = set()
        """Change sets that a person made."""

    def play(self, step: str) -> Iterator[Problem]:
        """Play a step. Raises ValueError for what is none."""
        verb, *words = step.split(" ")
        self.hits, self.said = 0, ""
        self.account.write(self.wish.manifest)
        play = getattr(self, f"_{verb}", None)
        if play is None:
            raise ValueError(f"no step: {step}")
        yield from play(words) or ()

    # What a person does to the manifest and in the account.

    def _edit(self, words: list[str]) -> None:
        self.wish = self.wish.edited(words)

    def _refuse(self, words: list[str]) -> None:
        verb: Any = words[0]
        self.account.world.refuse(words[1], "The quota of your account is used up.", verb)

    def _release(self, words: list[str]) -> None:
        self.account.release()
        self.account.settled()

    def _hand(self, words: list[str]) -> None:
        stack = self.account.stack("shop")
        status = str(stack["StackStatus"]) if stack else ""
        if not status.endswith("_COMPLETE"):
            return
        client = self.account.client("cloudformation")
        if words[0] == "unprotect":
            client.update_termination_protection(StackName="shop", EnableTerminationProtection=False)
        elif words[0] == "open":
            client.set_stack_policy(StackName="shop", StackPolicyBody=policy.stack_policy({}))
        elif words[0] == "object":
            self.account.fill("shop")
        elif words[0] == "snapshot":
            self.account.snapshot("shop")
        elif words[0] == "update":
            text = self.account.template("shop").replace("RetentionInDays: 30", "RetentionInDays: 7")
            with suppress(ClientError):  # where there is nothing of it to change
                client.update_stack(StackName="shop", TemplateBody=text, Capabilities=["CAPABILITY_NAMED_IAM"])
            self.account.settled_if_free()
        else:
            text = self.account.template("shop")
            name = f"somebodys-{len(self.theirs)}"
            client.create_change_set(
                StackName="shop",
                ChangeSetName=name,
                TemplateBody=text.replace("Retain", "Delete", 1),
                Capabilities=["CAPABILITY_NAMED_IAM"],
            )
            self.theirs.add(name)

    # Commands.

    def _scenario(self, words: Sequence[str], asked: Asked) -> Scenario:
        # The database of a deleted stack leaves a snapshot, which is looked at apart.
        gives_up = ("database",) if asked is Asked.GONE else ()
        return Scenario("story", "empty", tuple(words), asked, self.wish.manifest, gives_up=gives_up)

    def _run(self, words: Sequence[str], asked: Asked, plan: str, *, refused: bool = False) -> Iterator[Problem]:
        self._loosen(words[0])
        oracle = Oracle(self._scenario(words, asked), self.account, None)
        oracle.protects = self.wish.protect
        oracle.begin()
        chosen = Plan.named(plan or "nothing")
        run = self.account.run(words, chosen)
        self.said, self.hits = run.done.stderr, run.hits
        signal = chosen.kill.signal if chosen.kill and run.hits else None
        if refused and run.done.code == 1 and "MSA510" in run.done.stderr:
            return
        yield from oracle.first(run, signal)
        yield from self._kept(oracle.before)

    def _loosen(self, verb: str) -> None:
        """What is held would hold up a command for ever that comes to it by itself."""
        busy = any(status and status.endswith("_IN_PROGRESS") for status in self.account.statuses().values())
        if not busy or verb == "continue-rollback":
            self.account.release()
        elif verb == "destroy":
            self.account.later(0.3, self.account.release)

    def _kept(self, before: Mapping[str, Any]) -> Iterator[Problem]:
        """Every database that went left a snapshot."""
        after, snapshots = self.account.data(), self.account.snapshots()
        for name in before:
            kind, _, id = name.partition(" ")
            if kind == "database" and name not in after:
                stem = f"snapshot-{id.split('-')[1]}"
                if not any(stem in each for each in snapshots):
                    yield Problem(Kind.DATA, f"{name} is gone without a snapshot")

    def lost(self) -> list[str]:
        """What the wish takes out of the stack although it holds data."""
        text = self.account.template("shop")
        if not text or self.account.status("shop") == "REVIEW_IN_PROGRESS":
            return []
        before, after = reading.load(text), reading.load(wanted_template(self.wish.manifest, "shop"))
        return sorted(set(policy.guarded(before)) - set(policy.guarded(after)))

    def _deploy(self, words: list[str]) -> Iterator[Problem]:
        allowing = words[:1] == ["allowing"]
        lost = self.lost()
        allowed = [word for name in lost for word in ("--allow-replace", name)] if allowing else []
        plan = "".join(words[1:] if allowing else words)
        yield from self._run((*DEPLOY, *allowed), Asked.DEPLOYED, plan, refused=bool(lost))

    def _begin(self, words: list[str]) -> Iterator[Problem]:
        """An update that goes on, and stops at the service's host."""
        self._loosen("deploy")
        self.account.hold("CartInstance")
        run = self.account.run((*DEPLOY, "--no-wait"))
        self.said = run.done.stderr
        if "Traceback" in run.done.stderr:
            yield Problem(Kind.TRACEBACK, run.done.stderr.splitlines()[-1])
        elif run.done.code not in (0, 1, 3):
            yield Problem(Kind.REPORT, f"exit code {run.done.code}")
        elif run.done.code == 3 and "hint:" not in run.done.stderr:
            yield Problem(Kind.MESSAGE, run.done.stderr[-200:])

    def _cancel(self, words: list[str]) -> Iterator[Problem]:
        yield from self._run(("cancel",), Asked.BACK, "".join(words))

    def _continue(self, words: list[str]) -> Iterator[Problem]:
        yield from self._run(("continue-rollback",), Asked.BACK, "".join(words))

    def _destroy(self, words: list[str]) -> Iterator[Problem]:
        yield from self._run(("destroy", "--yes"), Asked.GONE, "".join(words))

    def _race(self, words: list[str]) -> Iterator[Problem]:
        """A deployment, and some milliseconds later another command: by somebody who edited the manifest meanwhile."""
        other = {"deploy": DEPLOY, "destroy": ("destroy", "--yes"), "cancel": ("cancel",)}[words[0]]
        before = self.account.data()
        self._loosen("deploy")
        self.account.later(1.0, self.account.release)
        with self.account.begun(DEPLOY) as (first, proxy):
            while not proxy.calls and first.running():
                time.sleep(0.01)
            time.sleep(int(words[1]) / 1000)
            if words[0] == "deploy":
                self.wish = replace(self.wish, port=self.wish.port + 10)
                self.account.write(self.wish.manifest)
            with self.account.begun(other) as (second, another):
                runs = (self.account.finished(first, proxy), self.account.finished(second, another))
        self.account.settled_if_free()
        self.said = "\n".join(run.done.stderr for run in runs)
        for run in runs:
            yield from self._raced(run)
        gives_up = "database" if words[0] == "destroy" else "nothing"
        for name, value in before.items():
            if self.account.data().get(name) != value and not name.startswith(gives_up):
                yield Problem(Kind.DATA, f"{name} is another or gone")

    def _raced(self, run: Run) -> Iterator[Problem]:
        """Of two at once each ends as it may, and says why."""
        code, words = run.done.code, run.done.stderr
        if "Traceback" in words:
            yield Problem(Kind.TRACEBACK, words.splitlines()[-1])
        elif code == 0 and run.done.words[0] != "cancel" and not run.began and "no changes" not in words:
            yield Problem(Kind.REPORT, f"exit code 0 of {run.done.words}, which began nothing")
        elif code == 1 and "MSA510" not in words:
            yield Problem(Kind.REPORT, f"exit code 1: {words[-200:]}")
        elif code not in (0, 1, 3):
            yield Problem(Kind.REPORT, f"exit code {code}: {words[-200:]}")
        elif code == 3 and "hint:" not in words:
            yield Problem(Kind.MESSAGE, words[-200:])

    # The end.

    def end(self) -> Iterator[Problem]:
        """Every cause is mended; who does what the messages say has the system deployed, and all data is there."""
        account = self.account
        account.release()
        for name in _RESOURCES:
            account.world.accept(name)
        account.settled()
        before = account.data()
        account.write(self.wish.manifest)
        oracle = Oracle(self._scenario(DEPLOY, Asked.DEPLOYED), account, None)
        oracle.protects = self.wish.protect
        typed = []
        advice: Sequence[str] = DEPLOY
        for _ in range(PATIENCE):
            typed.append(" ".join(advice))
            run = account.run(advice)
            self.said += f"\n$ msaspec {' '.join(advice)}\n{run.done.stderr}"
            account.settled()
            if run.done.code == 0 and advice[0] == "deploy":
                break
            advice = DEPLOY if run.done.code == 0 else self._advice(run)
        else:
            yield Problem(Kind.AGAIN, f"no end: {'; '.join(typed)}")
            return
        for lack in oracle.lacks():
            yield Problem(Kind.AGAIN, lack)
        for lack in oracle.unguarded():
            yield Problem(Kind.GUARD, lack)
        for each in account.stale():
            yield Problem(Kind.LEFT, f"a change set: {each}")
        after = account.data()
        for name, value in before.items():
            if name.startswith("database") and name not in after:
                continue  # by the word of whoever typed, who is left a snapshot
            if after.get(name) != value:
                yield Problem(Kind.DATA, f"{name} is another or gone")
        yield from self._kept(before)

    def _advice(self, run: Run) -> Sequence[str]:
        """The command that the last hint names, with the yes of who types it."""
        if run.done.code == 1 and (words := re.findall(r"--allow-replace [\w-]+", run.done.stderr)):
            return (*DEPLOY, *" ".join(dict.fromkeys(words)).split(" "))
        hints = run.done.stderr.rpartition("hint: ")[2]
        found = ADVICE.search(hints)
        if found is None:
            return DEPLOY
        words = [word for word in shlex.split(found[1]) if not word.startswith("http") and word != "--endpoint-url"]
        if words[0] in ("deploy", "destroy"):
            words.append("--yes")
        return words


def shorter(text: str) -> Iterator[str]:
    """The stories that lack a step of one."""
    steps = text.split("; ")
    for number in range(len(steps)):
        if len(steps) > 1:
            yield "; ".join([*steps[:number], *steps[number + 1 :]])
