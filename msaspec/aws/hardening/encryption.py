"""A KMS key of the system's own for its data at rest, and who may use it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from troposphere import Ref, Sub, kms

from msaspec.aws.hardening import Hardened, role_of
from msaspec.aws.hardening.access_logs import DISTRIBUTION, LOGS
from msaspec.language.aws_type import AwsType, Clients, Deletion, Holds, unless_gone
from msaspec.language.part import Part

KEY = "EncryptionKey"
_GONE = frozenset({"KMSInvalidStateException", "NotFoundException"})
_DAYS = 7
"""How long a key that is given up can be saved, the least that KMS takes."""


def _erase(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    asking = aws.client("kms").schedule_key_deletion
    said = unless_gone(_GONE, asking, KeyId=id, PendingWindowInDays=_DAYS)
    return [] if said is None else [f"the key {id}, which can be saved for {_DAYS} days"]


def _removal(id: str) -> Iterator[list[str]]:
    yield ["kms", "schedule-key-deletion", "--key-id", id, "--pending-window-in-days", str(_DAYS)]


TYPES = (AwsType(name="AWS::KMS::Key", noun="key", holds=Holds.DATA, erase=_erase, removal=_removal, gone=_GONE),)
ARN = {"Fn::GetAtt": [KEY, "Arn"]}
_USING = ["kms:Decrypt", "kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
_READERS = ("secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "s3:", "dynamodb:", "sns:", "sqs:")
"""Beginnings of the actions of roles whose data the key encrypts."""


def build(to: Hardened) -> Part:
    """Encrypt with the system's own key what a template encrypts. Return the key."""
    for _, properties in to.properties("AWS::Logs::LogGroup", "AWS::SecretsManager::Secret"):
        properties["KmsKeyId"] = ARN
    for _, properties in to.properties("AWS::RDS::DBInstance", "AWS::RDS::DBCluster", "AWS::DocDB::DBCluster"):
        # A replica has the key of its source, an instance of a cluster the cluster's, what is restored its snapshot's.
        if not {"SourceDBInstanceIdentifier", "DBClusterIdentifier"} & properties.keys():
            if not {"DBSnapshotIdentifier", "SnapshotIdentifier"} & properties.keys():
                properties["KmsKeyId"] = ARN
            if properties.get("ManageMasterUserPassword"):
                properties["MasterUserSecret"] = {"KmsKeyId": ARN}
    for name, properties in to.properties("AWS::S3::Bucket"):
        if name != LOGS:
            default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": ARN}
            rule = {"ServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
            properties["BucketEncryption"] = {"ServerSideEncryptionConfiguration": [rule]}
    for _, properties in to.properties("AWS::DynamoDB::Table"):
        properties["SSESpecification"] = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": ARN}
    for _, properties in to.properties("AWS::ElastiCache::ReplicationGroup", "AWS::EFS::FileSystem"):
        properties["KmsKeyId"] = ARN
    for _, properties in to.properties("AWS::AmazonMQ::Broker"):
        properties["EncryptionOptions"] = {"KmsKeyId": ARN, "UseAwsOwnedKey": False}
        # Another key makes another broker, and that another name.
        name = properties["BrokerName"]["Fn::Sub"]
        name[0] = name[0].replace("-${Stack}", "-k-${Stack}")
    for _, properties in to.properties("AWS::SQS::Queue"):
        properties.pop("SqsManagedSseEnabled", None)
        properties["KmsMasterKeyId"] = ARN
    for _, properties in to.properties("AWS::SNS::Topic"):
        properties["KmsMasterKeyId"] = ARN
    roles = dict.fromkeys(_readers(to))
    for _, properties in to.properties("AWS::Lambda::Function"):
        if "Environment" in properties:
            properties["KmsKeyArn"] = ARN
            roles[role_of(properties["Role"])] = None
    for role in roles:
        actions = ["kms:Decrypt", "kms:GenerateDataKey"]
        to.may(role, {"Effect": "Allow", "Action": actions, "Resource": ARN})
    return Part((_key(cdn=any(True for _ in to.of(DISTRIBUTION)), senders=list(_senders(to))),))


def _senders(to: Hardened) -> Iterator[str]:
    """Yield the services that send to encrypted queues and topics."""
    for _, properties in to.properties("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"):
        for statement in properties["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow" and isinstance(statement["Principal"], dict):
                yield statement["Principal"]["Service"]


def _readers(to: Hardened) -> Iterator[str]:
    """Yield the roles that read or write what the key encrypts."""
    for name, properties in to.properties("AWS::IAM::Role"):
        for policy in properties.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                actions = statement["Action"]
                if any(a.startswith(_READERS) for a in ([actions] if isinstance(actions, str) else actions)):
                    yield name


def _key(*, cdn: bool, senders: Sequence[str]) -> Any:
    """Return the key. IAM decides who of the account uses it; services of AWS may, for this account's data only.

    Root stands for the account, so that a lost role does not lock everybody out of the data.
    """
    # fact: key-policies
    account = Sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")
    groups = Sub("arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:*")
    statements: list[dict[str, Any]] = [
        {"Sid": "Account", "Effect": "Allow", "Principal": {"AWS": account}, "Action": "kms:*", "Resource": "*"},
        {
            "Sid": "Logs",
            "Effect": "Allow",
            "Principal": {"Service": Sub("logs.${AWS::Region}.${AWS::URLSuffix}")},
            "Action": _USING,
            "Resource": "*",
            "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
        },
    ]
    if cdn:
        distributions = Sub("arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/*")
        statements.append(
            {
                "Sid": "Distributions",
                "Effect": "Allow",
                "Principal": {"Service": "cloudfront.amazonaws.com"},
                "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
                "Resource": "*",
                "Condition": {"StringLike": {"AWS:SourceArn": distributions}},
            }
        )
    if senders:
        statements.append(
            {
                "Sid": "Senders",
                "Effect": "Allow",
                "Principal": {"Service": sorted(set(senders))},
                "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:SourceAccount": Ref("AWS::AccountId")}},
            }
        )
    return kms.Key(
        KEY,
        Description=Sub("Data of ${AWS::StackName}"),
        EnableKeyRotation=True,
        KeyPolicy={"Version": "2012-10-17", "Statement": statements},
        DeletionPolicy="Retain",
        UpdateReplacePolicy="Retain",
    )
