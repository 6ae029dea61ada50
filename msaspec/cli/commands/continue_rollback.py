"""Resume a failed rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from msaspec.cli import console, exits
from msaspec.cli.app import App, pass_app

if TYPE_CHECKING:
    from msaspec.deploy.aws.target import Target


@click.command(name="continue-rollback")
@console.file_argument()
@console.environment_option(deployed=True)
@console.target_options()
@console.stack_option()
@click.option("--skip", "skipped", multiple=True, metavar="LOGICAL_ID", help="Leave this resource as it is.")
@click.option("--role-arn", metavar="ARN", help="The role that CloudFormation assumes.")
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
    skipped: tuple[str, ...],
    role_arn: str | None,
    no_wait: bool,
    timeout: float | None,
    form: str,
) -> None:
    """Bring the stack of FILE (default: msa.yaml) back to where it was before an update, after that failed halfway.

    For a stack that is UPDATE_ROLLBACK_FAILED. Remove the cause first. A resource that cannot be brought back is left
    as it is with --skip, and is yours to put right afterwards.
    """
    reporter = app.reporter(form)
    with exits.exit_on_fault(reporter), app.stacks_of(file, environment, target, timeout, stack) as there:
        from msaspec.deploy import rescue

        context, named = there.context(reporter, stack), there.named(stack)
        rescue.continue_rollback(context, named, skipped=skipped, role_arn=role_arn, wait=not no_wait)
