"""What a service answers where the sandbox itself is at fault, or where the account's organization denies an action."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from moto.core import errors, responses
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import method_names_from_class
from werkzeug.exceptions import HTTPException

from msaspec.deploy.aws.target import THREADS
from msaspec.sandbox.account import Account
from msaspec.sandbox.world import THREAD, current

_call_plain = BaseResponse.call_action
_XML = (
    "autoscaling",
    "cloudformation",
    "cloudfront",
    "cloudwatch",
    "elbv2",
    "iam",
    "rds",
    "route53",
    "s3",
    "sns",
    "sts",
)
DENIALS = {"ec2": "UnauthorizedOperation", **dict.fromkeys(_XML, "AccessDenied")}
"""How services call a denial that do not call it `AccessDeniedException`: those that answer in XML."""
DENIED = "User: {} is not authorized to perform: {} with an explicit deny in a service control policy"
LACKING = "User: {0} is not authorized to perform: {1} because no identity-based policy allows the {1} action"
PREFIXES = {
    "applicationautoscaling": "application-autoscaling",
    "awslambda": "lambda",
    "efs": "elasticfilesystem",
    "elbv2": "elasticloadbalancing",
    "service-quotas": "servicequotas",
    "stepfunctions": "states",
}
"""What IAM calls services, where the sandbox calls them otherwise."""
OTHERWISE: Mapping[str, Sequence[str]] = {
    "awslambda:Invoke": ("lambda:InvokeFunction",),
    "s3:DeleteObjects": ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    "s3:GetPublicAccessBlock": ("s3:GetBucketPublicAccessBlock",),
    "s3:HeadBucket": ("s3:ListBucket",),
    "s3:ListBuckets": ("s3:ListAllMyBuckets",),
    "s3:ListMultipartUploads": ("s3:ListBucketMultipartUploads",),
    "s3:ListObjectVersions": ("s3:ListBucketVersions",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3:PutBucketEncryption": ("s3:PutEncryptionConfiguration",),
    "s3:PutBucketLifecycleConfiguration": ("s3:PutLifecycleConfiguration",),
    "s3:PutPublicAccessBlock": ("s3:PutBucketPublicAccessBlock",),
}
"""Operations whose permissions have other names (Service Authorization Reference)."""
OF_SERVICES = frozenset({"secretsmanager:PutSecretValue"})
"""What services do by themselves for a resource, here as if CloudFormation did."""
CALLER = "arn:aws:iam::{}:user/sandbox"


class _Said(ServiceException):  # type: ignore[misc]
    """An error of whichever service answers. moto looks for the service of its own by their module."""


def _call(self: Any) -> Any:
    """Answers in the form of the service whatever happens: moto lets its own mistakes through, which a server makes
    a page of HTML of, and a client in this process an exception that no AWS raises."""
    try:
        if refusal := _denied(self):
            return _told(self, 403, *refusal)
        return _call_plain(self)
    except (HTTPException, NotImplementedError):
        raise
    except Exception as fault:
        return _told(self, 500, "InternalFailure", f"{type(fault).__name__}: {fault}")


def _denied(api: Any) -> tuple[str, str] | None:
    account, operation = current().account, api._get_action()
    code, caller = DENIALS.get(api.service_name, "AccessDeniedException"), CALLER.format(api.current_account)
    action = f"{api.service_name}:{operation}"
    if action in account.denied:
        return code, DENIED.format(caller, action)
    allowed = _allowed(account, operation)
    actions = actions_of(api.service_name, operation)
    if allowed is None or not (lacking := [each for each in actions if each not in allowed | OF_SERVICES]):
        return None
    return code, LACKING.format(caller, lacking[0])


def _allowed(account: Account, operation: str) -> frozenset[str] | None:
    """Return the actions that the caller may do; None for all."""
    thread = threading.current_thread()
    if thread is threading.main_thread() or thread.name.startswith(THREADS):
        return account.allowed
    # What a resource is read by is this sandbox's own way, and not that of AWS's handlers.
    if thread.name != THREAD or operation.startswith(("Describe", "Get", "Head", "List")):
        return None
    return account.allowed if account.allowed_to_role is None else account.allowed_to_role


def actions_of(service: str, operation: str) -> Sequence[str]:
    """Return what IAM calls the permissions that an operation needs; none for one that everybody may do."""
    if (service, operation) == ("sts", "GetCallerIdentity"):
        return ()
    return OTHERWISE.get(f"{service}:{operation}") or (f"{PREFIXES.get(service, service)}:{operation}",)


def _told(api: Any, status: int, code: str, message: str) -> Any:
    _, headers, body = api.serialized(ActionResult(_Said(code, message)))
    headers["status"] = status
    return status, headers, body


CODES = {
    *errors.COMMON_ERROR_CODES,
    "AccessDenied",
    "AccessDeniedException",
    "FreeTierRestrictionError",
    "InternalFailure",
}
"""What moto may answer although no service's description names it, without a warning."""

PATCHED: tuple[tuple[Any, str, Any], ...] = (
    (BaseResponse, "call_action", _call),
    (responses, "method_names_from_class", cache(method_names_from_class)),  # which moto looks up for each request
    (errors, "COMMON_ERROR_CODES", CODES),
)
"""What of moto is replaced: owner, name, replacement."""
