"""`msaspec outputs`: what a deployed system gives out."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

import click

from msaspec import console

if TYPE_CHECKING:
    from msaspec.deploy.target import Target


@click.command(name="outputs", short_help="Print what a deployed system gives out.")
@console.file_argument()
@console.environment_option()
@console.target_options()
@console.stack_option()
@console.format_option("text", "json", "env")
def command(file: str, environment: str | None, target: Target, stack: str, form: str) -> None:
    """Print the outputs of the deployed stack of FILE (default: msa.yaml), addresses first.

    `json` is an object of keys and values; `env` has lines that a shell can read, such as CART_SERVICE_URL=...
    """
    teller = console.teller()
    with console.told(teller), console.reached(file, environment, target) as there:
        from msaspec.deploy import overview
        from msaspec.deploy.teller import as_outputs

        deployed = overview.given_out(there.aws, there.stacks[stack], there.of(stack))
        found = as_outputs(deployed.outputs, deployed.descriptions)
        if form == "json":
            console.write(json.dumps({each.key: each.value for each in found}, indent=2, ensure_ascii=False) + "\n")
        elif form == "env":
            console.write("".join(f"{variable(each.key)}={shlex.quote(each.value)}\n" for each in found))
        else:
            teller.outputs(deployed.name, found)


def variable(key: str) -> str:
    """The key of an output as the name of a variable.

    >>> variable("CartServiceUrl")
    'CART_SERVICE_URL'
    """
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", key).upper()
    return f"_{name}" if name[:1].isdigit() else name
