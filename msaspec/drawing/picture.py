"""What is drawn of a plan: zones of the network, nodes in them, and edges with what each becomes.

A picture has no coordinates. Its texts are single lines without control characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from msaspec.aws import iam
from msaspec.compile import lending
from msaspec.compile.plan import Edge, Plan
from msaspec.diagnostics import printable
from msaspec.explain import pages, readable
from msaspec.language.base import Model
from msaspec.language.part import Entry
from msaspec.language.runtime import AnyRuntime, Workload
from msaspec.language.systems import NETWORK, split
from msaspec.survey import Compiled
from msaspec.template import sharing

INTERNET, BALANCER, CDN, BASTION = "(internet)", "(load balancer)", "(cdn)", "(bastion)"
"""Ids of what is no entry of the manifest: in brackets, which no name has."""


@dataclass(frozen=True)
class Node:
    """Something with a box. The id of an entry of the manifest is its name."""

    id: str
    role: str
    """`service`, `store`, `front` or `outside`: how it looks."""
    lines: tuple[str, ...]
    """Its name, then what it is."""
    zone: str
    """The id of a zone, or nothing."""


@dataclass(frozen=True)
class Zone:
    """A part of the network, or the network itself."""

    id: str
    title: str
    inside: str = ""
    """The id of the zone around it, or nothing."""


@dataclass(frozen=True)
class Arrow:
    """Who opens connections to what."""

    source: str
    target: str
    label: str
    becomes: tuple[str, ...]
    """What the edge is in AWS: rules, permissions, variables."""


@dataclass(frozen=True)
class Picture:
    """A system as it is drawn."""

    title: str
    zones: tuple[Zone, ...]
    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
    pages: Mapping[str, str]
    """The page of `msaspec explain` of each entry."""


def picture(compiled: Compiled) -> Picture:
    """Return the picture of a system."""
    plan = compiled.plan
    site = plan.site
    name = f"{site.system}, environment {site.environment}" if site.environment else site.system
    nodes = [*_outside(plan), *_services(plan), *_stores(plan), *_elsewhere(plan)]
    zones = [each for each in _zones(plan) if _holds(each, nodes)]
    arrows = (*_from_outside(plan), *_uses(plan), *_from_elsewhere(plan))
    told = {
        node.id: pages.to_text(pages.entry(node.id, compiled)) for node in nodes if node.role in ("service", "store")
    }
    return Picture(_line(name), tuple(zones), tuple(nodes), arrows, told)


def _line(text: str) -> str:
    return printable.line(text)


def _holds(zone: Zone, nodes: Iterable[Node]) -> bool:
    return zone.id == "network" or any(node.zone == zone.id for node in nodes)


def _zones(plan: Plan) -> Iterator[Zone]:
    network = plan.root.network
    region = f", {plan.site.region}" if plan.site.region else ""
    if network.exists:
        whose = f"the network of the system {network.system}" if network.system else f"{network.vpc}, which exists"
        yield Zone("network", _line(f"{whose}{region}"))
        yield Zone("public", "public subnets", "network")
        yield Zone("private", "private subnets", "network")
        yield Zone("isolated", "isolated subnets" if network.isolated else "subnets of databases", "network")
        return
    yield Zone("network", _line(f"VPC {network.cidr}{region}, {network.zones} zones"))
    yield Zone("public", "public subnets", "network")
    ways = {"single": "one NAT gateway", "per-zone": "a NAT gateway in each zone", "none": "no way out"}
    yield Zone("private", f"private subnets, {ways[network.nat]}", "network")
    yield Zone("isolated", "isolated subnets", "network")


def _of_services(plan: Plan) -> str:
    return "public" if plan.site.services_public else "private"


def _outside(plan: Plan) -> Iterator[Node]:
    """Yield who asks from outside, and what takes the requests."""
    front, ingress = plan.site.front, plan.root.ingress
    if any(_is_reached(runtime, workload, plan) for runtime, workload in plan.workloads) or any(_distributed(plan)):
        allowed = () if "0.0.0.0/0" in ingress.allow else (f"from {', '.join(ingress.allow)}",)
        yield Node(INTERNET, "outside", ("Internet", *map(_line, allowed)), "")
    if front:
        place = (_line(ingress.domain),) if ingress.domain else ()
        yield Node(BALANCER, "front", ("load balancer", *place, front.scheme.upper()), "public")
    if plan.root.bastion and plan.root.bastion.enabled:
        yield Node(BASTION, "front", ("bastion", "Session Manager only"), _of_services(plan))


def _is_reached(runtime: AnyRuntime, workload: Workload[Model], plan: Plan) -> bool:
    return runtime.public_address(workload.name, workload.spec, plan.site) is not None


def _services(plan: Plan) -> Iterator[Node]:
    for runtime, workload in plan.workloads:
        scale = workload.spec.scale
        copies = ""
        if scale and "scale" not in runtime.ignores:
            several = f"{scale.min} to {scale.max}" if scale.max > scale.min else f"{scale.min}"
            copies = f", {several} {'copy' if several == '1' else 'copies'}"
        port = workload.spec.port
        what = f"{port.protocol} on {port.number}" if port else "worker"
        what = f"job, {workload.job.when}" if workload.job else what
        lines = (workload.name, f"{runtime.name}{copies}", what)
        yield Node(workload.name, "service", tuple(map(_line, lines)), _of_services(plan))


def _stores(plan: Plan) -> Iterator[Node]:
    for kind, entries in plan.entries:
        for entry, _ in entries:
            said = [f"{getattr(entry.spec, key)}" for key in ("engine", "version", "size") if _said(entry, key)]
            front = ("CloudFront",) if kind.front(entry) else ()
            lines = (entry.name, kind.noun, " ".join(said), *front)
            zone = "isolated" if kind.isolated else ""
            yield Node(entry.name, "store", tuple(_line(each) for each in lines if each), zone)


def _said(entry: Entry[Model], key: str) -> bool:
    return isinstance(getattr(entry.spec, key, None), str | int)


def _distributed(plan: Plan) -> Iterator[str]:
    """Yield the entries that the internet reads through a distribution."""
    for kind, entries in plan.entries:
        yield from (entry.name for entry, _ in entries if kind.front(entry))


def _from_outside(plan: Plan) -> Iterator[Arrow]:
    """Yield the arrows of requests from outside."""
    front = plan.site.front
    for name in _distributed(plan):
        yield Arrow(INTERNET, name, "HTTPS", ("requests to the CloudFront distribution of the bucket",))
        if front and plan.root.ingress.cdn:
            patterns = ", ".join(front.cdn.patterns) if front.cdn else ""
            yield Arrow(name, BALANCER, "paths of services", (_line(f"cache behaviours: {patterns}"),))
    if front and not plan.root.ingress.cdn:
        allowed = f"a rule of the load balancer's group for {', '.join(plan.root.ingress.allow)}"
        yield Arrow(INTERNET, BALANCER, front.scheme.upper(), (_line(allowed),))
    for runtime, workload in plan.workloads:
        if not _is_reached(runtime, workload, plan):
            continue
        spec = workload.spec
        routed = [*spec.hosts, *spec.prefixes] if runtime.behind_balancer else [*spec.prefixes]
        if runtime.behind_balancer and front:
            yield Arrow(BALANCER, workload.name, _short(routed), (_line(f"listener rules for {', '.join(routed)}"),))
        else:
            address = (f"an Elastic IP, and a rule for port {spec.port.number}",) if spec.port else ()
            yield Arrow(INTERNET, workload.name, _short(routed), address)
    if plan.root.bastion and plan.root.bastion.enabled:
        for kind, entries in plan.entries:
            for entry, _ in entries:
                if doors := kind.doors(entry):
                    ports = ", ".join(str(door.port) for door in doors)
                    yield Arrow(BASTION, entry.name, ports, (f"a security-group rule for port {ports}",))


def _elsewhere(plan: Plan) -> Iterator[Node]:
    """Yield what is used of other systems, and the systems that may use something of this one."""
    for target in sorted({edge.use.target for edge in plan.edges if edge.elsewhere}):
        system, entry = split(target) or ("", target)
        lines = (entry, f"of the system {system}", f"stack {plan.manifest.stack_of(system)}")
        yield Node(target, "outside", tuple(map(_line, lines)), "")
    for system in sorted({name for share in plan.root.shares.values() for name in share.with_}):
        yield Node(_caller(system), "outside", (_line(system), "another system"), "")


def _caller(system: str) -> str:
    """Return the id of a system that uses something of this one."""
    return f"(system {system})"


def _from_elsewhere(plan: Plan) -> Iterator[Arrow]:
    """Yield the arrows from the systems that may use something of this one."""
    for name, share in sorted(plan.root.shares.items()):
        for system in sorted(share.with_) if name != NETWORK else ():
            becomes = [f"outputs whose names begin with {sharing.output(name, '')}"]
            if use := lending.granted(plan.made, name, system):
                becomes.append(f"the user {use.service}")
            yield Arrow(_caller(system), name, "may use", tuple(becomes))


def _short(words: list[str]) -> str:
    """Return the first of some paths or hosts, and how many more there are."""
    more = f" +{len(words) - 1}" if len(words) > 1 else ""
    first = words[0] if words else "/"
    return _line((first if len(first) <= 28 else f"{first[:27]}…") + more)


def _uses(plan: Plan) -> Iterator[Arrow]:
    for edge in plan.edges:
        yield Arrow(edge.use.service, edge.use.target, _line(_label(edge)), tuple(map(_line, _becomes(edge))))


def _label(edge: Edge) -> str:
    """Return the ports and the rights of an edge."""
    ports = [str(door.port) for door in edge.offer.doors if isinstance(door.port, int)]
    access = getattr(edge.use.options, "access", None)
    return " ".join([", ".join(ports), *([str(access)] if isinstance(access, str) else [])]).strip()


def _becomes(edge: Edge) -> Iterator[str]:
    for rule, door in edge.rules:
        yield f"security-group rule {rule}: port {door.number} of {door.group.target}"
    for statement in iam.policy(edge.offer.statements).get("Statement", ()) if edge.offer.statements else ():
        shown = {key: readable.data(value) for key, value in statement.items()}
        yield f"permission: {shown.get('Action', '')} on {shown.get('Resource', '')}"
    for variable in edge.offer.variables:
        yield f"variable {variable}"
