"""Cancel a running update and roll it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from msaspec.cli import console, exits
from msaspec.cli.app import App, pass_app

if TYPE_CHECKING:
    from msaspec.deploy.aws.target import Target


@click.command(name="cancel")
@console.file_argument()
@console.environment_option(deployed=True)
@console.target_options()
@console.stack_option()
@click.option("--no-wait", is_flag=True, help="Do not wait for the operation to end.")
@console.timeout_option()
@console.format_option("text", "json")
@pass_app
def command(
    app: App,
    file: str,
    environment: str | None,
    target: Target,
    stack: str,
    no_wait: bool,
    timeout: float | None,
    form: str,
) -> None:
    """Cancel the running update of the system of FILE (default: msa.yaml), and follow the rollback.

    Ends with 0 when the stack is as it was before the update. A first creation cannot be cancelled by CloudFormation;
    `msaspec destroy` deletes what there is of it.
    """
    reporter = app.reporter(form)
    with exits.exit_on_fault(reporter), app.stacks_of(file, environment, target, timeout, stack) as there:
        from msaspec.deploy import rescue

        rescue.cancel(there.context(reporter, stack), there.named(stack), wait=not no_wait)
