"""Instance classes of databases, and the memory that their names imply."""

from __future__ import annotations

_GIBIBYTES = {"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16}


def memory(written: str) -> int | None:
    """Return the bytes of memory of an instance class; None where its name does not show it.

    >>> [memory(name) // 2**30 for name in ("db.t4g.micro", "db.m7g.large", "db.r7g.2xlarge")]
    [1, 8, 64]
    """
    parts = written.split(".")
    if len(parts) != 3 or parts[1][:1] not in ("t", "m", "r"):
        return None
    number = parts[2].removesuffix("xlarge")
    gibibytes = 16 * int(number) if number.isdigit() else _GIBIBYTES.get(parts[2])
    if gibibytes is None:
        return None
    return gibibytes * 2**30 * (2 if parts[1][0] == "r" and parts[2].endswith("large") else 1)
