"""Show what an update would add, change, replace and remove."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from posixpath import normpath
from typing import TYPE_CHECKING

import click

from msaspec.cli import console, environments, exits, usage
from msaspec.cli.app import App, pass_app
from msaspec.diagnostics import printable

if TYPE_CHECKING:
    from msaspec.deploy.aws.target import Target
    from msaspec.diagnostics.diagnostic import Diagnostic
    from msaspec.messages.publishing import SiteChanges
    from msaspec.messages.reporter import Teller
    from msaspec.source.beside import Reader
    from msaspec.source.document import Document
    from msaspec.template.role import Role
    from msaspec.template.stack import Stack
    from msaspec.update.changes import Change

GIT = "git:"
DEPLOYED = "stack"
_REFUSED = "`msaspec deploy` refuses to change it."


@dataclass(frozen=True)
class Side:
    """One of the two versions: its stacks, and the manifest, if it was one."""

    stacks: tuple[Stack, ...] = ()
    document: Document | None = None
    has_tags: bool = True
    """Whether it is known which tags the stacks have; a template does not say it."""

    def stack(self, role: Role) -> Stack | None:
        """Return the stack of a role, if there is one."""
        return next((stack for stack in self.stacks if stack.role == role), None)


@click.command(name="diff")
@console.file_argument()
@console.environment_option(deployed=True)
@click.option(
    "--against",
    default="git:HEAD",
    metavar="PATH|git:REV|stack",
    help="The version before: a manifest, a template, FILE at a revision of git, or what is deployed."
    " [default: git:HEAD]",
)
@console.target_options()
@console.stacks_option()
@click.option("--format", "form", type=usage.Choice(["text", "json"]), default="text", help="[default: text]")
@pass_app
def command(
    app: App, file: str, environment: str | None, against: str, target: Target, roles: tuple[Role, ...], form: str
) -> None:
    """Show what an update to FILE (default: msa.yaml, `-` is standard input) from another version of it would do.

    Both are compiled by this msaspec and compared, by manifest entry: what is added, changed, replaced and removed.
    What replaces a resource is known from the registry schemas of cfn-lint. A compiled template, YAML or JSON, is taken
    for the main stack unless --stack says registry. Needs no network and no credentials, but for `--against stack`,
    which compares with what CloudFormation has. What `msaspec deploy` would refuse without --allow-replace is a
    warning. Ends with 0 if the two are the same, with 1 if they differ.
    """
    reporter = app.reporter(form)
    with exits.exit_on_fault(reporter), exits.exit_on_invalid(reporter):
        from msaspec.deploy import gate
        from msaspec.messages.results import Difference
        from msaspec.update import changes, hazards, listing, losses, objections, tagging

        document = console.read(file)
        if against == DEPLOYED and not all(each.shared for each in roles):
            environments.required(document, environment)
        risks: list[Diagnostic]
        environment = environments.named(environment)
        if against == DEPLOYED:
            before, after, risks, sites = _deployed(app, reporter, file, document, environment, target, roles)
        else:
            risks, sites = [], []
            before, roles = _before(reporter, file, against, environment, roles)
            after = _compiled(document, environment, roles)
            if risks := _elsewhere(before, document, environment):
                before = Side((), before.document)  # All of another system is new.
        found: list[tuple[str, Change]] = []
        lifted: list[Diagnostic] = []
        for role in sorted(roles, key=lambda role: role.shared):  # The system's own first.
            old, new = before.stack(role), after.stack(role)
            name = new.name if new else old.name if old else ""
            templates = old.template if old else {}, new.template if new else {}
            if old and new and old.protected and not new.protected:
                lifted.append(objections.unprotected(new.name))
            compared = changes.between(
                *templates,
                origins=new.origins if new else {},
                origins_before=old.origins if old else {},
            )
            found += [(name, change) for change in compared]
            risks += hazards.found(*templates, compared)
            if old and new and before.has_tags:
                found += [(name, change) for change in tagging.changes(old.tags, new.tags)]
                risks += tagging.found(old.tags, new.tags, *templates)
        all_changes = list(dict.fromkeys(change for _, change in found))  # A tag changes in each stack.
        _show(found, all_changes, reporter)
        lost_ones = losses.found(all_changes)
        reporter.diagnosed([_placed(change, gate.hinted(change, lost), before, document) for change, lost in lost_ones])
        reporter.diagnosed(list(map(document.place_entry, [*objections.refused(all_changes), *risks, *lifted])))
        for site in sites:
            reporter.say(site)
        if found or not (lifted or sites):
            reporter.say(Difference(listing.summary(all_changes), len(all_changes)))
    if found or lifted or sites:
        raise click.exceptions.Exit(exits.DIAGNOSTICS)


def _show(found: list[tuple[str, Change]], all_changes: list[Change], reporter: Teller) -> None:
    """Show the changes: to people as one table, to programs each."""
    from msaspec.update import listing

    table = iter([lambda: printable.echo(listing.to_text(all_changes))])
    for stack, change in found:
        reporter.result(listing.as_message(stack, change), next(table, lambda: None))


def _placed(change: Change, diagnostic: Diagnostic, before: Side, document: Document) -> Diagnostic:
    """On the line of the manifest, for what is removed on that of the version before."""
    gone = change.action == "remove" and before.document is not None
    return (before.document if gone and before.document else document).place_entry(diagnostic)


def _elsewhere(before: Side, document: Document, environment: str | None) -> list[Diagnostic]:
    """Warnings where the manifest is that of another system than the version before."""
    from msaspec import pipeline
    from msaspec.template.owner import claim
    from msaspec.update import elsewhere
    from msaspec.update.elsewhere import Where

    def of(document: Document) -> Where:
        identity = pipeline.identity(document, environment)
        return Where(identity.system, identity.region)

    if not before.stacks:
        return []
    owners = [claim(stack.template).owner for stack in before.stacks]
    known = of(before.document) if before.document else next((Where(each.system) for each in owners if each), None)
    return list(elsewhere.found(known, of(document)))


def _before(
    teller: Teller, file: str, against: str, environment: str | None, roles: tuple[Role, ...]
) -> tuple[Side, tuple[Role, ...]]:
    """Return the version to compare with, and which stacks can be compared with it."""
    from msaspec import pipeline
    from msaspec.messages.others import AllNew
    from msaspec.source import beside
    from msaspec.template import reading
    from msaspec.template.role import MAIN
    from msaspec.template.stack import Stack

    if against.startswith(GIT):
        text, label, read = _of_git(file, against.removeprefix(GIT))
    else:
        text, label, read = _of_path(against), against, beside.reader(str(Path(against).parent))
    data = None
    with suppress(reading.Unreadable):  # It may be a manifest, whose faults have lines.
        data = reading.load(text)
    if reading.is_template(data):
        try:
            role = roles[0] if len(roles) == 1 else MAIN
            # A template does not say whether its stack has termination protection.
            stack = Stack("", reading.validated(data), {}, role=role, protected=False)
        except reading.Unreadable as fault:
            raise click.UsageError(f"{label} is not a valid template. {fault}") from None
        return Side((stack,), has_tags=False), (role,)
    document = pipeline.load(text, label, read)
    if environment is not None and environment not in pipeline.environments(document):
        teller.say(AllNew(label, environment))
        return Side((), document), roles
    return _compiled(document, environment, roles), roles


def _deployed(
    app: App,
    reporter: Teller,
    file: str,
    document: Document,
    environment: str | None,
    target: Target,
    roles: tuple[Role, ...],
) -> tuple[Side, Side, list[Diagnostic], list[SiteChanges]]:
    """Return what CloudFormation has; what `msaspec deploy` would make of the manifest, with the tags that run; what is
    said of stacks that are another's, and of sites without files; and which files of sites would change."""
    from msaspec import pipeline
    from msaspec.deploy import flow
    from msaspec.deploy.sites import local, publishing
    from msaspec.diagnostics.diagnostic import Severity
    from msaspec.template.role import MAIN

    system = pipeline.compile_system(document, environment, roles)
    with app.reached(target, system.plan.root.region) as aws:
        found = [flow.versions(aws, system.plan, stack) for stack in system.stacks]
        here, missing = local.read(system.plan, file)
        strangers = [replace(each.stranger, hint=_REFUSED) for each in found if each.stranger]
        looked = here if MAIN in roles and not strangers else []
        sites, unseen = publishing.changes(aws, system.plan.site.stack, looked)
    if unseen:
        reporter.say(unseen)
    before = Side(tuple(each.before for each in found if each.before))
    unfilled = [replace(each, severity=Severity.WARNING) for version in found for each in version.unfilled]
    after = Side(tuple(each.after for each in found), document)
    return before, after, [*strangers, *unfilled, *missing], sites


