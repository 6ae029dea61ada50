"""SQS queues as holders of messages."""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator

from msaspec.language.aws_type import (
    AwsType,
    Clients,
    Deletion,
    Effect,
    Holds,
    Objection,
    Properties,
    unless_gone,
)
from msaspec.template.resources import whole

_GONE = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
_TEXT = frozenset(string.ascii_letters + string.digits + "_-")
LONGEST = 80
KEPT = 345_600
"""Seconds that SQS keeps messages where nothing is said."""


# fact: queue-names
def _name(name: str) -> str | None:
    if not 1 <= len(name) <= LONGEST:
        return "a queue name has 1 to 80 characters"
    if not set(name.removesuffix(".fifo")) <= _TEXT:
        return "it contains characters other than letters, digits, `_` and `-`, with `.fifo` at the end of a FIFO queue"
    return None


def _there(aws: Clients, id: str) -> bool:
    ask = aws.client("sqs").get_queue_attributes
    return unless_gone(_GONE, ask, QueueUrl=id, AttributeNames=["QueueArn"]) is not None


def _erase(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    if not _there(aws, id):
        return []
    aws.client("sqs").delete_queue(QueueUrl=id)
    return [f"the queue {id} with its messages"]


def _removal(id: str) -> Iterable[list[str]]:
    yield ["sqs", "delete-queue", "--queue-url", id]


def _objections(before: Properties, after: Properties) -> Iterator[Objection]:
    """Yield messages that would be too old at once."""
    old, new = (whole(each.get("MessageRetentionPeriod", KEPT)) for each in (before, after))
    if old and new and new < old:
        reason = f"would delete messages that are older than {_time(new)}; it keeps them for {_time(old)} now"
        yield Objection(Effect.COSTS, "keep", reason, f"Keep `keep: {_time(old)}` until the queue is empty.")


def _time(seconds: int) -> str:
    """Return a span of seconds as a manifest has it.

    >>> _time(345600), _time(60)
    ('4 days', '1 min')
    """
    for unit, size in (("day", 86_400), ("h", 3600), ("min", 60)):
        if seconds % size == 0:
            number = seconds // size
            return f"{number} {unit}{'s' if unit == 'day' and number > 1 else ''}"
    return f"{seconds} s"


QUEUE = AwsType(
    name="AWS::SQS::Queue",
    noun="queue",
    holds=Holds.DATA,
    erase=_erase,
    gone=_GONE,
    there=_there,
    removal=_removal,
    objections=_objections,
    unique=(("QueueName",),),
    names={"QueueName": _name},
)
POLICY = AwsType(name="AWS::SQS::QueuePolicy")
