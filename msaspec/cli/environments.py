"""Which system of a manifest a command is about: that of an environment, or that of the file itself.

A manifest with environments describes a system for each. Where `--env` is left out, the file itself would be one more,
so a command that deploys, changes or looks at a system in AWS asks which is meant.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from msaspec.template.role import BASE

if TYPE_CHECKING:
    from msaspec.source.document import Document

VARIABLE = "MSASPEC_ENV"
_WORDS = "msaspec.words"


def named(word: str | None) -> str | None:
    """Return the environment that `--env` names; None for the file itself."""
    return None if word == BASE else word


def remember(context: click.Context, words: list[str]) -> None:
    """Keep a command line, for the message that repeats it with `--env`."""
    context.meta[_WORDS] = tuple(words)


def required(document: Document, word: str | None) -> str | None:
    """Return the environment that `--env` names; None for the file itself. A usage error names the environments and the
    command where the manifest has some and none is named."""
    from msaspec import pipeline
    from msaspec.diagnostics import printable

    if word is not None or not (there := pipeline.environments(document)):
        return named(word)
    context = click.get_current_context()
    command, *rest = context.meta.get(_WORDS) or (context.info_name or "deploy",)
    spelled = printable.line(shlex.join(["msaspec", command, "--env", there[0], *rest]))
    *most, last = [f"`{printable.line(each)}`" for each in there]
    several = f"environments {', '.join(most)} and {last}" if most else f"environment {last}"
    raise click.UsageError(
        f"The manifest has the {several}; `--env -` stands for the file itself, which is one more system."
        f" Name one, such as: {spelled}"
    )
