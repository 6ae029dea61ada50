"""Compile a manifest into a CloudFormation template."""

from __future__ import annotations

import click

from msaspec.cli import console, exits, usage

FORMAT = "json: in a file JSON, on standard output an object a line. [default: yaml]"


@click.command(name="compile")
@console.file_argument()
@console.environment_option()
@console.stack_option("Which stack. [default: main]")
@click.option("--format", "form", type=usage.Choice(["yaml", "json"]), default="yaml", help=FORMAT)
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Write the template there instead of to standard output. Overwrites an existing file, unless it is a"
    " manifest; creates missing folders; does not follow symbolic links.",
)
def command(file: str, environment: str | None, stack: str, form: str, output: str | None) -> None:
    """Compile FILE (default: msa.yaml, `-` is standard input) into a CloudFormation template.

    Needs no network and no credentials. The same input gives the same bytes.
    """
    teller = console.teller(form)
    with exits.exit_on_invalid(teller):
        from msaspec import pipeline
        from msaspec.messages.results import Template
        from msaspec.template import render, role

        roles = [each for each in role.ROLES if each.word == stack]
        system = pipeline.compile_system(console.read(file), environment, roles)
        teller.diagnosed(system.warnings)
        if not system.stacks:
            raise click.UsageError(f"The system needs no stack for {roles[0].contents}, so it has no {stack} stack.")
        (made,) = system.stacks
        text = render.to_yaml(made) if form == "yaml" else render.to_json(made)
        console.give(teller, Template(made.name, made.template), text, output, source=file)
