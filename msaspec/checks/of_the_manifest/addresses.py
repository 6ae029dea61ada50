"""Public addresses: an account has few of them unless it asks for more."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity

MANY_ADDRESSES = Code(
    "MSA309",
    "More public addresses than a new account has",
    """
    Every service with `paths` on `instance` has an Elastic IP, and so has every NAT gateway. An account has five in a
    Region until its quota is raised (Service Quotas, "EC2-VPC Elastic IPs"); the stack would fail at the sixth.
    """,
    Severity.WARNING,
)

QUOTA = 5


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Yield the addresses of services and NAT gateways against the default quota."""
    network = plan.root.network
    gateways = 0
    if network.placement == "private" and network.nat != "none":
        gateways = network.zones if network.nat == "per-zone" else 1
    fronted = sum(bool(workload.spec.paths) and not runtime.behind_balancer for runtime, workload in plan.workloads)
    if fronted + gateways > QUOTA:
        message = f"The system has {fronted + gateways} Elastic IPs; an account has {QUOTA} in a Region by default."
        yield MANY_ADDRESSES.at(("services",), message, hint="Ask AWS to raise the quota before deploying.", key=True)
