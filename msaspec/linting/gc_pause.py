"""A pause of Python's cyclic garbage collector, which in a short process only examines objects that stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

MUCH = 1_000_000
"""Objects, about 200 MB of them, that a block with `clearing` leaves uncollected inside another block."""


@contextmanager
def gc_paused(*, clearing: bool = False) -> Iterator[None]:
    """Pause the cyclic garbage collector for the block; reference counting still frees most objects.

    What is left then counts as old, which saves the time of examining it; with `clearing` the next collection examines
    all of it, which saves memory. Inside another block nothing is collected at the end either, unless `clearing` is
    given and there are more than `MUCH` objects.
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
        elif clearing and gc.get_count()[0] > MUCH:
            gc.collect()


def _age() -> None:
    """Count existing objects as old. Otherwise the next collection, which examines young objects, would examine all."""
    gc.freeze()
    gc.unfreeze()  # to where the oldest is, from wherever it was
