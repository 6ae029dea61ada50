"""Whether the connection pools of all users fit on a database instance."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.diagnostic import Code, Diagnostic, Severity
from msaspec.plan import Plan

TOO_MANY_CONNECTIONS = Code(
    "MSA308",
    "Connection pools that may not fit",
    """
    RDS allows about one connection per 9.5 MB of the instance's memory (`max_connections`, default parameter group),
    and every copy of a service opens its pool. msaspec counts 10 a copy, the default of HikariCP. Make the pools
    smaller, the instance larger, or scale out less.
    """,
    Severity.WARNING,
)

POOL = 10
_SIZES = {"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16}
_BYTES_A_CONNECTION = 9_531_392
"""RDS User Guide: LEAST({DBInstanceClassMemory/9531392}, 5000)."""


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Copies times pool against four fifths of what the instance allows."""
    copies = {workload.name: workload.spec.scale.max if workload.spec.scale else 1 for _, workload in plan.workloads}
    ignoring = {workload.name for runtime, workload in plan.workloads if "scale" in runtime.ignores}
    for _, entries in plan.entries:
        for entry, uses in entries:
            allowed = max_connections(getattr(entry.spec, "size", ""))
            wanted = sum(POOL * (1 if use.service in ignoring else copies[use.service]) for use in uses)
            if allowed and wanted > allowed * 4 // 5:
                message = (
                    f"The services that use `{entry.name}` may open about {wanted} connections;"
                    f" its instance allows about {allowed}, and a fifth of them should stay free."
                )
                hint = "Set smaller pools, or take a larger `size`."
                yield TOO_MANY_CONNECTIONS.at((*entry.path, "size"), message, hint=hint)


def max_connections(size: str) -> int | None:
    """About how many connections an instance class allows; None where its memory is not told by its name.

    >>> max_connections("db.t4g.micro"), max_connections("db.m7g.large"), max_connections("db.r7g.2xlarge")
    (112, 901, 5000)
    """
    parts = size.split(".")
    if len(parts) != 3 or parts[1][:1] not in "tmr":
        return None
    number = parts[2].removesuffix("xlarge")
    gibibytes = 16 * int(number) if number.isdigit() else _SIZES.get(parts[2])
    if gibibytes is None:
        return None
    memory = gibibytes * 2**30 * (2 if parts[1][0] == "r" and parts[2].endswith("large") else 1)
    return min(memory // _BYTES_A_CONNECTION, 5000)
