"""Images into the system's repositories, through the docker command line."""

from __future__ import annotations

import base64
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from msaspec.compile.plan import Plan
from msaspec.deploy import images, parameters
from msaspec.deploy.aws import fault, state
from msaspec.deploy.aws.state import Standing
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.context import Context
from msaspec.deploy.images import NO_REPOSITORY, Place
from msaspec.deploy.ownership import own
from msaspec.deploy.parameters import Tag
from msaspec.diagnostics.diagnostic import Code
from msaspec.messages.others import NothingToPush, Pushed
from msaspec.template import names
from msaspec.template.resources import Resources
from msaspec.template.role import REGISTRY, Named

NO_DOCKER = Code(
    "MSA624",
    "docker cannot be started",
    "`msaspec push` uses the docker command line, which must be installed and on the PATH.",
)
DOCKER_FAILED = Code(
    "MSA625",
    "docker failed",
    "A docker command failed; its output is above. Nothing that it names was pushed.",
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
Run = Callable[[Sequence[str], str | None], int]
"""Runs a command with an input, shows what it says, and gives its exit code."""


def run(command: Sequence[str], given: str | None) -> int:
    """Return a command on this machine. Raises Fault if there is no such program."""
    try:
        # What docker says is no result: standard output is for those who read results.
        return subprocess.run(command, input=given, text=True, check=False, stdout=2).returncode
    except OSError as error:
        message = f"`{command[0]}` cannot be started: {error.strerror}."
        raise fault.new(NO_DOCKER, message, "Install docker, or put it on the PATH.") from None


@dataclass(frozen=True)
class Wanted:
    """An image to push."""

    tag: Tag
    arch: str
    build: str | None
    """The directory to build it from; None for a local image."""


def wanted(plan: Plan, services: Sequence[str], words: Mapping[str, str], file: str, build: str | None) -> list[Wanted]:
    """Return the images of some services. `build` comes before the manifest's, whose paths are relative to its file.

    Raises Invalid for a service without a tag.
    """
    specs = {workload.name: workload.spec for _, workload in plan.workloads}
    untagged = {name for name, _, tag in parameters.owned(plan) if tag is None and name not in words}
    # Only the tags of what is pushed have to be known.
    others = dict.fromkeys(untagged - set(services), "unknown")
    folder = Path(file).parent if file != "-" else Path()
    found = []
    for tag in parameters.tags(plan, {**others, **words}):
        if tag.service in services:
            spec = specs[tag.service]
            directory = build or (str(folder / spec.build) if spec.build else None)
            found.append(Wanted(tag, spec.arch, directory))
    return found


def push(context: Context, system: str, wanted: Sequence[Wanted], execute: Run = run) -> None:
    """Log docker in, then builds or take, tags and pushes each image.

    Services that run the same image push it once. Raises Fault where a repository is missing or docker fails, Invalid
    where the stack of the repositories is another's.
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
    _new(context, system, wanted, there)
    _log_in(aws, execute)
    for where, each in _by_place(aws, system, wanted).items():
        for command in images.commands(each.tag, where, each.arch, each.build):
            _do(command, None, execute)
        context.reporter.say(Pushed(str(where)))


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


def _log_in(aws: Aws, execute: Run) -> None:
    """Docker gets the password on its standard input, where no list of processes shows it."""
    given = aws.client("ecr").get_authorization_token()["authorizationData"][0]
    user, _, password = base64.b64decode(given["authorizationToken"]).decode().partition(":")
    _do(("docker", "login", "--username", user, "--password-stdin", images.registry(aws)), password, execute)


def _do(command: Sequence[str], given: str | None, execute: Run) -> None:
    if code := execute(command, given):
        hint = (
            "Check that the image exists. Build it with --build DIR, or with `build:` in the manifest."
            if command[1] == "tag"
            else None
        )
        raise fault.new(DOCKER_FAILED, f"`{shlex.join(command)}` ended with exit code {code}.", hint)
