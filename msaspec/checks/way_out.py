"""Services without a way out of their network."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.diagnostic import Code, Diagnostic
from msaspec.plan import Plan

NO_WAY_OUT = Code(
    "MSA307",
    "Something outside that cannot be reached",
    """
    With `nat: none` the private subnets have interface endpoints of the AWS services that a service needs to run, and
    no other way out. Images from other registries cannot be pulled, and CloudFront's API, which has no endpoint, cannot
    be called. Use `nat: single`, an image in ECR, or no `invalidate`.
    """,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Images and APIs that have no endpoint need a NAT gateway."""
    if plan.root.network.placement == "public" or plan.root.network.nat != "none":
        return
    for _, workload in plan.workloads:
        if not workload.image.owned and not workload.image.ecr:
            message = f"`{workload.name}` pulls `{workload.image}` from outside, and its subnets have no way out."
            yield NO_WAY_OUT.at(
                (*workload.path, "image"), message, hint="Set `network.nat` to `single`, or copy it to ECR."
            )
    for edge in plan.edges:
        if getattr(edge.use.options, "invalidate", False):
            message = f"`{edge.use.service}` calls CloudFront, and its subnets have no way out."
            hint = "Set `network.nat` to `single`, or remove `invalidate`."
            yield NO_WAY_OUT.at((*edge.use.path, "invalidate"), message, hint=hint)
