"""What a manifest declares, read from its data: who uses whom, what is public. Nothing of the compiler takes part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from msaspec import pipeline
from msaspec.manifest import overlay
from msaspec.manifest.sections import sections
from msaspec.source.document import Document
from tests import goldens


@dataclass(frozen=True)
class System:
    """A manifest in one environment, as data with its defaults filled in."""

    data: Mapping[str, Any]

    @property
    def services(self) -> Mapping[str, Mapping[str, Any]]:
        """The services by name."""
        found: Mapping[str, Mapping[str, Any]] = self.data["services"]
        return found

    def runtime(self, service: str) -> str:
        """How a service runs."""
        written = self.services[service].get("runtime", "instance")
        return str(written.get("type", "instance") if isinstance(written, dict) else written)

    def uses(self, service: str) -> dict[str, Mapping[str, Any]]:
        """What a service uses, with its options."""
        written = self.services[service].get("uses") or {}
        if isinstance(written, list):
            written = dict.fromkeys(written)
        return {name: options or {} for name, options in written.items()}

    def edges(self, section: str) -> Iterator[tuple[str, str]]:
        """Pairs of a service and what it uses of a section."""
        for service in self.services:
            yield from ((service, target) for target in self.uses(service) if target in self.data.get(section, {}))

    @property
    def prefix(self) -> dict[str, str]:
        """How the logical ids of each entry begin."""
        names = [*self.services, *self.data.get("databases", {}), *self.data.get("buckets", {})]
        return {name: "".join(word.capitalize() for word in name.split("-")) for name in names}


def system(document: Document, environment: str | None) -> System:
    """A manifest in an environment."""
    root = document.root
    if environment is not None:
        root, _ = overlay.apply_environment(root, environment, sections())
    root, _ = overlay.apply_defaults(root)
    return System(replace(document, root=root).data())


def examples() -> list[tuple[Path, str | None]]:
    """Every example in each of its environments."""
    found: list[tuple[Path, str | None]] = []
    for path in goldens.examples():
        document = pipeline.load(path.read_bytes(), path.name)
        if {"systems", "shares"} & document.data().keys():
            continue  # Half of what it declares is in another manifest; tests/deploy/test_systems.py has both.
        found += [(path, environment) for environment in (None, *pipeline.environments(document))]
    return found
