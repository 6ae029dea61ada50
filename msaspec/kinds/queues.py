"""SQS queues, each with one for dead letters, and what they take from topics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal
from zlib import crc32

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from troposphere import GetAtt, Output, Ref, Select, Split, Sub, Tags, cloudwatch, sns, sqs

from msaspec.aws import backlog, calling, filters
from msaspec.aws.data import sqs as stored
from msaspec.aws.filters import Filter
from msaspec.aws.policies import from_buckets, tls_only
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Path
from msaspec.language.aws_type import AwsType
from msaspec.language.base import Model, Name, measured, span
from msaspec.language.kind import Kind
from msaspec.language.lending import By, Lent
from msaspec.language.listed import Listed
from msaspec.language.part import Entry, Link, Offer, Part, Place, Site, Statement, Use
from msaspec.language.value import Token, Value
from msaspec.template import names

NO_ORDER = Code(
    "MSA351",
    "A FIFO queue on a topic without order",
    """
    A FIFO queue takes messages from FIFO topics only: SNS refuses the subscription to another one. Both need `fifo:
    true`, or neither.

    Wrong: `topics: {events: {}}`, `queues: {orders: {fifo: true, from: [events]}}`
    Right: `topics: {events: {fifo: true}}`, `queues: {orders: {fifo: true, from: [events]}}`
    """,
)
ORDER_LOST = Code(
    "MSA352",
    "A queue that loses the order of its topic",
    """
    A FIFO topic delivers in order, and a standard queue keeps no order: messages may arrive in another one, and twice.
    Write `fifo: true` on the queue, or take it away from the topic.
    """,
    Severity.WARNING,
)
TOO_BROAD = Code(
    "MSA353",
    "A filter that SNS refuses",
    """
    SNS takes a filter of at most five attributes, and at most 150 combinations of their values: the number of values of
    each attribute, multiplied. A value that is inside of others counts as often as it is deep. Only the body of a
    message has values inside of others: `filter_on: body`.
    """,
)

DEAD_DAYS = 14
"""As long as SQS keeps anything: a message brings its age along."""


class Subscription(Model):
    """What a queue takes from a topic."""

    filter: Filter | None = Field(
        None,
        description="Attributes of messages with the values to take: a value, or an operator of SNS. Default: every"
        " message.",
        examples=[{"type": ["created", "paid"]}, {"total": [{"numeric": [">", 100]}]}],
    )
    filter_on: Literal["attributes", "body"] = Field(
        "attributes", description="Whether `filter` looks at the attributes of messages or at the JSON of their body."
    )
    raw: bool = Field(True, description="Deliver the message as it was published, without an envelope of SNS.")

    @model_validator(mode="after")
    def _with_a_filter(self) -> Subscription:
        if "filter_on" in self.model_fields_set and self.filter is None:
            said = "`filter_on` needs a filter: write `filter: {type: [created]}` beside it"
            raise PydanticCustomError("together", "{message}", {"message": said, "field": "filter_on"})
        return self


class Queue(Model):
    """An SQS queue: encrypted, TLS only, with a queue for what nobody could handle."""

    fifo: bool = Field(
        False, description="Keep the order of each group of messages, and deliver each once. It cannot change."
    )
    visibility: Annotated[int, span(0, 43_200, "30 s")] = measured(
        "30 s",
        description="How long a message is hidden from others once it is received: longer than its handling takes.",
        examples=["5 min"],
    )
    keep: Annotated[int, span(60, 1_209_600, "4 days")] = measured(
        "4 days", description="How long a message waits to be handled before SQS deletes it.", examples=["14 days"]
    )
    dead_letter: int = Field(
        5,
        ge=1,
        le=1000,
        description="How often a message is received without being deleted before it goes to the dead letters.",
    )
    delay: Annotated[int, span(0, 900, "10 s")] = measured(
        "0 s", description="How long a new message is hidden.", examples=["10 s"]
    )
    from_: Annotated[dict[Name, Subscription], Listed()] = Field(
        {},
        alias="from",
        description="Topics whose messages the queue takes.",
        examples=[["events"], {"events": {"filter": {"type": ["created"]}}}],
    )
    notify: Name | None = Field(
        None, description="Topic that gets a message when the queue of dead letters is not empty.", examples=["alerts"]
    )


class QueueUse(Model):
    """What a service may do with a queue."""

    shorthand = "access"

    access: Literal["send", "consume", "both"] = Field(description="What the service can do.", examples=["send"])


class Queues(Kind[Queue, QueueUse]):
    """The section `queues`."""

    section = "queues"
    noun = "queue"
    types = (AwsType(name="AWS::SNS::Subscription"), backlog.ALARM, stored.POLICY, stored.QUEUE)
    links = ("topics",)
    lent = Lent(By.ROLES, "both")
    attributes: ClassVar[Mapping[str, str]] = {
        "url": "URL of the queue.",
        "name": "Name of the queue.",
        "arn": "ARN of the queue.",
        "region": "Region of the queue.",
        "dead_letter_url": "URL of the queue of its dead letters.",
    }

    def linked(self, entry: Entry[Queue]) -> Iterable[tuple[str, Path]]:
        """Yield the topics that it subscribes to, and the one that its alarm notifies."""
        for name in sorted(entry.spec.from_):
            yield name, (*entry.path, "from", name)
        if entry.spec.notify:
            yield entry.spec.notify, (*entry.path, "notify")

    def check(self, entry: Entry[Queue], uses: Sequence[Use[QueueUse]]) -> Iterable[Diagnostic]:
        """Yield topics whose order does not fit, and filters that are too large."""
        for link in sources(entry):
            if entry.spec.fifo and not link.entry.spec.fifo:
                message = (
                    f"The FIFO queue `{entry.name}` cannot take messages from `{link.entry.name}`, a standard topic."
                )
                hint = "Write `fifo: true` on the topic, or remove it from the queue."
                yield NO_ORDER.at(link.path, message, hint=hint, key=True)
            if link.entry.spec.fifo and not entry.spec.fifo:
                message = f"The queue `{entry.name}` does not keep the order of the FIFO topic `{link.entry.name}`."
                yield ORDER_LOST.at(link.path, message, hint="Write `fifo: true` on the queue.", key=True)
        for name, subscription in sorted(entry.spec.from_.items()):
            found = subscription.filter or {}
            named, combinations = len(list(filters.attributes(found))), filters.combinations(found)
            if named > filters.MOST_ATTRIBUTES or combinations > filters.MOST_COMBINATIONS:
                message = f"The filter has {named} attributes and {combinations} combinations of values."
                hint = "Take fewer values, or filter in the service."
                yield TOO_BROAD.at((*entry.path, "from", name, "filter"), message, hint=hint, key=True)
            if subscription.filter_on == "attributes" and filters.is_nested(found):
                message = "The filter looks inside of an attribute, and attributes of messages hold no others."
                hint = "Write `filter_on: body` beside it to look into the body of messages."
                yield TOO_BROAD.at((*entry.path, "from", name, "filter"), message, hint=hint, key=True)

    def emptied_by(self, use: Use[QueueUse]) -> bool:
        """Return whether the user receives messages."""
        return use.options.access != "send"

    def build(self, entry: Entry[Queue], uses: Sequence[Use[QueueUse]], site: Site) -> Part:
        """Return the queue, that of its dead letters, who may send to them, and its subscriptions."""
        queue, spec = logical_id(entry.name), entry.spec
        dead = dead_letters(entry.name)
        kept = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
        return Part(
            resources=(
                sqs.Queue(
                    dead,
                    **_fifo(entry, site, dead, "-dead"),
                    MessageRetentionPeriod=DEAD_DAYS * 86_400,
                    SqsManagedSseEnabled=True,
                    Tags=Tags(Name=f"{site.stack}/{entry.name}-dead-letters"),
                    **kept,
                ),
                sqs.Queue(
                    queue,
                    **_fifo(entry, site, queue, ""),
                    VisibilityTimeout=spec.visibility,
                    MessageRetentionPeriod=spec.keep,
                    DelaySeconds=spec.delay,
                    RedrivePolicy=sqs.RedrivePolicy(
                        deadLetterTargetArn=GetAtt(dead, "Arn"), maxReceiveCount=spec.dead_letter
                    ),
                    SqsManagedSseEnabled=True,
                    Tags=Tags(Name=f"{site.stack}/{entry.name}"),
                    **kept,
                ),
                _policy(dead, ()),
                _policy(queue, list(_senders(entry, queue))),
                *_subscriptions(entry, queue),
                *_alarm(entry),
            ),
            outputs=(
                Output(queue, Description=f"URL of the queue {entry.name}.", Value=Ref(queue)),
                Output(dead, Description=f"URL of the queue of dead letters of {entry.name}.", Value=Ref(dead)),
            ),
        )

    def offer(self, entry: Entry[Queue], use: Use[QueueUse], place: Place) -> Offer:
        """Return the URL, and what `access` says."""
        queue = logical_id(entry.name)
        prefix = names.variable(entry.name)
        url: Value = (Token(queue),)
        name: Value = (Token(f"{queue}.QueueName"),)
        actions = ["GetQueueAttributes", "GetQueueUrl"]
        if use.options.access in ("send", "both"):
            actions.append("SendMessage")
        if use.options.access in ("consume", "both"):
            actions += ["ChangeMessageVisibility", "DeleteMessage", "ReceiveMessage"]
        return Offer(
            attributes={
                "url": url,
                "name": name,
                "arn": (Token(f"{queue}.Arn"),),
                "region": (Token("AWS::Region"),),
                "dead_letter_url": (Token(dead_letters(entry.name)),),
            },
            variables={f"{prefix}_QUEUE": name, f"{prefix}_QUEUE_URL": url, **calling.variables(use.framework)},
            statements=(Statement(tuple(f"sqs:{each}" for each in sorted(actions)), ((Token(f"{queue}.Arn"),),)),),
            endpoints=("sqs",),
        )


def logical_id(name: str) -> str:
    """Return the logical id of a queue."""
    return names.logical(name, "Queue")


def dead_letters(name: str) -> str:
    """Return the logical id of the queue of its dead letters."""
    return names.logical(name, "DeadLetters")


def sources(entry: Entry[Queue]) -> Iterator[Link]:
    """Yield the topics that a queue takes messages from."""
    return (link for link in entry.to if link.path[2:3] == ("from",))


# fact: fifo-queue-names
def _fifo(entry: Entry[Queue], site: Site, logical: str, end: str) -> dict[str, Any]:
    """Return what a FIFO queue has: a name too where the one that CloudFormation makes up could be too long.

    It would have both names, two dashes, twelve characters and `.fifo`.
    """
    if not entry.spec.fifo:
        return {}
    named = {}
    if len(site.stack) + len(logical) + 19 > stored.LONGEST:
        name = entry.name if len(entry.name) <= 24 else f"{entry.name[:15]}-{crc32(entry.name.encode()):08x}"
        unique = Select(2, Split("/", Ref("AWS::StackId")))
        named = {"QueueName": Sub(f"{name}{end}-${{Stack}}.fifo", Stack=unique)}
    return {"FifoQueue": True, "ContentBasedDeduplication": True, **named}


# fact: queue-metrics
def _alarm(entry: Entry[Queue]) -> Iterator[Any]:
    """Yield the alarm that tells a topic as soon as there are dead letters.

    SQS stops measuring a queue that nobody uses; the alarm stays as it is then, since the letters stay too.
    """
    if entry.spec.notify is None:
        return
    dead = dead_letters(entry.name)
    yield cloudwatch.Alarm(
        f"{dead}Alarm",
        AlarmDescription=f"There are dead letters of the queue {entry.name}.",
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[cloudwatch.MetricDimension(Name="QueueName", Value=GetAtt(dead, "QueueName"))],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanThreshold",
        Threshold=0,
        TreatMissingData="ignore",
        AlarmActions=[Ref(names.logical(entry.spec.notify, "Topic"))],
    )


def _policy(queue: str, senders: Sequence[dict[str, Any]]) -> Any:
    statements = [tls_only("sqs:*", GetAtt(queue, "Arn")), *senders]
    return sqs.QueuePolicy(
        f"{queue}Policy", Queues=[Ref(queue)], PolicyDocument={"Version": "2012-10-17", "Statement": statements}
    )


def _senders(entry: Entry[Queue], queue: str) -> Iterator[dict[str, Any]]:
    """Yield who sends beside the roles of services: exactly the topics that it names, and buckets."""
    arn = GetAtt(queue, "Arn")
    sources = [Ref(names.logical(name, "Topic")) for name in sorted(entry.spec.from_)]
    if sources:
        yield {
            "Sid": "Topics",
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": sources}},
        }
    if any(link.section == "buckets" for link in entry.by):
        yield from_buckets("sqs:SendMessage", arn)


def _subscriptions(entry: Entry[Queue], queue: str) -> Iterator[Any]:
    for name, subscription in sorted(entry.spec.from_.items()):
        found = subscription.filter
        scope = "MessageBody" if subscription.filter_on == "body" else "MessageAttributes"
        filtered = {"FilterPolicy": found, "FilterPolicyScope": scope} if found else {}
        yield sns.SubscriptionResource(
            names.edge(name, entry.name, "Subscription"),
            TopicArn=Ref(names.logical(name, "Topic")),
            Protocol="sqs",
            Endpoint=GetAtt(queue, "Arn"),
            RawMessageDelivery=subscription.raw,
            **filtered,
            # Before the policy is there, messages would be lost.
            DependsOn=f"{queue}Policy",
        )
