"""Print the IAM policy that commands need for a system."""

from __future__ import annotations

import json

import click

from msaspec.cli import console, environments, exits, usage
from msaspec.cli.app import App, pass_app

COMMANDS = (
    *("cancel", "clean", "continue-rollback", "deploy", "destroy", "diff"),
    *("jobs", "logs", "outputs", "push", "run", "secret", "status", "verify"),
)


@click.command(name="policy")
@console.file_argument()
@console.environment_option(deployed=True)
@click.option(
    "--for",
    "commands",
    multiple=True,
    type=usage.Choice(COMMANDS),
    help="A command that is to be allowed; more than one may be named. Default: all of them.",
)
@click.option(
    "--of",
    "whose",
    type=usage.Choice(("caller", "user", "role")),
    default="caller",
    help="Whose policy: of the caller; of a caller who passes --role-arn; of that role.",
)
@console.format_option("text", "json")
@pass_app
def command(app: App, file: str, environment: str | None, commands: tuple[str, ...], whose: str, form: str) -> None:
    """Print the IAM policy that commands need for the system of FILE (default: msa.yaml), as JSON.

    `caller` runs the commands by permissions of their own. With `--role-arn`, CloudFormation makes the resources by the
    permissions of that role: then `user` is the policy of the caller, and `role` that of the role.

    What commands ask for is limited to the stacks of the system. What CloudFormation needs for the resources is taken
    from the registry schemas of their types, and not limited to single resources.
    """
    reporter = app.reporter(form)
    with exits.exit_on_fault(reporter):
        from msaspec import pipeline
        from msaspec.deploy import permissions
        from msaspec.messages.others import LongPolicy
        from msaspec.messages.results import Policy

        document = console.read(file)
        system = pipeline.compile_system(document, environments.required(document, environment))
        found = permissions.policy(system.stacks, commands or COMMANDS, whose)
        console.give(reporter, Policy(found), json.dumps(found, indent=2) + "\n")
        size = len(json.dumps(found, separators=(",", ":")))
        if size > permissions.LONGEST:
            reporter.say(LongPolicy(size, permissions.LONGEST))
