"""How much of what is large the suite tries: a part each time, all of it with MSASPEC_WHOLE=1 in the environment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

WHOLE = bool(os.environ.get("MSASPEC_WHOLE"))
"""Whether everything is tried."""


def one_of(share: int, things: Sequence[T]) -> list[T]:
    """Every `share`-th of some things, the first among them; all of them where everything is tried."""
    return list(things if WHOLE else things[::share])
