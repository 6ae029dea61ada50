"""Report every error, on manifest lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

import click

import msaspec
from msaspec.cli import completion, console, exits, manifests, usage
from msaspec.cli.app import App, pass_app
from msaspec.diagnostics import reports, terminal
from msaspec.linting import gc_pause

if TYPE_CHECKING:
    from msaspec.checks import namesakes
    from msaspec.compile.plan import Plan
    from msaspec.diagnostics.diagnostic import Code, Diagnostic, Invalid
    from msaspec.diagnostics.report import Subject
    from msaspec.linting import cfn_lint
    from msaspec.linting.settings import Settings
    from msaspec.linting.unchanged import Said
    from msaspec.source.document import Document
    from msaspec.survey import Compiled
    from msaspec.template.stack import Stack

FORMATS = sorted(module.name for module in iter_modules(reports.__path__))


@dataclass
class Checked:
    """What was found in one file."""

    document: Document | None = None
    """None where it cannot be read as YAML."""
    found: dict[str | None, list[Diagnostic]] = field(default_factory=dict)
    """By environment; None is the file itself, and what all environments share."""
    stacks: list[tuple[str | None, Stack, Plan]] = field(default_factory=list)
    repaired: list[tuple[str | None, tuple[Compiled, ...]]] = field(default_factory=list)
    """What a faulty manifest compiles to when it is repaired, both ways."""
    """What it compiles to, with the environment."""


@click.command(name="lint")
@click.argument("files", nargs=-1, metavar="[FILE]...", shell_complete=completion.files)
@console.environment_option(deployed=True)
@click.option("--format", "form", type=usage.Choice(FORMATS), default="text", help="[default: text]")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
@click.option("--no-cache", is_flag=True, help="Run cfn-lint even on templates whose verdict is cached.")
@click.option(
    "--only-manifests", is_flag=True, help="Skip each FILE that has no key `msaspec`, and no name of a manifest."
)
@console.cfnlintrc_option()
@pass_app
@gc_pause.gc_paused()
def command(
    app: App,
    files: tuple[str, ...],
    environment: str | None,
    form: str,
    strict: bool,
    no_cache: bool,
    only_manifests: bool,
    cfnlintrc: str | None,
) -> None:
    """Check each FILE (default: msa.yaml, `-` is standard input) and what it compiles to.

    Checks the manifest, then every stack of each of its environments with cfn-lint, and names the lines to blame. The
    file itself counts where it has no environments, or with `--env -`. Runs no code of the files, and needs no network
    and no credentials. A `.cfnlintrc` is honoured in the home folder; one in the working directory only if --cfnlintrc
    or the variable MSASPEC_CFNLINTRC names it.

    Of several files it also says where two systems would have one stack. Ends with 1 if there are errors; warnings
    alone end with 0, unless --strict is given.
    """
    from msaspec.checks import namesakes
    from msaspec.deploy.sites import local as sites
    from msaspec.diagnostics.diagnostic import Invalid, errors
    from msaspec.linting import unchanged
    from msaspec.linting.cfn_lint import is_failure
    from msaspec.linting.settings import settings

    try:
        chosen = settings(cfnlintrc, cached=not no_cache)
    except Invalid as invalid:
        said = tuple(_shown(list(invalid.diagnostics), form, 0, 0, _subject(files, strict)))
        raise click.exceptions.Exit(unchanged.tell(unchanged.Answer(exits.DIAGNOSTICS, said))) from None
    files = tuple(dict.fromkeys(files or (console.DEFAULT_FILE,)))
    if only_manifests:
        files = tuple(file for file in files if file == "-" or manifests.is_one(file))
        if not files:
            raise click.exceptions.Exit(0)
    checked = [_compiled(file, environment) for file in files]
    _lint(checked, chosen)
    found = [diagnostic for one in checked for diagnostic in _once(one.found)]
    found += namesakes.found(_stacks([one.document for one in checked if one.document], environment))
    stacks = sum(len(one.stacks) for one in checked)
    told = list(_configured(chosen.configuration.sentences(), form))
    told += _shown(found, form, len(checked), stacks, _subject(files, strict))
    answer = unchanged.Answer(exits.DIAGNOSTICS if (found if strict else errors(found)) else 0, tuple(told))
    # What is in the folders of sites, and in files that manifests name, is in no hash.
    outside = any(sites.has(plan) for one in checked for _, _, plan in one.stacks)
    outside = outside or any(one.document.files for one in checked if one.document)
    if chosen.lasting and not outside and not any(is_failure(one.code, one.message) for one in found):
        app.remember(answer)
    raise click.exceptions.Exit(unchanged.tell(answer))


def _compiled(file: str, environment: str | None) -> Checked:
    """Return what one manifest compiles to in its environments, or without any, and the stacks that they share."""
    from msaspec import pipeline
    from msaspec.checks import across
    from msaspec.deploy.sites import local as sites
    from msaspec.diagnostics.diagnostic import Invalid

    checked, plans = Checked(), []
    try:
        document = checked.document = console.read(file)
    except Invalid as invalid:
        _take(checked, None, invalid)
        return checked
    for name in pipeline.deployed(document, environment):
        try:
            compiled = pipeline.compile_main(document, name)
            plans.append(compiled.plan)
            checked.found[name] = [*compiled.warnings, *sites.warnings(compiled.plan, file)]
            checked.stacks.append((name, compiled.stack, compiled.plan))
        except Invalid as invalid:
            _take(checked, name, invalid)
    try:
        for shared in pipeline.shared(plans) if plans else ():
            checked.found.setdefault(None, [])
            checked.stacks.append((None, shared, plans[0]))
    except Invalid as invalid:
        checked.found.setdefault(None, []).extend(invalid.diagnostics)
    own = {name: (stack, plan) for name, stack, plan in checked.stacks if name and not stack.role.shared}
    for name, diagnostic in across.check({name: stack for name, (stack, _) in own.items()}):
        # Its message names the environments itself.
        checked.found.setdefault(None, []).append(own[name][1].manifest.document.place(diagnostic))
    return checked


def _take(checked: Checked, name: str | None, invalid: Invalid) -> None:
    from msaspec.survey import Faulty

    checked.found[name] = list(invalid.diagnostics)
    if isinstance(invalid, Faulty) and invalid.repaired:
        checked.repaired.append((name, invalid.repaired))


def _lint(checked: Sequence[Checked], chosen: Settings) -> None:
    """Add what cfn-lint finds in all stacks, or why it does not look at them."""
    from msaspec.checks.of_the_template import regions
    from msaspec.diagnostics.diagnostic import Invalid
    from msaspec.linting.cfn_lint import lint_all
    from msaspec.survey import both

    places: list[list[Diagnostic]] = []
    subjects: list[cfn_lint.Subject] = []
    others: list[cfn_lint.Subject | None] = []
    for one in checked:
        for name, stack, plan in one.stacks:
            places.append(one.found[name])
            subjects.append(_template(stack, plan))
            others.append(None)
        for name, (first, other) in one.repaired:
            places.append(one.found[name])
            subjects.append(_template(first.stack, first.plan))
            others.append(_template(other.stack, other.plan))
    try:
        found = lint_all(subjects, chosen)
        # What follows from a repair says nothing, so of a repaired manifest counts what is found both ways.
        doubtful = {number: other for number, other in enumerate(others) if other and found[number]}
        for number, again in zip(doubtful, lint_all(list(doubtful.values()), chosen), strict=True):
            found[number] = both(found[number], again, worded=False)
        for place, more in zip(places, found, strict=True):
            # Our finding about a class that does not exist replaces cfn-lint's.
            told = {
                (one.path, each)
                for one in place
                for each in regions.SAID_BY_CFN_LINT
                if one.code == regions.NOT_THERE.id
            }
            place.extend(each for each in more if (each.path, each.code) not in told)
    except Invalid as invalid:
        places[0].extend(invalid.diagnostics)


def _template(stack: Stack, plan: Plan) -> cfn_lint.Subject:
    from msaspec.linting import cfn_lint

    return cfn_lint.Subject(stack, plan.manifest.document, [plan.root.region] if plan.root.region else [])


def _stacks(documents: Iterable[Document], environment: str | None) -> Iterator[namesakes.Stack]:
    """Yield the stacks of the manifests, as far as their names can be read."""
    from msaspec import pipeline
    from msaspec.checks import namesakes
    from msaspec.diagnostics.diagnostic import Invalid

    for document in documents:
        for name in pipeline.deployed(document, environment):
            try:
                known = pipeline.identity(document, name)
            except Invalid:
                continue
            yield from (namesakes.Stack(named, known.region, document) for named in known.stacks)


def _once(found: Mapping[str | None, Iterable[Diagnostic]]) -> list[Diagnostic]:
    """Each finding once. One that only some environments have names them."""
    from msaspec.diagnostics.diagnostic import ordered

    where: dict[tuple[object, ...], list[str | None]] = {}
    for name, diagnostics in found.items():
        for one in diagnostics:
            where.setdefault((one.code, one.span, one.message), []).append(name)
    told = []
    for diagnostic in ordered(one for diagnostics in found.values() for one in diagnostics):
        names = dict.fromkeys(where[diagnostic.code, diagnostic.span, diagnostic.message])
        if None not in names and len(names) < sum(name is not None for name in found):
            several = "environments" if len(names) > 1 else "environment"
            suffix = f" In the {several} {', '.join(f'`{name}`' for name in names)}."
            diagnostic = replace(diagnostic, message=diagnostic.message + suffix)
        told.append(diagnostic)
    return told


def _subject(files: Sequence[str], strict: bool) -> Subject:
    """Return what a report gets beside the findings."""
    from msaspec.diagnostics.report import Subject
    from msaspec.linting import inputs

    named = [console.STDIN if file == "-" else file for file in files]
    width = terminal.width(sys.stdout)
    return Subject(named, inputs.repository(), strict, _code, msaspec.__version__, width)


def _code(id: str) -> Code | None:
    from msaspec.explain import catalogue

    return catalogue.codes().get(id)


def _shown(found: list[Diagnostic], form: str, files: int, stacks: int, about: Subject) -> Iterator[Said]:
    """Yield findings on stdout; for people with a sentence about what was checked."""
    from msaspec.diagnostics.diagnostic import Severity
    from msaspec.linting.unchanged import Said

    render: Callable[[Iterable[Diagnostic], Subject], str] = import_module(f"{reports.__name__}.{form}").render
    shown = render(found, about)
    counts = [sum(one.severity is level for one in found) for level in Severity]
    if form == "json":
        from msaspec.messages.reporters import json
        from msaspec.messages.results import Linted

        yield Said("data", (shown + "\n" if shown else "") + json.line(Linted(files, stacks, *counts)))
        return
    what = f"{_count(files, 'file')}, {_count(stacks, 'stack')}" if files else "cfn-lint's configuration"
    if form != "text":
        yield Said("data", shown + "\n" if shown else "")
        return
    if not found:
        yield Said("out", f"{what}: no findings.")
        return
    yield Said("out", shown)
    levels = [_count(number, level) for level, number in zip(Severity, counts, strict=True) if number]
    yield Said("err", f"\n{what}: {' and '.join(levels)}.")


def _configured(sentences: Iterable[str], form: str) -> Iterator[Said]:
    """Yield which configuration of cfn-lint is in force."""
    from msaspec.linting.unchanged import Said

    for sentence in sentences:
        if form == "json":
            from msaspec.messages.general import Configuration
            from msaspec.messages.reporters import json

            yield Said("data", json.line(Configuration(sentence)))
        else:
            yield Said("err", sentence)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number or 'no'} {what}s"
