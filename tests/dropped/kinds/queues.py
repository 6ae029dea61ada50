"""A kind that the package has not: SQS queues. The tests drop it in, to see what one new file is enough for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field
from troposphere import GetAtt, sqs

from msaspec.language.aws_type import AwsType, Clients, Deletion, Holds
from msaspec.language.base import Model
from msaspec.language.kind import Kind
from msaspec.language.part import Entry, Offer, Part, Place, Site, Statement, Use
from msaspec.language.value import Token
from msaspec.template import names


def _erase(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    aws.client("sqs").delete_queue(QueueUrl=id)
    return [f"the queue {id} with its messages"]


QUEUE = AwsType(
    name="AWS::SQS::Queue",
    noun="queue",
    holds=Holds.DATA,
    erase=_erase,
    gone=frozenset({"AWS.SimpleQueueService.NonExistentQueue"}),
    unique=(("QueueName",),),
)


class Queue(Model):
    """A queue with a queue for what nobody could handle."""

    size: str = Field("large", description="A field that databases have too.")
    attempts: Any = Field(5, description="How often a message is delivered before it is put aside.")


class QueueUse(Model):
    """What a service may do with a queue."""

    access: Literal["send", "consume"] = Field("send", description="Send or consume.")


class Queues(Kind[Queue, QueueUse]):
    """The section `queues`."""

    section = "queues"
    noun = "queue"
    types = (QUEUE,)
    attributes: ClassVar[Mapping[str, str]] = {"url": "URL of the queue."}

    def build(self, entry: Entry[Queue], uses: Sequence[Use[QueueUse]], site: Site) -> Part:
        """The queue and its dead-letter queue, which keep what is in them."""
        queue = names.logical(entry.name, "Queue")
        kept = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
        policy = sqs.RedrivePolicy(
            deadLetterTargetArn=GetAtt(f"{queue}Dead", "Arn"), maxReceiveCount=entry.spec.attempts
        )
        return Part((sqs.Queue(f"{queue}Dead", **kept), sqs.Queue(queue, RedrivePolicy=policy, **kept)))

    def offer(self, entry: Entry[Queue], use: Use[QueueUse], place: Place) -> Offer:
        """The URL, and what `access` says."""
        queue = names.logical(entry.name, "Queue")
        action = "sqs:SendMessage" if use.options.access == "send" else "sqs:ReceiveMessage"
        return Offer(
            attributes={"url": (Token(queue),)},
            variables={f"{names.variable(entry.name)}_URL": (Token(queue),)},
            statements=(Statement((action,), ((Token(f"{queue}.Arn"),),)),),
            endpoints=("sqs",),
        )
