"""Where load balancers send what they get: rules with numbers that none hides, listeners with ports of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from msaspec.aws.routing import LOWEST, Route, routes
from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.diagnostics.spelling import suggest
from msaspec.language.base import Model
from msaspec.language.runtime import AnyRuntime, Workload
from msaspec.language.service import DIRECT, ONLY_RULE
from msaspec.language.value import Token

SAME_PRIORITY = Code(
    "MSA364",
    "Two rules with the same priority",
    """
    The priority of a rule on the load balancer is a hash of its service, host and path, so that adding or removing a
    rule never moves another. Two rules got the same number. Set another number for one of them with `priority`, and
    keep it.
    """,
)
WRONG_ORDER = Code(
    "MSA365",
    "A rule that hides a longer one",
    """
    The load balancer applies the matching rule with the lowest number. A longer path needs a lower number than a
    shorter path that contains it. Change `priority`, or remove it.
    """,
)
TOO_MANY_RULES = Code(
    "MSA366",
    "More rules or services than a load balancer has",
    """
    A load balancer has 100 rules and 100 target groups (quotas of Elastic Load Balancing). Every path of a service at
    each of its hosts is a rule. Route shorter paths, or split the system in two manifests, of which one uses the
    other by `systems`.
    """,
)
SAME_INTERNAL_PORT = Code(
    "MSA367",
    "Two services with the same port on the internal load balancer",
    """
    Services on `autoscaling` that other services call, and those with `address: balanced`, share an internal load
    balancer, which distinguishes them by port. Give one of the two an `internal_port`, which becomes the port of its
    address. On `fargate`, `address: direct` takes no port of the load balancer, so that many services can listen on
    one.

    Wrong: `cart: {port: 8080, address: balanced}` and `user: {port: 8080, address: balanced}`
    Right: `cart: {port: 8080, address: balanced}` and `user: {port: 8080, address: direct}`
    """,
)
NO_RULE = Code(
    "MSA378",
    "A priority for a rule that does not exist",
    """
    `priority` maps the rules of a service on the public load balancer to numbers: one for each path, or for each host
    and path (`shop.example.com/api`). A plain number applies to the only rule of a service.
    """,
)

QUOTA = 100
"""Rules, and target groups, of a load balancer."""
LISTENERS = 50


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Check that priorities and ports differ, and that the longest path wins."""
    domain, found = plan.root.ingress.domain, list[Route]()
    for runtime, workload in plan.workloads:
        if runtime.behind_balancer:
            own = list(routes(workload.name, workload.spec, domain))
            found += own
            yield from _named(workload, own)
    if len(found) > QUOTA:
        message = f"The load balancer would have {len(found)} rules; the limit is {QUOTA}."
        yield TOO_MANY_RULES.at(("services",), message, hint="Route shorter paths.", key=True)
    yield from _numbered(found)
    yield from _internal(plan)


def _named(workload: Workload[Model], own: Sequence[Route]) -> Iterator[Diagnostic]:
    """Every number is that of a rule."""
    known, name = [route.written for route in own], workload.name
    for key, number in workload.spec.priority.items():
        if key == ONLY_RULE and len(own) != 1:
            message = f"`{name}` has {len(own) or 'no'} rules, and one number."
            hint = (
                (f'Write the rule that the number is for: `priority: {{"{known[0]}": {number}}}`.')
                if known
                else "Remove it."
            )
            yield NO_RULE.at((*workload.path, "priority"), message, hint=hint, key=True)
        elif key != ONLY_RULE and key not in known:
            listed = " and ".join(f"`{rule}`" for rule in known)
            hint = suggest(key, known, f"Its rules are {listed}." if known else "Remove it.")
            message = f"`{name}` has no rule `{key}`."
            yield NO_RULE.at((*workload.path, "priority", key), message, hint=hint, key=True)


