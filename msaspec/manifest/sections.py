"""The sections and runtimes that the language has, found in their folders; and how messages list them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msaspec import discover
from msaspec.language.kind import AnyKind, Kind
from msaspec.language.runtime import AnyRuntime, Runtime

SERVICES, JOBS, SYSTEMS = "services", "jobs", "systems"
CONTAINERS = (SERVICES, JOBS)
"""Sections whose entries have an image, variables and uses."""


def kinds() -> tuple[AnyKind, ...]:
    """Return the kinds of resources there are."""
    return discover.instances("msaspec.kinds", Kind)


def runtimes() -> Mapping[str, AnyRuntime]:
    """Return the runtimes there are, by name."""
    return {r.name: r for r in discover.instances("msaspec.runtimes", Runtime)}


def sections() -> tuple[str, ...]:
    """Return the sections whose entries have names of their own."""
    return (*(kind.section for kind in kinds()), JOBS, SERVICES, SYSTEMS)


def usable() -> tuple[str, ...]:
    """Return the sections whose entries something can use."""
    return tuple(section for section in sections() if section not in (JOBS, SYSTEMS))


def quoted(names: Iterable[str]) -> tuple[str, ...]:
    """Return names as a list in a sentence."""
    return tuple(f"`{name}`" for name in names)


def listed(words: Iterable[str], last: str) -> str:
    """Return words as a list in a sentence.

    >>> listed(["buckets", "databases", "services"], "and"), listed(["services"], "or")
    ('buckets, databases and services', 'services')
    """
    *first, final = words
    return f"{', '.join(first)} {last} {final}" if first else final
