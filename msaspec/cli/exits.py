"""How commands end: their exit codes, and what is reported before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from msaspec.cli import INTERRUPTED
from msaspec.linting import gc_pause

if TYPE_CHECKING:
    from msaspec.messages.reporter import Teller

DIAGNOSTICS = 1
"""Exit code when what the user wrote is wrong. Usage errors are 2 (click's own)."""
FAULT = 3
"""Exit code when AWS or the network would not, or a deployment failed."""


@contextmanager
def exit_on_invalid(teller: Teller) -> Iterator[None]:
    """Report what is wrong with a manifest, and end with its exit code.

    Garbage is left lying meanwhile: a command is short, and looking for it is a twelfth of its time.
    """
    with gc_pause.gc_paused():
        from msaspec.diagnostics.diagnostic import Invalid

        try:
            yield
        except Invalid as invalid:
            teller.diagnosed(invalid.diagnostics)
            raise click.exceptions.Exit(DIAGNOSTICS) from None


@contextmanager
def exit_on_interrupt() -> Iterator[None]:
    """End with the exit code of Ctrl-C, and no word: the user knows what was interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        raise click.exceptions.Exit(INTERRUPTED) from None


@contextmanager
def exit_on_fault(reporter: Teller) -> Iterator[None]:
    """Report how a command that speaks to AWS ends when it does not end well, and end with its exit code."""
    from msaspec.deploy.aws.fault import Fault
    from msaspec.deploy.operation import Unwatched
    from msaspec.deploy.reporter import Declined, Interrupted
    from msaspec.diagnostics.diagnostic import Invalid
    from msaspec.messages.general import NothingChanged, NothingInProgress

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
        reporter.say(NothingChanged())
        raise click.exceptions.Exit(INTERRUPTED if isinstance(declined, Interrupted) else DIAGNOSTICS) from None
    except Unwatched:
        raise click.exceptions.Exit(INTERRUPTED) from None
    except KeyboardInterrupt:  # During a question, or an operation of CloudFormation, it is Unwatched.
        reporter.say(NothingInProgress())
        raise click.exceptions.Exit(INTERRUPTED) from None
