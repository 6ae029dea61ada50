"""How commands end: their exit codes, and what is reported before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from msaspec.cli import INTERRUPTED, console
from msaspec.linting import gc_pause

if TYPE_CHECKING:
    from msaspec.deploy.reporter import Reporter

DIAGNOSTICS = 1
"""Exit code when what the user wrote is wrong. Usage errors are 2 (click's own)."""
FAULT = 3
"""Exit code when AWS or the network would not, or a deployment failed."""


@contextmanager
def exit_on_invalid() -> Iterator[None]:
    """Print what is wrong with a manifest on stderr, and end with its exit code.

    Garbage is left lying meanwhile: a command is short, and looking for it is a twelfth of its time.
    """
    with gc_pause.gc_paused():
        from msaspec.diagnostics.diagnostic import Invalid

        try:
            yield
        except Invalid as invalid:
            console.tell(invalid.diagnostics)
            raise click.exceptions.Exit(DIAGNOSTICS) from None


@contextmanager
def exit_on_interrupt() -> Iterator[None]:
    """End with the exit code of Ctrl-C, and no word: the user knows what was interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        raise click.exceptions.Exit(INTERRUPTED) from None


@contextmanager
def exit_on_fault(reporter: Reporter) -> Iterator[None]:
    """Report how a command that speaks to AWS ends when it does not end well, and end with its exit code."""
    from msaspec.deploy.aws.fault import Fault
    from msaspec.deploy.operation import Unwatched
    from msaspec.deploy.reporter import Declined, Interrupted
    from msaspec.diagnostics.diagnostic import Invalid

    try:
        yield
    except Invalid as invalid:
        reporter.diagnosed(invalid.diagnostics)
        raise click.exceptions.Exit(DIAGNOSTICS) from None
    except Fault as fault:
        reporter.diagnosed(fault.diagnostics)
        reporter.details(fault.details)
        raise click.exceptions.Exit(FAULT) from None
    except Declined as declined:
        reporter.note("Nothing was changed.")
        raise click.exceptions.Exit(INTERRUPTED if isinstance(declined, Interrupted) else DIAGNOSTICS) from None
    except Unwatched:
        raise click.exceptions.Exit(INTERRUPTED) from None
    except KeyboardInterrupt:  # During a question, or an operation of CloudFormation, it is Unwatched.
        reporter.note("Interrupted. Nothing is running in CloudFormation for this command.")
        raise click.exceptions.Exit(INTERRUPTED) from None
