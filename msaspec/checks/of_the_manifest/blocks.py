"""The blocks of addresses that may use the front door."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic

ONE_BLOCK_TWICE = Code(
    "MSA345",
    "Duplicate block under `allow`",
    """
    Every block of `ingress.allow` becomes a rule of a security group, and EC2 refuses a duplicate rule. Blocks may
    overlap, but list each block once.
    """,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Each block is allowed once."""
    allowed = plan.root.ingress.allow
    for number, block in enumerate(allowed):
        if block in allowed[:number]:
            message = f"The block `{block}` is allowed already."
            yield ONE_BLOCK_TWICE.at(("ingress", "allow", number), message, hint="Remove one of the two.")
