"""Images into the system's repositories, by docker or a program that takes its words."""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from msaspec.compile.plan import Plan
from msaspec.deploy import building, content, images, parameters, recipe
from msaspec.deploy.aws import fault, state
from msaspec.deploy.aws.fault import Fault
from msaspec.deploy.aws.state import Standing
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.building import Run
from msaspec.deploy.context import Context
from msaspec.deploy.images import NO_REPOSITORY, Place
from msaspec.deploy.ownership import own
from msaspec.deploy.parameters import Source, Tag
from msaspec.deploy.recipe import Recipe
from msaspec.diagnostics.diagnostic import Code
from msaspec.messages.others import Building, NothingToPush, Pushed, PushedBefore, StandIns
from msaspec.template import names
from msaspec.template.resources import Resources
from msaspec.template.role import REGISTRY, Named

DOCKER_FAILED = Code(
    "MSA625",
    "A program that builds images failed",
    "A command of docker, podman or finch failed; its output is above. Nothing that it names was pushed.",
)
PUSHED_BEFORE = Code(
    "MSA639",
    "A tag that cannot be pushed again",
    """
    The repositories of a system are immutable: a tag that was pushed stays what it is, so that what runs is what was
    deployed. Push the new image under another tag, and deploy that. `mutable: true` on a service lets the tags of its
    image be pushed again, after the next `msaspec deploy`; `latest` can be, where `image` names it.
    """,
)
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"


@dataclass(frozen=True)
class Wanted:
    """An image to push."""

    tag: Tag
    arch: str
    build: Recipe | None
    """How to build it; None for a local image."""


def wanted(plan: Plan, services: Sequence[str], words: Mapping[str, str], file: str, build: str | None) -> list[Wanted]:
    """Return the images of some services. The folder `build` comes before the manifest's, whose paths are relative to
    its file.

    Raises Invalid for a service without a tag.
    """
    untagged = {name for name, _, tag in parameters.owned(plan) if tag is None and name not in words}
    # Only the tags of what is pushed have to be known.
    others = dict.fromkeys(untagged - set(services), "unknown")
    made = content.tags(plan, words, untagged & set(services), build)
    chosen = parameters.tags(plan, {**others, **words}, made)
    return of(plan, [tag for tag in chosen if tag.service in services], file, build)


def of(plan: Plan, tags: Iterable[Tag], file: str, build: str | None = None) -> list[Wanted]:
    """Return the images of some tags, with how each is made."""
    specs = {workload.name: workload.spec for _, workload in plan.workloads}
    return [
        Wanted(tag, specs[tag.service].arch, recipe.of(specs[tag.service].build, file, build or None)) for tag in tags
    ]


def push(context: Context, system: str, wanted: Sequence[Wanted], execute: Run = building.run) -> None:
    """Push each image into its repository.

    Raises Fault where a repository is missing or docker fails, Invalid where the stack of the repositories is
    another's.
    """
    from botocore.exceptions import ClientError

    aws = context.aws
    if not wanted:
        context.reporter.say(NothingToPush())
        return
    ecr, registry = aws.client("ecr"), Named(REGISTRY, system)
    repositories = sorted({names.repository(system, each.tag.repository) for each in wanted})
    if strangers := sorted(set(repositories) - _made(context, registry)):
        message = f"The stack {registry.name} does not have these repositories: {', '.join(strangers)}."
        raise fault.new(NO_REPOSITORY, message, f"Create them first: {context.command('deploy')}")
    try:
        there = ecr.describe_repositories(repositoryNames=repositories)["repositories"]
    except ClientError as error:
        if fault.code_of(error) != "RepositoryNotFoundException":
            raise
        message = f"Of the repositories {', '.join(repositories)} some were deleted: {fault.message_of(error)}"
        again = context.command("deploy", "--repair")
        hint = f"Make them again: {again}, which then names the images that are to be pushed."
        raise fault.new(NO_REPOSITORY, message, hint) from None
    wanted = _without_pushed(context, system, wanted)
    _new(context, system, wanted, there)
    if wanted:
        upload(context, system, wanted, execute)


def upload(
    context: Context,
    system: str,
    wanted: Sequence[Wanted],
    execute: Run = building.run,
    said: Callable[[], Iterable[str]] = tuple,
) -> None:
    """Log docker in, then build or take, tag and push each image. Services that run the same image push it once.

    `said` gives what the last command said, where it was not shown. An endpoint on this machine has no registry that
    docker could push to, so it gets a manifest without layers.
    """
    aws, now = context.aws, context.aws.pace.now
    places = _by_place(aws, system, wanted)
    if aws.local():
        for where in places:
            _put(aws, where)
        context.reporter.say(StandIns(tuple(f"{each.repository}:{each.tag}" for each in places)))
        return
    program = building.program()
    _log_in(aws, program, execute, said)
    for where, each in places.items():
        began = now()
        if each.build:
            context.reporter.say(Building(str(where), each.build.folder, images.PLATFORMS[each.arch]))
        for command in images.commands(each.tag, where, each.arch, each.build, program):
            _do(command, None, execute, said)
        context.reporter.say(Pushed(str(where), round(now() - began)))


