"""What roles may do, by the policies that are read back through IAM's API, and what they did."""

from __future__ import annotations

import re
import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Grant = tuple[str, str]
"""An action and the resource that it is allowed on, both with wildcards as they are written."""


@dataclass(frozen=True)
class Session:
    """Credentials of a role, as a host or a task gets them."""

    role: str
    key: str = field(default_factory=lambda: "ASIA" + secrets.token_hex(8).upper())
    secret: str = field(default_factory=lambda: secrets.token_hex(20))
    token: str = field(default_factory=lambda: secrets.token_hex(20))


class Permissions:
    """The roles of an account."""

    def __init__(self, iam: Any) -> None:
        self.iam = iam
        self.sessions: dict[str, Session] = {}
        """By access key."""
        self.used: dict[str, set[Grant]] = defaultdict(set)
        """The grants that were of use, by role."""
        self.denied: list[tuple[str, str, str]] = []
        """Role, action and resource of what was refused."""

    def session(self, role: str) -> Session:
        """New credentials of a role."""
        made = Session(role)
        self.sessions[made.key] = made
        return made

    def allows(self, role: str, action: str, resource: str) -> bool:
        """Whether a role may do something; the answer is kept."""
        fitting = [grant for grant in self.granted(role) if _fits(grant[0], action) and _fits(grant[1], resource)]
        self.used[role] |= set(fitting)
        if not fitting:
            self.denied.append((role, action, resource))
        return bool(fitting)

    def granted(self, role: str) -> set[Grant]:
        """All that a role may do. What it may do with a file system through an access point is a grant on that."""
        found = set()
        for statement in self._statements(role):
            assert statement["Effect"] == "Allow", statement
            resources = _list(statement["Resource"])
            if "Condition" in statement:
                ((operator, condition),) = statement["Condition"].items()
                assert (operator, [*condition]) == ("StringEquals", ["elasticfilesystem:AccessPointArn"]), statement
                resources = _list(condition["elasticfilesystem:AccessPointArn"])
            for action in _list(statement["Action"]):
                found |= {(action, resource) for resource in resources}
        return found

    def _statements(self, role: str) -> Iterator[Mapping[str, Any]]:
        for name in self.iam.list_role_policies(RoleName=role)["PolicyNames"]:
            yield from self.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
        for attached in self.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            policy = self.iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]
            version = self.iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
            yield from version["PolicyVersion"]["Document"]["Statement"]


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _fits(pattern: str, text: str) -> bool:
    parts = re.split(r"([*?])", pattern)
    return bool(re.fullmatch("".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in parts), text))
