"""What `msaspec status` gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msaspec.messages.message import Level, Message


@dataclass(frozen=True)
class Protection:
    """Whether the deletion protection of a resource is on; null where nobody may look."""

    logical_id: str
    id: str | None
    on: bool | None


@dataclass(frozen=True)
class Condition:
    """Whether a service or a store is well; null where nobody may look."""

    entry: str | None
    type: str
    id: str | None
    well: bool | None
    state: str
    faults: tuple[str, ...]
    wanted: int | None
    running: int | None
    healthy: int | None
    version: str | None
    deployment: str | None
    since: str | None
    targets: Mapping[str, Any]
    protections: Mapping[str, Any]
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Resource:
    """A resource of a stack."""

    logical_id: str
    type: str
    id: str | None
    status: str
    reason: str | None


@dataclass(frozen=True)
class Entry:
    """An entry of the manifest with its resources; null where they belong to none."""

    entry: str | None
    resources: tuple[Resource, ...]


class Status(Message, code="MSG116", level=Level.RESULT):
    """The state of a stack and of what is in it, of `msaspec status`."""

    stack: str
    id: str
    owner: Mapping[str, Any] | None
    status: str
    reason: str | None
    protected: bool
    changed: str | None
    parameters: Mapping[str, str]
    protections: tuple[Protection, ...]
    well: bool
    conditions: tuple[Condition, ...]
    entries: tuple[Entry, ...]
