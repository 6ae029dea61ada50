"""Caches: whether they are available, and what keeps their data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msaspec.deploy.asking import GONE
from msaspec.deploy.condition import Condition, Examiner, Examining, gone, unknown
from msaspec.deploy.evidence import Ask, Scene, Subject

_BAD = ("create-failed", "deleting", "restore-failed")


class Caches(Examiner):
    """Tells how caches are."""

    types: ClassVar[tuple[str, ...]] = ("AWS::ElastiCache::ReplicationGroup",)

    def look(self, subjects: Sequence[Subject], scene: Scene) -> Examining:
        """Ask for each."""
        found = []
        for subject in subjects:
            answer = yield Ask("elasticache", "describe_replication_groups", {"ReplicationGroupId": subject.id})
            rows = (answer or {}).get("ReplicationGroups", ())
            if not rows:
                found.append(gone(subject) if answer is GONE else unknown(subject))
                continue
            state, days = str(rows[0].get("Status", "unknown")), rows[0].get("SnapshotRetentionLimit")
            protections: dict[str, str | bool] = {
                "failover": rows[0].get("AutomaticFailover") in ("enabled", "enabling"),
                "snapshots": f"{days} days" if days else False,
            }
            faults = (f"it is {state}",) if state in _BAD else ()
            since = rows[0].get("ReplicationGroupCreateTime")
            of = (subject.entry, subject.type, subject.id, state)
            found.append(Condition(*of, faults, since=since, protections=protections))
        return found
