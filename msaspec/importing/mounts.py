"""Text files that compose mounts into a container: binds of single files, and configs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from msaspec.importing.compose_files import Files
from msaspec.importing.tree import Leaf, entries, items, leaves, text_of
from msaspec.language.files import FilePlace
from msaspec.source import beside

_PLACE = TypeAdapter(FilePlace)


@dataclass(frozen=True)
class Mount:
    """A file of the source, at a place in the container."""

    leaves: tuple[Any, ...]
    """What of the source says so."""
    place: str
    file: str | None
    """As the manifest names it; None where the source has the text."""
    text: str | None = None


def found(tree: dict[str, Any], configs: dict[str, Any], files: Files) -> Iterator[Mount]:
    """Yield the files of a service that a manifest can carry: text of the project's folder, not too large."""
    for each in items(tree.get("volumes")):
        source, target = _bound(each, files)
        name = _carried(source, each, files)
        if name and _is_place(target):
            yield Mount((each,), target, name)
    for each in items(tree.get("configs")):
        known = text_of(each) or text_of(entries(each).get("source")) or ""
        target = files.fill(text_of(entries(each).get("target")) or f"/{known}")
        config = entries(configs.get(known))
        content, file = text_of(config.get("content")), text_of(config.get("file"))
        if not _is_place(target):
            continue
        if content is not None:
            yield Mount((each, config), target, None, files.fill(content))
        elif file and (name := _carried(files.fill(file), config["file"], files)):
            yield Mount((each, config), target, name)


def _bound(each: Any, files: Files) -> tuple[str, str]:
    """Return the two sides of a bind."""
    if isinstance(each, dict):
        return tuple(files.fill(text_of(each.get(key)) or "") for key in ("source", "target"))  # type: ignore[return-value]
    source, _, rest = files.fill(each.text if isinstance(each, Leaf) else "").partition(":")
    return source, rest.partition(":")[0]


def _carried(source: str, leaf: Any, files: Files) -> str | None:
    """Return a file as the manifest names it, which is beside the first compose file; None for any other thing."""
    if not source.startswith("."):
        return None
    where = files.beside(next(leaves(leaf)), source)
    try:
        name = f"./{where.resolve().relative_to(files.folder.resolve()).as_posix()}"
    except (ValueError, OSError):
        return None
    return name if beside.reader(files.folder.as_posix())(name).problem is None else None


def _is_place(target: str) -> bool:
    try:
        return bool(_PLACE.validate_python(target))
    except ValidationError:
        return False
