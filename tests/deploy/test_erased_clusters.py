"""What of a cluster of Aurora or DocumentDB is removed when its data was given up, and by which commands by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from msaspec.aws.data import documentdb, rds_clusters
from msaspec.deploy import erasure
from msaspec.language.aws_type import Deletion
from tests.deploy.by_hand import Client, fake, refusal
from tests.deploy.test_erased_databases import BEGAN, database

ID = "shop-maincluster-1a"
OWN = "shop-snapshot-maindatabase-r0vu34ek3p2a"


def rds(cluster: dict[str, Any] | None = None, snapshots: tuple[dict[str, Any], ...] = ()) -> Client:
    """An RDS with a cluster, if any, and snapshots of it."""
    return Client(
        describe_db_clusters={"DBClusters": [cluster]} if cluster else refusal("DBClusterNotFoundFault", status=404),
        describe_db_cluster_snapshots={"DBClusterSnapshots": list(snapshots)},
        modify_db_cluster={},
        delete_db_instance={},
        delete_db_cluster={},
        delete_db_cluster_snapshot={},
    )


def erased(client: Client) -> list[str]:
    """What is told of the removal."""
    item = database("Retain", "AWS::RDS::DBCluster", ID)
    return erasure.erase(fake(rds=client), item, Deletion("shop", BEGAN))


def test_clusters_of_documentdb_go_by_their_own_api() -> None:
    """Theirs is the client `docdb`, and theirs are the commands that people are told."""
    cluster = {"DBClusterIdentifier": ID, "Status": "available", "ClusterCreateTime": BEGAN - timedelta(days=1)}
    client = rds(cluster)
    item = database("Retain", "AWS::DocDB::DBCluster", ID)
    said = erasure.erase(fake(docdb=client), item, Deletion("shop", BEGAN))
    assert said == [f"the document database cluster {ID}, which takes some minutes to go"]
    removal = documentdb.CLUSTER.removal(ID) if documentdb.CLUSTER.removal else ()
    assert [command[:2] for command in removal] == [["docdb", "modify-db-cluster"], ["docdb", "delete-db-cluster"]]


def test_a_cluster_goes_with_its_instances() -> None:
    """One that was to stay: its protection is lifted, its instances go first, as RDS asks for."""
    members = [{"DBInstanceIdentifier": "one"}, {"DBInstanceIdentifier": "two"}]
    cluster = {
        "DBClusterIdentifier": ID,
        "Status": "available",
        "ClusterCreateTime": BEGAN - timedelta(days=1),
        "DeletionProtection": True,
        "DBClusterMembers": members,
    }
    client = rds(cluster)
    assert erased(client) == [f"the database cluster {ID}, which takes some minutes to go"]
    assert [name for name in client.names() if not name.startswith("describe")] == [
        "modify_db_cluster",
        "delete_db_instance",
        "delete_db_instance",
        "delete_db_cluster",
    ]
    later = rds({**cluster, "ClusterCreateTime": BEGAN + timedelta(seconds=1)})
    assert erased(later) == []


def test_only_snapshots_of_the_deletion_go() -> None:
    """What people made, and what was there before, stays."""
    made = [
        {"DBClusterSnapshotIdentifier": OWN, "SnapshotCreateTime": BEGAN + timedelta(seconds=1)},
        {"DBClusterSnapshotIdentifier": OWN[:-1] + "b", "SnapshotCreateTime": BEGAN - timedelta(days=1)},
        {"DBClusterSnapshotIdentifier": "by-hand", "SnapshotCreateTime": BEGAN + timedelta(seconds=1)},
    ]
    client = rds(snapshots=tuple(made))
    assert erased(client) == [f"the snapshot {OWN}"]
    deleted = client.words("delete_db_cluster_snapshot")
    assert deleted == [{"DBClusterSnapshotIdentifier": OWN}]


def test_a_kept_one_comes_back_by_its_snapshot() -> None:
    """The newest snapshot of a cluster of the name is what a new one begins with."""
    made = [{"DBClusterSnapshotIdentifier": "shop-snapshot-maincluster-r0vu34ek3p2a", "SnapshotCreateTime": BEGAN}]
    client = rds(snapshots=tuple(made))
    client.answers["describe_db_clusters"] = {"DBClusters": []}
    (kept,) = rds_clusters.CLUSTER.kept(fake(rds=client), "shop", "MainCluster") if rds_clusters.CLUSTER.kept else ()
    assert "from_snapshot: shop-snapshot-maincluster-r0vu34ek3p2a" in kept.takeover
