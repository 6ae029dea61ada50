"""Files in the containers of a task: a container that ends before the service starts writes them into empty volumes.

ECS mounts folders and no single files. So the folder of a file is a volume, into which the writer first copies what the
image has there, and then writes. It runs the service's own image, or one that the manifest names where that has no
shell; then a folder holds the files only.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from troposphere import ecs

from msaspec.language.base import Model
from msaspec.language.files import Placed, folders, is_below
from msaspec.language.runtime import Workload
from msaspec.language.value import Value

ROOTS = ("/", "/etc")
"""Folders that cannot be volumes: what runs a container writes into them itself."""
_AT = "/mnt"
# The words are data: what to copy and where to, or the variable, place, mode and owner of a file.
_SCRIPT = """set -eu
while [ $# -gt 0 ]; do
if [ "$1" = copy ]; then
[ ! -d "$2" ] || cp -a "$2/." "$3"
shift 3
else
mkdir -p "$(dirname "$2")"
rm -f "$2"
eval "printf %s \\"\\$$1\\"" >"$2"
chown "$4" "$2"
chmod "$3" "$2"
shift 4
fi
done
"""


@dataclass(frozen=True)
class Writing:
    """What a container with files adds to its task."""

    writer: str
    """Name of the container that writes them."""
    volumes: tuple[str, ...]
    mounts: tuple[Any, ...]
    """Of the service."""
    words: Mapping[str, Any]
    """Of the writer: what it runs, and where its volumes are."""
    variables: Mapping[str, Value]


def writing(container: str, files: Sequence[Placed], *, copies: bool, read_only: bool) -> Writing:
    """Return what a container with files needs. `copies`: the writer has the image of the container, whose folders it
    takes over. `read_only`: the service may not write into them."""
    # fact: task-volumes
    volumes = {folder: f"{container}-files-{number}" for number, folder in enumerate(folders(files))}
    places = {folder: f"{_AT}/{number}" for number, folder in enumerate(volumes)}
    words: list[str] = []
    for folder, place in places.items() if copies else ():
        words += ["copy", folder, place]
    for each in files:
        words += [each.variable, _placed(each.path, places), each.mode, f"{each.owner}:{each.group}"]
    return Writing(
        writer=f"{container}_files",
        volumes=tuple(volumes.values()),
        mounts=tuple(
            ecs.MountPoint(SourceVolume=volume, ContainerPath=folder, ReadOnly=read_only)
            for folder, volume in volumes.items()
        ),
        words={
            "EntryPoint": ["sh", "-c"],
            "Command": [_SCRIPT, "files", *words],
            # Whoever the image runs as: folders and files get owners of their own.
            "User": "0",
            "MountPoints": [
                ecs.MountPoint(SourceVolume=volume, ContainerPath=places[folder], ReadOnly=False)
                for folder, volume in volumes.items()
            ],
        },
        variables={each.variable: each.content for each in files},
    )


def needed(workload: Workload[Model]) -> bool:
    """Return whether any container of a copy has files."""
    return bool(workload.files) or any(each.files for each in workload.sidecars)


def unfit(files: Sequence[Placed]) -> Iterator[Placed]:
    """Yield the files whose folder cannot be a volume."""
    return (each for each in files if posixpath.dirname(each.path) in ROOTS)


def _placed(path: str, places: Mapping[str, str]) -> str:
    folder = next(folder for folder in places if is_below(path, folder))
    return places[folder] + path[len(folder) :]
