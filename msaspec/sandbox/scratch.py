"""Folders in the temporary folder of the machine, which are gone afterwards, also after a process that was killed."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

PREFIX = "msaspec-sandbox-"
_HELD = "held"
"""The file that the process of a folder keeps open and locked, as long as it lives."""
_OLD = 24 * 60 * 60
"""Seconds after which a folder without that file has no owner."""


@contextmanager
def folder() -> Iterator[Path]:
    """Make a folder, and remove it afterwards."""
    place = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        with _holding(place):
            yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _holding(place: Path) -> Iterator[None]:
    """Keep a folder from being swept. Its file has its name only when it is locked, so that nobody who sweeps at this
    moment takes the folder for one that was left."""
    if sys.platform == "win32":
        with open(place / _HELD, "wb"):
            yield
        return
    new = place / f"{_HELD}.new"
    with open(new, "wb") as held:
        _lock(held)
        new.rename(place / _HELD)
        yield


def sweep() -> None:
    """Remove the folders of this user's processes that ended without removing them."""
    with suppress(OSError):
        for entry in os.scandir(tempfile.gettempdir()):
            with suppress(OSError):
                if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False) and _is_left(entry):
                    shutil.rmtree(entry.path, ignore_errors=True)


def _is_left(entry: os.DirEntry[str]) -> bool:
    held = Path(entry.path) / _HELD
    if sys.platform == "win32":
        held.unlink()  # which raises as long as it is open
        return True
    if entry.stat(follow_symlinks=False).st_uid != os.getuid():
        return False
    try:
        with open(held, "r+b") as file:
            return _lock(file)
    except FileNotFoundError:
        return entry.stat(follow_symlinks=False).st_mtime < time.time() - _OLD


def _lock(file: IO[bytes]) -> bool:
    """Lock a file, and return whether that could be done. The lock ends with the process, however that ends."""
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
