"""A system on its way to AWS: linted, its repositories first, its images looked for, then the stack itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from msaspec import pipeline
from msaspec.aws.ecr import tag_parameter
from msaspec.compile import Stack
from msaspec.deploy import changeset, images, parameters, state
from msaspec.deploy.deployment import Deployment
from msaspec.deploy.here import Here
from msaspec.deploy.parameters import Source, Tag
from msaspec.deploy.state import Standing
from msaspec.deploy.target import Aws
from msaspec.deploy.teller import Teller, as_outputs
from msaspec.deploy.watch import Unwatched
from msaspec.deploy.wish import Wish
from msaspec.diagnostic import Diagnostic, Invalid, errors, ordered
from msaspec.lint import lint, remembered
from msaspec.plan import Plan
from msaspec.source import Document
from msaspec.verdicts import Verdicts


@dataclass(frozen=True)
class System:
    """A compiled environment of a manifest."""

    document: Document
    plan: Plan
    main: Stack
    registry: Stack | None
    shared: Mapping[str, str]
    """The tags of the registry stack. They are those of the manifest without its environments, since all share it."""
    warnings: tuple[Diagnostic, ...]

    @property
    def stacks(self) -> tuple[Stack, ...]:
        """Those that it has."""
        return tuple(filter(None, (self.main, self.registry)))


def compiled(document: Document, environment: str | None) -> System:
    """Compiles what is to be deployed. Raises Invalid with every error."""
    main = pipeline.compile_main(document, environment)
    registry, found = pipeline.compile_registry(document, environment)
    # The merged document: what only the environment writes has its line there.
    merged = main.plan.manifest.document
    shared = pipeline.plan_of(document)[0].site.tags if registry and environment else main.plan.site.tags
    return System(merged, main.plan, main.stack, registry, shared, (*main.warnings, *found))


def linted(system: System, region: str | None, cache: Verdicts) -> System:
    """Lints what is to be deployed. Raises Invalid with every error."""
    regions = _regions(system, region)
    found = [diagnostic for stack in system.stacks for diagnostic in lint(stack, system.document, regions, cache)]
    warnings = ordered([*system.warnings, *found])
    if errors(warnings):
        raise Invalid(warnings)
    return replace(system, warnings=tuple(warnings))


def is_remembered(system: System, region: str | None, cache: Verdicts) -> bool:
    """Whether `linted` has nothing left to do but to ask the cache."""
    return all(remembered(stack, _regions(system, region), cache) is not None for stack in system.stacks)


def _regions(system: System, region: str | None) -> list[str]:
    chosen = region or system.plan.root.region
    return [chosen] if chosen else []


def deploy(system: System, aws: Aws, teller: Teller, wish: Wish, here: Here) -> None:
    """Brings a system to AWS.

    Raises Invalid for what the manifest or the command line would have to say otherwise, Fault for what AWS refuses,
    Declined when the user says no, Unwatched when the user stops watching.
    """
    root = system.plan.root
    teller.diagnosed(system.warnings)
    main = Deployment(aws, teller, wish, here, system.document, system.main, protect=root.protect)
    main.look()
    tags = parameters.tags(system.plan, wish.tags, main.deployed.parameters if main.deployed else None, main.before)
    _tell_kept(teller, tags)
    if system.registry:
        # Its end is always awaited, which takes seconds: images are pushed to it.
        awaited = replace(wish, follow=True)
        its = replace(here, registry=True)
        registry = Deployment(aws, teller, awaited, its, system.document, system.registry)
        registry.look()
        done = _bring(registry, system, {}, system.shared, quiet=True)
        if not done and not wish.dry_run:
            return
        _images(system, aws, teller, wish, tags, here, there=registry.deployed is not None)
        main.used |= registry.used
    done = _bring(main, system, {tag.parameter: tag.value for tag in tags}, system.plan.site.tags)
    if unused := sorted(wish.allowed - main.used):
        teller.note(f"`--allow-replace {unused[0]}` let nothing go: nothing of that name would be lost.")
    if done and main.deployed:
        teller.outputs(main.stack.name, as_outputs(main.deployed.outputs, main.deployed.descriptions))


def versions(aws: Aws, plan: Plan, stack: Stack) -> tuple[Stack | None, Stack]:
    """A stack as CloudFormation has it, None where it has none, and as a deployment would make it, both with the
    values of their parameters, to be compared."""
    deployed = state.describe(aws, stack.name)
    if deployed is None or deployed.standing in (Standing.ABSENT, Standing.PROPOSED, Standing.STILLBORN):
        return None, stack
    template = state.template_of(aws, deployed.id)
    names = {tag_parameter(service): service for service, _, _ in parameters.owned(plan)}
    try:
        chosen = parameters.tags(plan, {}, deployed.parameters, template)
        values = {tag.parameter: tag.value for tag in chosen}
    except Invalid:
        values = {name: value for name, value in deployed.parameters.items() if name in names}
    before = Stack(stack.name, parameters.filled(template, deployed.parameters), {})
    return before, replace(stack, template=parameters.filled(stack.template, values))


def _bring(
    deployment: Deployment, system: System, values: Mapping[str, str], tags: Mapping[str, str], quiet: bool = False
) -> bool:
    """One stack to its end; False if it was not brought there: only looked at, or still on its way."""
    wish, teller, name = deployment.wish, deployment.teller, deployment.stack.name
    if wish.dry_run and deployment.foresee(values):
        deployment.foretell()
        teller.note(f"Nothing was changed: this was a look at the stack {name} only.")
        return False
    proposal = deployment.propose(system.plan.site.system, values, tags)
    deployment.foretell()
    if proposal is None:
        if not quiet:
            teller.note(f"The stack {name} has no changes.")
        if not wish.dry_run:
            deployment.settle()
        return True
    if wish.dry_run:
        deployment.withdraw(proposal.change_set)
        upload = " but for the upload of the template" if deployment.uploaded else ""
        teller.note(f"Nothing was changed{upload}: this was a look at the stack {name} only.")
        return False
    deployment.confirm(proposal)
    later = f"The next deployment does that: {deployment.here.command('deploy')}"
    try:
        outcome = deployment.execute(proposal)
    except Unwatched:
        first = changeset.is_first(deployment.deployed)
        teller.note(f"Take it back: {deployment.here.command('destroy' if first else 'cancel')}")
        if first:
            teller.note(f"Termination protection and the stack policy are not on yet. {later}")
        elif proposal.released:
            teller.note(f"The stack policy does not guard yet what you let go. {later}")
        raise
    if outcome is None:
        teller.note(f"The deployment of {name} has begun. Watch it: {deployment.here.command('status', '--follow')}")
        teller.note(f"Termination protection and the stack policy are not seen to yet. {later}")
        return False
    deployment.settle()
    deployment.tell_left(outcome)
    return True


def _tell_kept(teller: Teller, tags: Iterable[Tag]) -> None:
    for tag in tags:
        if tag.source is Source.RUNNING and tag.written:
            teller.note(f"{tag.service} keeps the tag {tag.value} that runs; the manifest says {tag.written}.")


def _images(
    system: System, aws: Aws, teller: Teller, wish: Wish, tags: tuple[Tag, ...], here: Here, *, there: bool
) -> None:
    """Sees that every image is in its repository. Raises Invalid with the commands that push what is not."""
    name = system.plan.site.system
    absent = images.missing(aws, name, tags) if there else list(tags)
    if not absent:
        return
    services = {workload.name: workload.spec for _, workload in system.plan.workloads}
    found = []
    for tag in absent:
        spec = services[tag.service]
        build = str(Path(here.file).parent / spec.build) if spec.build else None
        found.append(system.document.place(images.told(tag, images.place(aws, name, tag), spec.arch, build, here)))
    if wish.dry_run:
        teller.note(f"{len(absent)} of {len(tags)} images are not in their repositories yet.")
        return
    teller.note(f"First log docker in, if it is not: {images.login(aws)}")
    raise Invalid(found)
