"""File systems: whether they are available in each zone, and what keeps their files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msaspec.deploy.asking import GONE
from msaspec.deploy.condition import Condition, Examiner, Examining, gone, unknown
from msaspec.deploy.evidence import Ask, Scene, Subject


class FileSystems(Examiner):
    """Tells how file systems are."""

    types: ClassVar[tuple[str, ...]] = ("AWS::EFS::FileSystem",)

    def look(self, subjects: Sequence[Subject], scene: Scene) -> Examining:
        """Ask for each, for what leads to it, and whether it is backed up."""
        found = []
        for subject in subjects:
            words = {"FileSystemId": subject.id}
            answer = yield Ask("efs", "describe_file_systems", words)
            rows = (answer or {}).get("FileSystems", ())
            if not rows:
                found.append(gone(subject) if answer is GONE else unknown(subject))
                continue
            targets = ((yield Ask("efs", "describe_mount_targets", words)) or {}).get("MountTargets", ())
            policy = ((yield Ask("efs", "describe_backup_policy", words)) or {}).get("BackupPolicy", {})
            state = str(rows[0].get("LifeCycleState", "unknown"))
            faults = [f"it is {state}"] if state == "error" else []
            for each in targets:
                if each.get("LifeCycleState") == "error":
                    faults.append(f"its mount target in {each.get('AvailabilityZoneName')} is faulty")
            protections: dict[str, str | bool] = {"backups": policy.get("Status") in ("ENABLED", "ENABLING")}
            of = (subject.entry, subject.type, subject.id, state)
            found.append(Condition(*of, tuple(faults), since=rows[0].get("CreationTime"), protections=protections))
        return found
