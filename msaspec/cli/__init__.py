"""The command line: the group of commands, what they share, their exit codes and streams.

A command is a file in `commands/`, found by its name and loaded when it is used. What a command does is in the rooms
that it calls.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import pairwise
from pkgutil import get_data, iter_modules
from typing import Any

import click

import msaspec
from msaspec.cli import commands

FORM = "msaspec.form"
"""Where click's context has the form in which the command speaks."""
HELP = ["-h", "--help"]
INTERRUPTED = 130
"""Exit code when the user broke off, as shells have it for Ctrl-C."""


class Commands(click.Group):
    """The modules of `commands/`, each with a `command`."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Names of the commands, sorted."""
        return sorted(module.name.replace("_", "-") for module in iter_modules(commands.__path__))

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return the command of a name, or None."""
        if name not in self.list_commands(context):
            return None
        command = import_module(f"{commands.__name__}.{name.replace('-', '_')}").command
        if not isinstance(command, click.Command):
            return None
        # click keeps the help option of whichever context asks first, also of one without a parent.
        command.context_settings.setdefault("help_option_names", HELP)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with what each does: the first line of its module, which is not imported for that."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(name)) for name in self.list_commands(context)])

    def resolve_command(
        self, context: click.Context, words: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first word names. A usage error suggests the closest one."""
        from msaspec.cli import environments

        environments.remember(context, words)
        if not words[0].startswith("-") and self.get_command(context, words[0]) is None:
            from msaspec.cli import usage

            context.fail(usage.no_command(words[0], self.list_commands(context)))
        return super().resolve_command(context, words)

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """Read the arguments."""
        words = more.get("args", arguments[1] if len(arguments) > 1 else ())
        form = _form(words)
        with _told(form), _interruptible(form):
            context = super().make_context(*arguments, **more)
            context.meta[FORM] = form
            return context

    def invoke(self, context: click.Context) -> Any:
        """Run the command. Ctrl-C ends it with 130, wherever it comes."""
        form = context.meta.get(FORM, "text")
        with _told(form), _interruptible(form):
            return super().invoke(context)


def summary(name: str) -> str:
    """Return the first line of the docstring of a command's module."""
    module = name.replace("-", "_")
    try:
        source = get_data(commands.__name__, f"{module}.py")
    except OSError:  # Only compiled files are there.
        source = None
    text = source.decode().partition('"""')[2] if source else import_module(f"{commands.__name__}.{module}").__doc__
    return str(text).partition("\n")[0].rstrip('"')


def _form(words: Sequence[str]) -> str:
    """Return the form that the arguments ask for, before they are read: what is wrong with them is told in it, too."""
    words = [*words[: words.index("--")]] if "--" in words else [*words]
    asked = [after for word, after in pairwise(words) if word == "--format"]
    asked += [word.partition("=")[2] for word in words if word.startswith("--format=")]
    return "json" if "json" in asked else "text"


@contextmanager
def _interruptible(form: str) -> Iterator[None]:
    """End with the exit code of Ctrl-C where nothing in the block does; click would end with 1, and call it aborted."""
    try:
        yield
    except KeyboardInterrupt:
        from msaspec.cli import console
        from msaspec.messages.general import Interrupted

        console.teller(form).say(Interrupted())
        raise click.exceptions.Exit(INTERRUPTED) from None


@contextmanager
def _told(form: str) -> Iterator[None]:
    """Make usage errors suggest the closest word, and quote arguments and file names without control characters."""
    try:
        yield
    except click.ClickException as fault:
        from msaspec.diagnostics import printable, terminal

        message = fault.message
        if isinstance(fault, click.NoSuchOption):
            from msaspec.cli import usage

            message = usage.no_option(fault)
            vars(fault)["possibilities"] = None  # which click adds to the message
        if form == "json":
            from msaspec.cli import console
            from msaspec.messages.general import Misused

            place = getattr(fault, "ctx", None)
            vars(fault)["message"] = message
            console.teller(form).say(Misused(place.command_path if place else "msaspec", fault.format_message()))
            raise click.exceptions.Exit(fault.exit_code) from None
        vars(fault)["message"] = printable.line(message)
        label = "Error: "  # which click writes before it
        shown = printable.broken(label + fault.format_message(), terminal.width(sys.stderr)).removeprefix(label)
        vars(fault)["format_message"] = lambda: printable.fitting(shown, sys.stderr)
        raise


@click.command(cls=Commands, context_settings={"help_option_names": HELP, "max_content_width": 100})
@click.version_option(msaspec.__version__, "-V", "--version", message="msaspec %(version)s")
def main() -> None:
    """Compile a microservice system from one YAML file into CloudFormation, check it, and deploy it."""
