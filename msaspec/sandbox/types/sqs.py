"""SQS: queues and their policies."""

from __future__ import annotations

import json
from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Resource, resource
from msaspec.sandbox.cloudformation.shapes import tags_apart, without


def _attributes(properties: Properties) -> dict[str, str]:
    """Return the attributes of a queue as SQS takes them: texts."""
    return {key: _text(value) for key, value in without(properties, "QueueName", "Tags").items()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value)


@resource("AWS::SQS::Queue")
class Queue(Resource):
    """A queue."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        fifo = ".fifo" if str(new.get("FifoQueue", "")).lower() == "true" else ""
        name = new.get("QueueName") or at.name(80 - len(fifo)) + fifo
        tags = {tag["Key"]: tag["Value"] for tag in new.get("Tags", [])}
        url = at.api("sqs").create_queue(QueueName=name, Attributes=_attributes(new), tags=tags)["QueueUrl"]
        return self._made(at, url)

    def _made(self, at: At, url: str) -> Made:
        there = at.api("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        arn = there["QueueArn"]
        return Made(url, {"Arn": arn, "QueueName": arn.rpartition(":")[2], "QueueUrl": url})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change its attributes and tags."""
        api = at.api("sqs")
        api.set_queue_attributes(QueueUrl=id, Attributes=_attributes(without(new, "FifoQueue")))
        gone, wanted = tags_apart(old, new)
        if gone:
            api.untag_queue(QueueUrl=id, TagKeys=gone)
        if wanted:
            api.tag_queue(QueueUrl=id, Tags={tag["Key"]: tag["Value"] for tag in wanted})
        return self._made(at, id)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it with its messages."""
        at.api("sqs").delete_queue(QueueUrl=id)


@resource("AWS::SQS::QueuePolicy")
class QueuePolicy(Resource):
    """Who may do what with some queues."""

    def create(self, at: At, new: Properties) -> Made:
        """Put it into force."""
        return self.update(at, at.name(80), {}, new)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Replace it, and take it away from queues that it names no more."""
        policy = json.dumps(new["PolicyDocument"])
        for queue in new["Queues"]:
            at.api("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
        self._withdraw(at, [queue for queue in old.get("Queues", []) if queue not in new["Queues"]])
        return Made(id, {"Id": id})

    def _withdraw(self, at: At, queues: list[str]) -> None:
        for queue in queues:
            at.api("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Take it away."""
        self._withdraw(at, list(old["Queues"]))
