"""Commands of msaspec in processes of their own, whose standard streams are not what they should be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ended:
    """How a process ended, with the bytes that it wrote."""

    code: int
    stdout: bytes
    stderr: bytes


Fault = tuple[str, str]
"""A stream (`stdin`, `stdout` or `stderr`) and what is wrong with it."""

_NUMBERS = {"stdin": 0, "stdout": 1, "stderr": 2}
ENCODINGS = ("cp1252", "latin-1", "ascii")
FAULTS: tuple[Fault, ...] = (
    *(("stdin", fault) for fault in ("closed", "write-only", "not text")),
    *((stream, fault) for stream in ("stdout", "stderr") for fault in ("closed", "read-only", "full", "reader left")),
    *(("encoding", name) for name in ENCODINGS),
)


def run(
    words: tuple[str, ...], folder: Path, fault: Fault | None = None, environment: Mapping[str, str] | None = None
) -> Ended:
    """`msaspec` with these words, in a folder, with a fault."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON", "MSASPEC"))}
    shared = {name: str(folder / "nothing") for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")}
    own = {"AWS_EC2_METADATA_DISABLED": "true", "MSASPEC_CACHE_DIR": str(folder / "cache"), **shared}
    stream, what = fault or ("", "")
    encoding = what if stream == "encoding" else "utf-8"
    with _broken(stream, what) as (prepare, given):
        done = subprocess.run(
            [sys.executable, "-m", "msaspec", *words],
            cwd=folder,
            env={**kept, **own, "PYTHONIOENCODING": encoding, **(environment or {})},
            input=given,
            capture_output=True,
            preexec_fn=prepare,
            timeout=120,
            check=False,
        )
    return Ended(done.returncode, done.stdout, done.stderr)


@contextmanager
def _broken(stream: str, what: str) -> Iterator[tuple[Callable[[], None] | None, bytes]]:
    """What makes a stream so in the process, before it runs the command; and what it is given to read."""
    if stream not in _NUMBERS:
        yield None, b""
        return
    number = _NUMBERS[stream]
    if what == "not text":
        yield None, b"\xff\xfe\x80 y\n" * 9
        return
    if what == "closed":
        yield (lambda: os.close(number)), b""
        return
    modes = {"write-only": os.O_WRONLY, "read-only": os.O_RDONLY, "full": os.O_WRONLY}
    if what in modes:
        file = os.open("/dev/full" if what == "full" else os.devnull, modes[what])
    else:
        reader, file = os.pipe()
        os.close(reader)
    try:
        yield (lambda: os.dup2(file, number) and None), b""
    finally:
        os.close(file)
