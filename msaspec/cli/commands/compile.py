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
    " manifest or FILE names it; creates missing folders; does not follow symbolic links. Those of nested stacks go to"
    " a folder beside it, NAME.nested.",
)
def command(file: str, environment: str | None, stack: str, form: str, output: str | None) -> None:
    """Compile FILE (default: msa.yaml, `-` is standard input) into a CloudFormation template.

    Needs no network and no credentials. The same input gives the same bytes. A template of more than 500 resources is
    for reading; with `-o` it is written as the nested stacks that `deploy` makes, for `aws cloudformation package`.
    """
    teller = console.teller(form)
    with exits.exit_on_invalid(teller):
        from dataclasses import replace

        from msaspec import pipeline
        from msaspec.cli import output as files
        from msaspec.messages.results import ManyResources, Template
        from msaspec.template import render, role

        roles = [each for each in role.ROLES if each.word == stack]
        document = console.read(file)
        inputs = console.inputs(file, document)
        system = pipeline.compile_system(document, environment, roles)
        teller.diagnosed(system.warnings)
        if not system.stacks:
            raise click.UsageError(f"The system needs no stack for {roles[0].contents}, so it has no {stack} stack.")
        (made,) = system.stacks
        written = render.to_yaml if form == "yaml" else render.to_json
        layout = made.layout
        homes = layout.homes
        if homes and output not in (None, "-"):
            folder, dot, suffix = str(output).rpartition(".")
            folder = f"{folder if dot else output}.nested"
            ending = suffix if dot else form
            within = folder.replace("\\", "/").rpartition("/")[2]
            pieces = layout.pieces.at(lambda home: f"{within}/{home}.{ending}")
            for home, template in pieces.nested.items():
                files.write(
                    written(replace(made, template=template)),
                    f"{folder}/{home}.{ending}",
                    inputs=inputs,
                )
            made = replace(made, template=pieces.root)
        elif homes:
            teller.say(ManyResources(len(layout.template["Resources"]), len(set(homes.values()))))
        console.give(teller, Template(made.name, made.template), written(made), output, inputs=inputs)
