"""Which services wait for which jobs: those that use the same stores as a job that runs before a deployment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msaspec.compile import order
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.manifest.root import Manifest
from msaspec.manifest.sections import listed, quoted

CIRCLE = Code(
    "MSA497",
    "A job that waits for a service that waits for it",
    """
    A job with `run: before-deploy` runs before the services that use the same stores are started or changed. One that
    calls such a service, itself or by way of others, would wait for ever. Let it do its work on the store, or let
    people run it after the deployment: `run: by-hand`.

    Wrong: `jobs: {migrate: {run: before-deploy, uses: [main, cart], ...}}` with `services: {cart: {uses: [main], ...}}`
    Right: `jobs: {migrate: {run: before-deploy, uses: [main], ...}}`
    """,
)
Names = Mapping[str, list[str]]


def waiting(manifest: Manifest, stores: Names) -> dict[str, list[str]]:
    """Return for each service the jobs that it waits for. `stores` is what each service and job uses but services.

    A job that uses no store is waited for by every service that it does not call itself.
    """
    found: dict[str, list[str]] = {name: [] for name in manifest.root.services}
    for job, spec in sorted(manifest.root.jobs.items()):
        if not spec.gates:
            continue
        own = set(stores.get(job, ()))
        for service in manifest.root.services:
            shared = own & set(stores.get(service, ()))
            if shared or (not own and service not in manifest.uses[job]):
                found[service].append(job)
    return found


def circles(manifest: Manifest, needs: Names) -> Iterator[Diagnostic]:
    """Yield the uses of services that wait for the job which has them. `needs` is what each waits for, jobs too."""
    circle = order.circles(needs)
    for job, spec in sorted(manifest.root.jobs.items()):
        if not spec.gates:
            continue
        for used in sorted(manifest.uses[job]):
            if used in circle and circle[used] == circle[job]:
                between = [each for each in needs if circle[each] == circle[job] and each not in (job, used)]
                by = f", by way of {listed(quoted(between), 'and')}" if between else ""
                message = f"`{job}` runs before `{used}` is deployed, and uses it{by}."
                hint = f"Remove `{used}` from its `uses`, or write `run: by-hand`."
                yield CIRCLE.at(("jobs", job, "uses", used), message, hint=hint, key=True)
