"""How many tags a manifest may give."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.checks.of_the_template.limits import TOO_MANY_TAGS
from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Diagnostic


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Judge the manifest's tags."""
    if len(plan.site.tags) > 49:
        message = f"The manifest has {len(plan.site.tags)} tags."
        yield TOO_MANY_TAGS.at(("tags",), message, hint="Keep 49, beside the `Name` of each resource.", key=True)
