"""What keeps data: whether the world reaches it, whether it is encrypted, whether it can be lost."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.template.weakness import Entry, Group, Kind, Template, Weakness, inner

PUBLIC = Kind(
    Group.OPEN,
    checkov=("CKV_AWS_17", "CKV_AWS_87", "CKV_AWS_69"),
    guard=("RDS_INSTANCE_PUBLIC_ACCESS_CHECK", "REDSHIFT_CLUSTER_PUBLIC_ACCESS_CHECK"),
)
PUBLIC_BUCKET = Kind(
    Group.OPEN,
    ("AwsSolutions-S2",),
    ("CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56", "CKV_AWS_20", "CKV_AWS_57"),
    (
        "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED",
        "S3_BUCKET_PUBLIC_READ_PROHIBITED",
        "S3_BUCKET_PUBLIC_WRITE_PROHIBITED",
    ),
)
UNENCRYPTED = Kind(
    Group.PLAIN,
    ("AwsSolutions-RDS2", "AwsSolutions-EC26", "AwsSolutions-EFS1", "AwsSolutions-AEC3", "AwsSolutions-SQS2"),
    ("CKV_AWS_16", "CKV_AWS_3", "CKV_AWS_8", "CKV_AWS_42", "CKV_AWS_29", "CKV_AWS_64", "CKV_AWS_27"),
    ("RDS_STORAGE_ENCRYPTED", "ENCRYPTED_VOLUMES", "EFS_ENCRYPTED_CHECK"),
)
UNPROTECTED = Kind(
    Group.DATA,
    ("AwsSolutions-RDS10",),
    guard=("RDS_INSTANCE_DELETION_PROTECTION_ENABLED", "ELB_DELETION_PROTECTION_ENABLED"),
)
UNKEPT = Kind(Group.DATA)
NO_BACKUP = Kind(
    Group.DATA,
    ("AwsSolutions-RDS13", "AwsSolutions-DDB3"),
    ("CKV_AWS_133", "CKV_AWS_28"),
    ("DB_INSTANCE_BACKUP_ENABLED", "DYNAMODB_PITR_ENABLED"),
)
LITERAL = Kind(Group.PLAIN, guard=("RDS_MASTER_USER_PASSWORD_NO_PLAINTEXT_PASSWORD",))

_ENCRYPTED = ("StorageEncrypted", "Encrypted", "AtRestEncryptionEnabled", "SqsManagedSseEnabled", "KmsEncrypted")
_OFF_BY_DEFAULT = {
    "AWS::RDS::DBInstance": "StorageEncrypted",
    "AWS::RDS::DBCluster": "StorageEncrypted",
    "AWS::DocDB::DBCluster": "StorageEncrypted",
    "AWS::Neptune::DBCluster": "StorageEncrypted",
    "AWS::EC2::Volume": "Encrypted",
    "AWS::EFS::FileSystem": "Encrypted",
    "AWS::ElastiCache::ReplicationGroup": "AtRestEncryptionEnabled",
    "AWS::Redshift::Cluster": "Encrypted",
}
_INHERITS = (
    *("SourceDBInstanceIdentifier", "SourceDBClusterIdentifier", "DBClusterIdentifier", "DBSnapshotIdentifier"),
    "SnapshotIdentifier",
)
"""What has the encryption of another."""
_PROTECTED = ("DeletionProtection", "DeletionProtectionEnabled", "TerminationProtection")
_DATABASES = ("AWS::RDS::DBInstance", "AWS::RDS::DBCluster", "AWS::DocDB::DBCluster", "AWS::Neptune::DBCluster")
_STORES = {
    *_DATABASES,
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::DynamoDB::GlobalTable",
    "AWS::EFS::FileSystem",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::ECR::Repository",
    "AWS::SecretsManager::Secret",
    "AWS::KMS::Key",
    "AWS::OpenSearchService::Domain",
    "AWS::Redshift::Cluster",
    "AWS::SQS::Queue",
}
_DATA = _STORES - {"AWS::ECR::Repository", "AWS::SecretsManager::Secret", "AWS::KMS::Key", "AWS::SQS::Queue"}
"""Of which a new one needs a policy, too."""
_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def find(view: Template) -> Iterator[Weakness]:
    """Yield the weaknesses of stores."""
    for entry in view.entries:
        yield from _of_any(view, entry)
        yield from _policies(view, entry)
    for entry in view.of("AWS::S3::Bucket"):
        yield from _bucket(view, entry)
    for entry in view.of(*_DATABASES):
        yield from _database(view, entry)
    for entry in view.of("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"):
        recovery = inner(entry.properties, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled")
        if view.is_false(recovery):
            yield Weakness(NO_BACKUP, entry.name, f"{entry.noun} has no point-in-time recovery", entry.at())
    for entry in view.of("AWS::SecretsManager::Secret"):
        if any(
            isinstance(each, str) and "{{resolve:" not in each
            for each in view.values(entry.properties.get("SecretString"))
        ):
            yield Weakness(
                LITERAL,
                entry.name,
                f"The value of the secret {entry.noun} is in the template",
                entry.at("SecretString"),
            )


def _of_any(view: Template, entry: Entry) -> Iterator[Weakness]:
    """Yield what properties of these names mean wherever they are."""
    properties = entry.properties
    if view.is_true(properties.get("PubliclyAccessible")):
        yield Weakness(PUBLIC, entry.name, f"{entry.noun} has a public address", entry.at("PubliclyAccessible"))
    for name in _ENCRYPTED:
        absent = _OFF_BY_DEFAULT.get(entry.type) == name and not any(key in properties for key in _INHERITS)
        if (name in properties or absent) and view.is_false(properties.get(name), absent=absent):
            yield Weakness(UNENCRYPTED, entry.name, f"{entry.noun} is stored without encryption", entry.at(name))
    for name in _PROTECTED:
        absent = entry.type in _DATABASES and name == "DeletionProtection"
        if (name in properties or absent) and view.is_false(properties.get(name), absent=absent):
            yield Weakness(UNPROTECTED, entry.name, f"{entry.noun} is not protected against deletion", entry.at(name))


def _policies(view: Template, entry: Entry) -> Iterator[Weakness]:
    """Yield what becomes of the data when the resource is removed or replaced."""
    if entry.type not in _STORES:
        return
    # Databases have a snapshot by default where they are deleted, and none where they are replaced.
    snapshot = entry.type == "AWS::RDS::DBCluster" or (
        entry.type == "AWS::RDS::DBInstance" and "DBClusterIdentifier" not in entry.properties
    )
    for policy, event, kept in (("DeletionPolicy", "deleted", snapshot), ("UpdateReplacePolicy", "replaced", False)):
        if any(each == "Delete" or (each is None and not kept) for each in view.values(entry.body.get(policy))):
            what, path = f"The data of {entry.noun} is lost when it is {event}", ("Resources", entry.name, policy)
            yield Weakness(UNKEPT, entry.name, what, path, by_default=entry.type not in _DATA)


def _bucket(view: Template, entry: Entry) -> Iterator[Weakness]:
    blocks = entry.properties.get("PublicAccessBlockConfiguration")
    off = [block for block in _BLOCKS if view.is_false(inner(blocks, block), absent=True)]
    if off:
        what = f"The bucket {entry.noun} can be made public: {', '.join(off)} {'is' if len(off) == 1 else 'are'} not on"
        # New buckets have all of them on; if the property is removed, CloudFormation turns them off.
        path = entry.at("PublicAccessBlockConfiguration")
        yield Weakness(PUBLIC_BUCKET, entry.name, what, path, by_default=blocks is None)
    for acl in view.texts(entry.properties.get("AccessControl")):
        if acl in ("PublicRead", "PublicReadWrite", "AuthenticatedRead"):
            yield Weakness(
                PUBLIC_BUCKET, entry.name, f"The bucket {entry.noun} is public: {acl}", entry.at("AccessControl")
            )
    if "Suspended" in view.texts(inner(entry.properties, "VersioningConfiguration", "Status")):
        what = f"The bucket {entry.noun} has no versioning"
        yield Weakness(NO_BACKUP, entry.name, what, entry.at("VersioningConfiguration"))


def _database(view: Template, entry: Entry) -> Iterator[Weakness]:
    for each in view.values(entry.properties.get("BackupRetentionPeriod")):
        if str(each) == "0":
            yield Weakness(NO_BACKUP, entry.name, f"{entry.noun} has no backups", entry.at("BackupRetentionPeriod"))
    for each in view.values(entry.properties.get("MasterUserPassword")):
        if isinstance(each, str) and "{{resolve:" not in each:
            what = f"The master password of {entry.noun} is in the template"
            yield Weakness(LITERAL, entry.name, what, entry.at("MasterUserPassword"))