def _compiled(document: Document, environment: str | None, roles: tuple[Role, ...]) -> Side:
    from msaspec import pipeline

    return Side(pipeline.compile_system(document, environment, roles).stacks, document)


def _of_path(path: str) -> bytes:
    if path == "-":
        return console.read_input()
    try:
        return Path(path).read_bytes()
    except OSError as fault:
        raise click.UsageError(f"{path} cannot be read: {fault.strerror}.") from None


def _of_git(file: str, revision: str) -> tuple[bytes, str, Reader]:
    """Return the manifest as it is in a revision, what messages call it, and what reads the files beside it."""
    from msaspec.source import beside

    if file == "-":
        raise click.UsageError("Standard input is not in a repository. Name another version with `--against PATH`.")
    path = Path(file)
    if _git(path, "rev-parse", "--git-dir") is None:
        message = (
            f"{file} is not in a git repository. Name another version with `--against PATH`, a manifest or a template."
        )
        raise click.UsageError(message)
    commit = _git(path, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if commit is None:
        raise click.UsageError(f"git has no revision `{revision}`.")
    text = _git(path, "cat-file", "blob", f"{commit.decode().strip()}:./{path.name}")
    if text is None:
        raise click.UsageError(
            f"{file} is not in the revision `{revision}`. Name another, or a file with `--against PATH`."
        )

    def read(written: str) -> beside.Beside:
        # A link is a blob that holds where it leads, so that none is followed.
        if beside.leads_out(written):
            return beside.Beside(problem=beside.Problem.OUTSIDE)
        found = _git(path, "cat-file", "blob", f"{commit.decode().strip()}:./{normpath(written)}")
        return beside.Beside(problem=beside.Problem.MISSING) if found is None else beside.of_bytes(found)

    return text, f"{revision}:{file}", read


def _git(path: Path, *arguments: str) -> bytes | None:
    """Return what git writes when it runs in the folder of the file; None if it fails."""
    try:
        done = subprocess.run(["git", "-C", str(path.parent), *arguments], capture_output=True, check=False)
    except OSError:
        raise click.UsageError("`git` cannot be started. Name another version with `--against PATH`.") from None
    return done.stdout if done.returncode == 0 else None
