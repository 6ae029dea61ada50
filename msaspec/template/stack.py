"""A compiled template, and where in the manifest each part of it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.template import nesting
from msaspec.template.nesting import Layout
from msaspec.template.owner import claim
from msaspec.template.resources import Resources
from msaspec.template.role import MAIN, Named, Role
from msaspec.template.sharing import Taken
from msaspec.template.weakness import Weakness


@dataclass(frozen=True)
class Stack:
    """A template and where its parts came from."""

    name: str
    template: Mapping[str, Any]
    """CloudFormation's JSON form, with intrinsics in their long spelling."""
    origins: Mapping[str, Path]
    """Manifest path of every resource, parameter and output, by logical id."""
    patched: tuple[tuple[Path, Path], ...] = field(default=())
    """Template paths that a patch wrote, with the manifest path of the patch."""
    weakened: tuple[tuple[Weakness, Path, str | None], ...] = ()
    """What patches weaken, each with the manifest path of the patch, and the reason that it gives."""
    role: Role = MAIN
    tags: Mapping[str, str] = field(default_factory=dict)
    protected: bool = True
    """Whether termination protection is to be on."""
    region: str | None = None
    """The Region that the manifest names."""
    taken: Mapping[str, Taken] = field(default_factory=dict)
    """Parameters that hold values of other systems' stacks."""

    @property
    def owner(self) -> Named:
        """Whose it is, as the template says; the system of the stack's name where it says nothing."""
        return claim(self.template).owner or Named(self.role, self.name)

    def entry_of(self, logical_id: str) -> Path:
        """Return the manifest entry of a resource, whoever wrote it."""
        return self.origins.get(logical_id, ())

    def made_of(self, entry: Path) -> tuple[str, ...]:
        """Return the logical ids of the resources, parameters and outputs of an entry of the manifest and its edges."""
        return self._made.get(entry, ())

    @cached_property
    def _made(self) -> Mapping[Path, tuple[str, ...]]:
        found: dict[Path, list[str]] = {}
        for logical_id, origin in self.origins.items():
            found.setdefault(origin[:2], []).append(logical_id)
        return {entry: tuple(ids) for entry, ids in found.items()}

    @cached_property
    def layout(self) -> Layout:
        """The template as CloudFormation gets it where nothing is deployed."""
        return nesting.layout(self.template, self.entry_of)

    @cached_property
    def resources(self) -> Resources:
        """The resources of the template, by type."""
        return Resources(self.template, self.name)

    def origin(self, path: Path) -> Path:
        """Return the manifest path to blame for a template path: a patch that wrote it, or the entry it belongs to."""
        for written, patch in reversed(self.patched):
            if tuple(map(str, path[: len(written)])) == written:  # a pointer has no numbers, only their digits
                return patch
        return self.origins.get(str(path[1]), ()) if len(path) > 1 else ()

    def writer(self, path: Path) -> Path | None:
        """Return the place in the value of the last patch that wrote a template path, or what contains it."""
        for written, patch in reversed(self.patched):
            if tuple(map(str, path[: len(written)])) == written:
                return (*patch, "value", *path[len(written) :])
        return None

    def patch_of(self, path: Path) -> Path | None:
        """Return the manifest path of the last patch that wrote a template path, or into it, or what contains it."""
        steps = tuple(map(str, path))
        for written, patch in reversed(self.patched):
            shorter = min(len(written), len(steps))
            if written[:shorter] == steps[:shorter]:
                return patch
        return None

    def fault(self, code: Code, message: str, hint: str, path: Path, *others: Path) -> Diagnostic:
        """Return a diagnostic about template paths: at the patch that wrote one of them, or wrote into one, in this
        order; else at the entry that the first of them belongs to."""
        for each in (path, *others):
            if found := self.writer(each):
                return code.at(found, message, hint=hint)
        for each in (path, *others) if self.patched else ():
            steps = tuple(map(str, each))
            for written, patch in reversed(self.patched):
                if written[: len(steps)] == steps:
                    return code.at(patch, message, hint=hint)
        return code.at(self.origin(path), message, hint=hint, key=True)
