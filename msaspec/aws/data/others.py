"""Types with data that msaspec does not emit: only a patch, or another tool, brings them into a stack."""

from __future__ import annotations

from msaspec.language.aws_type import AwsType, Holds


def _snapshot(properties: object) -> str:
    return "Snapshot"


_NOUNS = {
    "AWS::Backup::BackupVault": "backup vault",
    "AWS::CodeCommit::Repository": "repository",
    "AWS::Cognito::UserPool": "user pool",
    "AWS::DynamoDB::GlobalTable": "table",
    "AWS::EC2::Volume": "volume",
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
    "AWS::Timestream::Table": "table",
}


TYPES = (*(AwsType(name=name, noun=noun, holds=Holds.DATA) for name, noun in _NOUNS.items()),)
