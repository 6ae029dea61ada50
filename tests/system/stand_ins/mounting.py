"""Mounts of a container, in a mount namespace of its own: `unshare` and a shell that mounts before it starts it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path


def mounted(mounts: Iterable[tuple[str, str, str]], command: Sequence[str]) -> list[str]:
    """Return a command that sees what is at each source at each target, with options such as `ro`.

    A container has a file system of its own, and here it has the machine's. Where a target is not there, memory is
    mounted above it, so that nothing is made on the machine.
    """
    lines = ["set -e"]
    above: set[Path] = set()
    for source, target, options in mounts:
        place = Path(target)
        there = next(each for each in place.parents if each.is_dir() or each in above)
        if not place.exists() and not any(each in above for each in (place, *place.parents)):
            assert there != Path("/"), f"{target}: mounting memory over everything is no way"
            above.add(there)
            lines.append(f"mount -t tmpfs tmpfs {there}")
        make = "mkdir -p" if Path(source).is_dir() else "touch"
        lines.append(f"mkdir -p {shlex.quote(str(place.parent))}; {make} {shlex.quote(target)}")
        lines.append(f"mount --bind {shlex.quote(source)} {shlex.quote(target)}")
        if "ro" in options.split(","):
            lines.append(f"mount -o remount,bind,ro {shlex.quote(target)}")
    return ["unshare", "--mount", "bash", "-c", "\n".join([*lines, 'exec "$@"']), "container", *command]
