"""Run a job, and follow it to its end."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from msaspec.cli import completion, console, exits
from msaspec.cli.app import App, pass_app
from msaspec.diagnostics import printable

if TYPE_CHECKING:
    from msaspec.deploy.aws.stream import Line
    from msaspec.deploy.aws.target import Target
    from msaspec.deploy.reporter import Reporter

_GIVEN = "msaspec.run"


class _Run(click.Command):
    """A command behind whose `--` is one of the container."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep what is behind `--`, and parse the rest."""
        at = args.index("--") if "--" in args else len(args)
        ctx.meta[_GIVEN] = tuple(args[at + 1 :])
        return super().parse_args(ctx, args[:at])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Say what comes behind `--`."""
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]


@click.command(name="run", cls=_Run)
@click.argument("job", shell_complete=completion.jobs)
@console.file_argument()
@console.environment_option(deployed=True)
@console.target_options()
@click.option("--detach", is_flag=True, help="Start the job, and do not wait for its end.")
@console.format_option("text", "json")
@pass_app
@click.pass_context
def command(
    context: click.Context,
    app: App,
    job: str,
    file: str,
    environment: str | None,
    target: Target,
    detach: bool,
    form: str,
) -> None:
    """Run the deployed JOB of FILE (default: msa.yaml), show its log, and end with the exit code of its container.

    Words behind `--` are a command for this run: `msaspec run migrate -- flyway info`. A run that could not start, took
    too long or was stopped ends with 3. Ctrl-C stops following the log; the job keeps running.
    """
    reporter = app.reporter(form)
    given: tuple[str, ...] = context.meta.get(_GIVEN, ())
    with exits.exit_on_fault(reporter), app.stacks_of(file, environment, target) as there, exits.exit_on_interrupt():
        from msaspec.deploy import runs
        from msaspec.messages.others import JobStarted
        from msaspec.messages.results import JobEnded

        stack, about = there.named("main").name, replace(there.context(reporter), document=there.document)
        found = runs.chosen(runs.deployed(about, stack), stack, job)
        began = there.aws.pace.now()
        arn = runs.start(there.aws, found, given)
        reporter.say(JobStarted(job, arn.rpartition(":")[2]))
        if detach:
            return
        ended = runs.follow(there.aws, found, arn, began, partial(_show, reporter))
        code, status = runs.exit_code(ended), str(ended["status"])
        reporter.result(JobEnded(job, arn, status, code), lambda: None)
        if status != "SUCCEEDED":
            fault = runs.failed(about, found, ended)
            reporter.diagnosed(fault.diagnostics)
            raise click.exceptions.Exit(code or exits.FAULT)


def _show(reporter: Reporter, line: Line) -> None:
    from msaspec.messages.results import Log

    where = click.style(line.time, dim=True)
    reporter.result(
        Log(line.time, line.stream, line.message), partial(printable.echo, f"{where} {line.message}", wrap=False)
    )
