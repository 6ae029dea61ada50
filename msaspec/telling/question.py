"""A question to the user, the same in every form."""

from __future__ import annotations

import click

from msaspec.deploy.wish import Interrupted


def ask(question: str) -> bool:
    """Asks on stderr; the answer is no unless it is yes. Raises Interrupted where Ctrl-C or Ctrl-D is the answer."""
    try:
        return click.confirm(question, default=False, err=True)
    except click.Abort:
        click.echo(err=True)  # The cursor stands behind the question.
        raise Interrupted from None
