"""RDS database clusters, which are Aurora's, as holders of data. Their members are database instances without any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msaspec.aws.data.physical import made_up
from msaspec.aws.data.rds import SERVICE_ROLE, retention, versions
from msaspec.language.aws_type import (
    AwsType,
    Clients,
    Deletion,
    Holds,
    Kept,
    Objection,
    Properties,
    Protection,
    unless_gone,
)
from msaspec.template.resources import whole

_GONE = frozenset({"DBClusterNotFoundFault", "DBClusterSnapshotNotFoundFault"})


def _clusters(aws: Clients, id: str) -> list[Mapping[str, Any]]:
    """Return the cluster of an id, if there is one."""
    said = unless_gone(_GONE, aws.client("rds").describe_db_clusters, DBClusterIdentifier=id)
    found: list[Mapping[str, Any]] = (said or {}).get("DBClusters", [])
    return found


def _asked(properties: Properties) -> bool:
    return str(properties.get("DeletionProtection")).lower() == "true"


def _read(aws: Clients, id: str) -> bool | None:
    there = _clusters(aws, id)
    if not there or there[0].get("Status") == "creating":
        return None
    return bool(there[0].get("DeletionProtection"))


def _write(aws: Clients, id: str, *, on: bool) -> None:
    aws.client("rds").modify_db_cluster(DBClusterIdentifier=id, DeletionProtection=on, ApplyImmediately=True)


def _erase(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    """Remove the cluster with its members, where it was to stay, and the snapshots that the deletion made."""
    rds = aws.client("rds")
    if deletion.began is None:
        return []
    done = []
    for there in _left_running(aws, id, deletion.began):
        if there.get("DeletionProtection"):
            _write(aws, id, on=False)
        for member in there.get("DBClusterMembers", ()):
            gone = frozenset({"DBInstanceNotFound"})
            unless_gone(gone, rds.delete_db_instance, DBInstanceIdentifier=member["DBInstanceIdentifier"])
        rds.delete_db_cluster(DBClusterIdentifier=id, SkipFinalSnapshot=True)
        done.append(f"the database cluster {id}, which takes some minutes to go")
    for name in _snapshots(aws, id, deletion):
        if unless_gone(_GONE, rds.delete_db_cluster_snapshot, DBClusterSnapshotIdentifier=name) is not None:
            done.append(f"the snapshot {name}")
    return done


def _remains(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    """Name what `_erase` would remove."""
    if deletion.began is None:
        return []
    clusters = [f"the database cluster {id}" for _ in _left_running(aws, id, deletion.began)]
    return [*clusters, *(f"the snapshot {name}" for name in _snapshots(aws, id, deletion))]


def _left_running(aws: Clients, id: str, began: datetime) -> list[Mapping[str, Any]]:
    """Return a cluster that the stack's deletion left running; one that was made since is another."""
    return [
        there
        for there in _clusters(aws, id)
        if there.get("Status") != "deleting" and (made := there.get("ClusterCreateTime")) is not None and made < began
    ]


def _snapshots(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    """Return the snapshots that CloudFormation made when it deleted the stack, by their name and their time."""
    if deletion.began is None:
        return []
    began = deletion.began.replace(microsecond=0)
    own = made_up(deletion.stack, f"Snapshot-{deletion.logical_id}", 255)
    return [
        snapshot["DBClusterSnapshotIdentifier"]
        for snapshot in _manual(aws, DBClusterIdentifier=id)
        if own.fullmatch(snapshot["DBClusterSnapshotIdentifier"])
        and "SnapshotCreateTime" in snapshot
        and snapshot["SnapshotCreateTime"] >= began
    ]


def _manual(aws: Clients, **words: str) -> Iterator[Mapping[str, Any]]:
    pages = aws.client("rds").get_paginator("describe_db_cluster_snapshots").paginate(SnapshotType="manual", **words)
    for page in pages:
        yield from page["DBClusterSnapshots"]


def _kept(aws: Clients, stack: str, logical_id: str) -> Iterator[Kept]:
    """Clusters of the name that CloudFormation would have made up, and the newest of its last snapshots."""
    name = made_up(stack, logical_id, 63)
    for page in aws.client("rds").get_paginator("describe_db_clusters").paginate():
        for cluster in page["DBClusters"]:
            if name.fullmatch(id := cluster["DBClusterIdentifier"]):
                takeover = f"remove it, which leaves the snapshot {id}-last, and {_restored(f'{id}-last')}"
                yield Kept(id, "database cluster", takeover, tuple(map(tuple, _removal(id))), in_network=True)
    own, newest = made_up(stack, f"Snapshot-{logical_id}", 255), ("", None)
    for snapshot in _manual(aws):
        id, made = snapshot["DBClusterSnapshotIdentifier"], snapshot.get("SnapshotCreateTime")
        if made and own.fullmatch(id) and (newest[1] is None or made > newest[1]):
            newest = id, made
    if id := newest[0]:
        removal = (("rds", "delete-db-cluster-snapshot", "--db-cluster-snapshot-identifier", id),)
        yield Kept(id, "snapshot", _restored(id), removal, alone=False)


def _restored(snapshot: str) -> str:
    return f"write `from_snapshot: {snapshot}`, and keep it there for as long as the database is"


def _removal(id: str) -> Iterable[list[str]]:
    """Its members go first; the console removes them with it."""
    named = ["--db-cluster-identifier", id]
    yield ["rds", "modify-db-cluster", *named, "--no-deletion-protection", "--apply-immediately"]
    yield ["rds", "delete-db-cluster", *named, "--final-db-snapshot-identifier", f"{id}-last"]


# fact: aurora-refused-changes
def _objections(before: Properties, after: Properties) -> Iterator[Objection]:
    """Yield what RDS refuses of a cluster that is there, and what its backups lose."""
    yield from versions(before.get("EngineVersion"), after.get("EngineVersion"))
    days = [whole(side.get("BackupRetentionPeriod")) for side in (before, after)]
    yield from retention(*days)


CLUSTER = AwsType(
    name="AWS::RDS::DBCluster",
    noun="database cluster",
    holds=Holds.DATA,
    deletion_policy=lambda properties: "Snapshot",
    protection=Protection(_asked, _read, _write),
    service_role=SERVICE_ROLE,
    erase=_erase,
    snapshots=_snapshots,
    remains=_remains,
    parting="its last snapshot",
    gone=_GONE,
    there=lambda aws, id: bool(_clusters(aws, id)),
    kept=_kept,
    removal=_removal,
    objections=_objections,
    unique=(("DBClusterIdentifier",),),
    slow={"create": "5 to 15 minutes", "update": "5 to 30 minutes", "delete": "5 to 15 minutes"},
)
PARAMETER_GROUP = AwsType(name="AWS::RDS::DBClusterParameterGroup", unique=(("DBClusterParameterGroupName",),))
