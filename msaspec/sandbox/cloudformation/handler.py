"""What CloudFormation says of a failure, and which failures its handlers take for success.

A resource type of AWS is a handler with a contract: what a service refuses becomes a message with a code, and the
deletion of something that is gone is done.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from msaspec.sandbox.cloudformation.resource import Failed, Refused

_CODES = (
    (r"NotFound|NoSuch|NonExist|DoesNotExist|\.Unknown$", "NotFound"),
    (r"AlreadyExist|AlreadyOwned|Duplicate|EntityAlreadyExists|NameConflict", "AlreadyExists"),
    (r"LimitExceeded|QuotaExceeded|TooMany|FreeTierRestriction", "ServiceLimitExceeded"),
    (r"AccessDenied|Unauthorized|Forbidden", "AccessDenied"),
    (r"Throttl|SlowDown|RequestLimit", "Throttling"),
    (r"InternalFailure|InternalError|ServiceUnavailable", "ServiceInternalError"),
    (r"DependencyViolation|InUse|Conflict|InvalidState|NotEmpty", "ResourceConflict"),
)
"""The code of a handler for codes of services; `InvalidRequest` for all others."""
_NAMES = {
    "ACM": "Acm",
    "EC2": "Ec2",
    "ECR": "Ecr",
    "ECS": "Ecs",
    "IAM": "Iam",
    "Logs": "CloudWatchLogs",
    "RDS": "Rds",
    "SNS": "Sns",
    "SQS": "Sqs",
    "SSM": "Ssm",
}
"""How messages name services that types name otherwise."""


def said(fault: BaseException, type_name: str) -> str:
    """Return the reason that events give for a failure at a resource of a type."""
    if isinstance(fault, Refused):
        return _handled(str(fault), fault.code)
    if isinstance(fault, Failed):
        return str(fault)
    error = _error(fault)
    if error is None:
        return f"Internal Failure: {type(fault).__name__}: {fault}"
    service = type_name.split("::")[1] if "::" in type_name else type_name
    status = _answer(fault).get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    where = f"(Service: {_NAMES.get(service, service)}, Status Code: {status}, Request ID: {uuid.uuid4()})"
    return _handled(f"{error.get('Message') or error.get('Code')} {where} (SDK Attempt Count: 1)", code_of(fault))


def _handled(message: str, code: str) -> str:
    token = f"RequestToken: {uuid.uuid4()}, HandlerErrorCode: {code}"
    return f'Resource handler returned message: "{message}" ({token})'


def code_of(fault: BaseException) -> str:
    """Return the code with which a handler reports a failure."""
    if isinstance(fault, Refused):
        return fault.code
    error = _error(fault) or {}
    code, message = str(error.get("Code", "")), str(error.get("Message", ""))
    if code.startswith("Validation") and re.search(r"not found|^No .* found", message):  # as Auto Scaling says it
        return "NotFound"
    return next((name for pattern, name in _CODES if re.search(pattern, code)), "InvalidRequest")


def is_gone(fault: BaseException) -> bool:
    """Say whether a failure means that the resource is not there, by which a deletion is done."""
    return (isinstance(fault, Refused) or _error(fault) is not None) and code_of(fault) == "NotFound"


def _answer(fault: BaseException) -> dict[str, Any]:
    """Return what a service answered, as boto3's errors carry it; by its form, since boto3 is not loaded."""
    answer = getattr(fault, "response", None)
    return answer if isinstance(answer, dict) else {}


def _error(fault: BaseException) -> dict[str, Any] | None:
    error = _answer(fault).get("Error")
    return error if isinstance(error, dict) else None
