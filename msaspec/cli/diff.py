"""`msaspec diff`: what an update from another version of a system would do, offline."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from msaspec import console

if TYPE_CHECKING:
    from msaspec.changes import Change
    from msaspec.compile import Stack
    from msaspec.deploy.here import Here
    from msaspec.deploy.target import Target
    from msaspec.diagnostic import Diagnostic
    from msaspec.source import Document

GIT = "git:"
DEPLOYED = "stack"


@dataclass(frozen=True)
class Side:
    """One of the two versions: its stacks by what they are, and the manifest, if it was one."""

    stacks: Mapping[str, Stack] = field(default_factory=dict)
    document: Document | None = None


@click.command(name="diff", short_help="Tell what an update would add, change, replace and remove.")
@console.file_argument()
@console.environment_option()
@click.option(
    "--against",
    default="git:HEAD",
    metavar="PATH|git:REV|stack",
    help="The version before: a manifest, a template, FILE at a revision of git, or what is deployed."
    " [default: git:HEAD]",
)
@console.target_options()
@click.option("--stack", type=click.Choice(["main", "registry", "all"]), default="all", help="[default: all]")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="[default: text]")
def command(file: str, environment: str | None, against: str, target: Target, stack: str, form: str) -> None:
    """Tell what an update to FILE (default: msa.yaml, `-` is standard input) from another version of it would do.

    Both are compiled by this msaspec and compared, by manifest entry: what is added, changed, replaced and removed.
    What replaces a resource is known from the registry schemas of cfn-lint. A compiled template, YAML or JSON, is taken
    for the main stack unless --stack says registry. Needs no network and no credentials, but for `--against stack`,
    which compares with what CloudFormation has. What `msaspec deploy` would refuse without --allow-replace is told as a
    warning. Ends with 0 if the two are the same, with 1 if they differ.
    """
    with console.told(console.teller()), console.diagnosed():
        from msaspec import changes, hazards, listing
        from msaspec.deploy import gate
        from msaspec.deploy.here import Here

        document = console.read(file)
        kinds: tuple[str, ...] = ("main", "registry") if stack == "all" else (stack,)
        if against == DEPLOYED:
            before, after = _deployed(document, Here(file, environment), target, kinds)
        else:
            before, kinds = _before(file, against, environment, kinds)
            after = _compiled(document, environment, kinds)
        found: list[tuple[str, Change]] = []
        risks: list[Diagnostic] = []
        for kind in kinds:
            old, new = before.stacks.get(kind), after.stacks.get(kind)
            _tell_renamed(old, new)
            name = new.name if new else old.name if old else ""
            templates = old.template if old else {}, new.template if new else {}
            compared = changes.between(
                *templates,
                origins=new.origins if new else {},
                origins_before=old.origins if old else {},
            )
            found += [(name, change) for change in compared]
            risks += hazards.found(*templates, compared)
        all_changes = [change for _, change in found]
        _show(found, form)
        lost_ones = changes.losses(all_changes)
        console.tell([_placed(change, gate.hinted(change, lost), before, document) for change, lost in lost_ones])
        console.tell(list(map(document.place, risks)))
        click.echo(listing.summary(all_changes), err=True)
    if found:
        raise click.exceptions.Exit(console.DIAGNOSTICS)


def _show(found: list[tuple[str, Change]], form: str) -> None:
    from msaspec import listing

    if form == "json":
        console.write(listing.to_json(found) + "\n")
    elif found:
        text = listing.to_text(change for _, change in found) + "\n"
        console.write(text if sys.stdout.isatty() else click.unstyle(text))


def _placed(change: Change, diagnostic: Diagnostic, before: Side, document: Document) -> Diagnostic:
    """On the line of the manifest, for what is removed on that of the version before."""
    gone = change.action == "remove" and before.document is not None
    return (before.document if gone and before.document else document).place(diagnostic)


def _tell_renamed(old: Stack | None, new: Stack | None) -> None:
    """Another name of the system or of the environment is another stack."""
    if old and new and old.name and old.name != new.name:
        message = f"The stack was named {old.name} and is {new.name} now: deploying makes a new one and leaves the old."
        click.echo(message, err=True)


def _before(file: str, against: str, environment: str | None, kinds: tuple[str, ...]) -> tuple[Side, tuple[str, ...]]:
    """The version to compare with, and which stacks can be compared with it."""
    from msaspec import pipeline, template
    from msaspec.compile import Stack

    if against.startswith(GIT):
        text, label = _of_git(file, against.removeprefix(GIT))
    else:
        text, label = _of_path(against), against
    data = None
    with suppress(template.Unreadable):  # It may be a manifest, whose faults have lines.
        data = template.load(text)
    if template.is_template(data):
        try:
            stack = Stack("", template.sound(data), {})
        except template.Unreadable as fault:
            raise click.UsageError(f"{label} is no sound template. {fault}") from None
        kind = "registry" if kinds == ("registry",) else "main"
        return Side({kind: stack}), (kind,)
    document = pipeline.load(text, label)
    if environment is not None and environment not in pipeline.environments(document):
        click.echo(f"{label} has no environment {environment}, so all of it is new.", err=True)
        return Side({}, document), kinds
    return _compiled(document, environment, kinds), kinds


def _deployed(document: Document, here: Here, target: Target, kinds: tuple[str, ...]) -> tuple[Side, Side]:
    """What CloudFormation has, and what `msaspec deploy` would make of the manifest: with the tags that run."""
    from msaspec import pipeline
    from msaspec.deploy import flow
    from msaspec.deploy import target as reaching

    planned, _ = pipeline.plan_of(document, here.environment)
    compiled = _compiled(document, here.environment, kinds)
    with reaching.reached(target, planned.root.region) as aws:
        before, after = {}, {}
        for kind, stack in compiled.stacks.items():
            before[kind], after[kind] = flow.versions(aws, planned, stack)
    return Side({kind: stack for kind, stack in before.items() if stack}), Side(after, document)


def _compiled(document: Document, environment: str | None, kinds: tuple[str, ...]) -> Side:
    return Side(dict(_stacks(document, environment, kinds)), document)


def _stacks(document: Document, environment: str | None, kinds: tuple[str, ...]) -> Iterator[tuple[str, Stack]]:
    from msaspec import pipeline

    if "main" in kinds:
        yield "main", pipeline.compile_main(document, environment).stack
    if "registry" in kinds:
        registry, _ = pipeline.compile_registry(document, environment)
        if registry:
            yield "registry", registry


def _of_path(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as fault:
        raise click.UsageError(f"{path} cannot be read: {fault.strerror}.") from None


def _of_git(file: str, revision: str) -> tuple[bytes, str]:
    """The manifest as it is in a revision, and what messages call it."""
    if file == "-":
        raise click.UsageError("Standard input is in no repository. Name another version by `--against PATH`.")
    path = Path(file)
    if _git(path, "rev-parse", "--git-dir") is None:
        message = f"{file} is in no git repository. Name another version by `--against PATH`, a manifest or a template."
        raise click.UsageError(message)
    commit = _git(path, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if commit is None:
        raise click.UsageError(f"git knows no revision `{revision}`.")
    text = _git(path, "cat-file", "blob", f"{commit.decode().strip()}:./{path.name}")
    if text is None:
        raise click.UsageError(
            f"{file} is not in the revision `{revision}`. Name another, or a file by `--against PATH`."
        )
    return text, f"{revision}:{file}"


def _git(path: Path, *arguments: str) -> bytes | None:
    """What git writes when it runs in the folder of the file; None if it fails."""
    try:
        done = subprocess.run(["git", "-C", str(path.parent), *arguments], capture_output=True, check=False)
    except OSError:
        raise click.UsageError("`git` cannot be run. Name another version by `--against PATH`.") from None
    return done.stdout if done.returncode == 0 else None
