"""Explain what a service gets and why, or what a code means."""

from __future__ import annotations

import click

from msaspec.cli import completion, console, exits


@click.command(name="explain")
@click.argument("subject", metavar="[SUBJECT]", required=False, shell_complete=completion.entries)
@console.file_argument()
@console.environment_option()
@console.format_option("text", "json")
def command(subject: str | None, file: str, environment: str | None, form: str) -> None:
    """Explain SUBJECT: the code of a diagnostic, or the name of a service, database or bucket in FILE. Without SUBJECT,
    or with a YAML file in its place, explain the whole system.

    A code is one of msaspec (MSA301 of a diagnostic, MSG201 of a message) or of cfn-lint (E3012). A service is
    explained with its addresses, who may call it, what it uses, every variable of its container with its origin, what
    its role may do, and its resources.
    """
    from msaspec.explain import pages, system
    from msaspec.messages.results import Explanation, Page

    teller = console.teller(form)
    try:
        if subject is None or (subject.endswith((".yaml", ".yml")) and file == console.DEFAULT_FILE):
            with exits.exit_on_invalid(teller):
                from msaspec import pipeline

                sections = system.page(pipeline.compile_main(console.read(subject or file), environment))
            teller.result(Explanation("", sections), lambda: console.show(pages.to_text(sections)))
            return
        if (page := pages.manual(subject)) is not None:
            teller.result(Page(subject.upper(), page), lambda: console.show(page))
            return
        with exits.exit_on_invalid(teller):
            from msaspec import pipeline

            sections = pages.entry(subject, pipeline.compile_main(console.read(file), environment))
    except pages.Unknown as unknown:
        raise click.UsageError(str(unknown)) from None
    teller.result(Explanation(subject, sections), lambda: console.show(pages.to_text(sections)))