def _numbered(found: Sequence[Route]) -> Iterator[Diagnostic]:
    first: dict[int, Route] = {}
    taken = {route.priority for route in found}
    for route in found:
        other = first.setdefault(route.priority, route)
        if other.service != route.service or other.written != route.written:
            number, those = route.priority, f"`{other.written}` of `{other.service}`"
            message = (
                f"The rules for {those} and `{route.written}` of `{route.service}` have the same priority, {number}."
            )
            free = _free(taken, number)
            hint = f'Write `priority: {{"{route.written}": {free}}}` under `services.{route.service}`.'
            yield SAME_PRIORITY.at(_place(route), message, hint=hint, key=True)
    by_place: dict[tuple[str | None, str], list[Route]] = {}
    for route in found:
        by_place.setdefault((route.host, route.path), []).append(route)
    broad = list(dict.fromkeys(route.host for route in found if not route.under_the_domain))
    for route in found:
        for other in _around(route, broad, by_place):
            if other.priority < route.priority and _hides(other, route):
                one, another = f"`{other.written}` of `{other.service}`", f"`{route.written}` of `{route.service}`"
                message = f"The rule for {one} has a lower number than the rule for {another}, and hides it."
                if route.given is None and other.given is not None:
                    hint = f"Give {one} a number above {route.priority}, or remove its `priority`."
                    yield WRONG_ORDER.at(_place(other), message, hint=hint, key=True)
                else:
                    hint = f"Give {another} a number below {other.priority} under `priority`."
                    yield WRONG_ORDER.at(_place(route), message, hint=hint, key=True)


def _around(
    route: Route, broad: Sequence[str | None], by_place: Mapping[tuple[str | None, str], Sequence[Route]]
) -> Iterator[Route]:
    """Yield the rules that may hide a rule: for its path or one above it, at its host or at one of those that are
    broad."""
    steps = route.path.rstrip("/").split("/")
    paths = dict.fromkeys(["/", *("/".join(steps[:depth]) for depth in range(2, len(steps) + 1)), route.path])
    for host in dict.fromkeys([*broad, route.host]):
        for path in paths:
            yield from by_place.get((host, path), ())


def _place(route: Route) -> Path:
    return ("services", route.service) if route.given is None else ("services", route.service, "priority")


def _free(used: Collection[int], number: int) -> int:
    """Return the nearest number that is not used, below or above."""
    for distance in range(1, LOWEST):
        for candidate in (number - distance, number + distance):
            if 1 <= candidate <= LOWEST and candidate not in used:
                return candidate
    raise AssertionError("there are fewer rules than numbers")


def _hides(other: Route, route: Route) -> bool:
    """Whether every request that a route is for matches one of another service too, which is less exact. What has no
    host of its own is for the domain, although it takes others."""
    if other.service == route.service:
        return False
    meets = other.host in (None, route.host) or not (other.under_the_domain or route.under_the_domain)
    longer = route.path != "/" and (other.path == "/" or route.path.startswith(f"{other.path}/"))
    named = other.path == route.path and route.under_the_domain and not other.under_the_domain
    return meets and (longer or named)


def _internal(plan: Plan) -> Iterator[Diagnostic]:
    first: dict[tuple[str, int | Token], str] = {}
    doors: Counter[str] = Counter()
    for runtime, workload in plan.workloads:
        if not workload.called:
            continue
        for door in runtime.doors(workload.name, workload.spec, workload.opened):
            if not door.slot:
                continue
            doors[door.group.target] += 1
            other = first.setdefault((door.group.target, door.port), workload.name)
            if other != workload.name:
                message = f"`{other}` and `{workload.name}` would share port {door.port} of the internal load balancer."
                hint = f"Give `{workload.name}` an `internal_port`"
                at: Path = ("port",)
                if door.name:
                    hint, at = "Let its container listen on another port there", ("ports", door.name)
                hint += ", or write `address: direct`." if _may_be_direct(runtime, workload) else "."
                yield SAME_INTERNAL_PORT.at((*workload.path, *at), message, hint=hint, key=True)
    if (most := max(doors.values(), default=0)) > LISTENERS:
        message = f"The internal load balancer would have {most} listeners; the limit is {LISTENERS}."
        hint = "Split the system in two manifests, of which one uses the other: `systems` and `shares`."
        if any(workload.called and _may_be_direct(runtime, workload) for runtime, workload in plan.workloads):
            hint = f"Write `address: direct` for {most - LISTENERS} of them or more, where they run on `fargate`."
        yield TOO_MANY_RULES.at(("services",), message, hint=hint, key=True)


def _may_be_direct(runtime: AnyRuntime, workload: Workload[Model]) -> bool:
    """Whether a service is called through the load balancer by choice."""
    direct = workload.spec.model_copy(update=DIRECT)
    return runtime.balanced(workload.spec) and not runtime.balanced(direct)
