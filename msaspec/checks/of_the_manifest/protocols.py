"""Ports by their protocols: what is routed to them, what is asked of them, and who may name them."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Path
from msaspec.diagnostics.spelling import suggest
from msaspec.language.base import Model
from msaspec.language.runtime import AnyRuntime, Workload
from msaspec.language.service import Service, ServiceUse

SAME_NUMBER = Code(
    "MSA321",
    "Two ports with the same number",
    "Each port of a service has its own number and name. Two names for one number would open and route the same port.",
)
OTHER_PROTOCOL = Code(
    "MSA316",
    "A health check of another protocol",
    """
    A service is checked in the protocol of its `port`: a path or `tcp` for HTTP, `grpc` or `tcp` for gRPC, `tcp` for
    anything else. `health: {command: [...]}` and `health: none` fit every protocol.
    """,
)
# fact: balancer-grpc
NOT_ROUTED = Code(
    "MSA318",
    "Public paths to a port that they cannot lead to",
    """
    `paths` and `hosts` route HTTP requests. The public load balancer also routes gRPC, but only over HTTPS, so it needs
    `ingress.domain`, and a distribution in front of it passes no gRPC on. Other protocols have no paths. On `instance`,
    all paths lead to the main port.
    """,
)
UNKNOWN_PORT = Code(
    "MSA319",
    "A port that the service does not have",
    """
    `port` of a path and `ports` of a use are names from `ports` of the service that is routed to or used. The main port
    has no name: every use opens it, and a path without `port` leads to it.
    """,
)
CHECK_WITHOUT_EFFECT = Code(
    "MSA322",
    "A field of a health check without effect",
    """
    The field belongs to another kind of check: `codes` to a path, `start` to a command on `fargate`. A check `none`
    asks nothing, so it has no times and counts.
    """,
    Severity.WARNING,
)

NOTHING_ROUTED = Code(
    "MSA323",
    "`sticky` or `strip` without paths",
    """
    Both say what the public load balancer does with requests of a service. A service without `paths` and `hosts` gets
    none from it.
    """,
)

_FITTING = {"http": ("http", "tcp"), "grpc": ("grpc", "tcp"), "tcp": ("tcp",)}
_ASKING = ("interval", "timeout", "healthy", "unhealthy")


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Ports are told apart, routed and asked in their protocols, and named where they exist."""
    for runtime, workload in plan.workloads:
        yield from _numbers(workload)
        yield from _asked(runtime, workload)
        yield from _routed(plan, runtime, workload)
        for field, value in {"sticky": workload.spec.sticky, "strip": workload.spec.strip}.items():
            if value and not workload.spec.public and runtime.behind_balancer:
                message = f"`{field}` of `{workload.name}` concerns public requests, and it has no paths."
                yield NOTHING_ROUTED.at(
                    (*workload.path, field), message, hint="Give it `paths`, or remove it.", key=True
                )
        for edge in plan.edges_of(workload.name):
            if isinstance(edge.use.options, ServiceUse):
                callee = plan.root.services[edge.use.target]
                for number, port in enumerate(edge.use.options.ports):
                    if port not in callee.ports:
                        at = (*edge.use.path, "ports", number)
                        yield _unknown(at, port, edge.use.target, callee)


def _numbers(workload: Workload[Model]) -> Iterator[Diagnostic]:
    spec = workload.spec
    first: dict[int, str] = {spec.port.number: "port"} if spec.port else {}
    for name, port in spec.ports.items():
        other = first.setdefault(port.number, name)
        if other != name:
            message = f"`{name}` and `{other}` of `{workload.name}` have the number {port.number}."
            yield SAME_NUMBER.at((*workload.path, "ports", name), message, hint="Remove one of them, or correct it.")


def _asked(runtime: AnyRuntime, workload: Workload[Model]) -> Iterator[Diagnostic]:
    health, port, probe = workload.spec.health, workload.spec.port, workload.health
    if health is None or probe is None:
        return
    at = (*workload.path, "health")
    if port and probe.by not in (*_FITTING[port.protocol], "command", "none"):
        asked = "a path" if probe.by == "http" else f"`{probe.by}`"
        message = f"`{workload.name}` is checked by {asked}, but its port {port.number} speaks {port.protocol}."
        meant = " or ".join(f"`health: {word}`" for word in _FITTING[port.protocol] if word != "http")
        other = f", or `port: {port.number}/{probe.by}`".replace("/http", "") if port.protocol != probe.by else ""
        yield OTHER_PROTOCOL.at(at, message, hint=f"Write {meant}{other}.")
    written = health.model_fields_set
    idle = [field for field in ("codes",) if probe.by != "http"]
    idle += ["start"] if probe.by != "command" and "health.start" not in runtime.ignores else []
    called = workload.called and runtime.balanced(workload.spec)
    if probe.by == "none" and not (called or (runtime.behind_balancer and workload.spec.public)):
        idle += [field for field in _ASKING if f"health.{field}" not in runtime.ignores]
    for field in idle:
        if field in written:
            message = f"`health.{field}` of `{workload.name}` has no effect where the check is `{_word(probe.by)}`."
            yield CHECK_WITHOUT_EFFECT.at((*at, field), message, hint="Remove it.", key=True)


def _word(by: str) -> str:
    return "path" if by == "http" else by


def _routed(plan: Plan, runtime: AnyRuntime, workload: Workload[Model]) -> Iterator[Diagnostic]:
    spec = workload.spec
    if spec.port is None:
        return
    places: list[tuple[Path, str | None]] = [(("paths", number), each.port) for number, each in enumerate(spec.paths)]
    if spec.hosts and not spec.paths:
        places.append((("hosts",), None))
    for at, name in places:
        port = spec.port_of(name)
        place = (*workload.path, *at)
        if port is None:
            yield _unknown((*place, "port"), name or "", workload.name, spec)
        elif name and not runtime.behind_balancer:
            message = f"`{workload.name}` runs on `{runtime.name}`, where paths lead to the main port only."
            yield NOT_ROUTED.at((*place, "port"), message, hint="Run it on `autoscaling` or `fargate`.")
        elif port.protocol == "tcp":
            message = f"Port {port.number} of `{workload.name}` speaks tcp, to which no path leads."
            hint = f"Remove the path, or write `{port.number}` if it speaks HTTP."
            yield NOT_ROUTED.at(place, message, hint=hint)
        elif port.protocol == "grpc" and runtime.behind_balancer and not plan.root.ingress.domain:
            message = (
                f"Port {port.number} of `{workload.name}` speaks grpc, which the load balancer routes over HTTPS only."
            )
            yield NOT_ROUTED.at(place, message, hint="Set `ingress: {domain: ..., hosted_zone: ...}`.")
        elif port.protocol == "grpc" and runtime.behind_balancer and plan.root.ingress.cdn:
            message = f"Port {port.number} of `{workload.name}` speaks grpc, which the CDN does not pass on."
            yield NOT_ROUTED.at(place, message, hint="Remove `ingress.cdn`, or the path.")


def _unknown(at: Path, name: str, owner: str, service: Service) -> Diagnostic:
    known = ", ".join(f"`{each}`" for each in service.ports)
    hint = suggest(
        name, service.ports, f"It has {known}." if known else f"Add `{name}` under `services.{owner}.ports`."
    )
    return UNKNOWN_PORT.at(at, f"`{owner}` has no port `{name}`.", hint=hint)
