"""What a service is scaled on can be measured."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.diagnostic import Code, Diagnostic, Severity
from msaspec.plan import Plan

UNCOUNTED = Code(
    "MSA375",
    "Scaling on requests that nobody counts",
    """
    `scale.requests` follows the requests that the public load balancer sends to a copy. A service without `paths` or
    `hosts` gets none from it. Scale it on `cpu`, on `fargate` also on `memory`.
    """,
)

NONE_STARTS = Code(
    "MSA383",
    "Copies that may end and never start again",
    """
    With `min: 0` a service may have no copies, and what it scales on is measured on copies: where none runs nothing is
    measured, so that no first copy ever starts by itself. Write `min: 1`, unless something else starts it.
    """,
    Severity.WARNING,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Requests are counted where they are routed, and anything where copies run."""
    for runtime, workload in plan.workloads:
        scale = workload.spec.scale
        if runtime.behind_balancer and scale and scale.requests and not workload.spec.public:
            message = f"`{workload.name}` scales on requests, and none is routed to it."
            hint = "Scale it on `cpu`, or give it `paths`."
            yield UNCOUNTED.at((*workload.path, "scale", "requests"), message, hint=hint, key=True)
        if runtime.behind_balancer and scale and scale.min == 0:
            message = f"`{workload.name}` may have no copies, and then nothing is measured at which one would start."
            yield NONE_STARTS.at((*workload.path, "scale", "min"), message, hint="Write `min: 1`.", key=True)
