"""SNS topics: what is published is delivered to every queue that names the topic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field
from troposphere import Output, Ref, Sub, Tags, sns

from msaspec.aws import calling
from msaspec.aws.policies import from_alarms, from_buckets, tls_only
from msaspec.language.aws_type import AwsType, Effect, Objection
from msaspec.language.base import Model
from msaspec.language.kind import Kind
from msaspec.language.lending import By, Lent
from msaspec.language.part import Entry, Offer, Part, Place, Site, Statement, Use
from msaspec.language.value import Token, Value
from msaspec.template import names

OTHER_TOPIC = Objection(
    Effect.COSTS,
    "fifo",
    "would be another topic: who subscribed by other means, such as an e-mail address, is not on it",
    "Subscribe them again after the deployment: `aws sns subscribe`.",
)


class Topic(Model):
    """An SNS topic. Queues name the topics that they take messages from."""

    fifo: bool = Field(
        False, description="Keep the order of each group of messages, and deliver each once. Its queues are FIFO too."
    )


class TopicUse(Model):
    """What a service may do with a topic."""

    shorthand = "access"

    access: Literal["publish"] = Field("publish", description="What the service can do. Queues receive for services.")


class Topics(Kind[Topic, TopicUse]):
    """The section `topics`."""

    section = "topics"
    noun = "topic"
    lent = Lent(By.ROLES, "publish")
    types = (
        AwsType(name="AWS::SNS::Topic", noun="topic", unique=(("TopicName",),), replaced=OTHER_TOPIC),
        AwsType(name="AWS::SNS::TopicPolicy"),
    )
    attributes: ClassVar[Mapping[str, str]] = {
        "arn": "ARN of the topic.",
        "name": "Name of the topic.",
        "region": "Region of the topic.",
    }

    def build(self, entry: Entry[Topic], uses: Sequence[Use[TopicUse]], site: Site) -> Part:
        """Return the topic and who may publish to it beside the roles of the services: buckets and alarms, and nobody
        without TLS."""
        topic = logical_id(entry.name)
        return Part(
            resources=(
                sns.Topic(topic, **_fifo(entry), Tags=Tags(Name=f"{site.stack}/{entry.name}")),
                sns.TopicPolicy(
                    f"{topic}Policy",
                    Topics=[Ref(topic)],
                    PolicyDocument={"Version": "2012-10-17", "Statement": list(_policy(entry, Ref(topic)))},
                ),
            ),
            outputs=(Output(topic, Description=f"ARN of the topic {entry.name}.", Value=Ref(topic)),),
        )

    def offer(self, entry: Entry[Topic], use: Use[TopicUse], place: Place) -> Offer:
        """Return the ARN, and the permission to publish."""
        topic = logical_id(entry.name)
        arn: Value = (Token(topic),)
        return Offer(
            attributes={"arn": arn, "name": (Token(f"{topic}.TopicName"),), "region": (Token("AWS::Region"),)},
            variables={f"{names.variable(entry.name)}_TOPIC_ARN": arn, **calling.variables(use.framework)},
            statements=(Statement(("sns:GetTopicAttributes", "sns:Publish"), ((Token(topic),),)),),
            endpoints=("sns",),
        )


def logical_id(name: str) -> str:
    """Return the logical id of a topic."""
    return names.logical(name, "Topic")


# fact: fifo-topic-names
def _fifo(entry: Entry[Topic]) -> dict[str, Any]:
    """Return the name of a FIFO topic, which CloudFormation does not make up."""
    if not entry.spec.fifo:
        return {}
    name = Sub(f"${{AWS::StackName}}-{entry.name}.fifo")
    return {"FifoTopic": True, "ContentBasedDeduplication": True, "TopicName": name}


def _policy(entry: Entry[Topic], arn: Any) -> Iterator[dict[str, Any]]:
    yield tls_only("sns:Publish", arn)
    if any(link.section == "buckets" for link in entry.by):
        yield from_buckets("sns:Publish", arn)
    if any(link.section == "queues" and link.entry.spec.notify == entry.name for link in entry.by):
        yield from_alarms("sns:Publish", arn)
