"""Database clusters: whether they are available, and what protects their data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msaspec.deploy.asking import GONE
from msaspec.deploy.condition import Condition, Examiner, Examining, gone, unknown
from msaspec.deploy.evidence import Ask, Scene, Subject

_BAD = ("failed", "incompatible", "inaccessible", "stopp", "deleting")
"""How the statuses begin in which a cluster does not serve, or not for long."""


class DatabaseClusters(Examiner):
    """Tells how clusters of Aurora and DocumentDB are, by the API of RDS that knows both."""

    types: ClassVar[tuple[str, ...]] = ("AWS::RDS::DBCluster", "AWS::DocDB::DBCluster")

    def look(self, subjects: Sequence[Subject], scene: Scene) -> Examining:
        """Ask for each."""
        found = []
        for subject in subjects:
            answer = yield Ask("rds", "describe_db_clusters", {"DBClusterIdentifier": subject.id})
            rows = (answer or {}).get("DBClusters", ())
            if not rows:
                found.append(gone(subject) if answer is GONE else unknown(subject))
                continue
            state, members = str(rows[0].get("Status", "unknown")), rows[0].get("DBClusterMembers", ())
            protections: dict[str, str | bool] = {
                "deletion protection": bool(rows[0].get("DeletionProtection")),
                "backups": f"{rows[0].get('BackupRetentionPeriod')} days",
                "standby": len(members) > 1,
            }
            faults = [f"it is {state}"] if state.startswith(_BAD) else []
            faults += [] if members else ["it has no instance, so nothing answers at its address"]
            since = rows[0].get("ClusterCreateTime")
            of = (subject.entry, subject.type, subject.id, state)
            found.append(Condition(*of, tuple(faults), since=since, protections=protections))
        return found
