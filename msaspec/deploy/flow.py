"""A system on its way to AWS: linted, then one stack after the other, and the images before the stack that runs them.

The steps of one stack are functions from value to value: `obstacles.look`, `obstacles.clear`, `proposal.propose`,
`execution.confirm`, `execution.execute`, `execution.settle`. `bring` strings them together; `rehearse`, the dry run, is
made of the same without those that change something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from msaspec import checks
from msaspec.aws.ecr import tag_parameter
from msaspec.compile.plan import Plan
from msaspec.deploy import (
    building,
    changeset,
    content,
    images,
    ownership,
    parameters,
    pins,
    pushing,
    quotas,
    resumption,
    service_roles,
    settable,
    systems,
    verification,
    zones,
)
from msaspec.deploy.aws import nested, state
from msaspec.deploy.aws.fault import Fault
from msaspec.deploy.aws.state import Deployed, Standing
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.execution import Begun, confirm, execute, report_left, settle
from msaspec.deploy.obstacles import Looked, clear, look, refuse_remains
from msaspec.deploy.operation import Unwatched
from msaspec.deploy.options import DeployContext
from msaspec.deploy.parameters import Source, Tag
from msaspec.deploy.proposal import Unchanged, foresee, foretell, propose, withdraw
from msaspec.deploy.reporter import Declined, Reporter, as_outputs
from msaspec.deploy.sharing import shared
from msaspec.deploy.sites import publishing
from msaspec.deploy.sites.folder import Folder
from msaspec.diagnostics.diagnostic import Diagnostic, Invalid, errors, ordered
from msaspec.linting.cfn_lint import Subject, are_remembered, lint_all
from msaspec.linting.settings import Settings
from msaspec.messages import deploying as said
from msaspec.messages.publishing import SiteLater
from msaspec.pipeline import System
from msaspec.template import nesting
from msaspec.template.owner import claim
from msaspec.template.stack import Stack
from msaspec.template.zones import PARAMETER as ZONES


@dataclass(frozen=True)
class Brought:
    """What became of a stack."""

    stack: Stack
    deployed: Deployed | None
    """The stack as it is now; None where it is not there, or not yet."""
    done: bool
    """Whether it is what the manifest says."""
    used: frozenset[str] = frozenset()
    """Words of `--allow-replace` that let something go."""
    changed: bool = False
    """Whether that took a deployment."""
    open_ends: tuple[Diagnostic, ...] = ()
    """What is left to do although the stack is deployed."""


Executor = Callable[[DeployContext, Looked, str, Mapping[str, str]], Brought]
"""Brings a stack of a system to what was compiled, with values of its parameters; or says what that would do."""


def linted(system: System, region: str | None, chosen: Settings) -> System:
    """Lints what is to be deployed. Raises Invalid with every error."""
    found = [diagnostic for each in lint_all(_subjects(system, region), chosen) for diagnostic in each]
    if region and region != system.plan.root.region:
        found += [system.document.place(each) for each in checks.run_in_region(system.plan, system.stacks, region)]
    warnings = ordered([*system.warnings, *found])
    if errors(warnings):
        raise Invalid(warnings)
    return replace(system, warnings=tuple(warnings))


def is_lint_remembered(system: System, region: str | None, chosen: Settings) -> bool:
    """Whether `linted` has nothing left to do but to ask the cache."""
    return are_remembered(_subjects(system, region), chosen)


def _subjects(system: System, region: str | None) -> list[Subject]:
    where = region or system.plan.root.region
    return [Subject(stack, system.document, [where] if where else []) for stack in system.stacks]


def deploy(system: System, context: DeployContext, tags: tuple[Tag, ...] | None = None) -> None:
    """Bring a system to AWS. `tags` are those of its own images, if they do not depend on what is deployed.

    Raises Invalid for what the manifest or the command line would have to say otherwise, Fault for what AWS refuses,
    Declined when the user says no, Unwatched when the user stops watching.
    """
    options, reporter = context.options, context.reporter
    reporter.diagnosed(system.warnings)
    looked = {stack.name: look(context.about(stack.role), stack) for stack in reversed(system.stacks)}
    if tags is None:
        tags = _tags(system.plan, options.tags, looked.values())
    _report_kept(reporter, tags)
    if missing := settable.empty(context, system.plan):
        raise Invalid(missing)
    sites = publishing.folders(context, system.plan)
    brought: list[Brought] = []
    with _saying_what_is_done(reporter, brought):
        for stack in system.stacks:
            # All but the last are awaited: what comes next needs them.
            awaited = replace(options, follow=options.follow or stack is not system.stacks[-1])
            its = replace(context.about(stack.role), options=awaited)
            wanted = [tag for tag in tags if tag.parameter in stack.template.get("Parameters", {})]
            if wanted:
                there = all(each.done or each.deployed for each in brought)
                wanted = _images(context, system.plan, wanted, looked[stack.name], there=there)
            values = {tag.parameter: tag.content for tag in wanted}
            values |= zones.values(context.aws, reporter, system.plan, looked[stack.name])
            systems.guard(its, looked[stack.name])
            values |= systems.filled(its, system.plan, stack)
            verification.examine(its, system, looked[stack.name], wanted)
            executor: Executor = rehearse if options.dry_run else bring
            make = partial(_brought, executor, its, system.plan.site.system, values)
            brought.append(shared(its, looked[stack.name], make))
            if not (brought[-1].done or options.dry_run):
                break
        _publish(context, sites, brought[-1])
    if unused := sorted(options.adopted.difference(each.stack.name for each in looked.values() if each.adopted)):
        reporter.say(said.NotAdopted(unused[0]))
    if unused := sorted(options.allowed.difference(*(each.used for each in brought))):
        reporter.say(said.NothingToReplace(unused[0]))
    for each in brought:
        if each.done and each.deployed and not each.stack.role.shared:
            reporter.outputs(each.stack.name, as_outputs(each.deployed.outputs, each.deployed.descriptions))
    if open_ends := [diagnostic for each in brought for diagnostic in each.open_ends]:
        raise Fault(*open_ends)


def _publish(context: DeployContext, sites: Sequence[Folder], last: Brought) -> None:
    """Bring the files of sites into their buckets, or say what that would do."""
    if context.options.dry_run:
        publishing.rehearse(context, sites, last.deployed)
    elif last.done and last.deployed:
        publishing.publish(context, sites, last.deployed, agreed=last.changed)
    else:
        for each in sites:
            context.reporter.say(SiteLater(each.uploads.entry, context.command("deploy")))


@contextmanager
def _saying_what_is_done(reporter: Reporter, brought: Sequence[Brought]) -> Iterator[None]:
    """Say which stacks are deployed by now where the next one is not, for whatever reason."""
    try:
        yield
    except BaseException:
        for each in brought:
            if each.changed:
                reporter.say(said.Deployed(each.stack.name))
        raise


def _brought(
    executor: Executor, context: DeployContext, system: str, values: Mapping[str, str], looked: Looked
) -> Brought:
    return executor(context, looked, system, values)


def _tags(plan: Plan, words: Mapping[str, str], looked: Iterable[Looked]) -> tuple[Tag, ...]:
    """Return the tags of the system's own images, by what its stacks run now. Raises Invalid with what is wrong."""
    running: dict[str, str] = {}
    declared: dict[str, object] = {}
    for each in looked:
        running |= each.deployed.parameters if each.deployed else {}
        declared |= each.template.get("Parameters", {})
    made = content.tags(plan, words)
    return parameters.tags(plan, words, made, running, {"Parameters": declared})


