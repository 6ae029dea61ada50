"""DescribeEvents: what happened in operations, with what the checks of change sets found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.cloudformation.exceptions import ValidationError

from msaspec.sandbox.on_moto import change_sets, listing
from msaspec.sandbox.on_moto.by_name import Answer
from msaspec.sandbox.on_moto.change_sets import ChangeSet
from msaspec.sandbox.on_moto.pages import page
from msaspec.sandbox.on_moto.stacks import KIND, Operation, Stack, known
from msaspec.sandbox.world import current

FAILURES = "VALIDATION_ERROR", "PROVISIONING_ERROR"


def describe(api: Any) -> Answer:
    """DescribeEvents, by change set, operation or stack; the newest first."""
    backend = api.cloudformation_backend
    change_set, operation, name = (api._get_param(key) for key in ("ChangeSetName", "OperationId", "StackName"))
    with current().lock:
        if change_set:
            found = list(_of_change_set(change_sets.wanted(api)))
        elif operation or name:
            stacks = [known(backend, name)] if name else [*backend.stacks.values(), *backend.deleted_stacks.values()]
            found = [event for stack in stacks for event in _of_stack(backend, stack)]
            found = [event for event in found if operation in (None, event["OperationId"])]
        else:
            said = "One of ChangeSetName, OperationId or StackName must be specified"
            raise ValidationError(message=said)
    if (api._get_param("Filters") or {}).get("FailedEvents") in (True, "true"):
        found = [event for event in found if event["EventType"] in FAILURES]
    rows, token = page(api, sorted(found, key=lambda event: event["Timestamp"], reverse=True), grows=True)
    return Answer({"OperationEvents": rows, "NextToken": token})


def _of_stack(backend: Any, stack: Stack) -> Iterator[dict[str, Any]]:
    for event in stack.events:
        failed = event.status.endswith("_FAILED") and event.type != KIND
        row = {**listing.event_of(stack, event), "OperationType": event.operation.type}
        yield {**row, "EventType": "PROVISIONING_ERROR" if failed else "STACK_EVENT"}
    for operation in stack.operations:
        if operation.type != "CREATE_CHANGESET":
            yield _frame(stack, operation)
    for change_set in change_sets.of(backend, stack):
        yield from _of_change_set(change_set)


def _of_change_set(change_set: ChangeSet) -> Iterator[dict[str, Any]]:
    stack, operation = change_set.stack, change_set.operation
    yield _frame(stack, operation)
    for number, finding in enumerate(change_set.findings):
        yield {
            **_common(stack, operation, f"{operation.id}-{number}"),
            "EventType": "VALIDATION_ERROR",
            "LogicalResourceId": finding.change.logical_id,
            "PhysicalResourceId": finding.change.physical_id or "",
            "ResourceType": finding.change.type,
            "Timestamp": operation.begun,
            "ValidationFailureMode": "FAIL" if finding.fails else "WARN",
            "ValidationName": finding.name,
            "ValidationStatus": "FAILED",
            "ValidationStatusReason": finding.reason,
            "ValidationPath": finding.path,
        }


def _frame(stack: Stack, operation: Operation) -> dict[str, Any]:
    return {
        **_common(stack, operation, operation.id),
        "EventType": "STACK_EVENT",
        "OperationStatus": operation.status,
        "Timestamp": operation.ended or operation.begun,
        "StartTime": operation.begun,
        "EndTime": operation.ended,
    }


def _common(stack: Stack, operation: Operation, id: str) -> dict[str, Any]:
    return {
        "EventId": id,
        "StackId": stack.stack_id,
        "OperationId": operation.id,
        "OperationType": operation.type,
        "ClientRequestToken": operation.token,
    }
