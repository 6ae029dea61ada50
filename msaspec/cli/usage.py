"""Unknown words of the command line: the one place that suggests a command, option or value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

OTHERS: Mapping[str, str] = {
    **dict.fromkeys(("apply", "create", "launch", "publish", "release", "start", "up", "update"), "deploy"),
    **dict.fromkeys(("delete", "down", "remove", "rm", "stop", "terminate"), "destroy"),
    **dict.fromkeys(("changes", "plan", "preview"), "diff"),
    **dict.fromkeys(("check", "test", "validate"), "lint"),
    **dict.fromkeys(("build-template", "package", "render", "synth", "template"), "compile"),
    **dict.fromkeys(("describe", "events", "list", "ls", "ps", "show", "watch"), "status"),
    **dict.fromkeys(("abort", "rollback", "undo"), "cancel"),
    **dict.fromkeys(("build", "upload"), "push"),
    **dict.fromkeys(("new", "setup"), "init"),
    **dict.fromkeys(("doc", "docs", "man"), "explain"),
    **dict.fromkeys(("emulate", "local", "serve"), "sandbox"),
    "help": "--help",
    "log": "logs",
    "output": "outputs",
    "tail": "logs",
    "url": "outputs",
    "version": "--version",
}
"""What other tools call the commands."""


class Choice(click.Choice[str]):
    """One of some words. The error for a wrong one suggests the closest."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word, or fail as a usage error."""
        words = [str(choice) for choice in self.choices]
        if isinstance(value, str) and value not in words:
            from msaspec.diagnostics.spelling import nearest

            near = nearest(value, words)
            self.fail(f"`{value}` is none of {_listed(words)}.{f' Did you mean `{near}`?' if near else ''}", param, ctx)
        return super().convert(value, param, ctx)


def no_command(word: str, commands: Sequence[str]) -> str:
    """Return the error for an unknown command."""
    from msaspec.diagnostics.spelling import nearest

    what = f"There is no command `{word}`."
    if near := OTHERS.get(word.lower()) or nearest(word, commands):
        return f"{what} Did you mean `msaspec {near}`?"
    return f"{what} The commands are {_listed(commands)}."


def no_option(fault: click.NoSuchOption) -> str:
    """Return the error for an unknown option: it suggests the closest one, or says which commands have it."""
    from msaspec.diagnostics.spelling import nearest

    word, context = fault.option_name, fault.ctx
    if context is None:
        return f"There is no option `{word}`."
    what = f"`{context.command_path}` has no option `{word}`."
    root = context.find_root().command
    having = _having(word, root, context) if isinstance(root, click.Group) else []
    if having and context.command is root:
        return f"{what} Write it after the command: `msaspec COMMAND {word}`."
    if having:
        return f"{what} These have it: {_listed([f'msaspec {each}' for each in having])}."
    if near := nearest(word, options(context.command)):
        return f"{what} Did you mean `{near}`?"
    return f"{what} `{context.command_path} --help` lists those that there are."


def options(command: click.Command) -> list[str]:
    """Return the options of a command, as they are written."""
    found = [word for each in command.params if isinstance(each, click.Option) for word in each.opts]
    return [*found, "--help"]


def _having(word: str, root: click.Group, context: click.Context) -> list[str]:
    """Return the commands that have an option."""
    commands = ((name, root.get_command(context, name)) for name in root.list_commands(context))
    return [name for name, command in commands if command and word in options(command)]


def _listed(words: Iterable[str]) -> str:
    *most, last = [f"`{word}`" for word in words]
    return f"{', '.join(most)} and {last}" if most else last
