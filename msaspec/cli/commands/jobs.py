"""Show the jobs of a system, their next and their last runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import click

from msaspec.cli import console, exits
from msaspec.cli.app import App, pass_app
from msaspec.diagnostics import printable

if TYPE_CHECKING:
    from msaspec.deploy.aws.target import Target
    from msaspec.messages.results import Job


@click.command(name="jobs")
@console.file_argument()
@console.environment_option(deployed=True)
@console.target_options()
@console.format_option("text", "json")
@pass_app
def command(app: App, file: str, environment: str | None, target: Target, form: str) -> None:
    """Show the deployed jobs of FILE (default: msa.yaml): what starts each, when it runs next, and how its last three
    runs ended.

    The log of a job: `msaspec logs NAME`. To start one: `msaspec run NAME`.
    """
    reporter = app.reporter(form)
    with exits.exit_on_fault(reporter), app.stacks_of(file, environment, target) as there:
        from msaspec.deploy import runs
        from msaspec.messages.others import NoJobs
        from msaspec.messages.results import Job, JobRun

        stack = there.named("main").name
        found = runs.deployed(there.context(reporter), stack)
        if not found:
            reporter.say(NoJobs(stack))
        told = []
        for each in found:
            last = [JobRun(run.status, _time(run.began), _time(run.ended)) for run in runs.last(there.aws, each)]
            told.append(Job(each.name, each.starts, _time(each.next(there.aws.pace.now())), tuple(last)))
        width = max((len(job.name) for job in told), default=0)
        for job in told:
            reporter.result(job, partial(_show, tuple(_lines(job, width))))


def _time(moment: datetime | None) -> str:
    from datetime import UTC

    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if moment else ""


def _show(lines: Sequence[str]) -> None:
    for line in lines:
        printable.echo(line)


def _lines(job: Job, width: int) -> Iterator[str]:
    """Yield a line for the job, and one for each of its runs."""
    following = f"   next {job.next}" if job.next else ""
    yield f"{click.style(printable.line(job.name), bold=True):{width}}   {printable.line(job.starts)}{following}"
    for run in job.runs:
        colour = {"SUCCEEDED": "green", "RUNNING": "yellow"}.get(run.status, "red")
        ended = f", ended {run.ended}" if run.ended else ""
        yield f"  {click.style(printable.line(run.status), fg=colour)} began {run.began}{ended}"
    if not job.runs:
        yield "  no run yet"
