"""Clusters of Amazon DocumentDB: the storage with its endpoints, and the instances that read and write it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from troposphere import Ref, Tags, docdb

from msaspec.aws import security_groups
from msaspec.aws.data import documentdb as stored
from msaspec.aws.data import secretsmanager as secrets
from msaspec.aws.database import Database, kept_version, logical_id, master_secret, password
from msaspec.language.part import Entry, Site

TYPES = (secrets.SECRET, security_groups.GROUP, *stored.TYPES)


def build(entry: Entry[Database], site: Site) -> Iterable[Any]:
    """Yield the cluster with its group, subnets, parameters and master password, then its instances."""
    spec, name, engine = entry.spec, logical_id(entry), entry.spec.server
    kept = "Snapshot" if spec.protect else "Delete"
    yield security_groups.group(f"{name}SecurityGroup", entry.name, site, (), security_groups.NOWHERE)
    yield docdb.DBSubnetGroup(
        f"{name}Subnets",
        DBSubnetGroupDescription=f"Isolated subnets of {entry.name}",
        SubnetIds=[Ref(subnet.target) for subnet in site.isolated],
    )
    yield docdb.DBClusterParameterGroup(
        f"{name}Parameters",
        Description=f"Parameters of {entry.name}",
        Family=f"{engine.family}{engine.major(spec.version)}",
        Parameters={**engine.parameters, **({} if spec.tls else {"tls": "disabled"}), **spec.parameters},
    )
    yield master_secret(entry, site)
    yield docdb.DBCluster(
        name,
        EngineVersion=spec.version,
        **_capacity(spec),
        **_contents(entry),
        Port=spec.listens,
        DBSubnetGroupName=Ref(f"{name}Subnets"),
        DBClusterParameterGroupName=Ref(f"{name}Parameters"),
        VpcSecurityGroupIds=[Ref(f"{name}SecurityGroup")],
        BackupRetentionPeriod=spec.backups,
        CopyTagsToSnapshot=True,
        EnableCloudwatchLogsExports=list(engine.logs),
        DeletionProtection=spec.protect,
        Tags=Tags(Name=f"{site.stack}/{entry.name}"),
        **kept_version(engine, spec.version),
        DeletionPolicy=kept,
        UpdateReplacePolicy=kept,
    )
    for number in range(1, spec.replicas + 2):
        # The first one that is made writes.
        after = {"DependsOn": [f"{name}Instance1"]} if number > 1 else {}
        yield docdb.DBInstance(
            f"{name}Instance{number}",
            DBClusterIdentifier=Ref(name),
            DBInstanceClass="db.serverless" if spec.is_serverless else spec.size,
            Tags=Tags(Name=f"{site.stack}/{entry.name}-{number}"),
            **_class_metadata(spec),
            # It holds nothing: the storage is the cluster's.
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Delete",
            **after,
        )


# fact: documentdb-serverless
def _class_metadata(spec: Database) -> dict[str, Any]:
    """Tell cfn-lint of the class whose price is not one of instances, where its list of classes is from."""
    return {"Metadata": {"cfn-lint": {"config": {"ignore_checks": ["E3620"]}}}} if spec.is_serverless else {}


def _capacity(spec: Database) -> dict[str, Any]:
    if not spec.is_serverless:
        return {}
    low, high = (int(each) if each == int(each) else each for each in (spec.capacity.min, spec.capacity.max))
    limits = docdb.ServerlessV2ScalingConfiguration(MinCapacity=low, MaxCapacity=high)
    return {"ServerlessV2ScalingConfiguration": limits}


# fact: documentdb-restored
def _contents(entry: Entry[Database]) -> dict[str, Any]:
    """Return what a cluster begins with. The master user and the encryption of a snapshot are there already."""
    if entry.spec.from_snapshot:
        return {"SnapshotIdentifier": entry.spec.from_snapshot}
    return {
        "MasterUsername": entry.spec.server.master,
        "MasterUserPassword": password(entry),
        "StorageEncrypted": True,
    }
