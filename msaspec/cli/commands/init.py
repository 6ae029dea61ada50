"""Write a commented starter manifest."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

import click

from msaspec.cli import console


@click.command(name="init")
@click.argument("file", default=console.DEFAULT_FILE, metavar="[FILE]")
@click.option("--force", is_flag=True, help="Overwrite an existing file, even a manifest.")
@click.option(
    "--agents", is_flag=True, help="Write what coding agents need to know too, beside an existing FILE as well."
)
@console.format_option("text", "json")
@click.pass_context
def command(context: click.Context, file: str, force: bool, agents: bool, form: str) -> None:
    """Write a commented starter manifest to FILE (default: msa.yaml, `-` is standard output).

    With --agents also write instructions for coding agents into the working directory: a section of AGENTS.md, whose
    other text stays, and the skill .claude/skills/msaspec with the reference of the manifest and all diagnostics. An
    existing FILE then stays as it is, unless --force is given. Write them again after an upgrade of msaspec.
    """
    starter = (files("msaspec.cli") / "starter.yaml").read_text("utf-8")
    there = file != "-" and os.path.lexists(file)
    if agents and file == "-":
        raise click.UsageError("--agents names the manifest in what it writes. Name a file.")
    if there and not force and not agents:
        raise click.UsageError(f"{file} already exists. Name another file, or overwrite it with --force.")
    from msaspec.messages.general import Next, Written
    from msaspec.messages.results import Manifest

    teller = console.teller(form)
    made = _for_agents(context, file, starter, force=force) if agents else {}
    if not there or force:
        console.give(teller, Manifest(starter), starter, file, manifests=True)
    if made:
        from msaspec.cli import output

        for name, text in made.items():
            # The skill has a manifest in it, and looks like one.
            output.write(text, name, manifests=True)
            teller.say(Written(name))
    if file != "-":
        teller.say(Next(f"msaspec lint {file}"))


def _for_agents(context: click.Context, file: str, starter: str, *, force: bool) -> dict[str, str]:
    """Return the files for agents by their names. A usage error where one of them is somebody else's."""
    from msaspec.cli import main, summary
    from msaspec.explain import agents

    commands = {name: summary(name) for name in main.list_commands(context)}
    made = {f"{agents.SKILL}/{name}": text for name, text in agents.skill(commands, starter).items()}
    for name in made:
        before = _read(name)
        if before is not None and agents.MARK not in before and not force:
            raise click.UsageError(
                f"{name} already exists and is not msaspec's. Move it, or overwrite it with --force."
            )
    return {agents.FILE: agents.merged(_read(agents.FILE), file), **made}


def _read(name: str) -> str | None:
    """Return the text of a file; None where there is none."""
    path = Path(name)
    try:
        return path.read_bytes().decode() if path.is_file() else None
    except (OSError, UnicodeDecodeError):
        raise click.UsageError(f"{name} cannot be read as UTF-8 text. Move it away.") from None
