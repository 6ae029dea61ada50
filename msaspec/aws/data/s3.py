"""S3 buckets as holders of data."""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address
from typing import Any

from msaspec.aws.data.physical import made_up
from msaspec.language.aws_type import (
    AwsType,
    Clients,
    Deletion,
    Effect,
    Holds,
    Kept,
    Objection,
    Properties,
    Unremovable,
    unless_gone,
)
from msaspec.template.resources import inner, numbered, same

BATCH = 1000
"""Objects that S3 deletes in one request."""

# fact: bucket-names
_TEXT = frozenset(string.ascii_lowercase + string.digits + ".-")
_BEGINNINGS = ("xn--", "sthree-", "amzn-s3-demo-")
_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
"""Amazon S3 User Guide, "General purpose bucket naming rules"."""


def _name(name: str) -> str | None:
    if not 3 <= len(name) <= 63:
        return "a bucket name has 3 to 63 characters"
    if not set(name) <= _TEXT or ".." in name or name != name.strip(".-"):
        return (
            "a bucket name consists of lowercase letters, digits, `-` and "
            "single `.`, with a letter or digit at either end"
        )
    if name.startswith(_BEGINNINGS) or name.endswith(_ENDS):
        return "S3 reserves this prefix or suffix"
    return "it looks like an IP address" if _is_address(name) else None


def _is_address(name: str) -> bool:
    try:
        IPv4Address(name)
    except ValueError:
        return False
    return True


_GONE = frozenset({"404", "NoSuchBucket"})


def _empty(aws: Clients, bucket: str) -> None:
    """Remove all versions of all objects, and what was never finished."""
    s3 = aws.client("s3")
    # Always from the beginning: what the marker of a next page names would be gone.
    before: list[dict[str, str]] = []
    while versions := _versions(s3.list_object_versions(Bucket=bucket)):
        if versions == before:  # S3 lists nothing that it has deleted.
            raise Unremovable(f"The objects of the bucket {bucket} will not go, although S3 says that it deleted them")
        before = versions
        for start in range(0, len(versions), BATCH):
            said = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions[start : start + BATCH], "Quiet": True})
            for error in said.get("Errors", []):
                raise Unremovable(f"The object {error['Key']} of the bucket {bucket} will not go: {error['Message']}")
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])


def _versions(page: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the versions and delete markers of a page, as their deletion needs them."""
    rows = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    return [{"Key": row["Key"], "VersionId": row["VersionId"]} for row in rows]


def _erase(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    _empty(aws, id)
    aws.client("s3").delete_bucket(Bucket=id)
    return [f"the bucket {id} with all that was in it"]


def _kept(aws: Clients, stack: str, logical_id: str) -> Iterable[Kept]:
    """Buckets of the name that CloudFormation would have made up, in the same Region."""
    name = made_up(stack, logical_id, 63)
    for bucket in aws.client("s3").list_buckets(Prefix=stack.lower()[:20])["Buckets"]:
        if name.fullmatch(bucket["Name"]) and bucket.get("BucketRegion") in (None, aws.region):
            id, place = bucket["Name"], f"/Resources/{logical_id}/Properties/BucketName"
            takeover = f"write `patches: [{{op: add, path: {place}, value: {id}}}]`, keep it there, and deploy with"
            yield Kept(id, "bucket", f"{takeover} `--import {logical_id}`", tuple(map(tuple, _removal(id))))


def _removal(id: str) -> Iterable[list[str]]:
    yield ["s3", "rb", f"s3://{id}", "--force"]


def _objections(before: Properties, after: Properties) -> Iterator[Objection]:
    """Yield what a change in place does to objects: versions that are no longer kept, objects that S3 begins to
    delete."""
    if _is_versioned(before) and not _is_versioned(after):
        reason = "would no longer keep the objects that are overwritten or deleted; the versions that it has stay"
        yield Objection(Effect.COSTS, "versioned", reason, "Keep `versioned: true` to be able to restore an object.")
    known = [_expiry(rule) for rule in _rules(before)]
    if any((ends := _expiry(rule)) and ends not in known for rule in _rules(after)):
        reason = "would have another rule by which S3 deletes objects, including existing ones"
        hint = "Continue only if you want that: S3 cannot restore deleted objects unless the bucket keeps versions."
        yield Objection(Effect.COSTS, "expire", reason, hint)


def _is_versioned(properties: Properties) -> bool:
    return bool(inner(properties, "VersioningConfiguration", "Status") == "Enabled")


def _rules(properties: Properties) -> list[Mapping[str, Any]]:
    rules = numbered(inner(properties, "LifecycleConfiguration", "Rules"))
    return [rule for _, rule in rules if rule.get("Status") == "Enabled"]


def _expiry(rule: Mapping[str, Any]) -> str | None:
    """Return what a lifecycle rule deletes, and when; None where it deletes no object."""
    ends = {key: value for key, value in rule.items() if "Expiration" in key and key != "ExpiredObjectDeleteMarker"}
    return same({**rule, "Id": None}) if ends else None


BUCKET = AwsType(
    name="AWS::S3::Bucket",
    noun="bucket",
    holds=Holds.DATA,
    empty=_empty,
    erase=_erase,
    gone=_GONE,
    there=lambda aws, id: unless_gone(_GONE, aws.client("s3").head_bucket, Bucket=id) is not None,
    kept=_kept,
    objections=_objections,
    removal=_removal,
    unique=(("BucketName",),),
    names={"BucketName": _name},
)
POLICY = AwsType(name="AWS::S3::BucketPolicy")
