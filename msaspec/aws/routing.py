"""Rules of the public balancer: which request goes to which service. Pure; the numbers depend on nothing but the rule.

A rule's priority is a function of its own service, host and path, so that adding or removing another moves none: two
rules that changed places in one update would collide at the balancer. Rules for a host under the domain come before
those for the domain and for any host, longer paths before shorter ones; within one depth no two rules match one
request, and the order means nothing. Two rules may get one number by chance, which the manifest then settles with
`priority`: such a rule is named for its number, so that what it matches changes in its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

from msaspec.language.service import ONLY_RULE, Service
from msaspec.template import names

# fact: rule-priorities
LOWEST = 50_000
"""The largest number that a priority may have (Elastic Load Balancing API, CreateRule)."""

_UNDER_THE_DOMAIN = (
    (8, 20), (7, 20), (6, 40), (5, 120), (4, 200), (3, 600), (2, 2_000), (1, 2_000), (0, 5_000),
)  # fmt: skip
_OF_THE_DOMAIN = (
    (8, 100), (7, 100), (6, 200), (5, 600), (4, 2_500), (3, 7_000), (2, 16_000), (1, 12_000), (0, 1_500),
)  # fmt: skip
"""How many numbers rules of a depth (segments of the path) have, from the deepest: as many as make it rare that two
rules draw the same, where most rules are."""

_TOLD_APART = re.compile(r"(/[a-z][a-z0-9]*)*/?")
"""Paths that differ in their logical ids too."""


def of_host(host: str) -> str:
    """Return a host name as a part of a logical id.

    >>> of_host("a-b.example.com")
    'ABDotExampleDotCom'
    """
    return names.camel(host.replace(".", " dot "))


@dataclass(frozen=True)
class Route:
    """One rule: the requests for a host, or for any, whose path is this one or below it."""

    service: str
    host: str | None
    path: str
    given: int | None = None
    """The number that the manifest gives it."""
    port: str | None = None
    """The name of the port that it leads to; the main one without."""
    under_the_domain: bool = False
    """Whether its host is one under the front door's domain; without a host of its own it serves the domain."""

    @property
    def written(self) -> str:
        """How the manifest names it under `priority`."""
        return (self.host or "") + self.path

    @property
    def logical_id(self) -> str:
        """Of the rule; it depends on the names only, or on the number where that is given."""
        if self.given is not None:
            return f"IngressRule{self.given}"
        told_apart = _TOLD_APART.fullmatch(self.path) is not None
        sign = "" if told_apart else f"X{crc32(self.path.encode()):08x}"
        return names.logical(self.service, f"Rule{of_host(self.host or '')}{names.camel(self.path)}{sign}")

    @property
    def patterns(self) -> tuple[str, ...]:
        """The path patterns: the path itself, and all below it; none for all paths."""
        return () if self.path == "/" else (self.path, f"{self.path}/*")

    @property
    def drawn(self) -> int:
        """Its place among the rules, from 1, where the manifest gives none."""
        bands = _UNDER_THE_DOMAIN if self.under_the_domain else _OF_THE_DOMAIN
        depth = min(len(self.path.strip("/").split("/")) if self.path != "/" else 0, bands[0][0])
        start = 1 if self.under_the_domain else 1 + sum(width for _, width in _UNDER_THE_DOMAIN)
        for band, width in bands:
            if band == depth:
                key = "\0".join((self.service, self.host or "", self.path))
                return start + crc32(key.encode()) % width
            start += width
        raise AssertionError(depth)

    @property
    def priority(self) -> int:
        """Its place among the rules, from 1."""
        return self.drawn if self.given is None else self.given


def routes(service: str, spec: Service, domain: str | None) -> Iterator[Route]:
    """Yield the rules of a service behind the front door of a domain: one for each of its paths at each of its
    hosts."""
    if not spec.paths and not spec.hosts:
        return
    hosts: Sequence[str | None] = spec.hosts or (None,)
    paths = [(each.path, each.port) for each in spec.paths] or [("/", None)]
    only = spec.priority.get(ONLY_RULE) if len(hosts) * len(paths) == 1 else None
    for host in hosts:
        for path, port in paths:
            given = spec.priority.get((host or "") + path, only)
            yield Route(service, host, path, given, port, host is not None and host != domain)


def routed_ports(spec: Service) -> tuple[str | None, ...]:
    """Return the ports that a service's paths and hosts lead to, the main one (None) first."""
    if not spec.public:
        return ()
    found = {each.port for each in spec.paths} or {None}
    return tuple(sorted(found, key=lambda port: port or ""))


def target(service: str, port: str | None) -> str:
    """Logical id of the target group of a port of a service.

    >>> target("cart", None), target("rabbit", "console")
    ('CartTargetGroup', 'RabbitPortConsoleTargetGroup')
    """
    return names.logical(service, f"Port{names.camel(port)}TargetGroup" if port else "TargetGroup")
