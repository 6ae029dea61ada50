"""What a lint depends on apart from manifests and options: what is installed, msaspec itself, schemas, the day.

To be asked before anything heavy is imported, this module imports nothing heavy itself.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec

import msaspec

PACKAGE = os.path.dirname(msaspec.__file__)

_LIFECYCLE = ("data", "AdditionalSpecs", "LmbdRuntimeLifecycle.json")
"""The file of cfn-lint with the days after which it finds something else in the same template."""


def installed(*, names: bool = False) -> Iterator[bytes]:
    """Yield what is installed beside Python's own library: the distributions, by name, version and time.

    With `names` also the folders, and the names of all modules and other files in them.
    """
    library = os.path.dirname(os.__file__)
    for folder in sys.path:
        if folder in (library, os.path.join(library, "lib-dynload")):
            continue
        if names:
            yield os.fsencode(folder)
        try:
            found = sorted(os.listdir(folder))
        except OSError:
            continue  # such as the archive of the library, which most do not have
        for name in found:
            if name.endswith((".dist-info", ".egg-info")):
                yield b"%s %d" % (os.fsencode(name), os.stat(os.path.join(folder, name)).st_mtime_ns)
            elif names:
                yield os.fsencode(name)


def sources(folder: str = PACKAGE) -> Iterator[bytes]:
    """Yield the files of msaspec itself, by name, size and times; an editable installation changes without a
    version."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "__pycache__":
                    yield from sources(entry.path)
            else:
                yield b"%s %s" % (os.fsencode(entry.path), stamp(entry.stat()))


def repository() -> str:
    """Return the folder of the repository that the working directory is in; that itself where it is in none."""
    here = folder = os.getcwd()
    while not os.path.exists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return here
        folder = above
    return folder


def stamp(found: os.stat_result) -> bytes:
    """Return what changes when a file does, as git's index has it."""
    return b"%d %d %d %d" % (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def read(file: str) -> bytes:
    """Return what a file holds; nothing where it cannot be read, or is none: a device or a pipe may never end."""
    try:
        if not os.path.isfile(file):
            return b""
        with open(file, "rb") as stream:
            return stream.read()
    except OSError:
        return b""


def schema_folders() -> Iterator[str]:
    """Where cfn-lint keeps schemas: its own, and the folder of `cfn-lint --update-specs`, the newer of which wins."""
    for folder in cfn_lint():
        yield os.path.join(folder, "data", "schemas")
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", os.path.expanduser("~\\AppData\\Local"))
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    yield os.path.join(base, "aws", "cfn-lint", "schemas")


def schemas() -> Iterator[bytes]:
    """Yield the versions of cfn-lint's schemas."""
    for folder in schema_folders():
        yield read(os.path.join(folder, "version.json"))


def span(today: str) -> tuple[str, str]:
    """Return the days from which and until which cfn-lint finds the same in a template as it does today.

    It warns of runtimes of Lambda from certain days on. Days are written like 2027-01-31. Where cfn-lint has no list of
    them, what it finds holds for today.
    """
    days = {day.decode() for folder in cfn_lint() for day in _days(read(os.path.join(folder, *_LIFECYCLE)))}
    if not days:
        return today, today + "~"  # after today, and before tomorrow
    return max((day for day in days if day <= today), default=""), min(
        (day for day in days if day > today), default="~"
    )


def _days(text: bytes) -> list[bytes]:
    return re.findall(rb"\d{4}-\d\d-\d\d", text)


def cfn_lint() -> list[str]:
    """Return the folder of cfn-lint, found without importing it."""
    found = find_spec("cfnlint")
    return list((found and found.submodule_search_locations) or ())
