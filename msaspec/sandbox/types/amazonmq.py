"""Amazon MQ: brokers."""

from __future__ import annotations

from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Resource, resource
from msaspec.sandbox.cloudformation.shapes import known, shaped, tags_apart, without


def _api(at: At) -> Any:
    return at.api("mq")


@resource("AWS::AmazonMQ::Broker")
class Broker(Resource):
    """A broker. It is running at once; nothing listens at its address."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        words = shaped(_api(at), "CreateBroker", without(new, "Tags"))
        tags = {tag["Key"]: tag["Value"] for tag in new.get("Tags", [])}
        return self._made(at, _api(at).create_broker(**words, Tags=tags)["BrokerId"])

    def _made(self, at: At, id: str) -> Made:
        there = _api(at).describe_broker(BrokerId=id)
        instances = there["BrokerInstances"]
        attributes = {
            "Arn": there["BrokerArn"],
            "AmqpEndpoints": [url for each in instances for url in each["Endpoints"]],
            "EngineVersionCurrent": there["EngineVersion"],
            "IpAddresses": [each["IpAddress"] for each in instances],
        }
        return Made(id, attributes)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change it. What its users are is of importance only when it is made."""
        taken = known(_api(at), "UpdateBroker")
        changed = {key: value for key, value in new.items() if value != old.get(key) and key.lower() in taken}
        if changed:
            _api(at).update_broker(BrokerId=id, **shaped(_api(at), "UpdateBroker", changed))
        made = self._made(at, id)
        gone, tags = tags_apart(old, new)
        if gone:
            _api(at).delete_tags(ResourceArn=made.attributes["Arn"], TagKeys=gone)
        if tags:
            _api(at).create_tags(ResourceArn=made.attributes["Arn"], Tags={tag["Key"]: tag["Value"] for tag in tags})
        return made

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it with its messages."""
        _api(at).delete_broker(BrokerId=id)
