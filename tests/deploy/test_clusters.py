"""A system with a cluster of Aurora or of DocumentDB in an account: its state, its protection, its end."""

from __future__ import annotations

import pytest

from tests.deploy.account import Account

SHOP = """
msaspec: 1
name: shop
network: {placement: public}
databases: {main: {engine: aurora-mysql, replicas: 1}}
services: {cart: {image: "docker.io/library/cart:1", uses: [main]}}
"""


@pytest.mark.parametrize("engine", ["aurora-mysql", "documentdb"])
def test_a_cluster_is_seen_and_leaves_a_snapshot(account: Account, engine: str) -> None:
    """`status` tells of it as of any database; a second deployment changes nothing; `destroy` lifts its protection
    and leaves a snapshot, which goes by a word."""
    result = account.deploy(SHOP.replace("aurora-mysql", engine))
    assert result.exit_code == 0, result.stderr
    shown = " ".join(account.run("status").stdout.split())
    assert "databases.main well available, deletion protection, backups 7 days, standby" in shown
    assert "has no changes" in account.deploy().stderr
    rds = account.world.client("rds")
    assert account.run("destroy", "--yes").exit_code == 0
    assert rds.describe_db_clusters()["DBClusters"] == []
    assert rds.describe_db_instances()["DBInstances"] == []
    snapshots = rds.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"]
    assert len(snapshots) == 1
    assert account.run("destroy", "--yes", "--delete-data", "main").exit_code == 0
    assert rds.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"] == []
