"""What a Region or a partition does not have, where the manifest names its Region."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.language.service import DIRECT

FEWER_ZONES = Code(
    "MSA390",
    "More zones than the Region offers",
    """
    Every account has two Availability Zones in us-west-1, so a network there has `zones: 2`. In other Regions an
    account may have fewer than AWS lists; `msaspec deploy` looks before it changes anything.
    """,
)
NO_DISTRIBUTION = Code(
    "MSA391",
    "A CDN in a partition without CloudFront",
    """
    AWS GovCloud (US) has no CloudFront. In China a distribution answers only on its own domain with an ICP registration
    and a certificate in IAM, which msaspec does not create. Remove `cdn`.
    """,
)
NO_ALIAS = Code(
    "MSA392",
    "A private name for a load balancer in AWS GovCloud (US)",
    """
    Other services call a service on `autoscaling`, and one with `address: balanced`, by a name that is an alias of the
    internal load balancer. Cloud Map does not support such aliases in AWS GovCloud (US) (Cloud Map API,
    RegisterInstance). Run the service on `fargate` with `address: direct`, or on `instance` there.
    """,
)

# fact: two-zones
ZONES = {"us-west-1": 2}
"""Regions in which every account has fewer zones than a network may ask for."""


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Find what the manifest's own Region does not have."""
    if plan.root.region:
        yield from check_region(plan, plan.root.region)


def check_region(plan: Plan, region: str) -> Iterator[Diagnostic]:
    """Find what a Region does not have."""
    zones = ZONES.get(region, plan.root.network.zones)
    if zones < plan.root.network.zones:
        message = f"The network needs {plan.root.network.zones} zones, and every account has {zones} in {region}."
        yield FEWER_ZONES.at(("network", "zones"), message, hint=f"Set `zones: {zones}`.")
    # fact: partitions-without-cdn
    if region.startswith(("cn-", "us-gov-")):
        for kind, entries in plan.entries:
            for entry, _ in entries:
                if kind.front(entry):
                    message = f"`{entry.name}` has a CDN, which {region} does not offer."
                    yield NO_DISTRIBUTION.at((*entry.path, "cdn"), message, hint="Remove it.", key=True)
    # fact: govcloud-alias
    if region.startswith("us-gov-"):
        for runtime, workload in plan.workloads:
            if workload.called and runtime.balanced(workload.spec):
                message = (
                    f"`{workload.name}` runs on `{runtime.name}` and other services call it, but "
                    f"{region} has no private names for load balancers."
                )
                hint = f"Set `runtime: fargate` for `{workload.name}`."
                if workload.spec.address and not runtime.balanced(workload.spec.model_copy(update=DIRECT)):
                    hint = f"Set `address: direct` for `{workload.name}`."
                yield NO_ALIAS.at(workload.path, message, hint=hint, key=True)
