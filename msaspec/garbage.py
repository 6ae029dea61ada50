"""Python's collector of garbage, which in a short process only walks over what stays anyway."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_lying() -> Iterator[None]:
    """Collects nothing until the block ends. What is in no cycle goes at once all the same."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            _age()
            gc.enable()


def _age() -> None:
    """Counts what is there as old. Else the next look, which is at what is young, would be at all of it."""
    gc.freeze()
    gc.unfreeze()  # to where the oldest is, from wherever it was
