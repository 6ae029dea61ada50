"""What a service is scaled on can be measured."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity

UNCOUNTED = Code(
    "MSA375",
    "Scaling on requests that are not counted",
    """
    `scale.requests` counts the requests that the public load balancer sends to each copy. A service without `paths` or
    `hosts` receives none from it. Scale it on `cpu`, or on `fargate` also on `memory`.
    """,
)

NONE_STARTS = Code(
    "MSA383",
    "Scaling to zero that nothing reverses",
    """
    With `min: 0` a service may have no copies. Scaling metrics are measured on running copies, so once none runs,
    scaling never starts one. Write `min: 1`, unless something else starts the service.
    """,
    Severity.WARNING,
)


NO_BACKLOG = Code(
    "MSA354",
    "Scaling on a queue that the service does not consume",
    """
    `scale.backlog` counts the messages of queues that the service takes them from: entries of `queues` that it uses
    with `access: consume` or `both`. More copies would not empty another queue.

    Wrong: `uses: {orders: send}`, `scale: {min: 0, max: 5, backlog: {orders: 100}}`
    Right: `uses: {orders: consume}`, `scale: {min: 0, max: 5, backlog: {orders: 100}}`
    """,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Request are counted where they are routed, and anything where copies run."""
    for runtime, workload in plan.workloads:
        scale = workload.spec.scale
        if runtime.behind_balancer and scale and scale.requests and not workload.spec.public:
            message = f"`{workload.name}` scales on requests, but no request is routed to it."
            hint = "Scale it on `cpu`, or give it `paths`."
            yield UNCOUNTED.at((*workload.path, "scale", "requests"), message, hint=hint, key=True)
        consumed = {
            edge.use.target for edge in plan.edges_of(workload.name) if edge.kind and edge.kind.emptied_by(edge.use)
        }
        for queue in sorted(scale.backlog if scale else ()):
            if queue not in consumed:
                message = f"`{workload.name}` scales on the messages of `{queue}`, which it does not consume."
                hint = f"Write `{queue}: consume` under its `uses`, with `{queue}` under `queues`."
                yield NO_BACKLOG.at((*workload.path, "scale", "backlog", queue), message, hint=hint, key=True)
        if runtime.behind_balancer and scale and scale.min == 0 and not scale.backlog:
            message = f"`{workload.name}` may scale to zero copies, and scaling then never starts one."
            yield NONE_STARTS.at((*workload.path, "scale", "min"), message, hint="Write `min: 1`.", key=True)
