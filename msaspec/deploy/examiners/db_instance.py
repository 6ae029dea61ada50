"""Database instances: whether they are available, and what protects their data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msaspec.deploy.asking import GONE
from msaspec.deploy.condition import Condition, Examiner, Examining, gone, unknown
from msaspec.deploy.evidence import Ask, Scene, Subject

_BAD = ("failed", "incompatible", "inaccessible", "restore-error", "stopp", "storage-full", "deleting", "insufficient")
"""How the statuses begin in which a database does not serve, or not for long (RDS User Guide, "Viewing Amazon RDS DB
instance status"). fact: database-statuses"""


class DatabaseInstances(Examiner):
    """Tells how database instances are."""

    types: ClassVar[tuple[str, ...]] = ("AWS::RDS::DBInstance",)

    def look(self, subjects: Sequence[Subject], scene: Scene) -> Examining:
        """Ask for each."""
        found = []
        for subject in subjects:
            answer = yield Ask("rds", "describe_db_instances", {"DBInstanceIdentifier": subject.id})
            rows = (answer or {}).get("DBInstances", ())
            if not rows:
                found.append(gone(subject) if answer is GONE else unknown(subject))
                continue
            state = str(rows[0].get("DBInstanceStatus", "unknown"))
            days = rows[0].get("BackupRetentionPeriod")
            protections: dict[str, str | bool | None] = {
                "deletion protection": bool(rows[0].get("DeletionProtection")),
                "backups": f"{days} days" if days else False,
                "standby": bool(rows[0].get("MultiAZ")),
            }
            if rows[0].get("DBClusterIdentifier"):
                protections = {}  # they are the cluster's
            faults = (f"it is {state}",) if state.startswith(_BAD) else ()
            since = rows[0].get("InstanceCreateTime")
            of = (subject.entry, subject.type, subject.id, state)
            found.append(Condition(*of, faults, since=since, protections=protections))
        return found
