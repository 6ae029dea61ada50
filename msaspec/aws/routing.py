"""Rules of the public balancer: which request goes to which service. Pure; the numbers depend on nothing but the rule.

A rule's priority is a function of its own service, host and path, so that no rule moves when another comes or goes: two
rules that changed places in one update would collide at the balancer. Rules for a host come before rules for any host,
longer paths before shorter ones; within one depth no two rules match one request, and the order means nothing. Two
rules may get one number by chance, which the manifest then settles with `priority`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

from msaspec import names
from msaspec.language.service import Service

LOWEST = 50_000
"""The largest number that a priority may have (Elastic Load Balancing API, CreateRule)."""

_OF_A_HOST = ((5, 200), (4, 200), (3, 600), (2, 2_000), (1, 2_000), (0, 5_000))
_OF_ANY_HOST = ((5, 1_000), (4, 2_500), (3, 7_000), (2, 16_000), (1, 12_000), (0, 1_500))
"""How many numbers rules of a depth (segments of the path) have, from the deepest: as many as make it rare that two
rules draw the same, where most rules are."""


def of_host(host: str) -> str:
    """A host name as a part of a logical id.

    >>> of_host("a-b.example.com")
    'ABDotExampleDotCom'
    """
    return names.camel(host.replace(".", " dot "))


@dataclass(frozen=True)
class Route:
    """One rule: the requests for a host, or for any, whose path is this one or lies under it."""

    service: str
    host: str | None
    path: str

    @property
    def logical_id(self) -> str:
        """Of the rule; it depends on the names only."""
        return names.logical(self.service, f"Rule{of_host(self.host or '')}{names.camel(self.path)}")

    @property
    def patterns(self) -> tuple[str, ...]:
        """The path patterns: the path itself, and all below it; none for all paths."""
        return () if self.path == "/" else (self.path, f"{self.path}/*")

    @property
    def priority(self) -> int:
        """Its place among the rules, from 1."""
        bands = _OF_A_HOST if self.host else _OF_ANY_HOST
        depth = min(len(self.path.strip("/").split("/")) if self.path != "/" else 0, bands[0][0])
        start = 1 if self.host else 1 + sum(width for _, width in _OF_A_HOST)
        for band, width in bands:
            if band == depth:
                key = "\0".join((self.service, self.host or "", self.path))
                return start + crc32(key.encode()) % width
            start += width
        raise AssertionError(depth)


def routes(service: str, spec: Service) -> Iterator[Route]:
    """The rules of a service: one for each of its paths at each of its hosts."""
    if not spec.paths and not spec.hosts:
        return
    hosts: Sequence[str | None] = spec.hosts or (None,)
    for host in hosts:
        for path in spec.paths or ("/",):
            yield Route(service, host, path)


def priorities(service: str, spec: Service) -> dict[Route, int]:
    """The rules of a service with their numbers: `priority` of the manifest is that of the first, and counts on."""
    found = list(routes(service, spec))
    if spec.priority is None:
        return {route: route.priority for route in found}
    # The longest paths first, as the balancer would have to try them.
    ordered = sorted(found, key=lambda route: (route.host is None, -len(route.path), route.host or "", route.path))
    return {route: spec.priority + number for number, route in enumerate(ordered)}
