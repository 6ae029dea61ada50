"""What requests to CloudFormation carry: templates, parameters, tags, capabilities; checked as AWS checks them."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from moto.cloudformation.exceptions import CloudFormationError, ValidationError
from moto.iam.models import iam_backends

from msaspec.sandbox.cloudformation import parameters, policy, wellformed
from msaspec.sandbox.cloudformation.goal import Goal, check
from msaspec.sandbox.cloudformation.intrinsics import Unknown
from msaspec.sandbox.cloudformation.resource import Failed, truth
from msaspec.sandbox.cloudformation.surroundings import Surroundings
from msaspec.sandbox.on_moto.stacks import Stack
from msaspec.sandbox.world import current

LONGEST = 51_200
TOO_LONG = (
    "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: "
    f"Member must have length less than or equal to {LONGEST}"
)
NAMED = {
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
}
_HOST = re.compile(r"(?:(?P<bucket>.+)\.)?s3(?:[.-][a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?")


class InsufficientCapabilities(CloudFormationError):  # type: ignore[misc]
    """The template makes IAM resources, and the caller did not say that it may."""

    code = "InsufficientCapabilitiesException"


def text_of(api: Any, stack: Stack | None) -> str:
    """Return the template of a request, wherever it is stored. Raises a ValidationError."""
    body, url, previous = (api._get_param(key) for key in ("TemplateBody", "TemplateURL", "UsePreviousTemplate"))
    if sum(map(bool, (body, url, previous))) != 1:
        raise ValidationError(message="Either Template URL or Template Body must be specified.")
    if previous:
        return stack.template if stack else ""
    if body and len(body.encode()) > LONGEST:
        raise ValidationError(message=TOO_LONG)
    return str(body) if body else from_bucket(url, api.region)


def from_bucket(url: str, region: str) -> str:
    """Return the object at an address of S3, in whichever style. Raises a ValidationError."""
    parts, endpoint = urlsplit(url), urlsplit(current().endpoint)
    host, path = parts.hostname or "", unquote(parts.path.lstrip("/"))
    found = _HOST.fullmatch(host)
    own = parts.port == endpoint.port and host in ("localhost", endpoint.hostname)
    if parts.scheme == "s3":
        raise ValidationError(message=f"S3 error: Domain name specified in {host} is not a valid S3 domain")
    if not own and (found is None or parts.scheme != "https"):
        raise ValidationError(message="TemplateURL must be a supported URL.")
    named = found["bucket"] if found else None
    bucket, key = (named, path) if named else path.split("/", 1) if "/" in path else (path, "")
    version = parse_qs(parts.query).get("versionId")
    try:
        words = {"VersionId": version[0]} if version else {}
        found_object = current().client("s3", region).get_object(Bucket=bucket, Key=key, **words)
        return str(found_object["Body"].read().decode())
    except Exception as fault:
        raise ValidationError(message=f"S3 error: {fault}") from None


def goal_of(api: Any, text: str, stack: Stack | None) -> Goal:
    """Return what a stack is to become by a request. Raises a ValidationError."""
    before = stack.deployment.goal if stack else None
    given = {}
    for item in api._get_param("Parameters", []):
        key = item["ParameterKey"]
        if not item.get("UsePreviousValue"):
            given[key] = item.get("ParameterValue", "")
        elif before is not None and key in before.values:
            given[key] = before.values[key]
        else:
            said = "Cannot specify usePreviousValue as true for a parameter key not in the previous template"
            raise ValidationError(message=f"Invalid input for parameter key {key}. {said}")
    tags = api._get_param("Tags")
    before_tags = dict(before.tags) if before else {}
    kept = before_tags if tags is None else {tag["Key"]: tag["Value"] for tag in tags}
    try:
        goal = Goal(wellformed.parse(text), given, kept)
        check(goal, lambda goal: _around(api, stack).values(goal, lambda name, attribute: Unknown(name)))
    except Failed as fault:
        raise ValidationError(message=str(fault)) from None
    check_capabilities(goal, set(api._get_param("Capabilities", [])))
    _check_role(api)
    _check_types(goal, api._get_param("ResourceTypes", []))
    _check_triggers((api._get_param("RollbackConfiguration") or {}).get("RollbackTriggers") or [])
    return goal


def _around(api: Any, stack: Stack | None) -> Surroundings:
    """Where the stack of a request is, or would be."""
    if stack is not None:
        return stack.deployment.around
    client = partial(current().client, region=api.region)
    return Surroundings(client, "", str(api._get_param("StackName")), api.region, api.current_account)


def shown_parameters(stack: Stack, goal: Goal) -> list[dict[str, Any]]:
    """Return the parameters of a goal as answers show them."""
    declared = goal.template.get("Parameters") or {}
    stored = stack.deployment.around.stored
    return [
        {
            "ParameterKey": key,
            "ParameterValue": "****" if truth(declared[key].get("NoEcho")) else value,
            "ResolvedValue": stored(value) if parameters.is_stored(declared[key]) else None,
        }
        for key, value in goal.values.items()
    ]


def _check_role(api: Any) -> None:
    """Refuse a role of the account that CloudFormation may not assume. The caller needs no permission to read it."""
    arn = api._get_param("RoleARN") or ""
    roles = iam_backends[api.current_account]["aws"].roles.values()
    role = next((each for each in roles if each.arn == arn), None)
    if role is not None and not _trusts(json.loads(role.assume_role_policy_document)):
        raise ValidationError(message=f"Role {arn} is invalid or cannot be assumed")


def _trusts(document: Any) -> bool:
    statements = document["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal")
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        named = [services] if isinstance(services, str) else services
        if statement["Effect"] == "Allow" and "cloudformation.amazonaws.com" in named:
            return True
    return False


def _check_types(goal: Goal, allowed: list[str]) -> None:
    for part in goal.template["Resources"].values():
        kind = part["Type"]
        if allowed and not any(re.fullmatch(re.escape(each).replace(r"\*", ".*"), kind) for each in allowed):
            said = f"Resource type {kind} is not allowed by parameter ResourceTypes [{', '.join(allowed)}]"
            raise ValidationError(message=said)


def _check_triggers(triggers: list[dict[str, Any]]) -> None:
    for trigger in triggers:
        if trigger.get("Type") not in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"):
            raise ValidationError(message="Rollback Trigger Type not supported")
        if not str(trigger.get("Arn")).split(":", 5)[-1].startswith("alarm:"):
            raise ValidationError(message="RelativeId of a Rollback Trigger's ARN is incorrect")


def check_capabilities(goal: Goal, given: set[str]) -> None:
    """Refuse a template that makes what the caller did not say that it may. Raises InsufficientCapabilities."""
    parts = [part for part in goal.template["Resources"].values() if part.get("Type", "").startswith("AWS::IAM::")]
    if any(NAMED.get(part["Type"]) in (part.get("Properties") or {}) for part in parts):
        needed = "CAPABILITY_NAMED_IAM"
    else:
        needed = "CAPABILITY_IAM"
    if parts and not {needed, "CAPABILITY_NAMED_IAM"} & given:
        raise InsufficientCapabilities(f"Requires capabilities : [{needed}]")


def policy_of(api: Any, key: str) -> str:
    """Return the stack policy that a request carries under a key, empty without one. Raises a ValidationError."""
    body, url = api._get_param(f"{key}Body"), api._get_param(f"{key}URL")
    if body and url:
        raise ValidationError(message=f"You cannot specify both {key}URL and {key}Body")
    text = str(body or (from_bucket(url, api.region) if url else ""))
    try:
        policy.parse(text)
    except Failed as fault:
        raise ValidationError(message=str(fault)) from None
    return text
