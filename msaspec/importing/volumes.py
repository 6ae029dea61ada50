"""Volumes of other tools: folders of containers that outlive them, which are on EFS here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from msaspec.importing.compose_files import Files
from msaspec.importing.draft import Draft, Names
from msaspec.importing.ledger import Ledger
from msaspec.importing.tree import Leaf, entries, is_number, items, plain, text_of
from msaspec.language.container import MountFolder

_FOLDER: TypeAdapter[str] = TypeAdapter(MountFolder)
SHARED = "Several copies or services write it in the source. If only one does, remove `shared`."
SLOW = "Its files are on EFS, where a database is slow. A managed store is faster, and is backed up by itself."


@dataclass
class Volumes:
    """The volumes of one import."""

    draft: Draft
    names: Names
    known: dict[str, str] = field(default_factory=dict)
    """Their names in the manifest, by those in the source."""
    writers: dict[str, int] = field(default_factory=dict)
    """How many copies write each."""

    def mount(self, source: str, folder: str, *, read: bool, copies: int, user: str | None = None) -> dict[str, Any]:
        """Write a volume, and return the use of a service that mounts it."""
        name = self.known.get(source) or self.known.setdefault(source, self.names.new(source, "volume"))
        spec = self.draft.at("volumes").setdefault(name, {})
        if not read:
            self.writers[name] = self.writers.get(name, 0) + copies
            if self.writers[name] > 1:
                spec["shared"] = True
                self.draft.note(("volumes", name), SHARED)
        use = {"mount": folder, **({"access": "read"} if read else {}), **({"user": user} if user else {})}
        return {name: use}


def folder(text: str) -> str | None:
    """Return a folder that a volume can be mounted at; None for another one."""
    try:
        return _FOLDER.validate_python(text.rstrip("/"), strict=True)
    except ValidationError:
        return None


def of_compose(tree: dict[str, Any], files: Files, volumes: Volumes, ledger: Ledger, copies: int) -> dict[str, Any]:
    """Return the uses of the named volumes that a service of a compose file mounts. All other lines are lost."""
    uses: dict[str, Any] = {}
    for each in items(tree.get("volumes")):
        words = plain(each)
        if isinstance(words, dict):
            named = words.get("type", "volume") == "volume" and words.get("source")
            source, target, mode = (str(words.get(key) or "") for key in ("source", "target", "read_only"))
        else:
            source, _, rest = files.fill(str(words)).partition(":")
            target, _, mode = rest.partition(":")
            named = bool(source and target) and not source.startswith((".", "/", "~", "$"))
        place = folder(target) if named else None
        if place is None or any(place == use["mount"] for use in uses.values()):
            ledger.lost(each, _otherwise(source if not named else target, named=bool(named)))
            continue
        read = mode == "True" or "ro" in mode.split(",")
        made = volumes.mount(source, place, read=read, copies=copies)
        uses |= made
        ledger.replaced(each, f"the volume `volumes.{next(iter(made))}`, on EFS")
    return uses


def _otherwise(text: str, *, named: bool) -> str:
    if "docker.sock" in text:
        return "no container reaches the Docker of its host"
    if named:
        return f"a volume is not mounted at {text}"
    if text.startswith((".", "~", "$")) or "/" in text[1:]:
        return "a container has no files of your machine: copy them into the image, or name them under `files`"
    return "a volume without a name goes with its container; name it to keep the files"


def declared(tree: dict[str, Any], volumes: Volumes, ledger: Ledger) -> None:
    """Say what becomes of the section of volumes of a compose file."""
    for key, each in entries(tree.get("volumes")).items():
        if key in volumes.known:
            ledger.replaced(each, f"`volumes.{volumes.known[key]}`")
        else:
            ledger.lost(each, "no service mounts it")


def of_copilot(name: str, storage: dict[str, Any], volumes: Volumes, ledger: Ledger, copies: int) -> dict[str, Any]:
    """Return the uses of the file systems of a workload of Copilot, which has one of its own for each."""
    uses: dict[str, Any] = {}
    for key, tree in entries(storage.get("volumes")).items():
        efs = entries(tree).get("efs")
        place = folder(text_of(entries(tree).get("path")) or "")
        if place is None or not _managed(efs):
            continue
        uid, gid = (text_of(entries(efs).get(each)) or "" for each in ("uid", "gid"))
        user = f"{uid}:{gid}" if is_number(uid) and is_number(gid) else uid if is_number(uid) else None
        read = (text_of(entries(tree).get("read_only")) or "true").lower() == "true"
        uses |= volumes.mount(
            f"{name}-{key}" if key in volumes.known else key, place, read=read, copies=copies, user=user
        )
        for leaf in (tree["path"], entries(tree).get("read_only"), efs if isinstance(efs, Leaf) else None):
            ledger.carried(leaf, f"services.{name}.uses")
        for each in ("uid", "gid"):
            ledger.carried(entries(efs).get(each), f"services.{name}.uses")
    ledger.lost(
        storage.get("volumes"), "an existing file system is not mounted; `volumes: {data: {}}` makes one of the system"
    )
    return uses


def _managed(efs: Any) -> bool:
    """Whether Copilot makes the file system."""
    return (text_of(efs) or "").lower() == "true" or bool(entries(efs) and set(entries(efs)) <= {"uid", "gid"})
