"""The blocks of addresses that may use the front door."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.diagnostic import Code, Diagnostic
from msaspec.plan import Plan

ONE_BLOCK_TWICE = Code(
    "MSA345",
    "One block twice under `allow`",
    """
    Every block of `ingress.allow` is a rule of a security group, and EC2 refuses a rule that is there already. Blocks
    may overlap, but each stands there once.
    """,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Each block is allowed once."""
    allowed = plan.root.ingress.allow
    for number, block in enumerate(allowed):
        if block in allowed[:number]:
            message = f"The block `{block}` is allowed already."
            yield ONE_BLOCK_TWICE.at(("ingress", "allow", number), message, hint="Remove one of the two.")
