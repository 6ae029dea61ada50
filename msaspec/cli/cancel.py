"""`msaspec cancel`: an update taken back while it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from msaspec import console

if TYPE_CHECKING:
    from msaspec.deploy.target import Target


@click.command(name="cancel", short_help="Take an update back that is being made.")
@console.file_argument()
@console.environment_option()
@console.target_options()
@console.stack_option()
@click.option("--no-wait", is_flag=True, help="Do not wait for the end.")
@console.format_option("text", "json")
def command(file: str, environment: str | None, target: Target, stack: str, no_wait: bool, form: str) -> None:
    """Cancel the update of the system of FILE (default: msa.yaml) that is being made, and follow the way back.

    Ends with 0 when the stack is as it was before the update. A first creation cannot be cancelled by CloudFormation;
    `msaspec destroy` deletes what there is of it.
    """
    teller = console.teller(form)
    with console.told(teller), console.reached(file, environment, target) as there:
        from msaspec.deploy import rescue

        rescue.cancel(there.aws, teller, there.of(stack), there.stacks[stack], wait=not no_wait)
