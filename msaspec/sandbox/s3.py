"""S3: buckets with their settings, and bucket policies."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from msaspec.sandbox.resource import At, Failed, Made, Properties, Resource, number, resource


@resource("AWS::S3::Bucket")
class Bucket(Resource):
    """A bucket with its settings."""

    KNOWN: ClassVar[frozenset[str]] = frozenset(
        {
            "BucketName",
            "BucketEncryption",
            "PublicAccessBlockConfiguration",
            "OwnershipControls",
            "LifecycleConfiguration",
            "VersioningConfiguration",
            "Tags",
        }
    )

    def create(self, at: At, new: Properties) -> Made:
        """Makes it."""
        name = new.get("BucketName") or at.name(63, lower=True)
        # S3 itself takes a bucket that the account has for made.
        if name in {bucket["Name"] for bucket in at.api("s3").list_buckets()["Buckets"]}:
            raise Failed(f"{name} already exists")
        where = {} if at.region == "us-east-1" else {"LocationConstraint": at.region}
        at.api("s3").create_bucket(Bucket=name, **({"CreateBucketConfiguration": where} if where else {}))
        return self.update(at, name, {}, new)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Brings its settings to the new."""
        if {*old, *new} - self.KNOWN:
            return super().update(at, id, {}, {key: new[key] for key in new if key not in self.KNOWN})
        for key in sorted(key for key in {*old, *new} - {"BucketName"} if old.get(key) != new.get(key)):
            self._set(at.api("s3"), id, key, new.get(key))
        regional = f"{id}.s3.{at.region}.amazonaws.com"
        domains = {"DomainName": f"{id}.s3.amazonaws.com", "RegionalDomainName": regional}
        return Made(id, {"Arn": f"arn:aws:s3:::{id}", **domains})

    def _set(self, s3: Any, id: str, key: str, value: Any) -> None:
        if key == "BucketEncryption":
            rules = [
                {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
                for rule in value["ServerSideEncryptionConfiguration"]
            ]
            s3.put_bucket_encryption(Bucket=id, ServerSideEncryptionConfiguration={"Rules": rules})
        elif key == "PublicAccessBlockConfiguration":
            s3.put_public_access_block(Bucket=id, PublicAccessBlockConfiguration=value)
        elif key == "OwnershipControls":
            s3.put_bucket_ownership_controls(Bucket=id, OwnershipControls=value)
        elif key == "VersioningConfiguration":
            s3.put_bucket_versioning(Bucket=id, VersioningConfiguration=value or {"Status": "Suspended"})
        elif key == "Tags":
            s3.put_bucket_tagging(Bucket=id, Tagging={"TagSet": value or []})
        elif value is None:
            s3.delete_bucket_lifecycle(Bucket=id)
        else:
            rules = [_lifecycle(rule) for rule in value["Rules"]]
            s3.put_bucket_lifecycle_configuration(Bucket=id, LifecycleConfiguration={"Rules": rules})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Removes it, if it is empty."""
        at.api("s3").delete_bucket(Bucket=id)


def _lifecycle(rule: dict[str, Any]) -> dict[str, Any]:
    """A lifecycle rule as S3's API spells it."""
    found = {key: value for key, value in rule.items() if key not in _LIFECYCLE}
    found = {("ID" if key == "Id" else key): value for key, value in found.items()}
    for key, (name, inner) in _LIFECYCLE.items():
        if key in rule:
            value = rule[key]
            found[name] = value if isinstance(value, dict) else {inner: number(value)}
    if isinstance(found.get("NoncurrentVersionExpiration"), dict):
        found["NoncurrentVersionExpiration"] = {
            key: number(value) for key, value in found["NoncurrentVersionExpiration"].items()
        }
    if "AbortIncompleteMultipartUpload" in found:
        days = {key: number(value) for key, value in found["AbortIncompleteMultipartUpload"].items()}
        found["AbortIncompleteMultipartUpload"] = days
    found["Filter"] = {"Prefix": found.pop("Prefix", "")}
    return found


_LIFECYCLE = {
    "ExpirationInDays": ("Expiration", "Days"),
    "NoncurrentVersionExpirationInDays": ("NoncurrentVersionExpiration", "NoncurrentDays"),
}


@resource("AWS::S3::BucketPolicy")
class BucketPolicy(Resource):
    """Who may do what with a bucket."""

    def create(self, at: At, new: Properties) -> Made:
        """Puts it in force."""
        at.api("s3").put_bucket_policy(Bucket=new["Bucket"], Policy=json.dumps(new["PolicyDocument"]))
        return Made(new["Bucket"])

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Replaces it."""
        return self.create(at, new)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Removes it."""
        at.api("s3").delete_bucket_policy(Bucket=id)
