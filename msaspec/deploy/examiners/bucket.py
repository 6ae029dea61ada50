"""Buckets: whether they are there, whether they keep versions, and whether the public is kept out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msaspec.aws.web_site import RECORD
from msaspec.deploy.asking import GONE
from msaspec.deploy.condition import Condition, Examiner, Examining, gone, unknown
from msaspec.deploy.evidence import Ask, Scene, Subject

_PATHS = "AWS::CloudFront::Function"
"""What only the bucket of a site has beside it."""
_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


class Buckets(Examiner):
    """Tells how buckets are."""

    types: ClassVar[tuple[str, ...]] = ("AWS::S3::Bucket",)

    def look(self, subjects: Sequence[Subject], scene: Scene) -> Examining:
        """Ask what protects each, and when the files of a site were uploaded."""
        found = []
        resources = scene.template.get("Resources", {})
        sites = {scene.entry_of(name) for name, each in resources.items() if each.get("Type") == _PATHS}
        for subject in subjects:
            versions = yield Ask("s3", "get_bucket_versioning", {"Bucket": subject.id})
            if versions is None or versions is GONE:
                found.append(gone(subject) if versions is GONE else unknown(subject))
                continue
            blocks = yield Ask("s3", "get_public_access_block", {"Bucket": subject.id})
            block = (blocks or {}).get("PublicAccessBlockConfiguration", {})
            protections = {
                "versions": versions.get("Status") == "Enabled",
                "public access blocked": None if blocks is None else all(block.get(each) for each in _BLOCKS),
            }
            faults: tuple[str, ...] = ()
            since = None
            if subject.entry in sites:
                record = yield Ask("s3", "head_object", {"Bucket": subject.id, "Key": RECORD})
                faults = ("no files were uploaded; msaspec deploy does it",) if record is GONE else ()
                since = (record or {}).get("LastModified")
            found.append(
                Condition(
                    subject.entry,
                    subject.type,
                    subject.id,
                    "available",
                    faults,
                    since=since,
                    protections=protections,
                )
            )
        return found
