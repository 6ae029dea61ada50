"""Write a manifest from the files of another tool."""

from __future__ import annotations

import sys
from importlib import import_module
from pkgutil import iter_modules

import click

from msaspec import importers
from msaspec.cli import console, exits, usage
from msaspec.diagnostics import printable

TOOLS = sorted(module.name for module in iter_modules(importers.__path__))


@click.command(name="import")
@click.argument("tool", type=usage.Choice(TOOLS), metavar="|".join(TOOLS))
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Write the manifest there instead of to standard output. Overwrites no file; creates missing folders; does not"
    " follow symbolic links.",
)
@click.option(
    "--stores",
    type=usage.Choice(["managed", "containers"]),
    default="managed",
    help="Databases and brokers become managed ones, or stay containers. [default: managed]",
)
@click.option("--profile", "profiles", multiple=True, metavar="PROFILE", help="Take the services of this profile too.")
@console.format_option("text", "json")
def command(
    tool: str, paths: tuple[str, ...], output: str | None, stores: str, profiles: tuple[str, ...], form: str
) -> None:
    """Write a manifest from the files of another tool, and report what became of each of their keys.

    \b
    msaspec import compose [FILE]...   compose files; default: those that compose finds here
    msaspec import copilot [DIR]       the folder `copilot` of AWS Copilot; default: copilot

    The manifest has comments where you must decide. Passwords are never written into it: they become names of
    parameters under `secrets`. The report goes to standard error: every key is carried, replaced by what is named, or
    lost for the reason that is named. It groups the keys and counts what is carried. With --format json the manifest
    and each key are objects on standard output, a line each.

    Files that the source names are read (`include`, `extends`, `env_file`, `.env`); nothing is run, and variables of
    your shell are not used. Ends with 1 for a file that cannot be read.
    """
    teller = console.teller(form)
    with exits.exit_on_invalid(teller):
        from msaspec.importing import ledger
        from msaspec.importing.imported import Options
        from msaspec.messages.general import Next
        from msaspec.messages.results import Manifest

        load = import_module(f"{importers.__name__}.{tool}").load
        imported = load(paths, Options(stores == "managed", frozenset(profiles)))
        console.give(teller, Manifest(imported.text), imported.text, output, fresh=True)
        if form == "json":
            for message in ledger.to_messages(imported.rows):
                teller.say(message)
        else:
            for line in ledger.to_text(imported.rows):
                printable.echo(printable.line(line), err=True)
        if output and output != "-":
            teller.say(Next(f"msaspec lint {output}"))
        sys.stderr.flush()
