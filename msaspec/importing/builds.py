"""How other tools build an image, as a manifest has it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from msaspec.importing import variables
from msaspec.importing.ledger import Ledger
from msaspec.importing.tree import Leaf, entries, text_of
from msaspec.language.build import Build

LOST = {
    "cache_from": "the builder keeps its own cache",
    "cache_to": "the builder keeps its own cache",
    "no_cache": "the builder keeps its own cache",
    "pull": "the builder pulls what it lacks",
    "platforms": "an image is built for the `arch` of the service",
    "tags": "the tag follows from the content of the folder",
    "labels": "set them in the Dockerfile: `LABEL`",
    "ssh": "give the key as a secret of the build: `build: {secrets: {id: path}}`",
    "dockerfile_inline": "write it into a file: `build: {file: Dockerfile}`",
    "additional_contexts": "the builder sees one folder: `build: {context: ...}`",
    "network": "the builder has the network of your machine",
}


@dataclass
class Picture:
    """What an image is built from."""

    written: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What a person has to see to."""

    def short(self) -> Any:
        """Return what a manifest has under `build`: the folder alone where there is no more."""
        return self.written["context"] if [*self.written] == ["context"] else self.written


def read(tree: Any, context: str, file: str | None, fill: Callable[[str], str], ledger: Ledger, place: str) -> Picture:
    """Return what the map `build` of another tool says, and tell the ledger. The folder and the Dockerfile, which tools
    count from different places, are as a manifest has them."""
    made = Picture({"context": context})
    ledger.carried(tree if isinstance(tree, Leaf) else None, place)
    for key, value in entries(tree).items():
        if key == "context":
            ledger.carried(value, place)
        elif key == "dockerfile":
            if file and os.path.normpath(file) != "Dockerfile" and _fits(Build, "file", file):
                made.written["file"] = os.path.normpath(file)
            ledger.carried(value, f"{place}.file" if "file" in made.written else place)
        elif key == "target" and (text := fill(text_of(value) or "")) and _fits(Build, "target", text):
            made.written["target"] = text
            ledger.carried(value, f"{place}.target")
        elif key != "args" and key != "secrets":
            ledger.lost(value, LOST.get(key, "a build has `context`, `file`, `target`, `args` and `secrets`"))
            made.notes.append(f"The source sets `{key}` of the build, which `msaspec push` does not do.")
    return made


def arguments(
    made: Picture, given: Mapping[str, Any], value: Callable[[Any], str | None], ledger: Ledger, place: str
) -> None:
    """Add build arguments. `value` gives that of one, or None for what the source leaves to a machine."""
    for name, leaf in given.items():
        text = value(leaf)
        if text is not None and variables.is_secret(name, text) and _fits(Build, "secrets", {name: {"env": name}}):
            made.written.setdefault("secrets", {})[name] = {"env": name}
            ledger.replaced(leaf, f"a secret of the build, from a variable of your shell: `{place}.secrets.{name}`")
            made.notes.append(f"The argument {name} was a secret: mount it in the Dockerfile by `--mount=type=secret`.")
        elif text is None:
            ledger.lost(leaf, "it has no value in the source")
            made.notes.append(f"The source takes the argument {name} from your shell. Write its value under `args`.")
        elif not _fits(Build, "args", {name: text}):
            ledger.lost(leaf, "a build argument is text that is known before anything is deployed")
            made.notes.append(f"The argument {name} cannot be written in a manifest.")
        else:
            made.written.setdefault("args", {})[name] = text
            ledger.carried(leaf, f"{place}.args.{name}")


def secret(made: Picture, id: str, leaf: Any, source: Any, path: str | None, ledger: Ledger, place: str) -> None:
    """Add a secret of the build: `source` is what a compose file has at its top level, `path` its file."""
    given = entries(source)
    name = text_of(given.get("environment"))
    found: Any = {"env": name} if name else path
    if not found or not _fits(Build, "secrets", {id: found}):
        ledger.lost(leaf, "the source does not say where the value is: `build: {secrets: {id: path}}`")
        made.notes.append(f"Name the file or the variable of the build's secret {id} under `build.secrets`.")
        return
    made.written.setdefault("secrets", {})[id] = found
    ledger.carried(leaf, f"{place}.secrets.{id}")
    for each in given.values():
        if isinstance(each, Leaf):
            ledger.carried(each, f"{place}.secrets.{id}")


def _fits(model: type[Build], key: str, value: Any) -> bool:
    """Return whether a manifest takes a value."""
    try:
        model.model_validate({key: value})
    except ValidationError:
        return False
    return True
