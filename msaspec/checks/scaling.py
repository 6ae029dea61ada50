"""What a service is scaled on can be measured."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.diagnostic import Code, Diagnostic
from msaspec.plan import Plan

UNCOUNTED = Code(
    "MSA375",
    "Scaling on requests that nobody counts",
    """
    `scale.requests` follows the requests that the public load balancer sends to a copy. A service without `paths` or
    `hosts` gets none from it. Scale it on `cpu`, on `fargate` also on `memory`.
    """,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Requests are counted where they are routed."""
    for runtime, workload in plan.workloads:
        scale = workload.spec.scale
        if runtime.behind_balancer and scale and scale.requests and not workload.spec.public:
            message = f"`{workload.name}` scales on requests, and none is routed to it."
            hint = "Scale it on `cpu`, or give it `paths`."
            yield UNCOUNTED.at((*workload.path, "scale", "requests"), message, hint=hint, key=True)
