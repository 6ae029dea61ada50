"""DynamoDB: tables."""

from __future__ import annotations

from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Refused, Resource, Unable, resource, truth
from msaspec.sandbox.cloudformation.shapes import known, shaped, tags_apart, without

_CALLS = {"UpdateTimeToLive": "update_time_to_live", "UpdateContinuousBackups": "update_continuous_backups"}
_LATER = "PointInTimeRecoverySpecification", "TimeToLiveSpecification", "Tags", "TableName"
"""What is set once a table is there: the first two are."""


@resource("AWS::DynamoDB::Table")
class Table(Resource):
    """A table."""

    imports = True

    def adopt(self, at: At, new: Properties) -> Made:
        """Give one that exists the settings of the template."""
        api, name = at.api("dynamodb"), new["TableName"]
        there = api.describe_table(TableName=name)["Table"]
        tags = api.list_tags_of_resource(ResourceArn=there["TableArn"]).get("Tags", [])
        old = {**new, "DeletionProtectionEnabled": there.get("DeletionProtectionEnabled", False), "Tags": tags}
        return self.update(at, name, {**old, **dict.fromkeys(_LATER[:2])}, new)

    def create(self, at: At, new: Properties) -> Made:
        """Make it, then set what only a table that is there can have."""
        api, name = at.api("dynamodb"), new.get("TableName") or at.name(255)
        words = without(new, *_LATER) | {"TableName": name, "Tags": new.get("Tags", [])}
        if "SSESpecification" in words:
            words["SSESpecification"] = _encryption(words["SSESpecification"])
        if "StreamSpecification" in words:
            words["StreamSpecification"] = {"StreamEnabled": True, **words["StreamSpecification"]}
        api.create_table(**shaped(api, "CreateTable", words))
        self._settings(at, name, {}, new)
        return self._made(at, name)

    def _settings(self, at: At, name: str, old: Properties, new: Properties) -> None:
        api = at.api("dynamodb")
        for key, operation in (
            ("TimeToLiveSpecification", "UpdateTimeToLive"),
            ("PointInTimeRecoverySpecification", "UpdateContinuousBackups"),
        ):
            if new.get(key) and new[key] != old.get(key):
                words = shaped(api, operation, {"TableName": name, key: new[key]})
                getattr(api, _CALLS[operation])(**words)

    def _made(self, at: At, name: str) -> Made:
        there = at.api("dynamodb").describe_table(TableName=name)["Table"]
        stream = {"StreamArn": there["LatestStreamArn"]} if "LatestStreamArn" in there else {}
        return Made(name, {"Arn": there["TableArn"], **stream})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change what differs."""
        api = at.api("dynamodb")
        changed = {key: value for key, value in new.items() if old.get(key) != value}
        words = {
            key: value for key, value in without(changed, *_LATER).items() if key.lower() in known(api, "UpdateTable")
        }
        if "GlobalSecondaryIndexes" in changed or "GlobalSecondaryIndexes" in old:
            words.pop("GlobalSecondaryIndexes", None)
            moves = _moves(old, new)
            if len(moves) > 1:
                raise Refused(
                    "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
                )
            words |= {"GlobalSecondaryIndexUpdates": moves} if moves else {}
        if words.keys() == {"AttributeDefinitions"}:
            words = {}
        if words:
            api.update_table(**shaped(api, "UpdateTable", words | {"TableName": id}))
        self._settings(at, id, old, new)
        made = self._made(at, id)
        gone, wanted = tags_apart(old, new)
        if gone:
            api.untag_resource(ResourceArn=made.attributes["Arn"], TagKeys=gone)
        if wanted:
            api.tag_resource(ResourceArn=made.attributes["Arn"], Tags=wanted)
        return made

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it, unless it is protected."""
        at.api("dynamodb").delete_table(TableName=id)


@resource("AWS::DynamoDB::GlobalTable")
class GlobalTable(Table):
    """A table with replicas; the sandbox has that of its own Region."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        return super().create(at, self._as_table(at, new))

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change what differs."""
        return super().update(at, id, self._as_table(at, old), self._as_table(at, new))

    def _as_table(self, at: At, properties: Properties) -> dict[str, Any]:
        """Return the properties of a table that stands for the replica of this Region."""
        replicas = {each["Region"]: each for each in properties["Replicas"]}
        if at.region not in replicas:
            raise Refused(f"Replicas must include {at.region}.")
        if replicas.keys() != {at.region}:
            raise Unable(f"The sandbox replicates no table from {at.region} elsewhere.")
        return without(properties, "Replicas") | without(replicas[at.region], "Region")


def _moves(old: Properties, new: Properties) -> list[dict[str, Any]]:
    """Return what becomes of global secondary indexes, as DynamoDB's API takes it."""
    before, after = (
        {index["IndexName"]: index for index in each.get("GlobalSecondaryIndexes") or ()} for each in (old, new)
    )
    made = [{"Create": index} for name, index in after.items() if name not in before]
    gone = [{"Delete": {"IndexName": name}} for name in before if name not in after]
    changed = [{"Update": index} for name, index in after.items() if name in before and before[name] != index]
    return [*gone, *changed, *made]


def _encryption(specification: dict[str, Any]) -> dict[str, Any]:
    """Encryption as DynamoDB's API spells it."""
    found = without(specification, "SSEEnabled")
    return {"Enabled": truth(specification["SSEEnabled"]), **found} if "SSEEnabled" in specification else found
