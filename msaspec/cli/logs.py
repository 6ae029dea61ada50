"""`msaspec logs`: the log of a service."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from msaspec import console

if TYPE_CHECKING:
    from msaspec.deploy.target import Target

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def ago(context: click.Context, parameter: click.Parameter, value: str) -> int:
    """A time in the past, such as `90s`, `10m`, `2h` or `1d`, in seconds. A usage error for anything else."""
    found = re.fullmatch(r"([0-9]{1,6}) ?([smhd])", value)
    if found is None:
        raise click.BadParameter(f"`{value}` is no time such as 90s, 10m, 2h or 1d.", context, parameter)
    return int(found[1]) * _UNITS[found[2]]


@click.command(name="logs", short_help="Print the log of a service.")
@click.argument("service")
@console.file_argument()
@console.environment_option()
@console.target_options()
@click.option("--since", callback=ago, default="10m", metavar="AGO", help="How far back, such as 2h. [default: 10m]")
@click.option("--follow", is_flag=True, help="Go on as the log grows, until Ctrl-C.")
@console.format_option("text", "json")
def command(
    service: str, file: str, environment: str | None, target: Target, since: int, follow: bool, form: str
) -> None:
    """Print the log of SERVICE of FILE (default: msa.yaml): its container, and what its host said while booting."""
    teller = console.teller()
    with console.told(teller), console.reached(file, environment, target) as there, suppress(KeyboardInterrupt):
        from msaspec.deploy import stream

        group = stream.group(there.aws, there.here, there.stacks["main"], service)
        start = there.aws.pace.now() - since
        for line in stream.lines(there.aws, group, start, grow=follow):
            if form == "json":
                facts = {"time": line.time, "stream": line.stream, "message": line.message}
                click.echo(json.dumps(facts, ensure_ascii=False))
            else:
                click.echo(f"{click.style(line.time, dim=True)} {click.style(line.stream, fg='cyan')} {line.message}")
