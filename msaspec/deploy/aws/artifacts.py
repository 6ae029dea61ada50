"""Where a template goes that is too long to be sent: a bucket, made once an account and Region."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from msaspec.deploy.aws import fault
from msaspec.deploy.aws.target import Aws
from msaspec.diagnostics.diagnostic import Code

# fact: template-limits
LONGEST = 51_200
"""Bytes of a template that CloudFormation takes inline (quotas of the CloudFormation user guide)."""
DAYS = 90
"""How long a template is kept; CloudFormation has its own copy."""

NOT_OURS = Code(
    "MSA609",
    "The bucket for templates belongs to another account",
    """
    msaspec uploads templates above 51,200 bytes to a bucket named after the account and the Region. A bucket of that
    name exists in another account, or these credentials have no access to it, so nothing was uploaded.
    """,
)


@dataclass(frozen=True)
class Sent:
    """A template on its way: the words of CreateChangeSet, and where it was put, if anywhere."""

    words: dict[str, str]
    place: str | None = None
    made: bool = False
    """Whether the bucket is new."""


def bucket_of(aws: Aws) -> str:
    """Return the name of the bucket in an account and Region."""
    return f"msaspec-templates-{aws.account}-{aws.region}"


def needs_bucket(aws: Aws, text: str) -> bool:
    """Whether a template can only be sent through a bucket that is still to be made."""
    return len(text.encode()) > LONGEST and not _is_there(aws, bucket_of(aws))


def send(aws: Aws, system: str, text: str) -> Sent:
    """Return the template inline, or uploaded under the hash of its bytes where it is too long for that."""
    body = text.encode()
    if len(body) <= LONGEST:
        return Sent({"TemplateBody": text})
    bucket = bucket_of(aws)
    made = _bucket(aws, bucket)
    key = f"{system}/{sha256(body).hexdigest()}.yaml"
    aws.client("s3").put_object(
        Bucket=bucket, Key=key, Body=body, ContentType="application/yaml", ExpectedBucketOwner=aws.account
    )
    return Sent({"TemplateURL": f"https://{bucket}.s3.{aws.region}.{aws.suffix}/{key}"}, f"s3://{bucket}/{key}", made)


def _is_there(aws: Aws, bucket: str) -> bool:
    """Whether there is the bucket. Raises Fault where it is closed."""
    from botocore.exceptions import ClientError

    try:
        aws.client("s3").head_bucket(Bucket=bucket, ExpectedBucketOwner=aws.account)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == 403:
            message = f"The bucket {bucket} belongs to another account, or these credentials have no access to it."
            hint = "Ask for `s3:ListBucket` and `s3:PutObject` on it."
            raise fault.new(NOT_OURS, message, hint) from None
        if status != 404:
            raise
        return False
    return True


def _bucket(aws: Aws, bucket: str) -> bool:
    """Sees to the bucket; whether it was made just now."""
    from botocore.exceptions import ClientError

    if _is_there(aws, bucket):
        return False
    s3 = aws.client("s3")
    made = True
    where = {"CreateBucketConfiguration": {"LocationConstraint": aws.region}} if aws.region != "us-east-1" else {}
    try:
        s3.create_bucket(Bucket=bucket, ObjectOwnership="BucketOwnerEnforced", **where)
    except ClientError as error:
        # Another deployment was quicker, or botocore repeated a request without an answer.
        if fault.code_of(error) != "BucketAlreadyOwnedByYou":
            raise
        made = False
    try:
        _closed(aws, s3, bucket)
    except BaseException:
        if made:  # The next look would take it for finished.
            with fault.tolerated():
                s3.delete_bucket(Bucket=bucket, ExpectedBucketOwner=aws.account)
        raise
    return made


def _closed(aws: Aws, s3: Any, bucket: str) -> None:
    """Private, encrypted, over TLS only; objects go after some time."""
    mine: dict[str, Any] = {"Bucket": bucket, "ExpectedBucketOwner": aws.account}
    s3.put_public_access_block(
        **mine,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
    )
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(**mine, ServerSideEncryptionConfiguration={"Rules": [rule]})
    expire = {
        "ID": "templates-go",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "Expiration": {"Days": DAYS},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }
    s3.put_bucket_lifecycle_configuration(**mine, LifecycleConfiguration={"Rules": [expire]})
    arn = f"arn:{aws.partition}:s3:::{bucket}"
    only_tls = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(**mine, Policy=json.dumps({"Version": "2012-10-17", "Statement": [only_tls]}))
