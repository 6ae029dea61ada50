"""What the user asked for beyond the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Wish:
    """What the user asked for beyond the manifest."""

    tags: Mapping[str, str] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()
    """Names of what may be replaced or removed although it holds data."""
    yes: bool = False
    dry_run: bool = False
    wait: bool = False
    """For another operation of the stack to end."""
    follow: bool = True
    role_arn: str | None = None


class Declined(Exception):
    """The user said no. Nothing was changed."""


class Interrupted(Declined):
    """The user answered a question by Ctrl-C, or there was nobody to answer. Nothing was changed."""
