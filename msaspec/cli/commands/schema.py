"""Print the JSON Schema of the manifest."""

from __future__ import annotations

import click

from msaspec.cli import console


@click.command(name="schema")
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Write the schema there instead of to standard output. Overwrites an existing file, unless it is a"
    " manifest; creates missing folders; does not follow symbolic links.",
)
@console.format_option("text", "json")
def command(output: str | None, form: str) -> None:
    """Print the JSON Schema of the manifest, for editors to complete and check."""
    from msaspec.manifest import schema
    from msaspec.messages.results import Schema

    console.give(console.teller(form), Schema(schema.for_editors()), schema.to_json(), output)
