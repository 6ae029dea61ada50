"""What clusters of Aurora and of DocumentDB have in common as holders of data: both have the API of RDS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msaspec.aws.data.physical import made_up
from msaspec.language.aws_type import Clients, Deletion, Kept, Properties, unless_gone

GONE = frozenset({"DBClusterNotFoundFault", "DBClusterSnapshotNotFoundFault"})
_NO_INSTANCE = frozenset({"DBInstanceNotFound"})


def asked(properties: Properties) -> bool:
    """Return whether a template turns deletion protection on."""
    return str(properties.get("DeletionProtection")).lower() == "true"


@dataclass(frozen=True)
class Clusters:
    """The clusters of one service."""

    service: str
    """Its name in boto3 and in the AWS CLI: ``rds``, ``docdb``."""
    noun: str
    """One of them in a sentence."""

    def there(self, aws: Clients, id: str) -> bool:
        """Return whether there is a cluster of an id."""
        return bool(self._found(aws, id))

    def _found(self, aws: Clients, id: str) -> list[Mapping[str, Any]]:
        said = unless_gone(GONE, aws.client(self.service).describe_db_clusters, DBClusterIdentifier=id)
        found: list[Mapping[str, Any]] = (said or {}).get("DBClusters", [])
        return found

    def read(self, aws: Clients, id: str) -> bool | None:
        """Return whether a cluster is protected; None where it cannot be changed yet."""
        there = self._found(aws, id)
        if not there or there[0].get("Status") == "creating":
            return None
        return bool(there[0].get("DeletionProtection"))

    def write(self, aws: Clients, id: str, *, on: bool) -> None:
        """Turn the protection on or off."""
        api = aws.client(self.service)
        api.modify_db_cluster(DBClusterIdentifier=id, DeletionProtection=on, ApplyImmediately=True)

    def erase(self, aws: Clients, id: str, deletion: Deletion) -> list[str]:
        """Remove the cluster with its members, where it was to stay, and the snapshots that the deletion made."""
        api = aws.client(self.service)
        if deletion.began is None:
            return []
        done = []
        for there in self._left_running(aws, id, deletion.began):
            if there.get("DeletionProtection"):
                self.write(aws, id, on=False)
            for member in there.get("DBClusterMembers", ()):
                name = member["DBInstanceIdentifier"]
                unless_gone(_NO_INSTANCE, api.delete_db_instance, DBInstanceIdentifier=name)
            api.delete_db_cluster(DBClusterIdentifier=id, SkipFinalSnapshot=True)
            done.append(f"the {self.noun} {id}, which takes some minutes to go")
        for name in self.snapshots(aws, id, deletion):
            if unless_gone(GONE, api.delete_db_cluster_snapshot, DBClusterSnapshotIdentifier=name) is not None:
                done.append(f"the snapshot {name}")
        return done

    def remains(self, aws: Clients, id: str, deletion: Deletion) -> list[str]:
        """Name what `erase` would remove."""
        if deletion.began is None:
            return []
        clusters = [f"the {self.noun} {id}" for _ in self._left_running(aws, id, deletion.began)]
        return [*clusters, *(f"the snapshot {name}" for name in self.snapshots(aws, id, deletion))]

    def _left_running(self, aws: Clients, id: str, began: datetime) -> list[Mapping[str, Any]]:
        """Return a cluster that the stack's deletion left running; one that was made since is another."""
        return [
            there
            for there in self._found(aws, id)
            if there.get("Status") != "deleting"
            and (made := there.get("ClusterCreateTime")) is not None
            and made < began
        ]

    def snapshots(self, aws: Clients, id: str, deletion: Deletion) -> list[str]:
        """Return the snapshots that CloudFormation made when it deleted the stack, by their name and their time."""
        if deletion.began is None:
            return []
        began = deletion.began.replace(microsecond=0)
        own = made_up(deletion.stack, f"Snapshot-{deletion.logical_id}", 255)
        return [
            snapshot["DBClusterSnapshotIdentifier"]
            for snapshot in self._manual(aws, DBClusterIdentifier=id)
            if own.fullmatch(snapshot["DBClusterSnapshotIdentifier"])
            and "SnapshotCreateTime" in snapshot
            and snapshot["SnapshotCreateTime"] >= began
        ]

    def _manual(self, aws: Clients, **words: str) -> Iterator[Mapping[str, Any]]:
        pages = aws.client(self.service).get_paginator("describe_db_cluster_snapshots")
        for page in pages.paginate(SnapshotType="manual", **words):
            yield from page["DBClusterSnapshots"]

    def kept(self, aws: Clients, stack: str, logical_id: str) -> Iterator[Kept]:
        """Yield clusters of the name that CloudFormation would have made up, and the newest of its last snapshots."""
        name = made_up(stack, logical_id, 63)
        for page in aws.client(self.service).get_paginator("describe_db_clusters").paginate():
            for cluster in page["DBClusters"]:
                if name.fullmatch(id := cluster["DBClusterIdentifier"]):
                    takeover = f"remove it, which leaves the snapshot {id}-last, and {_restored(f'{id}-last')}"
                    yield Kept(id, self.noun, takeover, tuple(map(tuple, self.removal(id))), in_network=True)
        own, newest = made_up(stack, f"Snapshot-{logical_id}", 255), ("", None)
        for snapshot in self._manual(aws):
            id, made = snapshot["DBClusterSnapshotIdentifier"], snapshot.get("SnapshotCreateTime")
            if made and own.fullmatch(id) and (newest[1] is None or made > newest[1]):
                newest = id, made
        if id := newest[0]:
            removal = ((self.service, "delete-db-cluster-snapshot", "--db-cluster-snapshot-identifier", id),)
            yield Kept(id, "snapshot", _restored(id), removal, alone=False)

    def removal(self, id: str) -> Iterable[list[str]]:
        """Yield the commands that remove one. Its members go first; the console removes them with it."""
        named = ["--db-cluster-identifier", id]
        yield [self.service, "modify-db-cluster", *named, "--no-deletion-protection", "--apply-immediately"]
        yield [self.service, "delete-db-cluster", *named, "--final-db-snapshot-identifier", f"{id}-last"]


def _restored(snapshot: str) -> str:
    return f"write `from_snapshot: {snapshot}`, and keep it there for as long as the database is"
