"""S3: buckets with their settings, and bucket policies."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, ClassVar

from msaspec.sandbox.cloudformation.resource import At, Failed, Made, Properties, Resource, number, resource, truth


@resource("AWS::S3::Bucket")
class Bucket(Resource):
    """A bucket with its settings."""

    KNOWN: ClassVar[frozenset[str]] = frozenset(
        {
            "BucketName",
            "AccessControl",
            "BucketEncryption",
            "PublicAccessBlockConfiguration",
            "OwnershipControls",
            "LifecycleConfiguration",
            "LoggingConfiguration",
            "VersioningConfiguration",
            "CorsConfiguration",
            "NotificationConfiguration",
            "ObjectLockConfiguration",
            "ObjectLockEnabled",
            "Tags",
            "WebsiteConfiguration",
        }
    )

    _AT_ONCE = frozenset({"BucketName", "ObjectLockEnabled"})
    """What is said when one is made."""

    imports = True

    def adopt(self, at: At, new: Properties) -> Made:
        """Give one that exists the settings of the template."""
        return self.update(at, new["BucketName"], {}, new)

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        name = new.get("BucketName") or at.name(63, lower=True)
        # S3 itself takes a bucket that the account has for made.
        if name in {bucket["Name"] for bucket in at.api("s3").list_buckets()["Buckets"]}:
            raise Failed(f"{name} already exists")
        where = {} if at.region == "us-east-1" else {"LocationConstraint": at.region}
        lock = {"ObjectLockEnabledForBucket": True} if truth(new.get("ObjectLockEnabled", False)) else {}
        at.api("s3").create_bucket(Bucket=name, **({"CreateBucketConfiguration": where} if where else {}), **lock)
        return self.update(at, name, {}, new)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change its settings to the new."""
        if {*old, *new} - self.KNOWN:
            return super().update(at, id, {}, {key: new[key] for key in new if key not in self.KNOWN})
        for key in sorted(key for key in {*old, *new} - self._AT_ONCE if old.get(key) != new.get(key)):
            self._set(at.api("s3"), id, key, new.get(key))
        regional = f"{id}.s3.{at.region}.amazonaws.com"
        website = f"http://{id}.s3-website-{at.region}.amazonaws.com"
        domains = {"DomainName": f"{id}.s3.amazonaws.com", "RegionalDomainName": regional, "WebsiteURL": website}
        return Made(id, {"Arn": f"arn:aws:s3:::{id}", **domains})

    def _set(self, s3: Any, id: str, key: str, value: Any) -> None:
        if key == "BucketEncryption":
            rules = [
                {
                    "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
                    "BucketKeyEnabled": truth(rule.get("BucketKeyEnabled", False)),
                }
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
        elif key in _OTHERS:
            _OTHERS[key](s3, id, value)
        elif value is None:
            s3.delete_bucket_lifecycle(Bucket=id)
        else:
            rules = [_lifecycle(rule) for rule in value["Rules"]]
            s3.put_bucket_lifecycle_configuration(Bucket=id, LifecycleConfiguration={"Rules": rules})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it, if it is empty."""
        at.api("s3").delete_bucket(Bucket=id)


def _lifecycle(rule: dict[str, Any]) -> dict[str, Any]:
    """Return a lifecycle rule as S3's API spells it."""
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


def _access(s3: Any, id: str, value: Any) -> None:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", value or "Private").lower()
    s3.put_bucket_acl(Bucket=id, ACL=words)


def _cors(s3: Any, id: str, value: Any) -> None:
    if value is None:
        s3.delete_bucket_cors(Bucket=id)
        return
    words = {"Id": "ID", "MaxAge": "MaxAgeSeconds", "ExposedHeaders": "ExposeHeaders"}
    rules = [{words.get(key, key): item for key, item in rule.items()} for rule in value["CorsRules"]]
    for rule in rules:
        rule |= {"MaxAgeSeconds": number(rule["MaxAgeSeconds"])} if "MaxAgeSeconds" in rule else {}
    s3.put_bucket_cors(Bucket=id, CORSConfiguration={"CORSRules": rules})


def _notifications(s3: Any, id: str, value: Any) -> None:
    kinds = {"Lambda": "LambdaFunction", "Queue": "Queue", "Topic": "Topic"}
    found: dict[str, Any] = {"EventBridgeConfiguration": {}} if "EventBridgeConfiguration" in (value or {}) else {}
    for kind, named in kinds.items():
        found[f"{named}Configurations"] = [
            {
                f"{named}Arn": each["Function" if kind == "Lambda" else kind],
                "Events": [each["Event"]],
                **({"Filter": _filter(each["Filter"])} if "Filter" in each else {}),
            }
            for each in (value or {}).get(f"{kind}Configurations", [])
        ]
    s3.put_bucket_notification_configuration(Bucket=id, NotificationConfiguration=found)


def _filter(value: dict[str, Any]) -> dict[str, Any]:
    return {"Key": {"FilterRules": value["S3Key"]["Rules"]}}


def _lock(s3: Any, id: str, value: Any) -> None:
    found = json.loads(json.dumps(value or {"ObjectLockEnabled": "Enabled"}))
    for key in "Days", "Years":
        if key in (kept := found.get("Rule", {}).get("DefaultRetention", {})):
            kept[key] = number(kept[key])
    s3.put_object_lock_configuration(Bucket=id, ObjectLockConfiguration=found)


def _logging(s3: Any, id: str, value: Any) -> None:
    words = {"DestinationBucketName": "TargetBucket", "LogFilePrefix": "TargetPrefix"}
    found = {"TargetPrefix": "", **{words[key]: item for key, item in (value or {}).items() if key in words}}
    s3.put_bucket_logging(Bucket=id, BucketLoggingStatus={"LoggingEnabled": found} if value else {})


def _website(s3: Any, id: str, value: Any) -> None:
    if value is None:
        s3.delete_bucket_website(Bucket=id)
        return
    found = {key: value[key] for key in ("RedirectAllRequestsTo",) if key in value}
    found |= {"IndexDocument": {"Suffix": value["IndexDocument"]}} if "IndexDocument" in value else {}
    found |= {"ErrorDocument": {"Key": value["ErrorDocument"]}} if "ErrorDocument" in value else {}
    words = {"RedirectRule": "Redirect", "RoutingRuleCondition": "Condition"}
    rules = [{words[key]: item for key, item in rule.items()} for rule in value.get("RoutingRules", [])]
    s3.put_bucket_website(Bucket=id, WebsiteConfiguration=found | ({"RoutingRules": rules} if rules else {}))


_OTHERS: dict[str, Callable[[Any, str, Any], None]] = {
    "AccessControl": _access,
    "CorsConfiguration": _cors,
    "LoggingConfiguration": _logging,
    "NotificationConfiguration": _notifications,
    "ObjectLockConfiguration": _lock,
    "WebsiteConfiguration": _website,
}
_LIFECYCLE = {
    "ExpirationInDays": ("Expiration", "Days"),
    "NoncurrentVersionExpirationInDays": ("NoncurrentVersionExpiration", "NoncurrentDays"),
}


@resource("AWS::S3::BucketPolicy")
class BucketPolicy(Resource):
    """Who may do what with a bucket."""

    def create(self, at: At, new: Properties) -> Made:
        """Put it in force."""
        at.api("s3").put_bucket_policy(Bucket=new["Bucket"], Policy=json.dumps(new["PolicyDocument"]))
        return Made(new["Bucket"])

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Replace it."""
        return self.create(at, new)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("s3").delete_bucket_policy(Bucket=id)