@dataclass(frozen=True)
class Versions:
    """The two versions of a stack, both with the values of their parameters, to be compared."""

    before: Stack | None
    """As CloudFormation has it; None where it has none."""
    after: Stack
    """As a deployment would make it."""
    stranger: Diagnostic | None = None
    """What is said where the stack that CloudFormation has is another's."""
    unfilled: tuple[Diagnostic, ...] = ()
    """What is wrong with values of other systems, for which those stand that the stack has."""


def versions(aws: Aws, plan: Plan, stack: Stack) -> Versions:
    """Find out what a deployment would do to a stack."""
    deployed = state.describe(aws, stack.name)
    if deployed is None or deployed.standing in (Standing.ABSENT, Standing.PROPOSED, Standing.CREATE_FAILED):
        taken, unfilled = systems.values(aws, plan, stack)
        return Versions(None, replace(stack, template=parameters.filled(stack.template, taken)), None, tuple(unfilled))
    nested.foresee(stack)
    template = state.template_of(aws, deployed.id)
    if deployed.standing is Standing.PRESERVED:
        template = resumption.present(template, state.resources(aws, deployed.id))
    stranger = ownership.stranger(aws, deployed, [claim(template)], stack.owner)
    made = content.tags(plan, {})
    names = {tag_parameter(service): service for service, _, _ in parameters.owned(plan)}
    try:
        chosen = parameters.tags(plan, {}, made, deployed.parameters, template)
        values = {tag.parameter: tag.content for tag in chosen}
    except Invalid:
        values = {name: value for name, value in deployed.parameters.items() if name in names}
    # A deployment keeps the zones that the stack has.
    values |= {name: deployed.parameters[name] for name in (ZONES,) if name in deployed.parameters}
    taken, unfilled = systems.values(aws, plan, stack)
    known = {**deployed.parameters, **taken}
    values |= {name: known[name] for name in stack.taken if name in known}
    filled = parameters.filled(template, deployed.parameters)
    before = Stack(stack.name, filled, {}, role=stack.role, tags=deployed.tags, protected=deployed.protected)
    layout = nesting.layout(stack.template, stack.entry_of, template or None)
    after = replace(stack, template=parameters.filled(layout.template, values))
    return Versions(before, after, stranger, tuple(unfilled))


