"""Compose files as one tree: several files, `include`, `extends`, merge keys, `!reset` and `!override`, `.env`.

The rules are those of the Compose Specification (13-merge.md, 14-include.md, 12-interpolation.md). What a later file
overrides is said in the ledger. Values are filled in when they are used, so that leaves keep what is written.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msaspec.importing import variables
from msaspec.importing.ledger import Ledger
from msaspec.importing.tree import Leaf, List, Map, entries, fault, is_there, items, read, text_of

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_KEYED = ("environment", "labels", "annotations", "sysctls", "extra_hosts", "args", "depends_on", "networks")
"""Lists that are short for maps, and merge as such."""
_REPLACED = ("command", "entrypoint", "test")
MAX_FILES = 100


class Files:
    """The compose files of a project as they are read."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.folder = Path()
        self.variables: dict[str, str] = {}
        self._read = 0

    def project(self, paths: Sequence[str]) -> Map:
        """Return the tree of a project. Raise Invalid where a file cannot be read."""
        files = [Path(path) for path in paths] or default(Path())
        self.folder = files[0].parent
        self.variables = variables.read_dotenv(self.folder / ".env") or {}
        return self._merged(files, self.folder, ())

    def _merged(self, files: Sequence[Path], folder: Path, above: tuple[Path, ...]) -> Map:
        made = Map()
        for file in files:
            made = self.merge(made, self._file(file, folder, above), ())
        return made

    def _file(self, file: Path, folder: Path, above: tuple[Path, ...]) -> Map:
        """Return a file with what it includes."""
        name = Path(os.path.normpath(file)).as_posix()
        self._read += 1
        if self._read > MAX_FILES or file.resolve() in above:
            raise fault(name, f"{name} includes itself, or there are more than {MAX_FILES} files.")
        tree = Map()
        for each in read(file, name):
            self.ledger.source(each)
            if not isinstance(each, dict):
                raise fault(name, f"{name} is not a compose file: it is not a map.")
            tree = self.merge(tree, each, ())
        if not {"services", "include", "volumes", "networks", "name", "secrets", "configs"} & set(tree):
            tree = self._first_version(tree, name)
        services = entries(tree.get("services"))
        for key in list(services):
            services[key] = self._extended(services, key, file, folder, ())
        included = Map()
        for each in items(tree.pop("include", None)):
            included = self.merge(included, self._included(each, file.parent, (*above, file.resolve())), ())
        return self.merge(included, tree, ()) if included else tree

    def _first_version(self, tree: Map, name: str) -> Map:
        """Return a file of version 1, which is its services."""
        if not tree or not all(isinstance(each, dict) and {"image", "build"} & set(each) for each in tree.values()):
            raise fault(name, f"{name} is not a compose file: it has no `services`.")
        return Map(services=tree)

    def _included(self, entry: Any, folder: Path, above: tuple[Path, ...]) -> Map:
        paths = items(entry["path"]) if isinstance(entry, dict) and "path" in entry else items(entry)
        found = [folder / self.fill(text_of(each) or "") for each in paths]
        self.ledger.replaced(entry, "the content of the file is part of the manifest")
        if not found:
            return Map()
        for file, missing in ((file, not is_there(file)) for file in found):
            if missing:
                raise fault(file.as_posix(), f"There is no file {file.as_posix()}, which `include` names.")
        for key, value in (variables.read_dotenv(found[0].parent / ".env") or {}).items():
            self.variables.setdefault(key, value)
        return self._merged(found, found[0].parent, above)

    def _extended(self, services: dict[str, Any], name: str, file: Path, folder: Path, above: tuple[Any, ...]) -> Any:
        """Return a service with what it extends."""
        service = services[name]
        if not isinstance(service, dict) or "extends" not in service:
            return service
        extends = service.pop("extends")
        self.ledger.replaced(extends, "what it extends is part of the service")
        other = text_of(extends["service"] if isinstance(extends, dict) and "service" in extends else extends)
        where = text_of(entries(extends).get("file"))
        if (file, other) in above or not other:
            return service
        base: Any = services
        source = file
        if where:
            source = file.parent / self.fill(where)
            if not is_there(source):
                self.ledger.lost(extends, "the file is not there")
                return service
            documents = read(source, Path(os.path.normpath(source)).as_posix())
            base = entries(documents[0]).get("services") if documents else None
        if other not in entries(base):
            self.ledger.lost(extends, "there is no such service")
            return service
        below = self._extended(base, other, source, folder, (*above, (file, other)))
        # Of another file, only what is extended is part of the project.
        return self.merge(_copy(self.ledger.source(below) if where else below), service, ())

    def merge(self, lower: Any, upper: Any, path: tuple[str, ...]) -> Any:
        """Return `upper` over `lower`, as compose merges files."""
        key = path[-1] if path else ""
        tag = getattr(upper, "tag", None)
        if tag == "!reset":
            self.ledger.overridden(lower, "removed by a later file")
            self.ledger.replaced(upper, "it removes what an earlier file has")
            return None
        if tag == "!override" or lower is None:
            self.ledger.overridden(lower, "overridden by a later file")
            return self._without_resets(upper)
        if key in _KEYED and not (isinstance(lower, dict) and isinstance(upper, dict)):
            lower, upper = keyed(lower), keyed(upper)
        if isinstance(lower, dict) and isinstance(upper, dict):
            made = Map(lower)
            for name, value in upper.items():
                merged = self.merge(made.get(name), value, (*path, name))
                if merged is None:
                    made.pop(name, None)
                else:
                    made[name] = merged
            return made
        if isinstance(lower, list) and isinstance(upper, list) and key not in _REPLACED:
            return List([*lower, *upper])
        self.ledger.overridden(lower, "overridden by a later file")
        return upper

    def _without_resets(self, tree: Any) -> Any:
        if isinstance(tree, dict):
            made = Map()
            for name, value in tree.items():
                if getattr(value, "tag", None) == "!reset":
                    self.ledger.replaced(value, "it removes what an earlier file has")
                else:
                    made[name] = self._without_resets(value)
            return made
        return tree

    def fill(self, text: str, missing: list[str] | None = None) -> str:
        """Return a text with its variables. Those without a value are added to `missing`."""
        return variables.interpolated(text, self.variables, (missing if missing is not None else []).append)

    def beside(self, leaf: Leaf, path: str) -> Path:
        """Return a path that is relative to the file that a leaf is in, seen from the first file."""
        return Path(os.path.normpath(Path(leaf.file).parent / path))


def default(folder: Path) -> list[Path]:
    """Return the files that compose reads in a folder. Raise Invalid where there are none."""
    for name in NAMES:
        if is_there(folder / name):
            stem, dot, extension = name.rpartition(".")
            others = [folder / f"{stem}.override{dot}{each}" for each in (extension, "yml", "yaml")]
            override = next((other for other in others if is_there(other)), None)
            return [folder / name, *([override] if override else [])]
    raise fault(NAMES[0], f"There is no compose file here: none of {', '.join(NAMES)}.", "Name the file.")


def keyed(tree: Any) -> Any:
    """Return `NAME=value` lines, or names, as a map of leaves."""
    if not isinstance(tree, list):
        return tree if isinstance(tree, dict) else Map()
    made = Map()
    for each in tree:
        if isinstance(each, Leaf):
            name, sign, value = each.text.partition("=")
            made[name.strip()] = Leaf(value if sign else None, value, each.file, each.path, None, each.of or each)
    return made


def _copy(tree: Any) -> Any:
    """Return a tree with the same leaves in maps and lists of its own."""
    if isinstance(tree, dict):
        return Map({key: _copy(value) for key, value in tree.items()})
    return List(_copy(each) for each in tree) if isinstance(tree, list) else tree
