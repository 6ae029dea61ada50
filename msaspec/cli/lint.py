"""`msaspec lint`: everything that can be said about manifests without AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

import click

from msaspec import console, report

if TYPE_CHECKING:
    from msaspec.compile import Stack
    from msaspec.diagnostic import Diagnostic
    from msaspec.plan import Plan
    from msaspec.source import Document
    from msaspec.verdicts import Verdicts

FORMATS = sorted(module.name for module in iter_modules(report.__path__))


@dataclass
class Checked:
    """What was found in one file."""

    found: list[Diagnostic] = field(default_factory=list)
    stacks: int = 0


@click.command(name="lint", short_help="Tell everything that is wrong, on manifest lines.")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@console.environment_option()
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", help="[default: text]")
@click.option("--strict", is_flag=True, help="Let warnings fail too.")
@click.option("--no-cache", is_flag=True, help="Run cfn-lint even on templates that it has seen.")
def command(files: tuple[str, ...], environment: str | None, form: str, strict: bool, no_cache: bool) -> None:
    """Check each FILE (default: msa.yaml, `-` is standard input) and what it compiles to.

    Checks the manifest, then every stack of the file and of each of its environments with cfn-lint, and names the
    lines to blame. A `.cfnlintrc` in the working directory or the home folder is honoured. Needs no network and no
    credentials. Ends with 1 if there are errors; warnings alone end with 0, unless --strict is given.
    """
    from msaspec.diagnostic import Invalid, errors
    from msaspec.verdicts import Verdicts

    cache = None if no_cache else Verdicts()
    documents: list[Document | Checked] = []
    for file in dict.fromkeys(files or (console.DEFAULT_FILE,)):
        try:
            documents.append(console.read(file))
        except Invalid as invalid:
            documents.append(Checked(list(invalid.diagnostics)))
    checked = [item if isinstance(item, Checked) else check(item, environment, cache) for item in documents]
    found = [diagnostic for one in checked for diagnostic in one.found]
    _show(found, form, f"{_count(len(checked), 'file')}, {_count(sum(one.stacks for one in checked), 'stack')}")
    if found if strict else errors(found):
        raise click.exceptions.Exit(console.DIAGNOSTICS)


def check(document: Document, environment: str | None, cache: Verdicts | None) -> Checked:
    """Checks one manifest: an environment, or the file itself and all of them; and the registry that they share."""
    from msaspec import pipeline, registry
    from msaspec.diagnostic import Invalid
    from msaspec.lint import lint

    checked, plans = Checked(), []
    found: dict[str | None, list[Diagnostic]] = {}

    def lint_stack(stack: Stack, plan: Plan) -> list[Diagnostic]:
        checked.stacks += 1
        return lint(stack, plan.manifest.document, [plan.root.region] if plan.root.region else [], cache)

    for name in (environment,) if environment else (None, *pipeline.environments(document)):
        try:
            compiled = pipeline.compile_main(document, name)
            plans.append(compiled.plan)
            found[name] = [*compiled.warnings, *lint_stack(compiled.stack, compiled.plan)]
        except Invalid as invalid:
            found[name] = list(invalid.diagnostics)
    try:
        shared = registry.compile_registry(plans) if plans else None
        if shared:
            found.setdefault(None, []).extend(lint_stack(shared, plans[0]))
    except Invalid as invalid:
        found.setdefault(None, []).extend(invalid.diagnostics)
    checked.found = _once(found)
    return checked


def _once(found: Mapping[str | None, Iterable[Diagnostic]]) -> list[Diagnostic]:
    """Each finding once. One that the file itself does not have names its environments."""
    from msaspec.diagnostic import ordered

    where: dict[tuple[object, ...], list[str | None]] = {}
    for name, diagnostics in found.items():
        for one in diagnostics:
            where.setdefault((one.code, one.span, one.message), []).append(name)
    told = []
    for diagnostic in ordered(one for diagnostics in found.values() for one in diagnostics):
        names = dict.fromkeys(where[diagnostic.code, diagnostic.span, diagnostic.message])
        if len(found) > 1 and None not in names:
            several = "environments" if len(names) > 1 else "environment"
            suffix = f" In the {several} {', '.join(f'`{name}`' for name in names)}."
            diagnostic = replace(diagnostic, message=diagnostic.message + suffix)
        told.append(diagnostic)
    return told


def _show(found: list[Diagnostic], form: str, what: str) -> None:
    """Findings on stdout; for people with a sentence about what was checked."""
    from msaspec.diagnostic import Severity

    render: Callable[[Iterable[Diagnostic]], str] = import_module(f"{report.__name__}.{form}").render
    shown = render(found)
    if form != "text":
        console.write(shown + "\n" if shown else "")
        return
    if not found:
        click.echo(f"{what}: no findings.")
        return
    click.echo(shown)
    levels = [_count(number, level) for level in Severity if (number := sum(one.severity is level for one in found))]
    click.echo(f"\n{what}: {' and '.join(levels)}.", err=True)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number or 'no'} {what}s"
