"""Which entry of the manifest a resource of a template belongs to, told from its logical id.

A compiled `Stack` knows it exactly. A template that was deployed earlier knows the names its manifest had, from its
own Metadata, and logical ids begin with the name of their entry; that is enough to speak of what an update removes.
Where it is not, the Metadata names the entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from msaspec.names import camel
from msaspec.place import Path, parse, render

METADATA = "msaspec"

_NONE: Mapping[str, Path] = MappingProxyType({})
_SYSTEM = {
    "Bastion": "bastion",
    "Cluster": "services",
    "DatabaseBootstrap": "databases",
    "HostPolicy": "services",
    "Ingress": "ingress",
    "Internal": "services",
}
"""How the ids of what belongs to no entry begin, and where in a manifest it is spoken of."""


def metadata(entries: Iterable[Path], resources: Mapping[str, Path] = _NONE) -> dict[str, Any]:
    """The template's Metadata: the entries that it was compiled from, and those of resources that no id would tell."""
    named = tuple(entries)
    strangers = {name: render(entry) for name, entry in resources.items() if origin(name, named) != entry}
    return {METADATA: {"manifest": [*map(render, named)], **({"resources": strangers} if strangers else {})}}


def reader(template: Mapping[str, Any]) -> Callable[[str], Path]:
    """Tells the entry of each logical id of a template, by what the template says of itself."""
    entries, resources = entries_of(template), _told(template).get("resources")
    known = resources if isinstance(resources, Mapping) else {}

    def entry_of(logical_id: str) -> Path:
        entry = known.get(logical_id)
        return parse(entry) if isinstance(entry, str) else origin(logical_id, entries)

    return entry_of


def entries_of(template: Mapping[str, Any]) -> tuple[Path, ...]:
    """The entries that a template was compiled from; none for a template of another maker."""
    named = _told(template).get("manifest", [])
    return tuple(parse(entry) for entry in named if isinstance(entry, str))


def _told(template: Mapping[str, Any]) -> Mapping[str, Any]:
    found = template.get("Metadata", {}).get(METADATA, {})
    return found if isinstance(found, Mapping) else {}


def origin(logical_id: str, entries: Iterable[Path]) -> Path:
    """The entry whose name the id begins with, the longest of them; the edge for the rule or secret of one; the section
    for what several entries share.

    >>> entries = [("databases", "main"), ("services", "cart"), ("services", "cart-api")]
    >>> origin("CartApiRole", entries), origin("CartToMainSecret", entries), origin("Vpc", entries)
    (('services', 'cart-api'), ('services', 'cart', 'uses', 'main'), ('network',))
    """
    by_name = {camel(str(entry[1])): entry for entry in entries if len(entry) > 1}
    name, shared = _longest(logical_id, by_name), _longest(logical_id, _SYSTEM)
    if name is None or (shared is not None and len(shared) > len(name)):
        return (_SYSTEM.get(shared or "", "network"),)
    rest = logical_id[len(name) :]
    used = _longest(rest[2:], by_name) if rest.startswith("To") else None
    return (*by_name[name], "uses", by_name[used][1]) if used else by_name[name]


def _longest(logical_id: str, names: Iterable[str]) -> str | None:
    fitting = [name for name in names if logical_id.startswith(name) and not logical_id[len(name) :][:1].islower()]
    return max(fitting, key=len, default=None)