def bring(context: DeployContext, looked: Looked, system: str, values: Mapping[str, str]) -> Brought:
    """Bring one stack to its end."""
    looked = clear(context, looked)
    if looked.deployed:
        changeset.remove_stale(context.aws, looked.deployed.name)
    if looked.resumes:
        _report_resumed(context.reporter, looked)
    context.reporter.diagnosed([*map(context.placed, quotas.exceeded(context.aws, looked))])
    proposal = propose(context, looked, system, values)
    foretell(context, looked)
    if isinstance(proposal, Unchanged):
        _report_unchanged(context.reporter, looked.stack)
        settled = settle(context, proposal)
        return Brought(looked.stack, settled.deployed, done=True, open_ends=settled.open_ends)
    agreed, used = confirm(context, proposal), proposal.judged.used
    later = f"The next deployment completes that: {context.command('deploy')}"
    try:
        executed = execute(context, agreed)
    except Unwatched:
        context.reporter.say(said.Abort(context.command("destroy" if looked.first else "cancel")))
        if looked.first or looked.resumes:
            context.reporter.say(said.ProtectionsLater("off", later))
        elif proposal.judged.released:
            context.reporter.say(said.PolicyRelaxed(later))
        raise
    if isinstance(executed, Begun):
        watching = context.command("status", "--follow")
        context.reporter.say(said.Started(looked.stack.name, watching))
        context.reporter.say(said.ProtectionsLater("unset", later))
        return Brought(looked.stack, looked.deployed, done=False, used=used)
    try:
        report_left(context, proposal, executed.outcome)
        settled = settle(context, executed)
    except KeyboardInterrupt:
        context.reporter.say(said.Deployed(looked.stack.name))
        context.reporter.say(said.ProtectionsLater("unknown", later))
        raise
    return Brought(looked.stack, settled.deployed, done=True, used=used, changed=True, open_ends=settled.open_ends)


