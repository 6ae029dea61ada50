"""`msaspec schema`: the JSON Schema of the manifest."""

from __future__ import annotations

import click

from msaspec import console


@click.command(name="schema", short_help="Print the JSON Schema of the manifest.")
@click.option("-o", "--output", metavar="PATH", help="Write the schema there instead of to standard output.")
def command(output: str | None) -> None:
    """Print the JSON Schema of the manifest, for editors to complete and check."""
    from msaspec import schema

    console.write(schema.to_json(), output)
