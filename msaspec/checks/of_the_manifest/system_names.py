"""The name of a stack is a DNS label, and has the length of one."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic

NAME_TOO_LONG = Code(
    "MSA343",
    "A stack name that is too long",
    "The name of a stack (system and environment) has at most 63 characters, because it is also a DNS label.",
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Judge the stack's name."""
    if len(plan.site.stack) > 63:
        message = f"The stack `{plan.site.stack}` would have a name of {len(plan.site.stack)} characters."
        yield NAME_TOO_LONG.at(("name",), message, hint="Shorten the name of the system or of the environment.")
