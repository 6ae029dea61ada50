"""The page of a whole system: its network, its services and stores, and who uses what."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.compile.plan import Plan
from msaspec.explain import pages, readable
from msaspec.language.base import Model
from msaspec.language.runtime import AnyRuntime, Workload
from msaspec.messages.message import counted
from msaspec.messages.results import Section
from msaspec.survey import Compiled

Row = tuple[str, ...]
_WAYS = {"single": "one NAT gateway", "per-zone": "a NAT gateway in each zone", "none": "no way to the internet"}


def page(compiled: Compiled) -> tuple[Section, ...]:
    """Return the sections of the page, without those that have no rows."""
    plan = compiled.plan
    found: list[tuple[str, list[Row]]] = [
        (_title(plan), list(_facts(compiled))),
        ("Services", [_service(runtime, each, plan) for runtime, each in plan.workloads if not each.job]),
        ("Jobs", [(each.name, each.job.when, str(each.image)) for _, each in plan.workloads if each.job]),
    ]
    for kind, entries in plan.entries:
        rows: list[Row] = []
        for entry, by in entries:
            said = [str(value) for key in ("engine", "version", "size") if (value := getattr(entry.spec, key, None))]
            users = ", ".join(sorted({use.service for use in by}))
            rows.append((entry.name, " ".join(said) or kind.noun, f"used by {users or 'nobody'}"))
        found.append((kind.section.capitalize(), rows))
    systems = plan.root.systems
    found.append(("Systems", [(name, f"stack {plan.manifest.stack_of(name)}") for name in sorted(systems)]))
    shares = sorted(plan.root.shares.items())
    found.append(("Shares", [(name, f"with {', '.join(sorted(share.with_))}") for name, share in shares]))
    uses: list[Row] = [(edge.use.service, *row) for edge in plan.edges for row in pages.doors(edge, edge.use.target)]
    return tuple(Section(title, tuple(rows)) for title, rows in [*found, ("Uses", uses)] if rows)


def _title(plan: Plan) -> str:
    environment = f", environment {plan.site.environment}" if plan.site.environment else ""
    parts = [counted(len(plan.root.services), "service")]
    parts += [counted(len(plan.root.jobs), "job")] if plan.root.jobs else []
    parts += [counted(len(entries), kind.noun) for kind, entries in plan.entries if entries]
    return f"{plan.site.system}{environment}: {', '.join(parts)}"


def _facts(compiled: Compiled) -> Iterator[Row]:
    plan, network = compiled.plan, compiled.plan.root.network
    yield "stack", compiled.stack.name
    if plan.site.region:
        yield "region", plan.site.region
    way = "public addresses" if network.placement == "public" else _WAYS[network.nat]
    if network.vpc:
        yield "network", f"the existing VPC {network.vpc}, services in its {network.placement} subnets"
    elif network.system:
        yield "network", f"that of the system {network.system}, services in its {network.placement} subnets"
    else:
        yield "network", f"{network.cidr} in {network.zones} zones, services in {network.placement} subnets with {way}"
    if plan.site.front:
        where = plan.root.ingress.domain or readable.value(plan.site.front.host)
        yield "front door", f"{plan.site.front.scheme}://{where}{', behind the CDN' if plan.root.ingress.cdn else ''}"
    if plan.root.bastion and plan.root.bastion.enabled:
        yield "bastion", plan.root.bastion.instance_type
    yield "resources", str(len(compiled.stack.template["Resources"]))


def _service(runtime: AnyRuntime, workload: Workload[Model], plan: Plan) -> Row:
    spec = workload.spec
    copies = ""
    if spec.scale and "scale" not in runtime.ignores:
        few, many = spec.scale.min, spec.scale.max
        copies = f", {few} to {many} copies" if many > few else f", {few} {'copy' if few == 1 else 'copies'}"
    listens = f"{spec.port.protocol} on {spec.port.number}" if spec.port else "worker"
    address = runtime.public_address(workload.name, spec, plan.site)
    public = f"{address.scheme}://{readable.value(address.host)}{address.path}" if address else "internal"
    return workload.name, f"{runtime.name}{copies}", listens, public if spec.port else "", str(workload.image)
