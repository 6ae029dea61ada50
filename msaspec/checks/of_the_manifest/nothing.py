"""A manifest that describes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.compile import systems
from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic

NOTHING = Code(
    "MSA537",
    "A system of nothing",
    """
    A system has at least one service, or one entry of another section: a system can be a site alone, or a database.
    CloudFormation makes no stack without a resource.

    Right: `services: {web: {image: docker.io/library/nginx:1, port: 80}}`
    Right: `buckets: {web: {site: ./dist}}`
    """,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Yield that there is neither a service nor anything else."""
    if not plan.workloads and not systems.lends_network(plan.root) and not any(entries for _, entries in plan.entries):
        message = "The system has no service, and nothing else."
        hint = "Add a service: `services: {web: {image: web:1.0}}`, or a site: `buckets: {web: {site: ./dist}}`."
        at = ("services",) if "services" in plan.manifest.document.data() else ("name",)
        yield NOTHING.at(at, message, hint=hint, key=True)
