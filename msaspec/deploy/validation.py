"""What CloudFormation's checks before a deployment found, on manifest lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from msaspec.compile import Stack
from msaspec.deploy import fault
from msaspec.deploy.target import Aws
from msaspec.diagnostic import Code, Diagnostic, Severity, ordered
from msaspec.lint import blame
from msaspec.source import Document
from msaspec.verdicts import Finding

VALIDATION = Code(
    "MSA611",
    "CloudFormation's check before a deployment found something",
    """
    CloudFormation checks a change set before anything is made: properties against the resource schemas, names against
    what exists already, buckets and repositories that would have to be empty, quotas. As an error it keeps the change
    set from being executed; as a warning it says what will probably fail.
    """,
)

_ATTRIBUTES = ("CreationPolicy", "DeletionPolicy", "Metadata", "Type", "UpdatePolicy", "UpdateReplacePolicy")
"""What a resource has beside its properties."""


def findings(aws: Aws, change_set_id: str, stack: Stack, document: Document) -> list[Diagnostic]:
    """What the checks of a change set found, in the order of the manifest; nothing where they cannot be read."""
    from botocore.exceptions import ClientError

    try:
        pages = aws.client("cloudformation").get_paginator("describe_events").paginate(ChangeSetName=change_set_id)
        events = [event for page in pages for event in page["OperationEvents"]]
    except ClientError as error:
        # Not worth ending a deployment for: what is wrong with more than this request shows at the next one.
        found = fault.of(error, aws.region)
        return [replace(each, severity=Severity.WARNING) for each in found.diagnostics] if found else []
    return ordered(map(document.place, _diagnostics(events, stack, document)))


def _diagnostics(events: Iterable[Mapping[str, Any]], stack: Stack, document: Document) -> Iterator[Diagnostic]:
    for event in events:
        if event.get("EventType") != "VALIDATION_ERROR" or event.get("ValidationStatus") == "SKIPPED":
            continue
        severity = Severity.WARNING if event.get("ValidationFailureMode") == "WARN" else Severity.ERROR
        reason = " ".join(str(event.get("ValidationStatusReason") or "It gives no reason.").split())
        name = event.get("ValidationName") or "A check"
        steps = path(event)
        finding = Finding(steps, name, str(severity), reason, None)
        # What has no place is about the whole, whatever patches there are.
        entry, key = blame(finding, stack, document) if steps else ((), True)
        where = "/".join(map(str, steps))
        place = f" at `{where}` of the template" if where else ""
        message = f"{name}{place}: {reason}"
        yield replace(VALIDATION.at(entry, message, hint=None, key=key), severity=severity)


def path(event: Mapping[str, Any]) -> tuple[str | int, ...]:
    """The path in the template that an event is about.

    The reference calls it the path within the resource and the user guide shows one from the root of the template;
    not tried on an account, so both are taken.
    """
    pointer = str(event.get("ValidationPath") or "").removeprefix("#")
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/") if step]
    keys: list[str | int] = [int(step) if step.isdigit() else step for step in steps]
    logical_id = event.get("LogicalResourceId")
    if keys[:1] == ["Resources"] or not logical_id:
        return tuple(keys)
    if keys[:1] == [logical_id]:
        del keys[0]
    if keys and keys[0] not in ("Properties", *_ATTRIBUTES):
        keys.insert(0, "Properties")
    return ("Resources", logical_id, *keys)
