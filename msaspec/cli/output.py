"""Files that a command writes because `-o` or an argument names them.

A command overwrites the regular file of that name and nothing else: no file that it has read, not another manifest, and
not what a symbolic link leads to.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

import click

from msaspec.cli.manifests import LOOKED_AT, begins


def write(
    text: str,
    output: str,
    *,
    inputs: Iterable[str] = (),
    manifests: bool = False,
    private: bool = False,
    fresh: bool = False,
) -> None:
    """Write a text to a file, and create its folders.

    `inputs` are the files that the command read, which stay. With `manifests` another manifest may be overwritten.
    With `private` only the user may read a file that is new. With `fresh` no file is overwritten.
    Raises a usage error where the place cannot hold a file, or belongs to another user.
    """
    if not output:
        raise click.UsageError("The name of the output file is empty. Name a file, or `-` for standard output.")
    path = Path(output)
    try:
        if path.exists() and output != os.devnull:
            _spare(path, output, inputs, fresh=fresh)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Neither flag exists on Windows, where opening a pipe does not wait and links are rare.
        harmless = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with open(
            os.open(path, os.O_RDWR | os.O_CREAT | harmless, 0o600 if private else 0o666), "rb", buffering=0
        ) as reading:
            if output == os.devnull:
                return
            if not stat.S_ISREG(os.fstat(reading.fileno()).st_mode):
                raise click.UsageError(_odd(output))
            if not manifests and begins(reading.read(LOOKED_AT)):
                raise click.UsageError(
                    f"{output} is a manifest, and msaspec does not overwrite it. Name another file, or remove it first."
                )
            with open(os.dup(reading.fileno()), "wb") as file:
                file.seek(0)
                file.truncate()
                file.write(text.encode())
    except OSError as fault:
        raise click.UsageError(_unwritable(path, output, fault)) from None


def _spare(path: Path, output: str, inputs: Iterable[str], *, fresh: bool) -> None:
    """Raise a usage error for a file that is there and has to stay."""
    if any(os.path.exists(each) and path.samefile(each) for each in inputs):
        raise click.UsageError(f"{output} is a file that the command reads. Name another file for the output.")
    if fresh and path.is_file():
        raise click.UsageError(f"{output} already exists. Name another file, or remove it first.")


def _unwritable(path: Path, output: str, fault: OSError) -> str:
    if os.path.islink(path) and fault.errno in (errno.ELOOP, errno.EMLINK):
        return f"{output} is a symbolic link, which msaspec does not follow. Name the file itself: {path.resolve()}"
    if os.path.isdir(path):
        return f"{output} is a directory. Name a file in it."
    if fault.errno == errno.ENXIO:
        return _odd(output)
    return f"{output} cannot be written: {fault.strerror}."


def _odd(output: str) -> str:
    return f"{output} is not a regular file. Name one, or `-` for standard output."
