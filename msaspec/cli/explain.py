"""`msaspec explain`: what a service gets and why, or what a diagnostic means."""

from __future__ import annotations

import click

from msaspec import console


@click.command(name="explain", short_help="Tell what a service gets and why, or what a code means.")
@click.argument("subject", metavar="SUBJECT")
@console.file_argument()
@console.environment_option()
def command(subject: str, file: str, environment: str | None) -> None:
    """Explain SUBJECT: the code of a diagnostic, or the name of a service, database or bucket in FILE.

    A code is one of msaspec (MSA301) or of cfn-lint (E3012). A service is explained with its addresses, who may call
    it, what it uses, every variable of its container with its origin, what its role may do, and its resources.
    """
    from msaspec import explain

    try:
        page = explain.diagnostic(subject)
        if page is None:
            with console.diagnosed():
                from msaspec import pipeline

                page = explain.entry(subject, pipeline.compile_main(console.read(file), environment))
    except explain.Unknown as unknown:
        raise click.UsageError(str(unknown)) from None
    console.write(page)
