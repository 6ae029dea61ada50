"""The automated backups of database instances, which moto lists without their ids and cannot delete."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.rds.exceptions import RDSClientError


def resource_id(self: Any) -> str:
    """`DbiResourceId` of an automated backup. moto gives all instances the same, which would delete those of all."""
    return f"db-{self.db_instance_identifier.upper()}"


def delete(self: Any) -> ActionResult:
    """DeleteDBInstanceAutomatedBackup."""
    wanted = self.params.get("dbi_resource_id") or self.params.get("DbiResourceId")
    for backup in self.backend.describe_db_instance_automated_backups():
        if resource_id(backup) == wanted:
            for snapshot in backup.automated_snapshots:
                self.backend.delete_db_snapshot(snapshot.db_snapshot_identifier)
            return ActionResult({"DBInstanceAutomatedBackup": backup})
    raise RDSClientError("DBInstanceAutomatedBackupNotFound", f"Automated backup {wanted} not found.")
