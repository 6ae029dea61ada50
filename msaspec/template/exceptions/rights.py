"""What roles may do, and how it is written down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from msaspec.template.exception import Exempt
from msaspec.template.resources import Resource, items

_HOLDERS = ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy")


def _resources(holder: Resource) -> Iterator[Any]:
    """Yield the resources of all statements of a role, or of a managed policy."""
    documents = [holder.get("PolicyDocument"), *(each.get("PolicyDocument") for each in items(holder.get("Policies")))]
    for document in documents:
        for statement in items((document or {}).get("Statement")):
            written = statement.get("Resource")
            yield from written if isinstance(written, list) else [written]


def _is_wide(holder: Resource) -> bool:
    return any("*" in json.dumps(each) for each in _resources(holder))


def _is_open(holder: Resource) -> bool:
    return "*" in list(_resources(holder))


EXCEPTIONS = (
    Exempt(
        title="Permissions on more than one resource",
        reason="AWS has no narrower resource for these actions, or they stay below the one that is named.",
        types=_HOLDERS,
        fits=_is_wide,
        nag=("IAM5",),
    ),
    Exempt(
        title="Actions that change something, on `*`",
        reason="Session Manager and the network interfaces of Lambda have no narrower resource.",
        types=_HOLDERS,
        fits=lambda holder: _is_open(holder) and ("ssmmessages" in str(holder) or "NetworkInterface" in str(holder)),
        checkov=("CKV_AWS_111",),
    ),
    Exempt(
        title="A managed policy of AWS",
        reason="AWS documents this policy for the role, and keeps it up to date.",
        types=("AWS::IAM::Role",),
        fits=lambda role: any("iam::aws:policy/" in str(each) for each in items(role.get("ManagedPolicyArns"))),
        nag=("IAM4",),
    ),
    Exempt(
        title="An inline policy",
        reason="It fits one role and goes with it; a managed policy could be attached elsewhere.",
        types=("AWS::IAM::Role", "AWS::IAM::Policy"),
        fits=lambda holder: holder.get("Policies") is not None or holder.get("PolicyDocument") is not None,
        packs={"IAMNoInlinePolicy": "NPH"},
        guard=("IAM_NO_INLINE_POLICY_CHECK",),
    ),
)
