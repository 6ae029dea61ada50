"""`msaspec compile`: a manifest into a template."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from msaspec import console

if TYPE_CHECKING:
    from msaspec.compile import Stack


@click.command(name="compile", short_help="Compile a manifest into a CloudFormation template.")
@console.file_argument()
@console.environment_option()
@click.option("--stack", type=click.Choice(["main", "registry"]), default="main", help="Which stack. [default: main]")
@click.option("--format", "form", type=click.Choice(["yaml", "json"]), default="yaml", help="[default: yaml]")
@click.option("-o", "--output", metavar="PATH", help="Write the template there instead of to standard output.")
def command(file: str, environment: str | None, stack: str, form: str, output: str | None) -> None:
    """Compile FILE (default: msa.yaml, `-` is standard input) into a CloudFormation template.

    Needs no network and no credentials. The same input gives the same bytes.
    """
    with console.diagnosed():
        from msaspec import pipeline, render

        document = console.read(file)
        if stack == "main":
            compiled = pipeline.compile_main(document, environment)
            template: Stack | None = compiled.stack
            warnings = compiled.warnings
        else:
            template, warnings = pipeline.compile_registry(document, environment)
        console.tell(warnings)
        if template is None:
            raise click.UsageError("The system owns no image repository, so it has no registry stack.")
        console.write(render.to_yaml(template) if form == "yaml" else render.to_json(template), output)
