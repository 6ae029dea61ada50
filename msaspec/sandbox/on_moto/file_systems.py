"""What moto lacks of EFS: turning backups on and off."""

from __future__ import annotations

import json
from typing import Any

from moto.efs.exceptions import FileSystemNotFound
from moto.efs.responses import EFSResponse


def put_backup_policy(self: Any) -> tuple[str, dict[str, str | int]]:
    """PutBackupPolicy."""
    id, policy = self._get_param("FileSystemId"), self._get_param("BackupPolicy")
    there = self.efs_backend.file_systems_by_id.get(id)
    if there is None:
        raise FileSystemNotFound(id)
    there._backup = policy["Status"] == "ENABLED"
    return json.dumps({"BackupPolicy": policy}), {"Content-Type": "application/json"}


ADDED = ((EFSResponse, "put_backup_policy", put_backup_policy),)
