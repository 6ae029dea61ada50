"""Draw the system: its network, services, stores and who uses what."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import PurePath
from pkgutil import iter_modules
from typing import TYPE_CHECKING

import click

from msaspec.cli import console, exits, usage
from msaspec.drawing import formats

if TYPE_CHECKING:
    from msaspec.drawing.picture import Picture
    from msaspec.messages.results import Drawing

FORMATS = sorted([*(module.name for module in iter_modules(formats.__path__)), "json"])
DEFAULT = "svg"
_ENDINGS = {".svg": "svg", ".html": "html", ".htm": "html", ".mmd": "mermaid", ".dot": "dot", ".gv": "dot"}


@click.command(name="draw")
@console.file_argument()
@console.environment_option()
@click.option(
    "--format",
    "form",
    type=usage.Choice(FORMATS),
    help=f"[default: what the ending of PATH says, else {DEFAULT}]",
)
@click.option("-o", "--output", metavar="PATH", help="Write to this file. [default: standard output]")
def command(file: str, environment: str | None, form: str | None, output: str | None) -> None:
    """Draw the system of FILE (default: msa.yaml): zones of the network, front doors, services, stores, and an arrow
    for each use with its port and rights.

    `svg` is a picture for documents, light or dark as its reader is. `html` is one page without anything around it: an
    arrow shows what it becomes, and a click on a box shows its page of `msaspec explain`. `mermaid` is for Markdown,
    `dot` for the programs of Graphviz, `json` has the parts of the picture. The same manifest always gives the same
    bytes. svg and html need the extra `draw`.
    """
    from msaspec.messages.results import Drawing

    form = form or _ENDINGS.get(PurePath(output or "").suffix.lower(), DEFAULT)
    teller = console.teller(form)
    with exits.exit_on_invalid(teller):
        from msaspec import pipeline
        from msaspec.drawing import layout, picture

        document = console.read(file)
        compiled = pipeline.compile_main(document, environment)
        teller.diagnosed(compiled.warnings)
        found = picture.picture(compiled)
        drawing = Drawing(found.title, found.zones, found.nodes, found.arrows)
        try:
            text = _rendered(found, form, drawing)
        except layout.Missing as missing:
            raise click.UsageError(str(missing)) from None
    console.give(teller, drawing, text, output, inputs=console.inputs(file, document))


def _rendered(found: Picture, form: str, drawing: Drawing) -> str:
    if form == "json":
        from msaspec.diagnostics import printable

        return printable.to_json(drawing.as_object(), indent=2) + "\n"
    render: Callable[[Picture], str] = import_module(f"{formats.__name__}.{form}").render
    return render(found)
