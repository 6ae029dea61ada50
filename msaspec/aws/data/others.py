"""Types with data that msaspec does not emit: only a patch, or another tool, brings them into a stack."""

from __future__ import annotations

from collections.abc import Mapping

from msaspec.language.aws_type import AwsType, Holds, NameRule


def _snapshot(properties: object) -> str:
    return "Snapshot"


_NOUNS = {
    "AWS::Backup::BackupVault": "backup vault",
    "AWS::CodeCommit::Repository": "repository",
    "AWS::Cognito::UserPool": "user pool",
    "AWS::DocDB::DBCluster": "document database cluster",
    "AWS::DynamoDB::GlobalTable": "table",
    "AWS::DynamoDB::Table": "table",
    "AWS::EC2::Volume": "volume",
    "AWS::EFS::FileSystem": "file system",
    "AWS::ElastiCache::CacheCluster": "cache cluster",
    "AWS::ElastiCache::ReplicationGroup": "cache",
    "AWS::ElastiCache::ServerlessCache": "cache",
    "AWS::Elasticsearch::Domain": "search domain",
    "AWS::FSx::FileSystem": "file system",
    "AWS::KMS::Key": "key",
    "AWS::Kinesis::Stream": "stream",
    "AWS::MSK::Cluster": "message cluster",
    "AWS::MemoryDB::Cluster": "in-memory database",
    "AWS::Neptune::DBCluster": "graph database cluster",
    "AWS::OpenSearchServerless::Collection": "search collection",
    "AWS::OpenSearchService::Domain": "search domain",
    "AWS::QLDB::Ledger": "ledger",
    "AWS::Redshift::Cluster": "data warehouse",
    "AWS::SQS::Queue": "queue",
    "AWS::Timestream::Table": "table",
}


# fact: elasticache-names
def _cache(longest: int) -> NameRule:
    """Return the rule for identifiers of ElastiCache (its API, CreateCacheCluster and CreateReplicationGroup)."""

    def rule(name: str) -> str | None:
        if not 1 <= len(name) <= longest:
            return f"it is empty or has more than {longest} characters"
        plain = name.isascii() and name.replace("-", "").isalnum() and name[0].isalpha()
        if not plain or name.endswith("-") or "--" in name:
            return "it is not letters, digits and single hyphens that begin with a letter and end with none"
        return None

    return rule


_NAMES: Mapping[str, Mapping[str, NameRule]] = {
    "AWS::ElastiCache::CacheCluster": {"ClusterName": _cache(50)},
    "AWS::ElastiCache::ReplicationGroup": {"ReplicationGroupId": _cache(40)},
}
TYPES = (
    *(AwsType(name=name, noun=noun, holds=Holds.DATA, names=_NAMES.get(name, {})) for name, noun in _NOUNS.items()),
    AwsType(name="AWS::RDS::DBCluster", noun="database cluster", holds=Holds.DATA, deletion_policy=_snapshot),
)
