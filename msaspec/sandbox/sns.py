"""SNS: topics, which patches may add."""

from __future__ import annotations

from msaspec.sandbox.resource import At, Made, Properties, Resource, resource


@resource("AWS::SNS::Topic")
class Topic(Resource):
    """A topic."""

    def create(self, at: At, new: Properties) -> Made:
        """Makes it."""
        name = new.get("TopicName") or at.name(256)
        attributes = {"DisplayName": new["DisplayName"]} if "DisplayName" in new else {}
        arn = at.api("sns").create_topic(Name=name, Attributes=attributes, Tags=new.get("Tags", []))["TopicArn"]
        return Made(arn, {"TopicArn": arn, "TopicName": arn.rpartition(":")[2]})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Changes the name that people see, and the tags."""
        at.api("sns").set_topic_attributes(
            TopicArn=id, AttributeName="DisplayName", AttributeValue=new.get("DisplayName", "")
        )
        if new.get("Tags"):
            at.api("sns").tag_resource(ResourceArn=id, Tags=new["Tags"])
        return Made(id, {"TopicArn": id, "TopicName": id.rpartition(":")[2]})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Removes it."""
        at.api("sns").delete_topic(TopicArn=id)
