"""Whether the connection pools of all users fit on a database instance."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill

from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import WIDTH, Code, Diagnostic, Severity
from msaspec.engines import engines

TOO_MANY_CONNECTIONS = Code(
    "MSA308",
    "Connection pools may not fit",
    fill(
        "How many connections an instance allows follows from its memory. "
        + " ".join(engine.counted for engine in engines().values())
        + " Every copy of a service opens its pool; msaspec counts 10 a copy, the default of HikariCP. Make the pools"
        " smaller, the instance larger, or scale out less.",
        WIDTH,
    ),
    Severity.WARNING,
)

POOL = 10


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Copy times pool against four fifths of what the instance allows."""
    copies = {workload.name: workload.spec.scale.max if workload.spec.scale else 1 for _, workload in plan.workloads}
    ignoring = {workload.name for runtime, workload in plan.workloads if "scale" in runtime.ignores}
    for kind, entries in plan.entries:
        for entry, uses in entries:
            connections = kind.connections(entry)
            wanted = sum(POOL * (1 if use.service in ignoring else copies[use.service]) for use in uses)
            if connections and wanted > connections.most * 4 // 5:
                message = (
                    f"The services that use `{entry.name}` may open about {wanted} connections;"
                    f" its instance allows about {connections.most}, and a fifth of them should stay free."
                )
                hint = f"Make the pools smaller, or choose a larger `{connections.field}`."
                yield TOO_MANY_CONNECTIONS.at((*entry.path, connections.field), message, hint=hint)
