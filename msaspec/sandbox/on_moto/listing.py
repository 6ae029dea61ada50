"""What CloudFormation returns about its stacks: status, resources, events, templates, policies."""

from __future__ import annotations

import json
from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.core.responses import EmptyResult

from msaspec.sandbox.on_moto import change_sets, requests
from msaspec.sandbox.on_moto.by_name import Answer
from msaspec.sandbox.on_moto.pages import page
from msaspec.sandbox.on_moto.stacks import Event, Operation, Row, Stack, all_of, find, known
from msaspec.sandbox.world import current

OF_ITS_OWN = {"StackDriftStatus": "NOT_CHECKED"}
NO_NAME = "StackName is required if ChangeSetName is not specified."
NO_STACK = "Stack [{}] does not exist"


def describe_stacks(api: Any) -> Answer:
    """DescribeStacks: by name those that are there, by id deleted ones too."""
    backend, name = api.cloudformation_backend, api._get_param("StackName")
    with current().lock:
        stacks = [known(backend, name)] if name else all_of(backend.stacks)
        rows, token = page(api, [_stack(stack) for stack in stacks])
    return Answer({"Stacks": rows, "NextToken": token})


def _stack(stack: Stack) -> dict[str, Any]:
    goal, gone = stack.shown, stack.status == "DELETE_COMPLETE"
    tags = goal.tags if stack.exists else {}
    return {
        **_summary(stack),
        "ChangeSetId": stack.change_set_id,
        "Description": goal.template.get("Description") if stack.exists else None,
        "Parameters": (requests.shown_parameters(stack, goal) if stack.exists else []) or None,
        "RollbackConfiguration": {},
        "DisableRollback": stack.disable_rollback,
        "NotificationARNs": [],
        "Capabilities": stack.capabilities or None,
        "Outputs": _outputs(stack) or None,
        "RoleARN": stack.role_arn,
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        "EnableTerminationProtection": None if gone else stack.enable_termination_protection,
    }


def _summary(stack: Stack) -> dict[str, Any]:
    return {
        "StackId": stack.stack_id,
        "StackName": stack.name,
        **({"ParentId": stack.parent.stack_id, "RootId": stack.root.stack_id} if stack.parent else {}),
        "TemplateDescription": stack.shown.template.get("Description") if stack.exists else None,
        "CreationTime": stack.creation_time,
        "LastUpdatedTime": stack.updated,
        "DeletionTime": stack.deleted,
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason,
        "DriftInformation": OF_ITS_OWN,
        "LastOperations": [{"OperationType": each.type, "OperationId": each.id} for each in _last(stack)],
    }


def _last(stack: Stack) -> list[Operation]:
    """Return the last operation, with the one before that it rolls back; the newest first."""
    *before, last = stack.operations
    return [last, *before[-1:]] if last.type == "ROLLBACK" else [last]


def _outputs(stack: Stack) -> list[dict[str, Any]]:
    return [
        {
            "OutputKey": key,
            "OutputValue": str(output["Value"]),
            "Description": output.get("Description"),
            "ExportName": output.get("Export", {}).get("Name"),
        }
        for key, output in stack.deployment.outputs.items()
    ]


def list_stacks(api: Any) -> Answer:
    """ListStacks: deleted ones too."""
    backend, statuses = api.cloudformation_backend, api._get_param("StackStatusFilter", [])
    with current().lock:
        stacks: list[Stack] = [*all_of(backend.stacks), *all_of(backend.deleted_stacks)]
        found = [_summary(stack) for stack in stacks if not statuses or stack.status in statuses]
    rows, token = page(api, sorted(found, key=lambda row: row["CreationTime"], reverse=True))
    return Answer({"StackSummaries": rows, "NextToken": token})


def _rows(stack: Stack) -> list[Row]:
    with current().lock:
        return list(stack.rows.values())


def _resource(row: Row) -> dict[str, Any]:
    return {
        "LogicalResourceId": row.logical_id,
        "PhysicalResourceId": row.physical_id or None,
        "ResourceType": row.type,
        "ResourceStatus": row.status,
        "ResourceStatusReason": row.reason,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }


