"""Delete a system; keep its data unless you name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from msaspec.cli import completion, console, exits
from msaspec.cli.app import App, pass_app

if TYPE_CHECKING:
    from msaspec.deploy.aws.target import Target


@click.command(name="destroy")
@console.file_argument()
@console.environment_option(deployed=True)
@console.target_options()
@console.stack_option()
@click.option(
    "--delete-data",
    "data",
    multiple=True,
    metavar="NAME",
    help="Also delete the data of this entry, for good.",
    shell_complete=completion.entries,
)
@click.option(
    "--retain",
    "retained",
    multiple=True,
    metavar="NAME",
    help="Leave in the account what could not be deleted.",
    shell_complete=completion.entries,
)
@click.option("--force", is_flag=True, help="Delete the stack even if some of it cannot be deleted; that stays.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--role-arn", metavar="ARN", help="The role that CloudFormation assumes.")
@console.timeout_option()
@console.format_option("text", "json")
@pass_app
def command(
    app: App,
    file: str,
    environment: str | None,
    target: Target,
    stack: str,
    data: tuple[str, ...],
    retained: tuple[str, ...],
    force: bool,
    yes: bool,
    role_arn: str | None,
    timeout: float | None,
    form: str,
) -> None:
    """Delete the stack of FILE (default: msa.yaml).

    Lists what will be deleted and what is kept, and asks. Buckets, image repositories and logs stay in the account,
    databases leave a last snapshot; --delete-data NAME removes that of an entry as well: it empties and deletes the
    bucket or the repository, and deletes the snapshot and the backups of the database. What somebody set with `msaspec
    secret set` stays in the account as well, and goes with --delete-data NAME. The protections of the stack
    and its databases are lifted only after you said yes. What is left in the end is named.

    What CloudFormation cannot delete, since something else uses it or it is gone in a way that its service does not
    tell, keeps the stack as DELETE_FAILED. --retain NAME leaves such a resource in the account, in no stack, by its
    logical id, its id or its entry; --force leaves whatever will not go.

    It stops a first creation in progress, and follows a deletion in progress.
    """
    app.require_answer(yes=yes, what="delete")
    reporter = app.reporter(form)
    with exits.exit_on_fault(reporter), app.stacks_of(file, environment, target, timeout, stack) as there:
        from msaspec.deploy import destruction
        from msaspec.deploy.stock import DestroyContext, DestroyOptions

        named = there.named(stack)
        context = DestroyContext(
            there.aws,
            reporter,
            there.context(reporter, stack).invocation,
            system=there.system,
            named=named,
            others=tuple(each for each in there.stacks if each != named),
            options=DestroyOptions(frozenset(data), yes, role_arn, frozenset(retained), force),
        )
        destruction.destroy(context)
