"""The names that CloudFormation makes up for what a template gives no name: STACK-LOGICALID- and a random end."""

from __future__ import annotations

import re

END = 12
"""Letters and digits of the random end."""


def made_up(stack: str, logical_id: str, longest: int) -> re.Pattern[str]:
    """Return a pattern of the names that CloudFormation can make up for a resource, whatever their case.

    Where both parts do not fit into `longest` characters, each gets half of the room, or what the other leaves of it
    (IdentifierUtils of CloudFormation's plugin for Java, which AWS's own resource providers use).

    >>> bool(made_up("shop", "MediaBucket", 63).fullmatch("shop-mediabucket-r0vu34ek3p2a"))
    True
    >>> made_up("a" * 40, "b" * 40, 63).pattern.count("a"), made_up("a" * 40, "b" * 40, 63).pattern.count("b")
    (26, 24)
    """
    stack = re.sub("-{2,}", "-", stack.lstrip("-"))
    room = longest - END - 2
    first = min(len(stack), max(room - room // 2, room - len(logical_id)))
    second = min(len(logical_id), room - first)
    return re.compile(f"{re.escape(stack[:first])}-{re.escape(logical_id[:second])}-[a-z0-9]{{{END}}}", re.IGNORECASE)
