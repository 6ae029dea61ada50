"""DynamoDB: tables."""

from __future__ import annotations

from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Refused, Resource, Unable, resource, truth
from msaspec.sandbox.cloudformation.shapes import known, shaped, tags_apart, without

_LATER = "PointInTimeRecoverySpecification", "TimeToLiveSpecification", "Tags", "TableName"


@resource("AWS::DynamoDB::Table")
class Table(Resource):
    """A table."""

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
        if new.get("TimeToLiveSpecification") and new.get("TimeToLiveSpecification") != old.get(
            "TimeToLiveSpecification"
        ):
            words = {"TableName": name, "TimeToLiveSpecification": new["TimeToLiveSpecification"]}
            api.update_time_to_live(**shaped(api, "UpdateTimeToLive", words))
        recovery = new.get("PointInTimeRecoverySpecification")
        if recovery and recovery != old.get("PointInTimeRecoverySpecification"):
            api.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)

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


def _encryption(specification: dict[str, Any]) -> dict[str, Any]:
    """Encryption as DynamoDB's API spells it."""
    found = without(specification, "SSEEnabled")
    return {"Enabled": truth(specification["SSEEnabled"]), **found} if "SSEEnabled" in specification else found
