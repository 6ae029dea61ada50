"""What moto lacks of ElastiCache: groups of users."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.elasticache.exceptions import ElastiCacheException, UserNotFound
from moto.elasticache.responses import ElastiCacheResponse


def _groups(self: Any) -> dict[str, dict[str, Any]]:
    """Return the groups of a Region."""
    kept: dict[str, dict[str, Any]] = vars(self.elasticache_backend).setdefault("user_groups", {})
    return kept


def _group(self: Any, id: str) -> dict[str, Any]:
    if id not in _groups(self):
        raise ElastiCacheException("UserGroupNotFound", f"User group {id} not found.")
    return _groups(self)[id]


def _checked(self: Any, engine: str, ids: list[str]) -> list[str]:
    """Return the users of a group, if it may have them."""
    users = self.elasticache_backend.users
    for id in ids:
        if id not in users:
            raise UserNotFound(id)
    names = [users[id].name for id in ids]
    if engine == "redis" and "default" not in names:
        raise ElastiCacheException("DefaultUserRequired", "UserGroup must contain a user with the user name default.")
    if len(names) > len(set(names)):
        raise ElastiCacheException("DuplicateUserName", "UserGroup must not contain two users with one user name.")
    return ids


def create(self: Any) -> ActionResult:
    """CreateUserGroup."""
    words = self._get_params()
    id, engine, backend = words["UserGroupId"], words["Engine"], self.elasticache_backend
    if id in _groups(self):
        raise ElastiCacheException("UserGroupAlreadyExists", f"User group {id} already exists.")
    made = {
        "UserGroupId": id,
        "Engine": engine,
        "Status": "active",
        "UserIds": _checked(self, engine, words.get("UserIds", [])),
        "ARN": f"arn:aws:elasticache:{backend.region_name}:{backend.account_id}:usergroup:{id}",
    }
    _groups(self)[id] = made
    return ActionResult(made)


def modify(self: Any) -> ActionResult:
    """ModifyUserGroup."""
    words = self._get_params()
    group = _group(self, words["UserGroupId"])
    kept = [id for id in group["UserIds"] if id not in words.get("UserIdsToRemove", [])]
    group["UserIds"] = _checked(self, group["Engine"], [*kept, *words.get("UserIdsToAdd", [])])
    return ActionResult(group)


def delete(self: Any) -> ActionResult:
    """DeleteUserGroup."""
    id = self._get_params()["UserGroupId"]
    group = _group(self, id)
    del _groups(self)[id]
    return ActionResult({**group, "Status": "deleting"})


def describe(self: Any) -> ActionResult:
    """DescribeUserGroups."""
    id = self._get_params().get("UserGroupId")
    return ActionResult({"UserGroups": [_group(self, id)] if id else list(_groups(self).values())})


ADDED = tuple(
    (ElastiCacheResponse, f"{name}_user_group{end}", made)
    for name, end, made in (
        ("create", "", create),
        ("modify", "", modify),
        ("delete", "", delete),
        ("describe", "s", describe),
    )
)
