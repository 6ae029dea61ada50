"""The collector of garbage stays out of the way of short work, and of nothing else."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

import pytest

from msaspec.linting import gc_pause


def test_the_collector_goes_on_after_the_block() -> None:
    """It is off within, however deep, and on again behind, also after a fault."""
    inside = []

    def work() -> None:
        with gc_pause.gc_paused():
            with gc_pause.gc_paused():
                inside.append(gc.isenabled())
            inside.append(gc.isenabled())
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert inside == [False, False]
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    """Whoever turned it off wants it so."""
    gc.disable()
    try:
        with gc_pause.gc_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


class Cycle:
    """Something that only the collector finds."""

    def __init__(self) -> None:
        self.itself = self


def test_what_was_left_is_old_and_not_forgotten() -> None:
    """No look at what is young meets it; one at everything clears it away."""
    with gc_pause.gc_paused():
        kept, lost = Cycle(), weakref.ref(Cycle())
    assert lost() is not None
    assert not any(each is kept for young in (0, 1) for each in gc.get_objects(young))
    gc.collect()
    assert lost() is None


def test_what_was_left_can_be_cleared_by_the_next_look() -> None:
    """Where the process goes on and memory matters, even the look at what is young clears it away."""
    with gc_pause.gc_paused(clearing=True):
        lost = weakref.ref(Cycle())
    gc.collect(0)
    assert lost() is None


def test_what_gathers_inside_another_block_is_cleared_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks with `clearing` inside another one leave little behind, and clear much away although nothing collects."""
    for most, cleared in ((10**9, False), (100, True)):
        monkeypatch.setattr(gc_pause, "MUCH", most)
        with gc_pause.gc_paused():
            with gc_pause.gc_paused(clearing=True):
                lost = [weakref.ref(Cycle()) for _ in range(1_000)]
            assert (lost[0]() is None) is cleared
            assert not gc.isenabled()


def test_a_process_does_not_collect_on_its_way_out() -> None:
    """All that a command leaves is out of the collector's sight when its process ends."""
    program = (
        "import atexit, gc, sys; atexit.register(lambda: print(gc.get_freeze_count() > len(gc.get_objects())));"
        "sys.argv = ['msaspec', '--version']; from msaspec.__main__ import run; run()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True"
