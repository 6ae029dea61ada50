"""Makes the requests of generators that ask (`evidence.py`), one after the other, and notes what AWS refuses."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, TypeVar

from msaspec.deploy.aws import fault
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.evidence import Answer, Ask

MOST = 200
"""How many requests are made at most."""
GONE: Mapping[str, Any] = {"gone": True}
"""The answer about something that AWS does not know."""
_GONE_CODES = (
    "404",
    "NoSuchBucket",
    "NoSuchPublicAccessBlockConfiguration",
    "DBInstanceNotFound",
    "InvalidInstanceID.NotFound",
    "NotFound",
    "NotFoundException",
    "NotFoundFault",
    "NoSuchHostedZone",
)

T = TypeVar("T")


class Asking:
    """Answers generators, and notes what AWS does not tell them."""

    def __init__(self, aws: Aws) -> None:
        self._aws, self._left = aws, MOST
        self.missing: tuple[str, ...] = ()
        """Why AWS did not answer, each reason once: permissions that are missing, or a fault."""

    def led(self, asking: Generator[Ask, Answer, T]) -> T:
        """Answer every request of a generator, and return what it returns."""
        answer: Answer = None
        try:
            ask = next(asking)
            while True:
                answer = self._answer(ask)
                ask = asking.send(answer)
        except StopIteration as end:
            found: T = end.value
            return found

    def _answer(self, ask: Ask) -> Answer:
        self._left -= 1
        if self._left < 0:
            return None
        try:
            answer: Answer = getattr(self._aws.client(ask.service), ask.operation)(**ask.words)
            return answer
        except Exception as error:
            if fault.code_of(error).endswith(_GONE_CODES):
                return GONE
            found = error if isinstance(error, fault.Fault) else fault.of(error, self._aws.region)
            if found is None:
                raise
            said = (each.message for each in found.diagnostics)
            self.missing = tuple(dict.fromkeys((*self.missing, *said)))
            return None
