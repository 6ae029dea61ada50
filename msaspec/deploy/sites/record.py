"""What was uploaded of a site, as an object in its bucket says: so that only files of the site are ever deleted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msaspec.aws.web_site import RECORD
from msaspec.deploy.aws import fault

PENDING = ""
"""The digest of a file of which nobody knows whether its upload ended."""


@dataclass(frozen=True)
class Record:
    """The files of a site in its bucket."""

    files: Mapping[str, str] = field(default_factory=dict)
    """Digests by key."""
    leaving: frozenset[str] = frozenset()
    """Keys of an earlier version that pages in open browsers may still ask for."""
    known: bool = False
    """Whether there was one."""


def read(s3: Any, bucket: str) -> Record:
    """Return what was uploaded; nothing where the bucket says nothing that can be understood."""
    from botocore.exceptions import ClientError

    try:
        text = s3.get_object(Bucket=bucket, Key=RECORD)["Body"].read()
    except ClientError as error:
        if fault.code_of(error) not in ("NoSuchKey", "404"):
            raise
        return Record()
    try:
        data = json.loads(text)
        files = {str(key): str(digest) for key, digest in data["files"].items()}
        return Record(files, frozenset(map(str, data["leaving"])), known=True)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Record()  # Then everything is uploaded, and nothing deleted.


def write(s3: Any, bucket: str, record: Record) -> None:
    """Say what is uploaded."""
    data = {"files": dict(sorted(record.files.items())), "leaving": sorted(record.leaving)}
    text = json.dumps(data, separators=(",", ":"))
    s3.put_object(Bucket=bucket, Key=RECORD, Body=text.encode(), ContentType="application/json")
