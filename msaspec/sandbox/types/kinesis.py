"""Kinesis: streams."""

from __future__ import annotations

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Resource, number, resource


@resource("AWS::Kinesis::Stream")
class Stream(Resource):
    """A stream."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        name = new.get("Name") or at.name(128)
        words = {"StreamModeDetails": new["StreamModeDetails"]} if "StreamModeDetails" in new else {}
        shards = {"ShardCount": number(new["ShardCount"])} if "ShardCount" in new else {}
        at.api("kinesis").create_stream(
            StreamName=name, **({} if shards or words else {"ShardCount": 1}), **shards, **words
        )
        tags = {tag["Key"]: tag["Value"] for tag in new.get("Tags", [])}
        if tags:
            at.api("kinesis").add_tags_to_stream(StreamName=name, Tags=tags)
        return self._made(at, name)

    def _made(self, at: At, name: str) -> Made:
        there = at.api("kinesis").describe_stream(StreamName=name)["StreamDescription"]
        return Made(name, {"Arn": there["StreamARN"]})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change how long it keeps records."""
        before, after = (int(each.get("RetentionPeriodHours", 24)) for each in (old, new))
        words = {"StreamName": id, "RetentionPeriodHours": after}
        if after > before:
            at.api("kinesis").increase_stream_retention_period(**words)
        if after < before:
            at.api("kinesis").decrease_stream_retention_period(**words)
        return self._made(at, id)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it with its records."""
        at.api("kinesis").delete_stream(StreamName=id, EnforceConsumerDeletion=True)
