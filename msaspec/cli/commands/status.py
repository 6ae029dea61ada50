"""Show the state of the stacks of a system."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import click

from msaspec.cli import console, exits
from msaspec.cli.app import App, Connection, pass_app
from msaspec.diagnostics import printable

if TYPE_CHECKING:
    from msaspec.deploy.aws.target import Target
    from msaspec.deploy.condition import Condition
    from msaspec.deploy.overview import Overview, Protected
    from msaspec.deploy.reporter import Reporter
    from msaspec.messages.standing import Status
    from msaspec.template.role import Named, Role


@click.command(name="status")
@console.file_argument()
@console.environment_option(deployed=True)
@console.target_options()
@console.stacks_option()
@click.option("--follow", is_flag=True, help="Follow a running operation to its end.")
@click.option("--watch", is_flag=True, help="Look again and again, and show what changed, until Ctrl-C.")
@console.timeout_option()
@console.format_option("text", "json")
@pass_app
def command(
    app: App,
    file: str,
    environment: str | None,
    target: Target,
    roles: tuple[Role, ...],
    follow: bool,
    watch: bool,
    timeout: float | None,
    form: str,
) -> None:
    """Show the state of the deployed stacks of FILE (default: msa.yaml), and whether the system is well.

    Of each service: the copies that are to run, that run and that are healthy, the image that runs, its last deployment
    and its address; of each store its state and what protects it. Ends with 3 if the system is not deployed, a stack is
    in a failed state, or something is not well.

    With --follow watches an operation that is in progress, and ends with 3 if that fails.
    """
    reporter = app.reporter(form)
    about = max(roles, key=lambda each: not each.shared).word
    with exits.exit_on_fault(reporter), app.stacks_of(file, environment, target, timeout, about) as there:
        from msaspec.deploy import overview
        from msaspec.deploy.attendance import attend

        chosen = [named for named in there.stacks if named.role in roles]
        chosen.sort(key=lambda named: named.role.shared)  # The system's own first.
        if follow:
            for named in chosen:
                attend(there.context(reporter, named.role.word), named.name)
        told: list[tuple[Named, Overview]] = []
        while True:
            views = _views(there, chosen)
            if not views:
                overview.required(there.context(reporter), chosen[0].name)
            if views != told:
                told = views
                for named, view in views:
                    reporter.result(_message(view), partial(_show, view, named))
                _notes(there, reporter, views)
            if not watch:
                break
            there.aws.pace.sleep(there.aws.pace.most)
        if any(view.deployed.failed or view.faults for _, view in views):
            raise click.exceptions.Exit(exits.FAULT)


def _views(there: Connection, chosen: list[Named]) -> list[tuple[Named, Overview]]:
    from msaspec.deploy import overview
    from msaspec.deploy.aws import state

    found = [(named, each) for named in chosen if (each := state.describe(there.aws, named.name))]
    return [(named, overview.overview(there.aws, each)) for named, each in found]


def _show(view: Overview, named: Named) -> None:
    for line in _lines(view, named):
        printable.echo(line)


def _notes(there: Connection, reporter: Reporter, views: list[tuple[Named, Overview]]) -> None:
    """Say what to do about what is not well, and what could not be looked at."""
    from msaspec.deploy import failure
    from msaspec.messages.others import NotWell, StackUnwell, Unseen
    from msaspec.template.origin import label, workload

    for said in dict.fromkeys(said for _, view in views for said in view.unseen):
        reporter.say(Unseen("tell", said))
    for named, view in views:
        context = there.context(reporter, named.role.word)
        if view.deployed.failed:
            step = failure.next_step(context, view.deployed.status)
            reporter.say(StackUnwell(named.name, view.deployed.status, step))
        for each in view.faults:
            name = workload(each.entry)
            log = context.command("logs", name) if name else None
            reporter.say(NotWell(label(each.entry), "; ".join(each.faults), log))


def _lines(view: Overview, named: Named) -> Iterator[str]:
    from msaspec.deploy.aws.state import is_terminal
    from msaspec.template.origin import label

    deployed = view.deployed
    when = f"   {deployed.changed:%Y-%m-%d %H:%M} UTC" if deployed.changed else ""
    protected = "   protected" if deployed.protected else "   not protected against deletion"
    bad = "FAILED" in deployed.status or "ROLLBACK" in deployed.status
    colour = "red" if bad else "green" if is_terminal(deployed.status) else "yellow"
    yield f"{click.style(deployed.name, bold=True)}   {click.style(deployed.status, fg=colour)}{when}{protected}"
    if view.claim.contradicts(named):
        whose = f"It belongs to {view.claim.owner}" if view.claim.owner else "It was not made by msaspec"
        yield click.style(printable.line(f"  {whose}. This command is about {named}."), fg="red")
    if deployed.reason:
        yield f"  {printable.line(' '.join(deployed.reason.split()))}"
    yield from _conditions(view)
    # What was deleted CloudFormation lists all the same.
    counts = {e.path: sum(r.status != "DELETE_COMPLETE" for r in e.resources) for e in view.entries}
    width = max((len(label(path)) for path, count in counts.items() if count), default=0)
    for entry in view.entries:
        if not (count := counts[entry.path]):
            continue
        yield f"  {printable.line(label(entry.path)):{width}}   {count} {'resource' if count == 1 else 'resources'}"
        for resource in entry.failed:
            reason = f": {' '.join(resource.reason.split())}" if resource.reason else ""
            yield click.style(printable.line(f"    {resource.logical_id} {resource.status}{reason}"), fg="red")
    for each in view.protections:
        if each.on is not True:
            yield _unprotected(each)
    for name, value in sorted(deployed.parameters.items()):
        yield f"  {printable.line(name)} = {printable.line(value)}"


def _conditions(view: Overview) -> Iterator[str]:
    """Yield a line for each service and store: whether it is well, and what there is to know of it."""
    from msaspec.template.origin import label

    width = max((len(label(each.entry)) for each in view.conditions), default=0)
    for each in view.conditions:
        word, colour = {True: ("well", "green"), False: ("NOT WELL", "red"), None: ("unknown", "yellow")}[each.well]
        entry, facts = printable.line(label(each.entry)), printable.line(", ".join(_facts(each)))
        yield f"  {entry:{width}}   {click.style(f'{word:8}', fg=colour)}   {facts}"


def _facts(each: Condition) -> Iterator[str]:
    yield from each.faults
    if each.wanted is None:
        yield each.state
    else:
        healthy = "health unknown" if each.healthy is None else f"{each.healthy} healthy"
        yield f"{each.running} of {each.wanted} running, {healthy}"
    if each.version:
        yield each.version
    if each.deployment:
        yield f"deployment {each.deployment}"
    for name, protection in each.protections.items():
        if protection is None:
            yield f"{name}: unknown"
        else:
            yield f"no {name}" if protection is False else name if protection is True else f"{name} {protection}"
    if each.since:
        yield f"since {each.since:%Y-%m-%d %H:%M} UTC"
    yield from each.addresses


def _unprotected(each: Protected) -> str:
    from msaspec.compile import aws_types
    from msaspec.diagnostics.place import render

    what = f"the {aws_types.of(each.resource.type)} {each.resource.id} of {render(each.entry)}"
    if each.on is None:
        return printable.line(f"  msaspec cannot tell whether {what} has deletion protection.")
    said = f"  The template turns on deletion protection for {what}, but it is off."
    return click.style(printable.line(said), fg="red")


def _message(view: Overview) -> Status:
    from msaspec.diagnostics.place import render
    from msaspec.messages import standing
    from msaspec.template.owner import metadata

    deployed = view.deployed
    return standing.Status(
        stack=deployed.name,
        id=deployed.id,
        owner=metadata(view.claim.owner) if view.claim.owner else None,
        status=deployed.status,
        reason=deployed.reason,
        protected=deployed.protected,
        changed=deployed.changed.isoformat() if deployed.changed else None,
        parameters=dict(deployed.parameters),
        protections=tuple(
            standing.Protection(each.resource.logical_id, each.resource.id, each.on) for each in view.protections
        ),
        well=not (deployed.failed or view.faults),
        conditions=tuple(
            standing.Condition(
                render(each.entry) or None,
                each.type,
                each.id,
                each.well,
                each.state,
                tuple(each.faults),
                each.wanted,
                each.running,
                each.healthy,
                each.version,
                each.deployment,
                each.since.isoformat() if each.since else None,
                dict(each.targets),
                dict(each.protections),
                tuple(each.addresses),
            )
            for each in view.conditions
        ),
        entries=tuple(
            standing.Entry(
                render(entry.path) or None,
                tuple(standing.Resource(r.logical_id, r.type, r.id, r.status, r.reason) for r in entry.resources),
            )
            for entry in view.entries
        ),
    )