def list_stack_resources(api: Any) -> Answer:
    """ListStackResources."""
    stack = known(api.cloudformation_backend, api._get_param("StackName"))
    rows, token = page(api, [{**_resource(row), "LastUpdatedTimestamp": row.since} for row in _rows(stack)])
    return Answer({"StackResourceSummaries": rows, "NextToken": token})


def describe_stack_resources(api: Any) -> Answer:
    """DescribeStackResources: no more than a hundred, as at AWS."""
    name, wanted, physical = (api._get_param(key) for key in ("StackName", "LogicalResourceId", "PhysicalResourceId"))
    backend = api.cloudformation_backend
    if name:
        stack = known(backend, name, NO_STACK)
    else:
        with current().lock:
            owners = [each for each in backend.stacks.values() if physical in (r.physical_id for r in _rows(each))]
        if not owners:
            raise ValidationError(message=f"Stack for {physical} does not exist")
        stack = owners[0]
    found = [row for row in _rows(stack) if wanted in (None, row.logical_id)]
    rows = [{**_resource(row), **_of(stack), "Timestamp": row.since} for row in found[:100]]
    return Answer({"StackResources": rows})


def describe_stack_resource(api: Any) -> Answer:
    """DescribeStackResource."""
    name, wanted = api._get_param("StackName"), api._get_param("LogicalResourceId")
    stack = known(api.cloudformation_backend, name, "Stack '{}' does not exist")
    for row in _rows(stack):
        if row.logical_id == wanted:
            there = stack.deployment.resources.get(wanted)
            noted = there.definition.get("Metadata") if there else None
            detail = {**_resource(row), **_of(stack), "LastUpdatedTimestamp": row.since}
            detail["Metadata"] = json.dumps(noted or {})
            return Answer({"StackResourceDetail": detail})
    raise ValidationError(message=f"Resource {wanted} does not exist for stack {name}")


def _of(stack: Stack) -> dict[str, Any]:
    return {"StackName": stack.name, "StackId": stack.stack_id}


def describe_stack_events(api: Any) -> Answer:
    """DescribeStackEvents: the newest first."""
    stack = known(api.cloudformation_backend, api._get_param("StackName"), NO_STACK)
    with current().lock:
        events, token = page(api, stack.events[::-1], grows=True)
        rows = [event_of(stack, event) for event in events]
    return Answer({"StackEvents": rows, "NextToken": token})


def event_of(stack: Stack, event: Event) -> dict[str, Any]:
    """Return an event as the API shows it."""
    return {
        **_of(stack),
        "EventId": event.id,
        "OperationId": event.operation.id,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.type,
        "Timestamp": event.at,
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason,
        "ResourceProperties": event.properties,
        "ClientRequestToken": event.token,
    }


def get_template(api: Any) -> Answer:
    """GetTemplate, of a stack or of a change set: nothing is ever transformed."""
    name, of_set = api._get_param("StackName"), api._get_param("ChangeSetName")
    if not name and not (of_set or "").startswith("arn:"):
        raise ValidationError(message="StackName is a required parameter." if of_set else NO_NAME)
    if of_set:
        text: str | None = change_sets.wanted(api).text
    else:
        stack = known(api.cloudformation_backend, name)
        text = stack.template or None  # which a stack that was only proposed has not
    return Answer({"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]})


def get_stack_policy(api: Any) -> Answer:
    """GetStackPolicy."""
    stack = known(api.cloudformation_backend, api._get_param("StackName"), NO_STACK)
    return Answer({"StackPolicyBody": stack.policy or None})


def set_stack_policy(api: Any) -> EmptyResult:
    """SetStackPolicy."""
    name = api._get_param("StackName")
    stack = find(api.cloudformation_backend, name)
    if stack is None:
        raise ValidationError(message=NO_STACK.format(name))
    stack.policy = requests.policy_of(api, "StackPolicy")
    return EmptyResult()
