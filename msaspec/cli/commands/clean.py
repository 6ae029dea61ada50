"""Delete images that nothing runs from the system's repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from msaspec.cli import console, exits
from msaspec.cli.app import App, pass_app

if TYPE_CHECKING:
    from msaspec.deploy.aws.target import Target

KEPT = 10


@click.command(name="clean")
@console.file_argument()
@console.environment_option(deployed=True)
@console.target_options()
@click.option(
    "--keep",
    type=click.IntRange(min=0),
    default=KEPT,
    metavar="N",
    help=f"Keep the last N images of each repository. [default: {KEPT}]",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted.")
@console.format_option("text", "json")
@pass_app
def command(
    app: App, file: str, environment: str | None, target: Target, keep: int, yes: bool, dry_run: bool, form: str
) -> None:
    """Delete images that nothing runs from the repositories of the system of FILE (default: msa.yaml).

    Keeps what any environment of the system in this Region runs, by tag and by digest, and of each repository the last
    images with a tag and the last without one. Shows the others, and asks. Nothing is deleted while an operation of one
    of the stacks is in progress.
    """
    app.require_answer(yes=yes or dry_run, what="delete")
    reporter = app.reporter(form)
    with exits.exit_on_fault(reporter), app.stacks_of(file, environment, target, stack="registry") as there:
        from msaspec.deploy import cleaning

        cleaning.clean(there.context(reporter, "registry"), there.system, keep, yes=yes, dry_run=dry_run)
