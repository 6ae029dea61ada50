"""What jobs may not be: called, or run by another runtime."""

from __future__ import annotations

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.language.job import RUNTIME
from msaspec.manifest.sections import JOBS

USES_JOB = Code(
    "MSA485",
    "A job under `uses`",
    """
    A job runs to its end and has no address, so nothing can call it. To have it run before the services that use the
    same stores, write `run: before-deploy` on the job.

    Wrong: `uses: [migrate]` with `jobs: {migrate: {...}}`
    Right: `jobs: {migrate: {image: "cart:1.0", command: [migrate], run: before-deploy, uses: [main]}}`
    """,
)
OTHER_RUNTIME = Code(
    "MSA486",
    "A job on another runtime",
    """
    Jobs run on `fargate`, whatever runs the services. Under `runtime` a job says how much of it a run gets.

    Wrong: `runtime: autoscaling`
    Right: `runtime: {cpu: 1 vCPU, memory: 4 GiB}`
    """,
)


def misplaced(name: str, runtime: str) -> Diagnostic | None:
    """Return what is wrong with the runtime of a job; None where it is the one of jobs."""
    if runtime == RUNTIME:
        return None
    message = f"The job `{name}` cannot run on `{runtime}`; jobs run on `{RUNTIME}`."
    hint = "Remove the line, or write `runtime: {cpu: 1 vCPU, memory: 2 GiB}`."
    return OTHER_RUNTIME.at((JOBS, name, "runtime"), message, hint=hint, key=True)


def used(path: Path, user: str, job: str) -> Diagnostic:
    """Return that a job stands under the `uses` of another entry."""
    message = f"`{user}` uses `{job}`, a job, which has no address."
    hint = f"Remove the line. To have `{job}` run first, write `run: before-deploy` under `jobs.{job}`."
    return USES_JOB.at(path, message, hint=hint, key=True)
