"""The front door: what of it this version compiles."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.diagnostic import Code, Diagnostic
from msaspec.plan import Plan

NOT_YET = Code(
    "MSA306",
    "A part of the language that this version does not compile yet",
    """
    The key belongs to the language and comes with a later version of msaspec, together with the runtimes that stand
    behind a load balancer. It is refused rather than ignored.
    """,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """A domain, its certificate and the API behind the CDN need the load balancer."""
    for key in ("domain", "hosted_zone", "certificate", "cdn"):
        if getattr(plan.root.ingress, key):
            message = f"`ingress.{key}` belongs to a load balancer, which comes with a later version of msaspec."
            hint = "Remove it; on `instance` a service answers on its own address, by HTTP."
            yield NOT_YET.at(("ingress", key), message, hint=hint, key=True)
