"""Databases, buckets, secrets, logs and images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msaspec.template.exception import Exempt
from msaspec.template.resources import Resource, numbered, whole

_FILES = ("AWS::EFS::FileSystem",)
_DATABASE, _BUCKET, _TABLE = ("AWS::RDS::DBInstance",), ("AWS::S3::Bucket",), ("AWS::DynamoDB::Table",)
_CLUSTER, _DOCUMENTS = ("AWS::RDS::DBCluster",), ("AWS::DocDB::DBCluster",)


def _is_replica(database: Resource) -> bool:
    return database.get("SourceDBInstanceIdentifier") is not None


def _is_on_the_usual_port(database: Resource) -> bool:
    if _is_a_member(database):
        return False
    # Of clusters cdk-nag finds MySQL's alone.
    usual = ("3306",) if str(database.get("Engine")).startswith("aurora") else ("None", "3306", "5432")
    return str(database.get("Port")) in usual


def _is_a_member(database: Resource) -> bool:
    return database.get("DBClusterIdentifier") is not None


def _is_backed_up(database: Resource) -> bool:
    return _is_replica(database) or _is_a_member(database) or (whole(database.get("BackupRetentionPeriod")) or 0) > 0


def _is_recovered(table: Resource) -> bool:
    return table.get("PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled") is True


def _has_no_key(bucket: Resource) -> bool:
    rules = numbered(bucket.get("BucketEncryption", "ServerSideEncryptionConfiguration"))
    return all("KMSMasterKeyID" not in rule.get("ServerSideEncryptionByDefault", {}) for _, rule in rules)


def _template(secret: Resource) -> Any:
    """Return what a generated password is put into."""
    return secret.get("GenerateSecretString", "SecretStringTemplate")


def _is_of_a_broker(secret: Resource) -> bool:
    return '"engine": "rabbitmq"' in str(_template(secret))


_ROTATION: dict[str, Any] = {
    "types": ("AWS::SecretsManager::Secret",),
    "nag": ("SMG4",),
    "packs": {"SecretsManagerRotationEnabled": "NH"},
    "guard": ("SECRETSMANAGER_ROTATION_ENABLED_CHECK",),
}


def _is_of_a_master(secret: Resource) -> bool:
    template = _template(secret)
    return "username" in str(template) and not isinstance(template, Mapping) and not _is_of_a_broker(secret)


EXCEPTIONS = (
    Exempt(
        title="The engine's own port",
        reason="Only declared callers reach the port, whatever its number.",
        types=(*_DATABASE, *_CLUSTER),
        fits=_is_on_the_usual_port,
        nag=("RDS11",),
    ),
    Exempt(
        title="The encryption of a replica",
        reason="A replica is encrypted as its source is; RDS takes no setting of its own here.",
        types=_DATABASE,
        fits=_is_replica,
        nag=("RDS2",),
        packs={"RDSStorageEncrypted": "NPH"},
        checkov=("CKV_AWS_16",),
        guard=("RDS_STORAGE_ENCRYPTED",),
        false_alarm=True,
    ),
    Exempt(
        title="The encryption of a member of a cluster",
        reason="Its storage is that of its cluster, which is encrypted; RDS takes no setting of its own here.",
        types=_DATABASE,
        fits=_is_a_member,
        guard=("RDS_STORAGE_ENCRYPTED",),
        false_alarm=True,
    ),
    Exempt(
        title="The encryption of parameters",
        reason="It holds parameters and no data; the pattern of the rule takes it for a cluster.",
        types=("AWS::RDS::DBClusterParameterGroup",),
        guard=("RDS_STORAGE_ENCRYPTED",),
        false_alarm=True,
    ),
    Exempt(
        title="The logs of a member of a cluster",
        reason="Its cluster says which logs go to CloudWatch, for all of its members.",
        types=_DATABASE,
        fits=_is_a_member,
        guard=("RDS_INSTANCE_LOGGING_ENABLED",),
        false_alarm=True,
    ),
    Exempt(
        title="A volume in no plan of the template",
        reason="EFS puts it into a plan of AWS Backup of its own, which keeps each day for 35 days.",
        types=_FILES,
        fits=lambda files: files.get("BackupPolicy", "Status") == "ENABLED",
        packs={"EFSInBackupPlan": "NH"},
        false_alarm=True,
    ),
    Exempt(
        title="A volume without backups",
        reason="The manifest says `backups: false`, of files that can be made again.",
        types=_FILES,
        fits=lambda files: files.get("BackupPolicy", "Status") != "ENABLED",
        packs={"EFSInBackupPlan": "NH"},
    ),
    Exempt(
        title="A replica in one zone",
        reason="It holds a copy for reading; `multi_zone` gives its source a standby.",
        types=_DATABASE,
        fits=lambda database: _is_replica(database) and database.get("MultiAZ") is not True,
        nag=("RDS3",),
        packs={"RDSMultiAZSupport": "NH"},
        checkov=("CKV_AWS_157",),
    ),
    Exempt(
        title="Logs of MySQL without statements",
        reason="The error and slow query logs are kept; the general log has all data, audits need a plugin.",
        types=_DATABASE,
        fits=lambda database: database.get("Engine") in ("mysql", "mariadb"),
        packs={"RDSLoggingEnabled": "NPH"},
    ),
    Exempt(
        title="Logs of Aurora MySQL without statements",
        reason="The error and slow query logs are kept; the general and the audit log would have all data.",
        types=_CLUSTER,
        fits=lambda cluster: cluster.get("Engine") == "aurora-mysql",
        packs={"RDSLoggingEnabled": "NPH"},
    ),
    Exempt(
        title="No plan of AWS Backup",
        reason="RDS makes automated backups itself, and keeps them as long as `backups` says.",
        types=_DATABASE,
        fits=_is_backed_up,
        packs={"RDSInBackupPlan": "NH"},
    ),
    Exempt(
        title="A cluster without backtracking",
        reason="It costs for each change that it keeps; a backup restores any second into a new cluster.",
        types=_CLUSTER,
        fits=lambda cluster: cluster.get("Engine") == "aurora-mysql",
        nag=("RDS14",),
    ),
    Exempt(
        title="A document database on the port of its engine",
        reason="Only declared callers reach the port of a document database.",
        types=_DOCUMENTS,
        fits=lambda cluster: str(cluster.get("Port")) in ("None", "27017"),
        nag=("DOC2",),
    ),
    Exempt(
        title="The encryption of a restored document database",
        reason="A document database from a snapshot is encrypted as that is; it takes no setting of its own here.",
        types=_DOCUMENTS,
        fits=lambda cluster: cluster.get("SnapshotIdentifier") is not None,
        nag=("DOC1",),
        checkov=("CKV_AWS_74",),
        guard=("DOCDB_CLUSTER_ENCRYPTED",),
    ),
    Exempt(
        title="The master password of a document database",
        reason="Its password is a secret that Secrets Manager generates; the rule does not read references to one.",
        types=_DOCUMENTS,
        nag=("DOC3",),
        false_alarm=True,
    ),
    Exempt(
        title="The logs of a document database",
        reason="DocumentDB exports two logs, `audit` and `profiler`; the rule asks for events of the first.",
        types=_DOCUMENTS,
        nag=("DOC5",),
        false_alarm=True,
    ),
    Exempt(
        title="A table without a plan of AWS Backup",
        reason="DynamoDB can restore it to any second of the days that `backups` says.",
        types=_TABLE,
        fits=_is_recovered,
        packs={"DynamoDBInBackupPlan": "NH"},
    ),
    Exempt(
        title="A table under DynamoDB's key",
        reason="DynamoDB encrypts it with its own key; `encryption: own` takes the system's.",
        types=_TABLE,
        fits=lambda table: table.get("SSESpecification", "KMSMasterKeyId") is None,
        checkov=("CKV_AWS_119",),
        guard=("DYNAMODB_TABLE_ENCRYPTED_KMS",),
    ),
    Exempt(
        title="A cache on the port of its engine",
        reason="Only declared callers reach the port of a cache.",
        types=("AWS::ElastiCache::ReplicationGroup", "AWS::ElastiCache::CacheCluster"),
        nag=("AEC5",),
    ),
    Exempt(
        title="A cache with users instead of a token",
        reason="Each service has a user with a password of its own, or the manifest says `auth: false`.",
        types=("AWS::ElastiCache::ReplicationGroup",),
        nag=("AEC6",),
        checkov=("CKV_AWS_31",),
        false_alarm=True,
    ),
    Exempt(
        title="A cache under ElastiCache's key",
        reason="ElastiCache encrypts it with its own key; `encryption: own` takes the system's.",
        types=("AWS::ElastiCache::ReplicationGroup",),
        fits=lambda cache: cache.get("KmsKeyId") is None,
        checkov=("CKV_AWS_191",),
    ),
    Exempt(
        title="A queue under SQS's key",
        reason="SQS encrypts it with its own key; `encryption: own` takes the system's.",
        types=("AWS::SQS::Queue",),
        fits=lambda queue: queue.get("KmsMasterKeyId") is None,
        checkov=("CKV_AWS_27",),
        guard=("SQS_QUEUE_KMS_MASTER_KEY_ID_RULE",),
    ),
    Exempt(
        title="A topic that is not encrypted",
        reason="A topic keeps no message; `encryption: own` encrypts it with the system's key.",
        types=("AWS::SNS::Topic",),
        fits=lambda topic: topic.get("KmsMasterKeyId") is None,
        nag=("SNS2",),
        packs={"SNSEncryptedKMS": "NPH"},
        checkov=("CKV_AWS_26",),
        guard=("SNS_ENCRYPTED_KMS",),
    ),
    Exempt(
        title="The dead letters have no dead letters",
        reason="It is the queue for dead letters.",
        types=("AWS::SQS::Queue",),
        fits=lambda queue: queue.get("RedrivePolicy") is None,
        nag=("SQS3",),
    ),
    Exempt(
        title="Passwords on databases that stay the same",
        reason="Services read it when they start; `audit: {rotation: 30 days}` changes those of SQL databases.",
        fits=lambda secret: isinstance(_template(secret), Mapping),
        without=("AWS::SecretsManager::RotationSchedule", "SecretId"),
        **_ROTATION,
    ),
    Exempt(
        title="A master's password that stays the same",
        reason="RDS manages none where there are replicas; only deployments and rotations log in with it.",
        fits=lambda secret: _is_of_a_master(secret) and not secret.name.endswith("DocumentsMasterSecret"),
        **_ROTATION,
    ),
    Exempt(
        title="The password of the master of a document database",
        reason="CloudFormation does not tell where DocumentDB keeps one of its own; only deployments log in with it.",
        fits=lambda secret: _is_of_a_master(secret) and secret.name.endswith("DocumentsMasterSecret"),
        **_ROTATION,
    ),
    Exempt(
        title="Passwords on brokers that stay the same",
        reason="RabbitMQ gets it from a deployment, and services read it when they start.",
        fits=lambda secret: _is_of_a_broker(secret),
        **_ROTATION,
    ),
    Exempt(
        title="Passwords of caches that stay the same",
        reason="ElastiCache gets it from a deployment, and services read it when they start.",
        fits=lambda secret: _template(secret) == "{}" or secret.get("SecretString") is not None,
        **_ROTATION,
    ),
    Exempt(
        title="Generated secrets that stay the same",
        reason="What it signed or encrypted can be read with it only; `msaspec secret rotate` changes it.",
        fits=lambda secret: secret.get("GenerateSecretString") is not None and _template(secret) is None,
        **_ROTATION,
    ),
    Exempt(
        title="Texts with secrets in them",
        reason="It is composed of other secrets, and written anew when one of them rotates.",
        fits=lambda secret: secret.get("GenerateSecretString") is None and secret.get("SecretString") is None,
        **_ROTATION,
    ),
    Exempt(
        title="A secret under AWS's key",
        reason="AWS's key for Secrets Manager encrypts it; `encryption: own` takes the system's.",
        types=("AWS::SecretsManager::Secret",),
        fits=lambda secret: secret.get("KmsKeyId") is None,
        packs={"SecretsManagerUsingKMSKey": "NPH"},
        checkov=("CKV_AWS_149",),
        guard=("SECRETSMANAGER_USING_CMK",),
    ),
    Exempt(
        title="A log group under AWS's key",
        reason="CloudWatch Logs encrypts it with its own key; `encryption: own` takes the system's.",
        types=("AWS::Logs::LogGroup",),
        fits=lambda group: group.get("KmsKeyId") is None,
        packs={"CloudWatchLogGroupEncrypted": "NPH"},
        checkov=("CKV_AWS_158",),
        guard=("CLOUDWATCH_LOG_GROUP_ENCRYPTED",),
    ),
    Exempt(
        title="A bucket under S3's key",
        reason="S3 encrypts it with its own key: load balancers write into no other, or `encryption` is not `own`.",
        types=_BUCKET,
        fits=_has_no_key,
        packs={"S3DefaultEncryptionKMS": "NPH"},
    ),
    Exempt(
        title="A bucket without a copy in another Region",
        reason="Where copies lie is a decision of its own; versions protect against mistakes.",
        types=_BUCKET,
        packs={"S3BucketReplicationEnabled": "NPH"},
    ),
    Exempt(
        title="The bucket for logs has no log",
        reason="It is the bucket for logs: a log of its own would grow by itself.",
        types=_BUCKET,
        fits=lambda bucket: bucket.name == "AuditLogs",
        checkov=("CKV_AWS_18",),
        guard=("S3_BUCKET_LOGGING_ENABLED",),
    ),
    Exempt(
        title="A bucket policy that asks for TLS",
        reason='The policy denies requests without TLS; the rule expects a boolean where IAM has the text "false".',
        types=("AWS::S3::BucketPolicy",),
        guard=("S3_BUCKET_SSL_REQUESTS_ONLY",),
        false_alarm=True,
    ),
    Exempt(
        title="Images under AWS's key",
        reason="ECR encrypts images with its own key; another one would replace the repository.",
        types=("AWS::ECR::Repository",),
        checkov=("CKV_AWS_136",),
    ),
)
