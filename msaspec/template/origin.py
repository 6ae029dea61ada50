"""Which entry of the manifest a resource of a template belongs to, derived from its logical ID.

A compiled `Stack` knows it exactly. A template that was deployed earlier knows the names its manifest had, from its
own Metadata, and logical ids begin with the name of their entry; that is enough to speak of what an update removes.
Where it is not, the Metadata names the entry.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from msaspec.diagnostics.place import Path, parse, render
from msaspec.template import owner
from msaspec.template.names import camel
from msaspec.template.owner import METADATA
from msaspec.template.role import Named

STRANGE = "not from this manifest"
"""What is said of a resource that a stack has and no manifest."""

_NONE: Mapping[str, Path] = MappingProxyType({})
_SYSTEM = {
    "Audit": "audit",
    "Bastion": "bastion",
    "BrokerBootstrap": "brokers",
    "CdnCertificates": "buckets",
    "Cluster": "services",
    "DatabaseBootstrap": "databases",
    "DeploymentWatch": "services",
    "EncryptionKey": "encryption",
    "HostPolicy": "services",
    "Ingress": "ingress",
    "Internal": "services",
    "JobGate": "jobs",
    "SecretTexts": "services",
}
"""How the ids of what belongs to no entry begin, and where in a manifest it is spoken of."""
_NETWORK = re.compile(
    r"(Vpc|InternetGateway|Public|Private|Isolated|Nat|Dhcp|Namespace)([A-Z0-9].*)?|.*Endpoint|Endpoint.*|Zones"
)
"""The ids of the network's resources. What else belongs to no entry is from no manifest."""
_USER = re.compile(r"System(?=[A-Z0-9])")
"""How the ids begin of what an entry makes for another system, as `SystemShopToMainSecret`."""
_OF_A_NETWORK = ("AWS::EC2::", "AWS::ServiceDiscovery::")


def metadata(whose: Named, entries: Iterable[Path], resources: Mapping[str, Path] = _NONE) -> dict[str, Any]:
    """Return the template's Metadata: whose it is, the entries that it was compiled from, and the entry of each
    resource whose ID does not show it."""
    named = tuple(entries)
    by_name = _by_name(named)
    others = {name: render(entry) for name, entry in resources.items() if _origin(name, by_name) != entry}
    recorded = {**owner.metadata(whose), "manifest": [*map(render, named)], **({"resources": others} if others else {})}
    return {METADATA: recorded}


def reader(template: Mapping[str, Any]) -> Callable[[str], Path]:
    """Return a function from a logical ID of a template to its entry, by the template's Metadata; the empty path for
    what is from no manifest."""
    said = owner.recorded(template)
    if said is None:
        return lambda logical_id: ()
    by_name, resources, parts = _by_name(entries_of(template)), said.get("resources"), template.get("Resources")
    known = resources if isinstance(resources, Mapping) else {}
    there = parts if isinstance(parts, Mapping) else {}

    def entry_of(logical_id: str) -> Path:
        entry = known.get(logical_id)
        if isinstance(entry, str):
            return parse(entry)
        found, part = _origin(logical_id, by_name), there.get(logical_id)
        kind = part.get("Type") if isinstance(part, Mapping) else None
        # An id may look like one of the network by chance; a type does not.
        return () if found == ("network",) and kind and not str(kind).startswith(_OF_A_NETWORK) else found

    return entry_of


def entries_of(template: Mapping[str, Any]) -> tuple[Path, ...]:
    """Return the entries that a template was compiled from; none for a template of another maker."""
    named = (owner.recorded(template) or {}).get("manifest")
    return tuple(parse(entry) for entry in named if isinstance(entry, str)) if isinstance(named, list | tuple) else ()


def workload(entry: Path) -> str | None:
    """Return the name of the service or job that an entry is of; None for others, and for what all jobs share.

    >>> workload(("jobs", "migrate", "image")), workload(("jobs",)), workload(("databases", "main"))
    ('migrate', None, None)
    """
    return str(entry[1]) if entry[:1] in (("services",), ("jobs",)) and len(entry) > 1 else None


def label(entry: Path) -> str:
    """Return an entry as people write it, or that there is none."""
    return render(entry) or STRANGE


def belonging(entry: Path) -> str:
    """Return the words that say where something belongs, to be put behind its name.

    >>> belonging(("services", "cart")), belonging(())
    ('of `services.cart`', '(not from this manifest)')
    """
    return f"of `{render(entry)}`" if entry else f"({STRANGE})"


def origin(logical_id: str, entries: Iterable[Path]) -> Path:
    """Return the entry whose name the id begins with, the longest of them; the edge for the rule or secret of one; the
    section for what several entries share; the empty path for what no manifest gives that id.

    >>> entries = [("databases", "main"), ("services", "cart"), ("services", "cart-api")]
    >>> origin("CartApiRole", entries), origin("CartToMainSecret", entries), origin("Vpc", entries)
    (('services', 'cart-api'), ('services', 'cart', 'uses', 'main'), ('network',))
    >>> origin("SystemShopToMainSecret", entries), origin("Payroll", entries)
    (('databases', 'main'), ())
    """
    return _origin(logical_id, _by_name(entries))


def _by_name(entries: Iterable[Path]) -> Mapping[str, Path]:
    return {camel(str(entry[1])): entry for entry in entries if len(entry) > 1}


def _origin(logical_id: str, by_name: Mapping[str, Path]) -> Path:
    name, shared = _longest(logical_id, by_name), _longest(logical_id, _SYSTEM)
    if name is None and (user := _USER.match(logical_id)):
        used = next(
            (found for at in _ends(logical_id, user.end()) if (found := _longest(logical_id[at:], by_name))), None
        )
        return by_name[used] if used else ()
    if name is None or (shared is not None and len(shared) > len(name)):
        if shared is None and not _NETWORK.fullmatch(logical_id):
            return ()
        return (_SYSTEM.get(shared or "", "network"),)
    rest = logical_id[len(name) :]
    used = _longest(rest[2:], by_name) if rest.startswith("To") else None
    return (*by_name[name], "uses", by_name[used][1]) if used else by_name[name]


def _ends(logical_id: str, start: int) -> Iterator[int]:
    """Yield where a name may begin that comes behind `To`."""
    return (found.end() for found in re.compile("To(?=[A-Z0-9])").finditer(logical_id, start))


def _longest(logical_id: str, names: Container[str]) -> str | None:
    ends = (at for at in range(len(logical_id), 0, -1) if not logical_id[at : at + 1].islower())
    return next((logical_id[:at] for at in ends if logical_id[:at] in names), None)
