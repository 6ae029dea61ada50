"""EventBridge: buses, and rules that call on events or on a schedule."""

from __future__ import annotations

import json
from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Resource, only, resource
from msaspec.sandbox.cloudformation.shapes import shaped, without


@resource("AWS::Events::EventBus")
class Bus(Resource):
    """A bus of events."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        made = at.api("events").create_event_bus(Name=new["Name"], Tags=new.get("Tags", []))
        return Made(new["Name"], {"Arn": made["EventBusArn"], "Name": new["Name"], "Policy": ""})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("events").delete_event_bus(Name=id)


@resource("AWS::Events::Rule")
class Rule(Resource):
    """A rule of a bus. Its schedule never comes: a test calls the target itself."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it with its targets."""
        return self._put(at, new.get("Name") or at.name(64), {}, new)

    def _put(self, at: At, name: str, old: Properties, new: Properties) -> Made:
        api, where = at.api("events"), _bus(new)
        words = {"Name": name, **without(new, "Targets", *(("Tags",) if old else ()))}
        if isinstance(new.get("EventPattern"), dict):
            words["EventPattern"] = json.dumps(new["EventPattern"])
        arn = api.put_rule(**shaped(api, "PutRule", words))["RuleArn"]
        if old and new.get("Tags"):
            api.tag_resource(ResourceARN=arn, Tags=new["Tags"])
        targets = new.get("Targets", [])
        if targets:
            api.put_targets(**shaped(api, "PutTargets", {"Rule": name, "Targets": targets, **where}))
        gone = {each["Id"] for each in old.get("Targets", [])} - {each["Id"] for each in targets}
        if gone:
            api.remove_targets(Rule=name, Ids=sorted(gone), **where)
        bus = where.get("EventBusName", "default")
        return Made(name if bus == "default" else f"{bus}|{name}", {"Arn": arn})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change it and its targets."""
        return self._put(at, id.rpartition("|")[2], old, new)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it; EventBridge requires that its targets are removed first."""
        api, name, where = at.api("events"), id.rpartition("|")[2], _bus(old)
        if old.get("Targets"):
            api.remove_targets(Rule=name, Ids=[each["Id"] for each in old["Targets"]], **where)
        api.delete_rule(Name=name, **where)


def _bus(properties: Properties) -> dict[str, Any]:
    return only(properties, "EventBusName")
