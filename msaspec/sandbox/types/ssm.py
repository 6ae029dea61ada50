"""Systems Manager: parameters."""

from __future__ import annotations

from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Failed, Made, Properties, Resource, add, only, resource
from msaspec.sandbox.types.plain import Plain

_WORDS = "AllowedPattern", "DataType", "Description", "Policies", "Tier", "Type", "Value"


@resource("AWS::SSM::Parameter")
class Parameter(Resource):
    """A parameter. Without a name it gets one that begins with `CFN-`."""

    def create(self, at: At, new: Properties) -> Made:
        """Store it."""
        for key in "Type", "Value":
            if key not in new:
                raise Failed(f"Property validation failure: [The property {{/{key}}} is required]")
        name = new.get("Name") or at.name(2048, prefix="CFN")
        tags = [{"Key": key, "Value": str(value)} for key, value in new.get("Tags", {}).items()]
        at.api("ssm").put_parameter(Name=name, **_words(new), Tags=tags)
        return self._made(name, new)

    def _made(self, name: str, new: Properties) -> Made:
        return Made(name, {"Name": name, **only(new, *_WORDS)})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Store another value; bring the tags from the old to the new."""
        api = at.api("ssm")
        api.put_parameter(Name=id, Overwrite=True, **_words(new))
        where = {"ResourceType": "Parameter", "ResourceId": id}
        if gone := sorted(old.get("Tags", {}).keys() - new.get("Tags", {}).keys()):
            api.remove_tags_from_resource(**where, TagKeys=gone)
        if new.get("Tags"):
            tags = [{"Key": key, "Value": str(value)} for key, value in new["Tags"].items()]
            api.add_tags_to_resource(**where, Tags=tags)
        return self._made(id, new)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("ssm").delete_parameter(Name=id)


def _words(properties: Properties) -> dict[str, Any]:
    return only(properties, *_WORDS) | {"Value": str(properties["Value"])}


_OF_TASKS = {
    "MaintenanceWindowAutomationParameters": "Automation",
    "MaintenanceWindowLambdaParameters": "Lambda",
    "MaintenanceWindowRunCommandParameters": "RunCommand",
    "MaintenanceWindowStepFunctionsParameters": "StepFunctions",
}
"""What a template calls the parameters of a task, and what Systems Manager does."""


class MaintenanceWindowTask(Plain):
    """What is done in a maintenance window."""

    def _words(self, at: At, new: Properties) -> dict[str, Any]:
        said = {_OF_TASKS.get(key, key): value for key, value in new.get("TaskInvocationParameters", {}).items()}
        return super()._words(at, {**new, **({"TaskInvocationParameters": said} if said else {})})


add(
    "AWS::SSM::MaintenanceWindowTask",
    MaintenanceWindowTask(
        "ssm",
        "RegisterTaskWithMaintenanceWindow",
        "DeregisterTaskFromMaintenanceWindow",
        "WindowTaskId",
        ("WindowTaskId", "WindowId"),
    ),
)
