"""The command line: one file, one command, found by its name and loaded when it is used."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import click

import msaspec


class Commands(click.Group):
    """The modules of this folder, each with a `command`."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Names of the commands, sorted."""
        return sorted(module.name.replace("_", "-") for module in iter_modules(__path__))

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command of a name, or None."""
        if name not in self.list_commands(context):
            return None
        command = import_module(f"{__name__}.{name.replace('-', '_')}").command
        return command if isinstance(command, click.Command) else None


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(msaspec.__version__, message="msaspec %(version)s")
def main() -> None:
    """A whole microservice system from one YAML file: compiled into a CloudFormation template, checked, deployed."""
