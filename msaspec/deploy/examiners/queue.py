"""Queues: whether they are there, and how many messages wait in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msaspec.deploy.asking import GONE
from msaspec.deploy.condition import Condition, Examiner, Examining, gone, unknown
from msaspec.deploy.evidence import Ask, Scene, Subject

_WAITING = "ApproximateNumberOfMessages"


class Queues(Examiner):
    """Tells how queues are."""

    types: ClassVar[tuple[str, ...]] = ("AWS::SQS::Queue",)

    def look(self, subjects: Sequence[Subject], scene: Scene) -> Examining:
        """Ask for each."""
        found = []
        for subject in subjects:
            answer = yield Ask("sqs", "get_queue_attributes", {"QueueUrl": subject.id, "AttributeNames": ["All"]})
            if answer is None or answer is GONE:
                found.append(gone(subject) if answer is GONE else unknown(subject))
                continue
            said = answer.get("Attributes", {})
            number = str(said.get(_WAITING, "0"))
            dead = "RedrivePolicy" not in said
            state = f"{number} dead {_letters(number)}" if dead else f"{number} waiting"
            keep = int(said.get("MessageRetentionPeriod", 0)) // 86_400
            protections: dict[str, str | bool] = {"messages kept": f"{keep} days"} if keep else {}
            found.append(Condition(subject.entry, subject.type, subject.id, state, protections=protections))
        return found


def _letters(number: str) -> str:
    return "letter" if number == "1" else "letters"
