"""Which entry of the manifest a resource of a template belongs to, told from its logical id.

A compiled `Stack` knows it exactly. A template that was deployed earlier knows the names its manifest had, from its
own Metadata, and logical ids begin with the name of their entry; that is enough to speak of what an update removes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msaspec.names import camel
from msaspec.place import Path, parse, render

METADATA = "msaspec"

_SYSTEM = {"Bastion": "bastion", "Ingress": "ingress", "Internal": "services", "Cluster": "services"}
"""How the ids of what belongs to no entry begin, and where in a manifest it is spoken of."""


def metadata(entries: Iterable[Path]) -> dict[str, Any]:
    """The template's Metadata: the entries it was compiled from."""
    return {METADATA: {"manifest": [render(entry) for entry in entries]}}


def entries_of(template: Mapping[str, Any]) -> tuple[Path, ...]:
    """The entries that a template was compiled from; none for a template of another maker."""
    found = template.get("Metadata", {}).get(METADATA, {})
    named = found.get("manifest", []) if isinstance(found, Mapping) else []
    return tuple(parse(entry) for entry in named if isinstance(entry, str))


def origin(logical_id: str, entries: Iterable[Path]) -> Path:
    """The entry whose name the id begins with, the longest of them; the edge for the rule or secret of one.

    >>> entries = [("databases", "main"), ("services", "cart"), ("services", "cart-api")]
    >>> origin("CartApiRole", entries), origin("CartToMainSecret", entries), origin("Vpc", entries)
    (('services', 'cart-api'), ('services', 'cart', 'uses', 'main'), ('network',))
    """
    by_name = {camel(str(entry[1])): entry for entry in entries if len(entry) > 1}
    name = _longest(logical_id, by_name)
    if name is None:
        return (_SYSTEM.get(_longest(logical_id, _SYSTEM) or "", "network"),)
    rest = logical_id[len(name) :]
    used = _longest(rest[2:], by_name) if rest.startswith("To") else None
    return (*by_name[name], "uses", by_name[used][1]) if used else by_name[name]


def _longest(logical_id: str, names: Iterable[str]) -> str | None:
    fitting = [name for name in names if logical_id.startswith(name) and not logical_id[len(name) :][:1].islower()]
    return max(fitting, key=len, default=None)
