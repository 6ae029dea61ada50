"""Work on several templates in processes side by side, where that is faster.

The rules of cfn-lint take half a second to load, so a process is a fork of this one, which has loaded them: on Linux
only, and only while no other thread runs. Everywhere else the work is done here, one piece after the other. The
results are the same and in the same order.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")
T = TypeVar("T")

WORTH = 100_000
"""Characters of templates, half a second, that must be taken off this process for it to be faster."""

_work: Callable[[Any], Any]
"""What the processes do: set before they are forked, since a function made at run time cannot be sent to them."""


def apply(work: Callable[[Item], T], items: Sequence[Item], sizes: Sequence[int]) -> list[T]:
    """Return what `work` makes of each item, in their order. `work` must not depend on what it did before.

    `sizes` are the characters of the items' templates.
    """
    count = processes(sizes)
    if count < 2:
        return [work(item) for item in items]
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import active_children, get_context

    global _work
    _work = work
    pool = ProcessPoolExecutor(count, get_context("fork"), _ignore_interrupts)
    try:
        # The largest first, so that none is left over at the end.
        order = sorted(range(len(items)), key=sizes.__getitem__, reverse=True)
        jobs = {number: pool.submit(_one, items[number]) for number in order}
        done = [jobs[number].result() for number in range(len(items))]
        pool.shutdown()
    except BaseException as fault:
        for child in active_children():
            child.kill()
        pool.shutdown(wait=False, cancel_futures=True)
        if isinstance(fault, BrokenProcessPool):  # one was killed, for lack of memory as a rule
            return [work(item) for item in items]
        raise
    return done


def processes(sizes: Sequence[int]) -> int:
    """How many processes are worth their while for templates of these sizes."""
    if sys.platform != "linux" or threading.active_count() > 1 or sum(sorted(sizes)[:-1]) < WORTH:
        return 1
    return min(len(os.sched_getaffinity(0)), sum(size > WORTH // 10 for size in sizes))


def _one(item: Any) -> Any:
    return _work(item)


def _ignore_interrupts() -> None:
    """Leave Ctrl-C, which the terminal sends to every process, to the one that started the others."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
