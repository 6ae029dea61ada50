"""The local form of an entry: its containers, and what its users read instead of what AWS would tell them.

Texts are those of a compose file: `${NAME}` is a variable of the env file, and `$$` a dollar.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Tree = dict[str, Any]

ACCOUNT = "123456789012"
"""The account of the emulated AWS, and of ARNs."""
REGION = "us-east-1"
"""Where a manifest names none."""


class Block(str):
    """A text of several lines that stands in the file as it is."""


@dataclass(frozen=True)
class Local:
    """What an entry is, as far as there is something that runs on a machine without AWS."""

    containers: Mapping[str, Tree] = field(default_factory=dict)
    """Compose services by name."""
    configs: Mapping[str, Tree] = field(default_factory=dict)
    """Files that are mounted into them."""
    volumes: tuple[str, ...] = ()
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """For each user the values of references such as `${main.host}`."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What each user reads beyond its variables on AWS."""
    after: Mapping[str, str] = field(default_factory=dict)
    """What a user waits for, with the condition."""
    generated: tuple[str, ...] = ()
    """Variables of the env file that get a random value."""
    setup: tuple[str, ...] = ()
    """Commands of the AWS CLI that make it in the emulator."""
    notes: tuple[str, ...] = ()
    """What differs from AWS."""


@dataclass(frozen=True)
class Exported:
    """What an export gives."""

    text: str
    generated: tuple[str, ...]
    """Variables of the env file that get a random value."""
    asked: tuple[str, ...]
    """Variables of the env file that have no value until somebody writes one."""
    notes: tuple[str, ...]


def literal(text: str) -> str:
    """Return a text that means itself in a compose file.

    >>> literal("$HOME")
    '$$HOME'
    """
    return text.replace("$", "$$")
