"""What the sandbox leaves in the temporary folder: nothing, also after a process that was killed."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from msaspec.sandbox import scratch

HOLDING = """
import sys
from msaspec.sandbox import scratch
with scratch.folder() as place:
    (place / "something").write_text("")
    print(place, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of its own."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@contextmanager
def holding() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that has a folder, and the folder. The process ends with the block."""
    command = [sys.executable, "-c", HOLDING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def killed() -> Path:
    """The folder that a process left which was killed."""
    with holding() as (_, left):
        pass
    return left


def test_the_folder_of_a_killed_process_is_gone_after_the_next_start(temporary: Path) -> None:
    """That of a process that lives stays, and goes with it."""
    with holding() as (alive, kept):
        left = killed()
        assert left.exists()
        assert kept.exists()
        scratch.sweep()
        assert sorted(temporary.iterdir()) == [kept]
        alive.communicate("")
    assert not list(temporary.iterdir())


def test_a_start_of_the_sandbox_sweeps(temporary: Path) -> None:
    """In a process of its own, as a command starts it."""
    left = killed()
    program = "from msaspec import sandbox\nwith sandbox.start(): pass"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
    assert not left.exists()
    assert not [each for each in temporary.iterdir() if each.name.startswith(scratch.PREFIX)]


def test_nothing_else_is_removed(temporary: Path) -> None:
    """Other names, files, links, what is inside of a link, and a folder that another process only just made."""
    away = temporary / "away"
    (away / "inside").mkdir(parents=True)
    (temporary / "other-folder").mkdir()
    (temporary / f"{scratch.PREFIX}file").write_text("")
    (temporary / f"{scratch.PREFIX}link").symlink_to(away)
    (temporary / f"{scratch.PREFIX}fresh").mkdir()
    before = sorted(temporary.rglob("*"))
    scratch.sweep()
    assert sorted(temporary.rglob("*")) == before


def test_a_folder_of_an_older_msaspec_goes_after_a_day(temporary: Path) -> None:
    """Those say nothing of their process."""
    old = temporary / f"{scratch.PREFIX}old"
    old.mkdir()
    os.utime(old, (time.time() - 2 * 24 * 3600,) * 2)
    scratch.sweep()
    assert not old.exists()


def test_a_folder_is_not_taken_for_a_left_one_while_it_is_made(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process that sweeps before the file of a new folder is locked leaves the folder alone."""
    lock = fcntl.flock

    def late(file: IO[bytes], operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        scratch.sweep()
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with scratch.folder() as place:
        assert place.exists()
        scratch.sweep()
        assert place.exists()
    assert not place.exists()
