"""Sidecars: the names by which containers of a copy refer to each other, and the order in which they start."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.compile import order
from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.spelling import suggest
from msaspec.language.base import Model
from msaspec.language.runtime import Workload
from msaspec.language.sidecar import FIRST

CIRCLE = Code(
    "MSA476",
    "Sidecars that wait for each other",
    """
    `before` names the sidecars that start after this one. If they lead back to it, none of them could start. Remove one
    of the lines.
    """,
)
NAMES = Code(
    "MSA477",
    "A sidecar by a name that is not possible",
    """
    `before` and `front` name sidecars of the same service. A sidecar cannot have the name of its service, which is the
    name of the service's own container.
    """,
)
FRONT = Code(
    "MSA478",
    "A front that takes no requests",
    """
    `front` names the sidecar that listens on `port` of the service. So the service needs a `port`, and the sidecar has
    to stay: one with `starts: first` has ended by then.
    """,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Every name is one of a sidecar, and the order has a beginning."""
    for _, workload in plan.workloads:
        if workload.spec.sidecars or workload.spec.front:
            yield from _names(workload)
            yield from _front(workload)


def _names(workload: Workload[Model]) -> Iterator[Diagnostic]:
    spec, path = workload.spec, (*workload.path, "sidecars")
    known = [*spec.sidecars]
    circle = order.circles({name: [x for x in each.before if x in known] for name, each in spec.sidecars.items()})
    for name, each in spec.sidecars.items():
        if name == workload.name:
            message = f"A sidecar of `{name}` has its name."
            yield NAMES.at((*path, name), message, hint="Give it another name, such as `proxy`.", key=True)
        for number, other in enumerate(each.before):
            at = (*path, name, "before", number)
            if other == workload.name:
                hint = f"Write `starts: before` instead: then it is up before `{other}` starts."
                yield NAMES.at(at, f"`{other}` is the service, and no sidecar.", hint=hint)
            elif other not in known:
                hint = suggest(other, known, f"It has {', '.join(f'`{each}`' for each in known)}.")
                yield NAMES.at(at, f"`{workload.name}` has no sidecar `{other}`.", hint=hint)
            elif other == name or circle[other] == circle[name]:
                message = f"`{name}` is to start before itself."
                if other != name:
                    message = f"`{name}` is to start before `{other}`, which leads back to `{name}`."
                yield CIRCLE.at(at, message, hint="Remove one of the two.")


def _front(workload: Workload[Model]) -> Iterator[Diagnostic]:
    spec, front = workload.spec, workload.spec.front
    if front is None:
        return
    at = (*workload.path, "front")
    if front not in spec.sidecars:
        known = ", ".join(f"`{each}`" for each in spec.sidecars)
        hint = suggest(front, spec.sidecars, f"It has {known}." if known else f"Add `sidecars: {{{front}: ...}}`.")
        yield NAMES.at(at, f"`{workload.name}` has no sidecar `{front}`.", hint=hint)
    elif spec.port is None:
        message = f"`{front}` is the front of `{workload.name}`, which has no port."
        yield FRONT.at(at, message, hint="Write the port that it listens on: `port: 80`.")
    elif spec.sidecars[front].starts == FIRST:
        message = f"`{front}` ends before `{workload.name}` starts, so it takes no requests."
        yield FRONT.at(at, message, hint=f"Write `starts: before` or `starts: with` for `{front}`.")
