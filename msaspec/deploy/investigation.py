"""Why a stack does not get on, found out while it is waited for, and when it failed.

The requests of all investigators share a budget, so that watching asks AWS once a second on average and no more. What
AWS refuses is said once. Nothing that goes wrong here is a failure of the deployment.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any

from msaspec import discover
from msaspec.deploy.aws import fault
from msaspec.deploy.causes import Finding
from msaspec.deploy.context import Context
from msaspec.deploy.evidence import Answer, Ask, Investigator, Scene, Subject
from msaspec.deploy.progress import Progress, Step
from msaspec.diagnostics import credentials, printable
from msaspec.diagnostics.diagnostic import Diagnostic, Severity
from msaspec.diagnostics.place import Path
from msaspec.messages.progress import CauseUnseen
from msaspec.template.origin import belonging, workload

SAVED = 5
"""How many requests may be saved up while nothing is asked."""
PATIENCE = 5
"""How many of the shortest pauses a resource is at work before it is looked into, and lie between two rounds."""
AT_THE_END = 15
"""How many requests a failure is worth, once the operation is over."""
LONGEST = 400
"""Characters that are quoted."""


class Investigation:
    """Looks into what is at work in one operation of a stack."""

    def __init__(
        self, context: Context, entry_of: Callable[[str], Path], stack_id: str, template: Mapping[str, Any]
    ) -> None:
        self._context, self._pace = context, context.aws.pace
        self._scene = Scene(stack_id, template, entry_of)
        # Each remembers what it read, so these are the operation's own.
        self._investigators = [
            type(each)() for each in discover.instances("msaspec.deploy.investigators", Investigator)
        ]
        self._found: dict[tuple[str, str], Finding] = {}
        """What was found out, by the resource and the kind of cause: each is reported once."""
        self._refused: set[tuple[str, str]] = set()
        self._known: dict[str, Answer] = {}
        self._round: Generator[Ask, Answer, None] | None = None
        self._next: Ask | None = None
        self._began = self._due = self._pace.now()
        self._due += PATIENCE * self._pace.first
        self._asked = 0
        """Requests that count against the budget."""

    def look(self, progress: Progress) -> None:
        """Go on with looking into what is at work, as far as the budget allows. Called after each look at the events,
        which counts as well."""
        self._asked += 1
        subjects = list(self._at_work(progress))
        if self._round is None:
            if not subjects or self._pace.now() < self._due:
                return
            self._begin(progress, subjects)
        while self._round is not None and self._budget() > 0:
            self._step()

    def causes(self, progress: Progress, logical_id: str) -> tuple[list[Diagnostic], list[str]]:
        """Return why a resource failed, as errors, and the last lines of its log; nothing where nobody knows.

        What was found out before counts; else it is looked into now, by a limited number of requests.
        """
        name = logical_id.partition(".")[0]
        if not any(id == name for id, _ in self._found):
            self._begin(progress, [each for each in self._failed(progress) if each.logical_id == name], quietly=True)
            for _ in range(AT_THE_END):
                if self._round is None:
                    break
                self._step()
            self._round = None
        found = [each for (id, _), each in self._found.items() if id == name]
        return [self._told(each, Severity.ERROR) for each in found], [line for each in found for line in _lines(each)]

    def _begin(self, progress: Progress, subjects: list[Subject], *, quietly: bool = False) -> None:
        self._scene = replace(self._scene, began=progress.began)
        self._round, self._next = self._all(subjects, quietly=quietly), None

    def _all(self, subjects: list[Subject], *, quietly: bool) -> Generator[Ask, Answer, None]:
        for investigator in self._investigators:
            own = [each for each in subjects if _is_one_of(each.type, investigator.types)]
            if not own:
                continue
            for finding in (yield from investigator.look(own, self._scene)):
                key = finding.logical_id, finding.cause.id
                if key not in self._found:
                    self._found[key] = finding
                    if not quietly:
                        self._context.reporter.diagnosed([self._told(finding, Severity.WARNING)])
                        self._context.reporter.details(_lines(finding))

    def _step(self) -> None:
        """Answer one request of the round."""
        assert self._round is not None
        try:
            if self._next is None:
                self._next = next(self._round)
            ask, self._next = self._next, None
            self._next = self._round.send(self._answer(ask))
        except StopIteration:
            self._end_round()
        except Exception:  # Whatever it is, the deployment goes on without it.
            self._end_round()

    def _end_round(self) -> None:
        self._round, self._next = None, None
        self._due = self._pace.now() + PATIENCE * self._pace.first

    def _answer(self, ask: Ask) -> Answer:
        """Ask AWS. None where it refuses, which is said once, or does not answer."""
        known = f"{ask.service} {ask.operation} {sorted(ask.words.items(), key=str)}"
        if ask.once and known in self._known:
            return self._known[known]
        if (ask.service, ask.operation) in self._refused:
            return None
        self._asked += 1
        answer: Answer = None
        try:
            answer = getattr(self._context.aws.client(ask.service), ask.operation)(**ask.words)
        except Exception as error:
            found = fault.of(error, self._context.aws.region) if not isinstance(error, fault.Fault) else error
            if found and any(each.code == fault.FORBIDDEN.id for each in found.diagnostics):
                self._refused.add((ask.service, ask.operation))
                said = " ".join(each.message for each in found.diagnostics)
                self._context.reporter.say(CauseUnseen(said))
        if answer is not None and (ask.once or known in self._known):
            self._known[known] = answer
        return answer

    def _budget(self) -> int:
        """How many requests may be made now: one for each of the shortest pauses, a second at AWS, that has passed."""
        passed = int((self._pace.now() - self._began) / self._pace.first)
        self._asked = max(self._asked, passed - SAVED)
        return passed - self._asked

    def _at_work(self, progress: Progress) -> Iterator[Subject]:
        for step in _steps(progress):
            if not step.ended and step.status.startswith(("CREATE", "UPDATE")):
                yield from self._subject(step)

    def _failed(self, progress: Progress) -> Iterator[Subject]:
        for step in _steps(progress):
            yield from self._subject(step, failed=True)

    def _subject(self, step: Step, *, failed: bool = False) -> Iterator[Subject]:
        if step.id:
            yield Subject(step.logical_id, step.type, step.id, self._scene.entry_of(step.logical_id), failed)

    def _told(self, found: Finding, severity: Severity) -> Diagnostic:
        """Return a finding as a diagnostic on the line of the manifest that it is about."""
        entry = self._scene.entry_of(found.logical_id)[:2]
        facts = {**self._commands(entry), **found.facts}
        found = replace(found, facts=facts)
        who = found.what or f"`{found.logical_id}` {belonging(entry)}"
        message = f"{who} cannot start: {found.says}: {quoted(found.said)}"
        path = (*entry, *found.cause.field) if entry else ()
        diagnostic = replace(found.cause.at(path, message, hint=found.hint or None, key=True), severity=severity)
        return self._context.placed(diagnostic)

    def _commands(self, entry: Path) -> dict[str, str]:
        """Return the commands that hints name."""
        command = self._context.command
        name = workload(entry) or "SERVICE"
        return {
            "push": command("push", name),
            "logs": command("logs", name),
            "deploy": command("deploy"),
            "repair": command("deploy", "--repair"),
            "secrets": self._context.aws.cli("secretsmanager", "list-secrets"),
        }


def quoted(said: str) -> str:
    """Return words of AWS as one line: short, with a full stop, without credentials."""
    text = printable.sentence(credentials.masked(" ".join(said.split())))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _lines(found: Finding) -> list[str]:
    """Return the lines of a log as they may be shown."""
    return [credentials.masked("\t".join(map(printable.line, line.split("\t")))) for line in found.lines]


def _steps(progress: Progress) -> Iterator[Step]:
    for row in progress.rows.values():
        yield from row.steps.values()


def _is_one_of(kind: str, types: tuple[str, ...]) -> bool:
    return any(kind == each or (each.endswith("*") and kind.startswith(each[:-1])) for each in types)
