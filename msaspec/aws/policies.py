"""Statements of the policies of resources: who else than roles of the account may do what."""

from __future__ import annotations

from typing import Any

from troposphere import Ref


def tls_only(action: str, resource: Any) -> dict[str, Any]:
    """Return the statement that denies everybody what does not come by TLS."""
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resource,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def from_alarms(action: str, resource: Any) -> dict[str, Any]:
    """Return the statement that lets CloudWatch tell of the alarms of this account."""
    # fact: alarm-topics
    return {
        "Sid": "Alarms",
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": action,
        "Resource": resource,
        "Condition": {"StringEquals": {"aws:SourceAccount": Ref("AWS::AccountId")}},
    }


def from_buckets(action: str, resource: Any) -> dict[str, Any]:
    """Return the statement that lets S3 tell of the buckets of this account.

    It names no bucket: S3 tries the destination when a bucket is made, so the policy has to be there before.
    """
    return {
        "Sid": "Buckets",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": action,
        "Resource": resource,
        "Condition": {"StringEquals": {"aws:SourceAccount": Ref("AWS::AccountId")}},
    }
