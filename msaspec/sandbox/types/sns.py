"""SNS: topics, which patches may add, subscriptions and policies."""

from __future__ import annotations

import json
from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Resource, only, resource, truth
from msaspec.sandbox.cloudformation.shapes import without


@resource("AWS::SNS::Topic")
class Topic(Resource):
    """A topic, with the subscriptions that it names itself."""

    _PLAIN = "Subscription", "Tags", "TopicName"

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        fifo = ".fifo" if truth(new.get("FifoTopic", False)) else ""
        name = new.get("TopicName") or at.name(256 - len(fifo)) + fifo
        attributes, tags = _texts(without(new, *self._PLAIN)), new.get("Tags", [])
        arn = at.api("sns").create_topic(Name=name, Attributes=attributes, Tags=tags)["TopicArn"]
        self._subscribe(at, arn, {}, new)
        return self._made(arn)

    def _made(self, arn: str) -> Made:
        return Made(arn, {"TopicArn": arn, "TopicName": arn.rpartition(":")[2]})

    def _subscribe(self, at: At, arn: str, old: Properties, new: Properties) -> None:
        for each in new.get("Subscription", []):
            if each not in old.get("Subscription", []):
                at.api("sns").subscribe(TopicArn=arn, Protocol=each["Protocol"], Endpoint=each["Endpoint"])

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change its attributes, subscriptions and tags. One that is not named any more is emptied."""
        before, after = (_texts(without(each, *self._PLAIN)) for each in (old, new))
        for key in sorted(before.keys() | after.keys()):
            if before.get(key) != after.get(key):
                at.api("sns").set_topic_attributes(TopicArn=id, AttributeName=key, AttributeValue=after.get(key, ""))
        self._subscribe(at, id, old, new)
        tags = [[tag["Key"] for tag in each.get("Tags", [])] for each in (old, new)]
        if gone := sorted(set(tags[0]) - set(tags[1])):
            at.api("sns").untag_resource(ResourceArn=id, TagKeys=gone)
        if new.get("Tags"):
            at.api("sns").tag_resource(ResourceArn=id, Tags=new["Tags"])
        return self._made(id)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("sns").delete_topic(TopicArn=id)


@resource("AWS::SNS::Subscription")
class Subscription(Resource):
    """A subscription to a topic, which may be in another Region."""

    _PLAIN = "Endpoint", "Protocol", "Region", "TopicArn"

    def create(self, at: At, new: Properties) -> Made:
        """Subscribe."""
        words = only(new, "Endpoint", "Protocol", "TopicArn")
        made = self._api(at, new).subscribe(
            **words, Attributes=_texts(without(new, *self._PLAIN)), ReturnSubscriptionArn=True
        )
        return Made(made["SubscriptionArn"], {"Arn": made["SubscriptionArn"]})

    def _api(self, at: At, properties: Properties) -> Any:
        return at.api("sns", properties.get("Region"))

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change its attributes."""
        api = self._api(at, new)
        for key, value in _texts(without(new, *self._PLAIN)).items():
            api.set_subscription_attributes(SubscriptionArn=id, AttributeName=key, AttributeValue=value)
        return Made(id, {"Arn": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Unsubscribe."""
        self._api(at, old).unsubscribe(SubscriptionArn=id)


@resource("AWS::SNS::TopicPolicy")
class TopicPolicy(Resource):
    """Who may do what with some topics."""

    def create(self, at: At, new: Properties) -> Made:
        """Put it into force."""
        return self.update(at, at.name(256), {}, new)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Replace it."""
        for topic in new["Topics"]:
            at.api("sns").set_topic_attributes(
                TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(new["PolicyDocument"])
            )
        return Made(id, {"Id": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Go back to the policy that a topic has by itself."""
        for topic in old["Topics"]:
            owner = {"StringEquals": {"AWS:SourceOwner": at.account}}
            allowed = {"Sid": "__default_statement_ID", "Effect": "Allow", "Principal": {"AWS": "*"}}
            statement = allowed | {"Action": ["SNS:Publish", "SNS:Subscribe"], "Resource": topic, "Condition": owner}
            policy = json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})
            at.api("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)


def _texts(attributes: Properties) -> dict[str, str]:
    """Attributes as SNS takes them: texts."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in attributes.items()}
