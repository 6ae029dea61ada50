"""Print the log of a service or a job."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import click

from msaspec.cli import completion, console, exits
from msaspec.cli.app import App, pass_app
from msaspec.diagnostics import printable, streams

if TYPE_CHECKING:
    from msaspec.deploy.aws.target import Target

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def ago(context: click.Context, parameter: click.Parameter, value: str) -> int:
    """Return a time in the past, such as `90s`, `10m`, `2h` or `1d`, in seconds. A usage error for anything else."""
    found = re.fullmatch(r"([0-9]{1,6}) ?([smhd])", value)
    if found is None:
        raise click.BadParameter(f"`{value}` is not a time such as 90s, 10m, 2h or 1d.", context, parameter)
    return int(found[1]) * _UNITS[found[2]]


@click.command(name="logs")
@click.argument("service", shell_complete=completion.containers)
@console.file_argument()
@console.environment_option(deployed=True)
@console.target_options()
@click.option(
    "--since", callback=ago, default="10m", metavar="AGO", help="How far to look back, such as 2h. [default: 10m]"
)
@click.option("--follow", is_flag=True, help="Follow the log until Ctrl-C.")
@console.format_option("text", "json")
@pass_app
def command(
    app: App, service: str, file: str, environment: str | None, target: Target, since: int, follow: bool, form: str
) -> None:
    """Print the log of SERVICE, or of a job, of FILE (default: msa.yaml): its container, and what its host said while
    booting."""
    reporter = app.reporter(form)
    with exits.exit_on_fault(reporter), app.stacks_of(file, environment, target) as there, exits.exit_on_interrupt():
        from msaspec.deploy.aws import stream
        from msaspec.messages.others import QuietLog
        from msaspec.messages.results import Log

        quiet = True
        group = stream.group(there.context(reporter), there.named("main").name, service)
        start = there.aws.pace.now() - since
        for line in stream.lines(there.aws, group, start, grow=follow):
            where = f"{click.style(line.time, dim=True)} {click.style(line.stream, fg='cyan')}"
            show = partial(printable.echo, f"{where} {line.message}", wrap=False)
            quiet = False
            reporter.result(Log(line.time, line.stream, line.message), show)
            if streams.lost():
                break
        if quiet:
            reporter.say(QuietLog(group, since))
