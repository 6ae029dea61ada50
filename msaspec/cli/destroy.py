"""`msaspec destroy`: a system taken away, its data only by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from msaspec import console

if TYPE_CHECKING:
    from msaspec.deploy.target import Target


@click.command(name="destroy", short_help="Delete a system; its data stays unless you name it.")
@console.file_argument()
@console.environment_option()
@console.target_options()
@console.stack_option()
@click.option(
    "--delete-data", "data", multiple=True, metavar="NAME", help="Delete the data of this entry too, for good."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--role-arn", metavar="ARN", help="The role that CloudFormation acts by.")
@console.format_option("text", "json")
def command(
    file: str,
    environment: str | None,
    target: Target,
    stack: str,
    data: tuple[str, ...],
    yes: bool,
    role_arn: str | None,
    form: str,
) -> None:
    """Delete the stack of FILE (default: msa.yaml).

    Says first what goes and what stays, and asks. Buckets, image repositories and logs stay in the account, databases
    leave a last snapshot; --delete-data NAME removes that of an entry as well: it empties and deletes the bucket or the
    repository, and deletes the snapshot and the backups of the database. The protections of the stack and its databases
    are lifted only after you said yes. What is left in the end is named.

    A first creation that goes on is stopped, and a deletion that goes on is joined.
    """
    console.answerable(yes, "delete")
    teller = console.teller(form)
    with console.told(teller), console.reached(file, environment, target) as there:
        from msaspec.deploy.destruction import Destruction, Sentence

        sentence = Sentence(frozenset(data), yes, role_arn)
        Destruction(there.aws, teller, there.of(stack), there.system, there.stacks[stack], sentence).run()
