"""Print the outputs of a deployed system."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import click

from msaspec.cli import console, exits
from msaspec.cli.app import App, pass_app
from msaspec.diagnostics import printable

if TYPE_CHECKING:
    from msaspec.deploy.aws.target import Target


@click.command(name="outputs")
@console.file_argument()
@console.environment_option(deployed=True)
@console.target_options()
@console.stack_option()
@console.format_option("text", "json", "env")
@pass_app
def command(app: App, file: str, environment: str | None, target: Target, stack: str, form: str) -> None:
    """Print the outputs of the deployed stack of FILE (default: msa.yaml), addresses first.

    `json` has an object for each, a line each; `env` has lines that a shell can read, such as CART_SERVICE_URL=...
    """
    reporter = app.reporter(form)
    with exits.exit_on_fault(reporter), app.stacks_of(file, environment, target, stack=stack) as there:
        from msaspec.deploy import overview
        from msaspec.deploy.reporter import as_outputs

        deployed = overview.given_out(there.context(reporter, stack), there.named(stack).name)
        found = as_outputs(deployed.outputs, deployed.descriptions)
        if form == "env":
            printable.data("".join(f"{variable(each.key)}={quoted(each.value)}\n" for each in found))
        else:
            reporter.outputs(deployed.name, found)


def variable(key: str) -> str:
    """Return the key of an output as the name of a variable.

    >>> variable("CartServiceUrl")
    'CART_SERVICE_URL'
    """
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", key).upper()
    return f"_{name}" if name[:1].isdigit() else name


def quoted(value: str) -> str:
    r"""Return the value of an output as one word of bash, on one line and without a command for CI.

    >>> print(quoted("a b"), quoted("##[group]"), quoted("one\n::error::it's"))
    'a b' $'\x23#[group]' $'one\x0a::error::it\'s'
    """
    if value.isprintable() and not printable.obeyed(value):
        return shlex.quote(value)
    return "$'" + "".join(map(_escaped, value.replace("##", "\0#"))) + "'"


def _escaped(character: str) -> str:
    """Return a character within `$'...'`; the NUL that replaces a `#` cannot be in an output."""
    if character == "\0":
        return r"\x23"
    if character.isprintable():
        return f"\\{character}" if character in "'\\" else character
    return "".join(f"\\x{byte:02x}" for byte in character.encode())
