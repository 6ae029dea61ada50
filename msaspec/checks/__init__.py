"""One file, one rule: what a manifest of the right shape can still get wrong.

`of_the_manifest` judges the resolved system, `of_the_template` the compiled template, where only a patch or the size of
the whole can be to blame. The `Code` constants of a module are its manual pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from msaspec import discover
from msaspec.checks.of_the_manifest import regions as of_plan
from msaspec.checks.of_the_template import regions as of_stack
from msaspec.compile.blame import made
from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Diagnostic
from msaspec.template.stack import Stack


def run(plan: Plan) -> Iterator[Diagnostic]:
    """Yield what the kinds, the runtimes and every check say about a plan."""
    document = plan.manifest.document
    for kind, entries in plan.made:
        for entry, uses in entries:
            yield from made(document, entry.path, partial(_all, kind.check, entry, uses))
    for runtime, workload in plan.workloads:
        yield from made(document, workload.path, partial(_all, runtime.check, workload, plan.site))
    for module in discover.modules(f"{__name__}.of_the_manifest"):
        yield from module.check(plan)


def _all(rule: Callable[..., Iterable[Diagnostic]], *about: object) -> list[Diagnostic]:
    return list(rule(*about))


def run_in_region(plan: Plan, stacks: Iterable[Stack], region: str) -> Iterator[Diagnostic]:
    """Find what a Region does not have that the command line names instead of the manifest."""
    yield from of_plan.check_region(plan, region)
    for stack in stacks:
        yield from of_stack.check_region(stack, region)


def run_on_stack(stack: Stack) -> Iterator[Diagnostic]:
    """Yield what the checks say about a compiled template."""
    for module in discover.modules(f"{__name__}.of_the_template"):
        yield from module.check(stack)
