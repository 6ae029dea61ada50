"""`msaspec status`: how the stacks of a system stand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from msaspec import console

if TYPE_CHECKING:
    from msaspec.deploy.overview import Overview
    from msaspec.deploy.target import Target


@click.command(name="status", short_help="Tell how the stacks of a system stand.")
@console.file_argument()
@console.environment_option()
@console.target_options()
@click.option("--stack", type=click.Choice(["main", "registry", "all"]), default="all", help="[default: all]")
@click.option("--follow", is_flag=True, help="Watch what is in progress to its end.")
@console.format_option("text", "json")
def command(file: str, environment: str | None, target: Target, stack: str, follow: bool, form: str) -> None:
    """Tell how the deployed stacks of FILE (default: msa.yaml) stand, by manifest entry, and what is not well.

    With --follow watches an operation that is in progress, and ends with 3 if that fails. Ends with 3 if the system is
    not deployed.
    """
    teller = console.teller(form)
    with console.told(teller), console.reached(file, environment, target) as there:
        from msaspec.deploy import overview, state
        from msaspec.deploy.attendance import attend

        kinds = [each for each in ("main", "registry") if stack in (each, "all")]
        names = [there.stacks[kind] for kind in kinds]
        if follow:
            for kind in kinds:
                attend(there.aws, teller, there.of(kind), there.stacks[kind])
        found = [each for name in names if (each := state.describe(there.aws, name))]
        if not found:
            overview.required(there.aws, names[0], there.here)
        views = [overview.overview(there.aws, each) for each in found]
        if form == "json":
            console.write("".join(json.dumps(_object(view), ensure_ascii=False) + "\n" for view in views))
        else:
            for view in views:
                for line in _lines(view):
                    click.echo(line)


def _lines(view: Overview) -> Iterator[str]:
    from msaspec.deploy.state import is_terminal
    from msaspec.place import render

    deployed = view.deployed
    when = f"   {deployed.changed:%Y-%m-%d %H:%M} UTC" if deployed.changed else ""
    protected = "   protected" if deployed.protected else "   not protected against deletion"
    bad = "FAILED" in deployed.status or "ROLLBACK" in deployed.status
    colour = "red" if bad else "green" if is_terminal(deployed.status) else "yellow"
    yield f"{click.style(deployed.name, bold=True)}   {click.style(deployed.status, fg=colour)}{when}{protected}"
    if deployed.reason:
        yield f"  {' '.join(deployed.reason.split())}"
    # What was deleted CloudFormation lists all the same.
    counts = {e.path: sum(r.status != "DELETE_COMPLETE" for r in e.resources) for e in view.entries}
    width = max((len(render(path)) for path, count in counts.items() if count), default=0)
    for entry in view.entries:
        if not (count := counts[entry.path]):
            continue
        yield f"  {render(entry.path):{width}}   {count} {'resource' if count == 1 else 'resources'}"
        for resource in entry.failed:
            reason = f": {' '.join(resource.reason.split())}" if resource.reason else ""
            yield click.style(f"    {resource.logical_id} {resource.status}{reason}", fg="red")
    for name, value in sorted(deployed.parameters.items()):
        yield f"  {name} = {value}"


def _object(view: Overview) -> dict[str, Any]:
    from msaspec.place import render

    deployed = view.deployed
    return {
        "stack": deployed.name,
        "id": deployed.id,
        "status": deployed.status,
        "reason": deployed.reason,
        "protected": deployed.protected,
        "changed": deployed.changed.isoformat() if deployed.changed else None,
        "parameters": dict(deployed.parameters),
        "entries": [
            {
                "entry": render(entry.path),
                "resources": [
                    {"logical_id": r.logical_id, "type": r.type, "id": r.id, "status": r.status, "reason": r.reason}
                    for r in entry.resources
                ],
            }
            for entry in view.entries
        ],
    }
