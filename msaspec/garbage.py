"""Python's collector of garbage, which in a short process only walks over what stays anyway."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_lying(*, clearing: bool = False) -> Iterator[None]:
    """Collects nothing until the block ends. What is in no cycle goes at once all the same.

    What was left then counts as old, which saves the time of looking at it; with `clearing` the next look is at all of
    it, which saves the memory.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            if not clearing:
                _age()
            gc.enable()


def _age() -> None:
    """Counts what is there as old. Else the next look, which is at what is young, would be at all of it."""
    gc.freeze()
    gc.unfreeze()  # to where the oldest is, from wherever it was
