"""Says which resources take long by nature, so that nobody takes a long wait for a stuck one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msaspec.compile import aws_types
from msaspec.deploy.progress import Progress
from msaspec.deploy.reporter import Reporter
from msaspec.language.aws_type import Properties
from msaspec.messages.progress import Slow

AFTER = timedelta(minutes=2)
"""How long a resource is at work before its slowness is said."""


class Notes:
    """The sentences of one operation, each said once a type."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._said: set[tuple[str, str]] = set()
        self._seen: dict[tuple[str, str], datetime] = {}

    def add(self, progress: Progress, now: datetime) -> None:
        """Say of what is at work for some time, and takes long by nature, how long that may be."""
        for row in progress.rows.values():
            for step in row.steps.values():
                verb = step.status.partition("_")[0].lower()
                # From when it was seen first: the clock of this machine need not be that of AWS.
                waited = now - self._seen.setdefault((step.logical_id, verb), now)
                usual = None if step.ended or waited < AFTER else aws_types.of(step.type).slow.get(verb)
                if usual and (step.type, verb) not in self._said:
                    self._said.add((step.type, verb))
                    self._reporter.say(Slow(step.logical_id, _sentence(step.type, verb, usual)))


def deletions(resources: Iterable[tuple[str, Properties]]) -> list[str]:
    """Say how long the deletion of resources may take, by their types and properties, where that is long."""
    slow = {name: aws_types.of(name).slow.get("delete") for name, how in resources if aws_types.of(name).slow_when(how)}
    return [_sentence(name, "delete", usual) for name, usual in sorted(slow.items()) if usual]


def _sentence(kind: str, verb: str, usual: str) -> str:
    return f"It usually takes {usual} to {verb} a {aws_types.of(kind)}."
