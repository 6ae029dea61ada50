"""Write a file to run the system on this machine."""

from __future__ import annotations

import secrets
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import click

from msaspec import exporters
from msaspec.cli import console, exits, usage

TOOLS = sorted(module.name for module in iter_modules(exporters.__path__))
ENV = ".env"
"""The env file, which compose reads by itself. It lies beside the compose file."""


@click.command(name="export")
@click.argument("tool", type=usage.Choice(TOOLS), metavar="|".join(TOOLS))
@console.file_argument()
@console.environment_option()
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Write the file there, and the env file `.env` beside it. [default: standard output, and no env file]",
)
@console.format_option("text", "json")
def command(tool: str, file: str, environment: str | None, output: str | None, form: str) -> None:
    """Write a compose file that runs the system of FILE on this machine, from the same manifest.

    Services get the variables that they have on AWS, at the same private names. Databases, caches and brokers are
    containers of the same engine, with the same users and databases; buckets, tables, queues and topics lie in an
    emulated AWS. What differs is in comments at the top.

    Passwords and secrets have random values in the env file, which is for this machine: do not commit it. What it has
    already stays.
    """
    teller = console.teller(form)
    with exits.exit_on_invalid(teller):
        from msaspec import pipeline
        from msaspec.exporting import text
        from msaspec.messages.general import Next, Written
        from msaspec.messages.results import ComposeFile

        document = console.read(file)
        plan, warnings = pipeline.plan_of(document, environment)
        teller.diagnosed(warnings)
        module = import_module(f"{exporters.__name__}.{tool}")
        to = None if output == "-" else output
        exported = module.export(plan, file, to)
        names, inputs = (*exported.generated, *exported.asked), console.inputs(file, document)
        made = ComposeFile(exported.text, names, exported.notes)
        console.give(teller, made, exported.text, output, inputs=inputs)
        if to is None:
            return
        beside = Path(to).parent / ENV
        random = {name: secrets.token_hex(16) for name in exported.generated}
        before = _read(beside)
        after = text.to_env(before, module.variables(exported, random))
        if after != before:
            from msaspec.cli import output as files

            files.write(after, str(beside), private=True)
            teller.say(Written(str(beside)))
        teller.say(Next(f"docker compose -f {to} up --build"))


def _read(path: Path) -> str:
    """Return the text of an env file; nothing where there is none."""
    try:
        return path.read_bytes().decode() if path.is_file() else ""
    except (OSError, UnicodeDecodeError):
        raise click.UsageError(f"{path} cannot be read as UTF-8 text. Move it away.") from None
