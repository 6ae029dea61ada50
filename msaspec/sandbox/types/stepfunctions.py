"""Step Functions: state machines. Their executions are `on_moto/executions.py`."""

from __future__ import annotations

import json
from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Properties, add
from msaspec.sandbox.cloudformation.shapes import without
from msaspec.sandbox.types.plain import Plain


class StateMachine(Plain):
    """A state machine, whose definition is a text, an object, or a file in S3."""

    def _words(self, at: At, new: Properties) -> dict[str, Any]:
        return super()._words(at, without(new, "DefinitionString") | {"Definition": _definition(at, new)})


def _definition(at: At, new: Properties) -> str:
    text = new.get("DefinitionString") or json.dumps(new.get("Definition", {}))
    if "DefinitionS3Location" in new:
        where = new["DefinitionS3Location"]
        text = at.api("s3").get_object(Bucket=where["Bucket"], Key=where["Key"])["Body"].read().decode()
    for name, value in new.get("DefinitionSubstitutions", {}).items():
        text = text.replace(f"${{{name}}}", str(value))
    return str(text)


add(
    "AWS::StepFunctions::StateMachine",
    StateMachine(
        "stepfunctions",
        "CreateStateMachine",
        "DeleteStateMachine",
        "stateMachineArn",
        ("stateMachineArn",),
        change="UpdateStateMachine",
        named="StateMachineName",
        longest=80,
        spelled={"StateMachineName": "name", "StateMachineType": "type"},
        attributes={"Arn": "stateMachineArn", "Name": "name"},
    ),
)
