"""Settings that protect: which values do not, and what a patch takes away or lowers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msaspec.template.weakness import Entry, Group, Kind, Template, Weakness, inner

OPENED = Kind(Group.OPEN)
PLAIN = Kind(
    Group.PLAIN,
    ("AwsSolutions-AEC3", "AwsSolutions-OS3", "AwsSolutions-MSK2"),
    ("CKV_AWS_30", "CKV_AWS_83", "CKV_AWS_6", "CKV_AWS_5", "CKV_AWS_81"),
)
OWN_KEY = Kind(Group.PLAIN, checkov=("CKV_AWS_158", "CKV_AWS_149", "CKV_AWS_26", "CKV_AWS_119", "CKV_AWS_145"))
LOSABLE = Kind(Group.DATA, ("AwsSolutions-DDB3",), ("CKV_AWS_28", "CKV_AWS_21", "CKV_AWS_133"))
UNRECORDED = Kind(Group.LOGS, ("AwsSolutions-CFR2",), ("CKV_AWS_68", "CKV_AWS_118", "CKV_AWS_65", "CKV_AWS_48"))
APART = Kind(Group.APART)

_Setting = tuple[tuple[str, ...], tuple[str, ...], Kind, str]
"""Types of resources, the path of a property, and what it means that the property is taken away or is weak."""
_RDS = ("RDS::DBInstance", "RDS::DBCluster", "DocDB::DBCluster")
_NO_TLS = "accepts connections without TLS"
_WEAK: tuple[tuple[_Setting, tuple[str, ...]], ...] = (
    ((("ElastiCache::ReplicationGroup",), ("TransitEncryptionMode",), PLAIN, _NO_TLS), ("preferred",)),
    ((("ElastiCache::CacheCluster",), ("TransitEncryptionEnabled",), PLAIN, _NO_TLS), ("false",)),
    ((("MemoryDB::Cluster",), ("TLSEnabled",), PLAIN, _NO_TLS), ("false",)),
    ((("OpenSearchService::Domain",), ("DomainEndpointOptions", "EnforceHTTPS"), PLAIN, _NO_TLS), ("false",)),
    (
        (("MSK::Cluster",), ("EncryptionInfo", "EncryptionInTransit", "ClientBroker"), PLAIN, _NO_TLS),
        ("plaintext", "tls_plaintext"),
    ),
    ((("ElastiCache::User",), ("NoPasswordRequired",), OPENED, "needs no password"), ("true",)),
    (
        (("ElastiCache::User",), ("AuthenticationMode", "Type"), OPENED, "needs no password"),
        ("no-password-required",),
    ),
    ((("Cognito::IdentityPool",), ("AllowUnauthenticatedIdentities",), OPENED, "takes in everyone"), ("true",)),
    ((("EFS::FileSystem",), ("BackupPolicy", "Status"), LOSABLE, "has no backups"), ("disabled",)),
    ((("EC2::FlowLog",), ("TrafficType",), UNRECORDED, "records a part of the traffic only"), ("accept", "reject")),
    ((("CloudWatch::Alarm",), ("ActionsEnabled",), UNRECORDED, "tells nobody"), ("false",)),
)
_TAKEN: tuple[_Setting, ...] = (
    (("RDS::DBInstance",), ("DBParameterGroupName",), PLAIN, "no longer has the parameters that demand TLS"),
    (_RDS, ("DBClusterParameterGroupName",), PLAIN, "no longer has the parameters that demand TLS"),
    (("RDS::DBParameterGroup", "RDS::DBClusterParameterGroup"), ("Parameters", "rds.force_ssl"), PLAIN, _NO_TLS),
    (
        ("RDS::DBParameterGroup", "RDS::DBClusterParameterGroup"),
        ("Parameters", "require_secure_transport"),
        PLAIN,
        _NO_TLS,
    ),
    (("ElastiCache::ReplicationGroup",), ("UserGroupIds",), OPENED, "accepts requests without a password"),
    (("ElastiCache::ReplicationGroup",), ("AuthToken",), OPENED, "accepts requests without a password"),
    *(
        ((each,), (name,), OWN_KEY, "is no longer encrypted with the key of the system")
        for each, name in (
            *((each, "KmsKeyId") for each in ("Logs::LogGroup", "SecretsManager::Secret", "EFS::FileSystem", *_RDS)),
            ("ElastiCache::ReplicationGroup", "KmsKeyId"),
            ("SQS::Queue", "KmsMasterKeyId"),
            ("SNS::Topic", "KmsMasterKeyId"),
            ("S3::Bucket", "BucketEncryption"),
            ("DynamoDB::Table", "SSESpecification"),
        )
    ),
    (("S3::Bucket",), ("VersioningConfiguration",), LOSABLE, "no longer keeps earlier versions"),
    (
        ("DynamoDB::Table",),
        ("PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"),
        LOSABLE,
        "has no point-in-time recovery",
    ),
    (("DynamoDB::Table",), ("DeletionProtectionEnabled",), LOSABLE, "is not protected against deletion"),
    (("EFS::FileSystem",), ("BackupPolicy",), LOSABLE, "has no backups"),
    (("CloudFront::Distribution",), ("DistributionConfig", "WebACLId"), UNRECORDED, "has no firewall any more"),
    (
        ("RDS::DBCluster", "DocDB::DBCluster"),
        ("EnableCloudwatchLogsExports",),
        UNRECORDED,
        "exports no logs",
    ),
    (("AmazonMQ::Broker",), ("Logs",), UNRECORDED, "no longer writes a log"),
    (("RDS::DBInstance",), ("MonitoringInterval",), UNRECORDED, "is no longer monitored in detail"),
    (("ECS::Cluster",), ("ClusterSettings",), UNRECORDED, "no longer has its own metrics"),
    (("WAFv2::WebACL",), ("Rules",), UNRECORDED, "has no rules"),
)
_LOWERED: tuple[_Setting, ...] = (
    (_RDS, ("BackupRetentionPeriod",), LOSABLE, "keeps backups for fewer days"),
    (("ElastiCache::ReplicationGroup",), ("SnapshotRetentionLimit",), LOSABLE, "keeps snapshots for fewer days"),
    (("Logs::LogGroup",), ("RetentionInDays",), UNRECORDED, "keeps its log for fewer days"),
    (("KMS::Key",), ("PendingWindowInDays",), LOSABLE, "is deleted after fewer days"),
)


def find(view: Template) -> Iterator[Weakness]:
    """Yield the settings whose values protect less than others."""
    for (types, path, kind, what), weak in _WEAK:
        for entry in _of(view, types):
            if any(str(each).lower() in weak for each in view.values(inner(entry.properties, *path))):
                yield _weakness(kind, entry, path, what)
    for entry in view.of("AWS::S3::Bucket"):
        for at, rule in view.maps(inner(entry.properties, "OwnershipControls", "Rules")):
            if {"ObjectWriter", "BucketOwnerPreferred"} & set(view.texts(rule.get("ObjectOwnership"))):
                what = "has objects with access lists of their own"
                yield _weakness(OPENED, entry, ("OwnershipControls", "Rules", *map(str, at)), what)
    for entry in view.of("AWS::WAFv2::WebACL"):
        for _, rule in view.maps(entry.properties.get("Rules")):
            if "Count" in (inner(rule, "OverrideAction") or {}) or "Count" in (inner(rule, "Action") or {}):
                name = next(iter(view.texts(rule.get("Name"))), "")
                yield _weakness(UNRECORDED, entry, ("Rules",), f"only counts what its rule `{name}` finds")


def gone(before: Template, after: Template) -> Iterator[Weakness]:
    """Yield the settings that a resource no longer has, or whose number is lower."""
    left = {entry.name: entry for entry in after.entries}
    for settings, weaker in ((_TAKEN, _is_taken), (_LOWERED, _is_lowered)):
        for types, path, kind, what in settings:
            for entry in _of(before, types):
                now = left.get(entry.name)
                if now and now.type == entry.type:
                    pair = (inner(entry.properties, *path), inner(now.properties, *path))
                    if weaker(before, pair[0], after, pair[1]):
                        yield _weakness(kind, now, path, what)


def _of(view: Template, types: tuple[str, ...]) -> Iterator[Entry]:
    return view.of(*(f"AWS::{each}" for each in types))


def _weakness(kind: Kind, entry: Entry, path: tuple[str, ...], what: str) -> Weakness:
    return Weakness(kind, entry.name, f"{entry.noun} {what}", entry.at(*path))


def _is_taken(before: Template, was: Any, after: Template, now: Any) -> bool:
    return not _is_nothing(before, was) and _is_nothing(after, now)


def _is_nothing(view: Template, value: Any) -> bool:
    """Whether a value may be left out, off or empty."""
    return any(each in (None, [], {}, 0) or str(each).lower() in ("false", "0") for each in view.values(value))


def _is_lowered(before: Template, was: Any, after: Template, now: Any) -> bool:
    old, new = (
        [int(each) for each in view.values(value) if str(each).isdecimal()]
        for view, value in ((before, was), (after, now))
    )
    return bool(old and new) and min(new) < min(old)
