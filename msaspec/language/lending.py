"""How other systems use the entries of a kind: `Lent` is what a kind says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from msaspec.language.base import Model


class By(Enum):
    """Who makes what a user in another system needs."""

    ROLES = "roles"
    """Nobody: permissions of the user's own role are enough."""
    USERS = "users"
    """The stack of the entry, which has a user for each system that it is shared with."""
    GUESTS = "guests"
    """The stack of the user, which makes things of its own on it."""


@dataclass(frozen=True)
class Lent:
    """How other systems use an entry of a kind."""

    by: By
    access: str | None = None
    """The widest access, where a permission decides."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """What an entry has of which only the name is known."""
    options: type[Model] | None = None
    """What a use says in another system, where that is not what one says in the same."""
    example: Any = None
    """Of what a use says."""
    grant: Any = None
    """An example of what a share says."""

    @property
    def reached(self) -> bool:
        """Return whether an entry is reached in its network."""
        return self.by is not By.ROLES
