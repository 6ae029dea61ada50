"""CloudWatch Logs."""

from __future__ import annotations

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Resource, number, resource


@resource("AWS::Logs::LogGroup")
class LogGroup(Resource):
    """A log group."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        name = new.get("LogGroupName") or at.name(512)
        tags = {tag["Key"]: tag["Value"] for tag in new.get("Tags", [])}
        at.api("logs").create_log_group(logGroupName=name, **({"tags": tags} if tags else {}))
        return self.update(at, name, {}, new)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change retention and tags."""
        logs = at.api("logs")
        if "RetentionInDays" in new:
            logs.put_retention_policy(logGroupName=id, retentionInDays=number(new["RetentionInDays"]))
        elif "RetentionInDays" in old:
            logs.delete_retention_policy(logGroupName=id)
        if old and new.get("Tags"):
            logs.tag_log_group(logGroupName=id, tags={tag["Key"]: tag["Value"] for tag in new["Tags"]})
        return Made(id, {"Arn": f"arn:aws:logs:{at.region}:{at.account}:log-group:{id}:*"})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it with what is in it."""
        at.api("logs").delete_log_group(logGroupName=id)
