"""A question to the user, the same in every form."""

from __future__ import annotations

import click

from msaspec.deploy.reporter import Interrupted
from msaspec.diagnostics import printable


def ask(question: str) -> bool:
    """Asks on stderr; the answer is no unless it is yes. Raises Interrupted where Ctrl-C or Ctrl-D is the answer."""
    try:
        return click.confirm(printable.line(question), default=False, err=True)
    except click.Abort:
        printable.echo(err=True)  # The cursor stands behind the question.
        raise Interrupted from None


def ask_hidden(prompt: str) -> str:
    """Asks for something that is not shown while it is typed. Raises Interrupted for Ctrl-C and Ctrl-D."""
    from getpass import getpass

    try:
        return getpass(printable.line(prompt))
    except (EOFError, KeyboardInterrupt):
        printable.echo(err=True)
        raise Interrupted from None