def _put(aws: Aws, where: Place) -> None:
    """Put an image without layers, another one for each name and tag."""
    labels = {"image": f"{where.repository}:{where.tag}"}
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": labels}})
    described = {"mediaType": _CONFIG, "size": len(config), "digest": _digest(config)}
    text = json.dumps({"schemaVersion": 2, "mediaType": _MANIFEST, "config": described, "layers": []})
    words = {"imageManifest": text, "imageManifestMediaType": _MANIFEST, "imageDigest": _digest(text)}
    aws.client("ecr").put_image(repositoryName=where.repository, imageTag=where.tag, **words)


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _without_pushed(context: Context, system: str, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Leave out what was pushed with the very same content, and say so."""
    tags = [each.tag for each in wanted if each.tag.source is Source.CONTENT]
    absent = images.missing(context.aws, system, tags)
    there = [tag for tag in tags if tag not in absent]
    for where in sorted({str(images.place(context.aws, system, tag)) for tag in there}):
        context.reporter.say(PushedBefore(where))
    return [each for each in wanted if each.tag not in there]


def _new(context: Context, system: str, wanted: Sequence[Wanted], there: Sequence[Mapping[str, Any]]) -> None:
    """Look for tags that were pushed before and cannot be pushed again. Raises Fault where there is one."""
    fixed = {
        str(each["repositoryName"]): {rule["filter"] for rule in each.get("imageTagMutabilityExclusionFilters", [])}
        for each in there
        if str(each.get("imageTagMutability", "")).startswith("IMMUTABLE")
    }

    def is_fixed(tag: Tag) -> bool:
        repository = names.repository(system, tag.repository)
        return repository in fixed and not any(fnmatchcase(tag.value, rule) for rule in fixed[repository])

    tags = [each.tag for each in wanted if is_fixed(each.tag)]
    absent = images.missing(context.aws, system, tags)
    again = [tag for tag in tags if tag not in absent]
    if again:
        places = ", ".join(dict.fromkeys(str(images.place(context.aws, system, tag)) for tag in again))
        first = again[0].service
        command = context.command("push", first, "--tag", f"{first}=NEW")
        hint = f"Push it under another tag: {command}. Or set `mutable: true` under `services.{first}`, and deploy."
        raise fault.new(
            PUSHED_BEFORE, f"These images were pushed before, and their tags are immutable: {places}.", hint
        )


def _made(context: Context, registry: Named) -> set[str]:
    """Return the repositories of the system's own stack. Raises Invalid where the stack is another's."""
    deployed = state.describe(context.aws, registry.name)
    if deployed is None or deployed.standing is Standing.ABSENT:
        return set()
    template = own(context, registry, deployed, adopted=()).template
    found = Resources(template, deployed.name).of("AWS::ECR::Repository") if template else ()
    return {str(each.get("RepositoryName")) for each in found}


def _by_place(aws: Aws, system: str, wanted: Sequence[Wanted]) -> dict[Place, Wanted]:
    """One of those that lie in the same place: the first that says how it is built, else the first."""
    found: dict[Place, Wanted] = {}
    for each in wanted:
        where = images.place(aws, system, each.tag)
        if where not in found or (each.build and not found[where].build):
            found[where] = each
    return found


def _log_in(aws: Aws, program: str, execute: Run, said: Callable[[], Iterable[str]]) -> None:
    """Docker gets the password on its standard input, where no list of processes shows it."""
    given = aws.client("ecr").get_authorization_token()["authorizationData"][0]
    user, _, password = base64.b64decode(given["authorizationToken"]).decode().partition(":")
    _do((program, "login", "--username", user, "--password-stdin", images.registry(aws)), password, execute, said)


def _do(command: Sequence[str], given: str | None, execute: Run, said: Callable[[], Iterable[str]]) -> None:
    if code := execute(command, given):
        hint = (
            "Check that the image exists. Build it with --build DIR, or with `build:` in the manifest."
            if command[1] == "tag"
            else None
        )
        message = f"`{shlex.join(command)}` ended with exit code {code}."
        raise Fault(DOCKER_FAILED.at((), message, hint=hint), details=said())
