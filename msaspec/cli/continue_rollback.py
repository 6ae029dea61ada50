"""`msaspec continue-rollback`: the way back from an update, where it failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from msaspec import console

if TYPE_CHECKING:
    from msaspec.deploy.target import Target


@click.command(name="continue-rollback", short_help="Go on with a way back that failed.")
@console.file_argument()
@console.environment_option()
@console.target_options()
@console.stack_option()
@click.option("--skip", "skipped", multiple=True, metavar="LOGICAL_ID", help="Leave this resource as it is.")
@click.option("--role-arn", metavar="ARN", help="The role that CloudFormation acts by.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the end.")
@console.format_option("text", "json")
def command(
    file: str,
    environment: str | None,
    target: Target,
    stack: str,
    skipped: tuple[str, ...],
    role_arn: str | None,
    no_wait: bool,
    form: str,
) -> None:
    """Bring the stack of FILE (default: msa.yaml) back to where it was before an update, after that failed halfway.

    For a stack that is UPDATE_ROLLBACK_FAILED. Remove the cause first. A resource that cannot be brought back is left
    as it is with --skip, and is yours to put right afterwards.
    """
    teller = console.teller(form)
    with console.told(teller), console.reached(file, environment, target) as there:
        from msaspec.deploy import rescue

        name = there.stacks[stack]
        rescue.continue_rollback(
            there.aws, teller, there.of(stack), name, skipped=skipped, role_arn=role_arn, wait=not no_wait
        )
