"""Clusters of Aurora: the storage with its endpoints, and the instances that read and write it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from troposphere import Ref, Tags, rds, validators

from msaspec.aws import security_groups
from msaspec.aws.data import rds as stored
from msaspec.aws.data import rds_clusters
from msaspec.aws.database import Database, kept_version, logical_id
from msaspec.language.part import Entry, Site

TYPES = (rds_clusters.CLUSTER, rds_clusters.PARAMETER_GROUP, stored.INSTANCE, stored.SUBNET_GROUP)


def build(entry: Entry[Database], site: Site) -> Iterable[Any]:
    """Yield the cluster with its group, subnets and parameters, then the instance that writes and those that read."""
    spec, name, engine = entry.spec, logical_id(entry), entry.spec.server
    kept = "Snapshot" if spec.protect else "Delete"
    pinned = engine.pinned(spec.version)
    yield security_groups.group(f"{name}SecurityGroup", entry.name, site, (), security_groups.NOWHERE)
    yield rds.DBSubnetGroup(
        f"{name}Subnets",
        DBSubnetGroupDescription=f"Isolated subnets of {entry.name}",
        SubnetIds=[Ref(subnet.target) for subnet in site.isolated],
    )
    yield rds.DBClusterParameterGroup(
        f"{name}Parameters",
        Description=f"Parameters of {entry.name}",
        Family=f"{engine.family}{engine.major(spec.version)}",
        Parameters={**engine.parameters, **spec.parameters},
    )
    yield rds.DBCluster(
        name,
        Engine=engine.product,
        EngineVersion=spec.version,
        EngineLifecycleSupport=engine.lifecycle,
        **_capacity(spec),
        **_contents(spec),
        ManageMasterUserPassword=True,
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
        yield rds.DBInstance(
            f"{name}Instance{number}",
            Engine=engine.product,
            DBClusterIdentifier=Ref(name),
            DBInstanceClass="db.serverless" if spec.is_serverless else spec.size,
            AutoMinorVersionUpgrade=not pinned,
            PubliclyAccessible=False,
            Tags=Tags(Name=f"{site.stack}/{entry.name}-{number}"),
            # It holds nothing: the storage is the cluster's.
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Delete",
            **after,
        )


class _Limits(rds.ServerlessV2ScalingConfiguration):  # type: ignore[misc]
    """As troposphere has it, but for the 0 with which a cluster pauses."""

    props: ClassVar[dict[str, Any]] = dict.fromkeys(("MinCapacity", "MaxCapacity"), (validators.double, True))


# fact: aurora-capacity
def _capacity(spec: Database) -> dict[str, Any]:
    if not spec.is_serverless:
        return {}
    low, high = (int(each) if each == int(each) else each for each in (spec.capacity.min, spec.capacity.max))
    limits = _Limits(MinCapacity=low, MaxCapacity=high)
    return {"ServerlessV2ScalingConfiguration": limits}


def _contents(spec: Database) -> dict[str, Any]:
    """Return what a cluster begins with. The master user and the encryption of a snapshot are there already."""
    if spec.from_snapshot:
        return {"SnapshotIdentifier": spec.from_snapshot}
    return {"MasterUsername": spec.server.master, "StorageEncrypted": True}
