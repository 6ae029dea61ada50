"""RDS instances of any engine, without their users."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from troposphere import Ref, Tags, rds

from msaspec.aws import security_groups
from msaspec.aws.data import rds as stored
from msaspec.aws.data import secretsmanager as secrets
from msaspec.aws.database import Database, kept_version, logical_id, master_secret, password
from msaspec.language.part import Entry, Site

TYPES = (secrets.SECRET, security_groups.GROUP, stored.INSTANCE, stored.PARAMETER_GROUP, stored.SUBNET_GROUP)


def build(entry: Entry[Database], site: Site) -> Iterable[Any]:
    """Yield the instance with its group, subnets, parameters and replicas."""
    spec, name, engine = entry.spec, logical_id(entry), entry.spec.server
    pinned = engine.pinned(spec.version)
    yield security_groups.group(f"{name}SecurityGroup", entry.name, site, (), security_groups.NOWHERE)
    yield rds.DBSubnetGroup(
        f"{name}Subnets",
        DBSubnetGroupDescription=f"Isolated subnets of {entry.name}",
        SubnetIds=[Ref(subnet.target) for subnet in site.isolated],
    )
    yield rds.DBParameterGroup(
        f"{name}Parameters",
        Description=f"Parameters of {entry.name}",
        Family=f"{engine.family}{engine.major(spec.version)}",
        Parameters={**engine.parameters, **spec.parameters},
    )
    if spec.replicas:
        yield master_secret(entry, site)
    yield rds.DBInstance(
        name,
        Engine=engine.product,
        EngineVersion=spec.version,
        AllowMajorVersionUpgrade=True,
        # A minor version in the manifest stays: RDS would upgrade past it, and an update could not go back.
        AutoMinorVersionUpgrade=not pinned,
        **({"EngineLifecycleSupport": engine.lifecycle} if engine.lifecycle else {}),
        DBInstanceClass=spec.size,
        MultiAZ=spec.multi_zone,
        **_volume(spec),
        **_credentials(entry),
        Port=str(spec.listens),
        DBSubnetGroupName=Ref(f"{name}Subnets"),
        DBParameterGroupName=Ref(f"{name}Parameters"),
        VPCSecurityGroups=[Ref(f"{name}SecurityGroup")],
        PubliclyAccessible=False,
        BackupRetentionPeriod=spec.backups,
        CopyTagsToSnapshot=True,
        DeleteAutomatedBackups=not spec.protect,
        EnableCloudwatchLogsExports=list(engine.logs),
        DeletionProtection=spec.protect,
        Tags=Tags(Name=f"{site.stack}/{entry.name}"),
        **kept_version(engine, spec.version),
        DeletionPolicy="Snapshot" if spec.protect else "Delete",
        UpdateReplacePolicy="Snapshot" if spec.protect else "Delete",
    )
    for number in range(1, spec.replicas + 1):
        yield rds.DBInstance(
            f"{name}Replica{number}",
            Engine=engine.product,
            SourceDBInstanceIdentifier=Ref(name),
            DBInstanceClass=spec.size,
            **({"MultiAZ": True} if spec.multi_zone_replicas else {}),
            # Without one it has its source's, which a template does not show to those who read it.
            **({"Port": str(spec.port)} if spec.port else {}),
            DBParameterGroupName=Ref(f"{name}Parameters"),
            VPCSecurityGroups=[Ref(f"{name}SecurityGroup")],
            PubliclyAccessible=False,
            AutoMinorVersionUpgrade=not pinned,
            CopyTagsToSnapshot=True,
            EnableCloudwatchLogsExports=list(engine.logs),
            DeletionProtection=spec.protect,
            Tags=Tags(Name=f"{site.stack}/{entry.name}-replica-{number}"),
            # All that a replica holds is on its source. `deploy` lifts the protection of one that the manifest drops.
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Delete",
        )


def _volume(spec: Database) -> dict[str, Any]:
    """Return the volume. What is restored is encrypted as its snapshot is: RDS takes no word about it."""
    most = {"MaxAllocatedStorage": spec.max_storage} if spec.max_storage else {}
    encrypted = {} if spec.from_snapshot else {"StorageEncrypted": True}
    return {"AllocatedStorage": str(spec.storage), **most, "StorageType": "gp3", **encrypted}


def _credentials(entry: Entry[Database]) -> dict[str, Any]:
    """RDS refuses a read replica of an instance whose master password it manages, so then we keep our own. The master
    user of a snapshot has its name already."""
    # fact: rds-restored
    if entry.spec.from_snapshot:
        return {"DBSnapshotIdentifier": entry.spec.from_snapshot, "ManageMasterUserPassword": True}
    if not entry.spec.replicas:
        return {"MasterUsername": entry.spec.server.master, "ManageMasterUserPassword": True}
    return {"MasterUsername": entry.spec.server.master, "MasterUserPassword": password(entry)}
