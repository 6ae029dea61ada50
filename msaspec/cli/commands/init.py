"""Write a commented starter manifest."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from msaspec.cli import console


@click.command(name="init")
@click.argument("file", default=console.DEFAULT_FILE, metavar="[FILE]")
@click.option("--force", is_flag=True, help="Overwrite an existing file, even a manifest.")
@console.format_option("text", "json")
def command(file: str, force: bool, form: str) -> None:
    """Write a commented starter manifest to FILE (default: msa.yaml, `-` is standard output)."""
    starter = (files("msaspec.cli") / "starter.yaml").read_text("utf-8")
    if file != "-" and Path(file).exists() and not force:
        raise click.UsageError(f"{file} already exists. Name another file, or overwrite it with --force.")
    from msaspec.messages.general import Next
    from msaspec.messages.results import Manifest

    teller = console.teller(form)
    console.give(teller, Manifest(starter), starter, file, manifests=True)
    if file != "-":
        teller.say(Next(f"msaspec lint {file}"))
