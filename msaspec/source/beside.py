"""The files beside a manifest that it names, under `files` or as the `init` of a use: read once, before anything is
compiled.

What a manifest carries into a container is text of its own folder. A name that leads out of the folder, also by a link,
is not followed, so that a manifest of somebody else takes nothing of this machine along.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

FIELD = "files"
OF_USES = ("init",)
"""Fields of a line under `uses` that name a file."""
LARGEST = 32 * 1024
"""Bytes of a file. A task definition has 64 KiB and the user data of a host 16 KB, for everything together."""


class Problem(Enum):
    """Why a file is not carried."""

    MISSING = "missing"
    FOLDER = "a folder"
    SPECIAL = "special"
    OUTSIDE = "outside"
    LINKED = "linked"
    BINARY = "binary"
    LARGE = "large"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Beside:
    """A file beside the manifest: its text, or why there is none."""

    text: str = ""
    problem: Problem | None = None


Reader = Callable[[str], Beside]
"""Returns what is at a path that a manifest writes."""


def gathered(data: Any, read: Reader) -> dict[str, Beside]:
    """Return every file that a manifest names, by the name that is written."""
    return {name: read(name) for name in dict.fromkeys(_named(data))}


def reader(folder: str) -> Reader:
    """Return what reads the files of a folder."""
    return lambda written: _read(folder, written)


def leads_out(written: str) -> bool:
    """Return whether a path leaves the folder that it starts in, as it is written."""
    return os.path.isabs(written) or os.path.normpath(written).split(os.sep)[0] == os.pardir


def of_bytes(content: bytes) -> Beside:
    """Return the content of a file as text, unless it is too large or none."""
    if len(content) > LARGEST:
        return Beside(problem=Problem.LARGE)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return Beside(problem=Problem.BINARY)
    return Beside(problem=Problem.BINARY) if is_binary(text) else Beside(text)


def is_binary(text: str) -> bool:
    """Return whether a text has characters that no text file has."""
    return any(
        (character < " " and character not in "\t\n\r\f\x1b") or "\ud800" <= character <= "\udfff" for character in text
    )


def _read(folder: str, written: str) -> Beside:
    if leads_out(written):
        return Beside(problem=Problem.OUTSIDE)
    try:
        home = os.path.realpath(folder or os.curdir)
        path = os.path.realpath(os.path.join(home, written))
        if os.path.commonpath([home, path]) != home:
            return Beside(problem=Problem.LINKED)
        there = os.stat(path)
        if not stat.S_ISREG(there.st_mode):
            return Beside(problem=Problem.FOLDER if stat.S_ISDIR(there.st_mode) else Problem.SPECIAL)
        if there.st_size > LARGEST:
            return Beside(problem=Problem.LARGE)
        with open(path, "rb") as opened:
            return of_bytes(opened.read(LARGEST + 1))
    except (FileNotFoundError, NotADirectoryError):
        return Beside(problem=Problem.MISSING)
    except (OSError, ValueError):  # ValueError: a NUL in the name.
        return Beside(problem=Problem.UNREADABLE)


def _named(data: Any) -> Iterator[str]:
    """Yield the names of files in a tree: values under a key `files`, or under `file` of one; and those of `OF_USES` in
    a line of `uses`."""
    waiting = [data]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            found = node.get(FIELD)
            for each in found.values() if isinstance(found, Mapping) else ():
                name = each.get("file") if isinstance(each, Mapping) else each
                if isinstance(name, str):
                    yield name
            uses = node.get("uses")
            for each in uses.values() if isinstance(uses, Mapping) else ():
                # That of an entry of another system is below the word for what it is.
                inner = each.values() if isinstance(each, Mapping) else ()
                for options in (each, *inner):
                    for word in OF_USES if isinstance(options, Mapping) else ():
                        if isinstance(name := options.get(word), str):
                            yield name
            waiting += [*node.values()][::-1]
        elif isinstance(node, list):
            waiting += node[::-1]
