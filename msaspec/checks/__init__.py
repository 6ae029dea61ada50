"""One file, one rule: what a manifest of the right shape can still get wrong.

A module with `check(plan)` looks at the resolved system, one with `check_stack(stack)` at the compiled template, where
only a patch or the size of the whole can be to blame. Its `Code` constants are its manual pages.
"""

from __future__ import annotations

from collections.abc import Iterator

from msaspec import discover
from msaspec.compile import Stack
from msaspec.diagnostic import Diagnostic
from msaspec.plan import Plan


def run(plan: Plan) -> Iterator[Diagnostic]:
    """What the kinds, the runtimes and every check say about a plan."""
    for kind, entries in plan.entries:
        for entry, uses in entries:
            yield from kind.check(entry, uses)
    for runtime, workload in plan.workloads:
        yield from runtime.check(workload, plan.site)
    for module in discover.modules(__name__):
        if hasattr(module, "check"):
            yield from module.check(plan)


def run_on_stack(stack: Stack) -> Iterator[Diagnostic]:
    """What the checks say about a compiled template."""
    for module in discover.modules(__name__):
        if hasattr(module, "check_stack"):
            yield from module.check_stack(stack)