def rehearse(context: DeployContext, looked: Looked, system: str, values: Mapping[str, str]) -> Brought:
    """Say what bringing one stack to its end would do."""
    name, uploaded = looked.stack.name, False
    context.reporter.diagnosed([*map(context.placed, quotas.exceeded(context.aws, looked))])
    service_roles.report(context, looked)
    refuse_remains(context, looked)
    if looked.resumes:
        _report_resumed(context.reporter, looked)
    judged = foresee(context, looked, values)
    if judged is None:
        proposal = propose(context, looked, system, values)
        if isinstance(proposal, Unchanged):
            foretell(context, looked)
            _report_unchanged(context.reporter, looked.stack)
            return Brought(looked.stack, looked.deployed, done=True)
        withdraw(context, looked, proposal.change_set)
        judged, uploaded = proposal.judged, proposal.uploaded
    foretell(context, looked)
    context.reporter.say(said.Rehearsed(name, uploaded))
    return Brought(looked.stack, looked.deployed, done=False, used=judged.used)


def _report_unchanged(reporter: Reporter, stack: Stack) -> None:
    if not stack.role.shared:
        reporter.say(said.Unchanged(stack.name))


def _report_resumed(reporter: Reporter, looked: Looked) -> None:
    reporter.say(said.Resumed(looked.stack.name, sum(each.made for each in looked.remains)))


def _report_kept(reporter: Reporter, tags: Iterable[Tag]) -> None:
    for tag in tags:
        if tag.source is Source.RUNNING and tag.written:
            reporter.say(said.TagKept(tag.service, tag.value, tag.written))


def _gone(context: DeployContext, repositories: Sequence[str]) -> Fault:
    """Return the fault of repositories that are in their stack and not in the account."""
    message = f"Somebody deleted these image repositories: {', '.join(repositories)}."
    hint = f"Make them again: {context.command('deploy', '--repair')}"
    if context.options.repair:
        commands = (context.aws.cli("ecr", "create-repository", "--repository-name", name) for name in repositories)
        hint = f"CloudFormation does not see that they are gone. Make them again: {' && '.join(commands)}"
    return Fault(images.NO_REPOSITORY.at((), message, hint=hint))


def _images(context: DeployContext, plan: Plan, tags: Sequence[Tag], looked: Looked, *, there: bool) -> list[Tag]:
    """See that every image is in its repository, and return the tags with what they stand for: build and push those
    with `build`, after a question. Raises Invalid with the commands that push the others, Declined where the answer is
    no."""
    name, aws, reporter = plan.site.system, context.aws, context.reporter
    described = images.described(aws, name, tags) if there else [(tag, None) for tag in tags]
    absent = [tag for tag, image in described if image is None]
    if not absent:
        return pins.pinned(context, looked, described)
    if there and not context.options.dry_run and (gone := images.gone(aws, name, absent)):
        raise _gone(context, gone)
    wanted = pushing.of(plan, absent, context.invocation.file)
    built = {(each.tag.repository, each.tag.value) for each in wanted if each.build or aws.local()}
    left = [each for each in wanted if (each.tag.repository, each.tag.value) not in built]
    if context.options.dry_run:
        reporter.say(said.ImagesAbsent(len(absent), len(tags), len(built)))
        return list(tags)
    if left:
        reporter.say(said.LogIn(images.login(aws)))
        where = {each.tag: images.place(aws, name, each.tag) for each in left}
        told = (images.told(each.tag, where[each.tag], each.arch, None, context.invocation) for each in left)
        raise Invalid(map(context.placed, told))
    question = said.MayBuild(tuple(f"{repository}:{value}" for repository, value in sorted(built)))
    if not (context.options.yes or aws.local() or reporter.asks(question)):
        raise Declined
    before = {each.tag.service: each.tag.value for each in wanted if each.build and each.tag.source is Source.CONTENT}
    if changed := content.changed(plan, before):
        raise Invalid(changed)
    quiet = building.Quiet()
    pushing.upload(context, name, wanted, quiet, lambda: quiet.said)
    return pins.pinned(context, looked, images.described(aws, name, tags))
