"""Where a template goes that is too long to be sent: a bucket, made once an account and Region."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import md5, sha256
from typing import Any

from msaspec.deploy.aws import fault
from msaspec.deploy.aws.nested import each as side_by_side
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
    uploaded: int = 0
    """How many templates of nested stacks were uploaded."""


def bucket_of(aws: Aws) -> str:
    """Return the name of the bucket in an account and Region."""
    return f"msaspec-templates-{aws.account}-{aws.region}"


def needs_bucket(aws: Aws, text: str, *, nested: bool = False) -> bool:
    """Whether a template can only be sent through a bucket that is still to be made: a long one, and what is nested."""
    return (nested or len(text.encode()) > LONGEST) and not _is_there(aws, bucket_of(aws))


def send(aws: Aws, system: str, text: str, nested: Iterable[str] = ()) -> Sent:
    """Return the template inline, or uploaded under the hash of its bytes where it is too long for that. The templates
    of `nested` stacks are uploaded first, those that are not there yet."""
    body, children = text.encode(), [each.encode() for each in nested]
    if len(body) <= LONGEST and not children:
        return Sent({"TemplateBody": text})
    bucket = bucket_of(aws)
    made = _bucket(aws, bucket)
    wanted = {_key(system, each): each for each in children}
    fresh = _fresh(aws, bucket, system) if wanted and not made else {}
    new = [(key, each) for key, each in wanted.items() if fresh.get(key) != _etag(each)]
    aws.client("s3")  # Made once, before there are threads.
    side_by_side(lambda one: _put(aws, bucket, *one), new)
    if len(body) <= LONGEST:
        return Sent({"TemplateBody": text}, None, made, len(new))
    key = _key(system, body)
    _put(aws, bucket, key, body)
    return Sent({"TemplateURL": _url(aws, bucket, key)}, f"s3://{bucket}/{key}", made, len(new))


def url_of(aws: Aws, system: str, text: str) -> str:
    """Return where CloudFormation finds a template that was uploaded."""
    return _url(aws, bucket_of(aws), _key(system, text.encode()))


def _key(system: str, body: bytes) -> str:
    return f"{system}/{sha256(body).hexdigest()}.yaml"


def _url(aws: Aws, bucket: str, key: str) -> str:
    return f"https://{bucket}.s3.{aws.region}.{aws.suffix}/{key}"


def _put(aws: Aws, bucket: str, key: str, body: bytes) -> None:
    aws.client("s3").put_object(
        Bucket=bucket, Key=key, Body=body, ContentType="application/yaml", ExpectedBucketOwner=aws.account
    )


def _etag(body: bytes) -> str:
    return f'"{md5(body, usedforsecurity=False).hexdigest()}"'


def _fresh(aws: Aws, bucket: str, system: str) -> dict[str, str]:
    """Return the templates of a system that are there, and stay for a while, each with what S3 says of its bytes.
    CloudFormation reads those of nested stacks again in each update."""
    soon = datetime.now(UTC) - timedelta(days=DAYS // 3)
    pages = (
        aws.client("s3")
        .get_paginator("list_objects_v2")
        .paginate(Bucket=bucket, Prefix=f"{system}/", ExpectedBucketOwner=aws.account)
    )
    found = [each for page in pages for each in page.get("Contents", ())]
    return {each["Key"]: each["ETag"] for each in found if each["LastModified"] > soon}


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
