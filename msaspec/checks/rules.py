"""Where load balancers send what they get: rules with numbers that none hides, listeners with ports of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from msaspec.aws.routing import LOWEST, Route, routes
from msaspec.diagnostic import Code, Diagnostic
from msaspec.language.runtime import Workload
from msaspec.language.service import ONLY_RULE
from msaspec.place import Path
from msaspec.plan import Plan
from msaspec.spelling import suggest

SAME_PRIORITY = Code(
    "MSA364",
    "Two rules with one number",
    """
    A rule's number on the load balancer is drawn from its service, host and path, so that no rule moves when another
    comes or goes. Two rules have drawn the same. Give one of them another number with `priority`, and keep it.
    """,
)
WRONG_ORDER = Code(
    "MSA365",
    "A rule that hides a longer one",
    """
    The load balancer takes the first rule that matches, by number. A longer path has to have a lower number than a
    shorter one that contains it. Change `priority`, or leave it away.
    """,
)
TOO_MANY_RULES = Code(
    "MSA366",
    "More rules or services than a load balancer has",
    """
    A load balancer has 100 rules and 100 target groups (quotas of Elastic Load Balancing). Every path of a service at
    each of its hosts is a rule. Route shorter paths, or split the system in two manifests.
    """,
)
SAME_INTERNAL_PORT = Code(
    "MSA367",
    "Two services on one port of the internal load balancer",
    """
    Services of `autoscaling` that others call share an internal load balancer and are told apart by their port. Give
    one of the two an `internal_port`, which becomes the port of its address.
    """,
)
NO_RULE = Code(
    "MSA378",
    "A number for no rule",
    """
    Under `priority` stand the rules of a service on the public load balancer with their numbers: one for each path, or
    for each host and path (`shop.example.com/api`). A bare number is that of the only rule of a service.
    """,
)

QUOTA = 100
"""Rules, and target groups, of a load balancer."""
LISTENERS = 50


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Numbers and ports are told apart, and the longest path wins."""
    domain, found = plan.root.ingress.domain, list[Route]()
    for runtime, workload in plan.workloads:
        if runtime.behind_balancer:
            own = list(routes(workload.name, workload.spec, domain))
            found += own
            yield from _named(workload, own)
    if len(found) > QUOTA:
        message = f"The load balancer would have {len(found)} rules; it takes {QUOTA}."
        yield TOO_MANY_RULES.at(("services",), message, hint="Route shorter paths.", key=True)
    yield from _numbered(found)
    yield from _internal(plan)


def _named(workload: Workload, own: Sequence[Route]) -> Iterator[Diagnostic]:
    """Every number is that of a rule."""
    known, name = [route.written for route in own], workload.name
    for key, number in workload.spec.priority.items():
        if key == ONLY_RULE and len(own) != 1:
            message = f"`{name}` has {len(own) or 'no'} rules, and one number."
            hint = f'Write the rule that it is for: `priority: {{"{known[0]}": {number}}}`.' if known else "Remove it."
            yield NO_RULE.at((*workload.path, "priority"), message, hint=hint, key=True)
        elif key != ONLY_RULE and key not in known:
            listed = " and ".join(f"`{rule}`" for rule in known)
            hint = suggest(key, known, f"Its rules are {listed}." if known else "Remove it.")
            message = f"`{name}` has no rule `{key}`."
            yield NO_RULE.at((*workload.path, "priority", key), message, hint=hint, key=True)


def _numbered(found: Sequence[Route]) -> Iterator[Diagnostic]:
    first: dict[int, Route] = {}
    for route in found:
        other = first.setdefault(route.priority, route)
        if other.service != route.service or other.written != route.written:
            number, those = route.priority, f"`{other.written}` of `{other.service}`"
            message = f"The rules for {those} and `{route.written}` of `{route.service}` have the number {number}."
            free = _free((each.priority for each in found), number)
            hint = f'Write `priority: {{"{route.written}": {free}}}` under `services.{route.service}`.'
            yield SAME_PRIORITY.at(_place(route), message, hint=hint, key=True)
    for route in found:
        for other in found:
            if other.priority < route.priority and _hides(other, route):
                one, another = f"`{other.written}` of `{other.service}`", f"`{route.written}` of `{route.service}`"
                message = f"The rule for {one} comes before that for {another}, which it hides."
                if route.given is None and other.given is not None:
                    hint = f"Give {one} a number above {route.priority}, or none."
                    yield WRONG_ORDER.at(_place(other), message, hint=hint, key=True)
                else:
                    hint = f"Give {another} a number below {other.priority} under `priority`."
                    yield WRONG_ORDER.at(_place(route), message, hint=hint, key=True)


def _place(route: Route) -> Path:
    return ("services", route.service) if route.given is None else ("services", route.service, "priority")


def _free(taken: Iterable[int], number: int) -> int:
    """The nearest number that is not taken, below or above."""
    used = set(taken)
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
    first: dict[int, str] = {}
    doors: Counter[str] = Counter()
    for runtime, workload in plan.workloads:
        if not workload.called:
            continue
        for door in runtime.doors(workload.name, workload.spec):
            doors[door.group.target] += 1
            if door.group.target != "InternalSecurityGroup":
                continue
            other = first.setdefault(door.port, workload.name)
            if other != workload.name:
                message = f"`{other}` and `{workload.name}` would share the port {door.port} of the internal balancer."
                hint = f"Give `{workload.name}` an `internal_port`."
                yield SAME_INTERNAL_PORT.at((*workload.path, "port"), message, hint=hint, key=True)
    if doors["InternalSecurityGroup"] > LISTENERS:
        message = (
            f"The internal load balancer would have {doors['InternalSecurityGroup']} listeners; it takes {LISTENERS}."
        )
        yield TOO_MANY_RULES.at(("services",), message, hint="Split the system in two manifests.", key=True)
