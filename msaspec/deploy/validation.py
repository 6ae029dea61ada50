"""What CloudFormation's checks before a deployment found, on manifest lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from msaspec.deploy.aws import fault, refusals
from msaspec.deploy.options import DeployContext
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity, ordered
from msaspec.diagnostics.place import pointed
from msaspec.linting.cfn_lint import blame
from msaspec.linting.verdicts import Finding
from msaspec.source.document import Document
from msaspec.template.stack import Stack

VALIDATION = Code(
    "MSA611",
    "CloudFormation's validation found something",
    """
    CloudFormation validates a change set before it creates anything: properties against the resource schemas, names
    against existing resources, buckets and repositories that must be empty, quotas. An error prevents the execution of
    the change set; a warning says what will probably fail.
    """,
)

_ATTRIBUTES = ("CreationPolicy", "DeletionPolicy", "Metadata", "Type", "UpdatePolicy", "UpdateReplacePolicy")
"""What a resource has beside its properties."""


def findings(context: DeployContext, change_set_id: str, stack: Stack) -> list[Diagnostic]:
    """Return what the checks of a change set found, in the order of the manifest; nothing where they cannot be read."""
    from botocore.exceptions import ClientError

    aws, document = context.aws, context.document
    try:
        pages = aws.client("cloudformation").get_paginator("describe_events").paginate(ChangeSetName=change_set_id)
        events = [event for page in pages for event in page["OperationEvents"]]
    except ClientError as error:
        # Not worth ending a deployment for: what is wrong with more than this request shows at the next one.
        found = fault.of(error, aws.region, aws.profile)
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
        yield replace(VALIDATION.at(entry, message, hint=refusals.hint(reason), key=key), severity=severity)


def path(event: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Return the path in the template that an event is about.

    The reference calls it the path within the resource and the user guide shows one from the root of the template;
    not tried on an account, so both are taken.
    """
    # fact: validation-path
    keys = list(pointed(str(event.get("ValidationPath") or "").removeprefix("#")))
    logical_id = event.get("LogicalResourceId")
    if keys[:1] == ["Resources"] or not logical_id:
        return tuple(keys)
    if keys[:1] == [logical_id]:
        del keys[0]
    if keys and keys[0] not in ("Properties", *_ATTRIBUTES):
        keys.insert(0, "Properties")
    return ("Resources", logical_id, *keys)
