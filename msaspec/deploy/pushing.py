"""Images into the system's repositories, through the docker command line."""

from __future__ import annotations

import base64
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msaspec import names
from msaspec.deploy import fault, images, parameters
from msaspec.deploy.here import Here
from msaspec.deploy.images import Place
from msaspec.deploy.parameters import Tag
from msaspec.deploy.target import Aws
from msaspec.deploy.teller import Teller
from msaspec.diagnostic import Code
from msaspec.plan import Plan

NO_DOCKER = Code(
    "MSA624",
    "docker cannot be run",
    "`msaspec push` speaks to registries through the docker command line, which has to be installed and on the PATH.",
)
DOCKER_FAILED = Code(
    "MSA625",
    "docker failed",
    "A command of docker ended with an error; what it said stands above. Nothing that it names was pushed.",
)
NO_REPOSITORY = Code(
    "MSA626",
    "There is no repository for an image",
    "`msaspec deploy` makes the repositories of a system before it looks for images in them. Run it once, then push.",
)

Run = Callable[[Sequence[str], str | None], int]
"""Runs a command with an input, shows what it says, and gives its exit code."""


def run(command: Sequence[str], given: str | None) -> int:
    """A command on this machine. Raises Fault if there is no such program."""
    try:
        return subprocess.run(command, input=given, text=True, check=False).returncode
    except OSError as error:
        message = f"`{command[0]}` cannot be run: {error.strerror}."
        raise fault.raised(NO_DOCKER, message, "Install docker, or put it on the PATH.") from None


@dataclass(frozen=True)
class Wanted:
    """An image to push."""

    tag: Tag
    arch: str
    build: str | None
    """The directory to build it from; None for a local image."""


def wanted(plan: Plan, services: Sequence[str], words: Mapping[str, str], file: str, build: str | None) -> list[Wanted]:
    """The images of some services. `build` comes before the manifest's, whose paths are relative to its file.

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


def push(aws: Aws, teller: Teller, here: Here, system: str, wanted: Sequence[Wanted], execute: Run = run) -> None:
    """Logs docker in, then builds or takes, tags and pushes each image.

    Services that run the same image push it once. Raises Fault where a repository is missing or docker fails.
    """
    from botocore.exceptions import ClientError

    if not wanted:
        teller.note("No service has an image of the system's own: there is nothing to push.")
        return
    ecr = aws.client("ecr")
    repositories = sorted({names.repository(system, each.tag.repository) for each in wanted})
    try:
        ecr.describe_repositories(repositoryNames=repositories)
    except ClientError as error:
        if fault.code_of(error) != "RepositoryNotFoundException":
            raise
        message = f"Of the repositories {', '.join(repositories)} some are not there: {fault.message_of(error)}"
        raise fault.raised(NO_REPOSITORY, message, f"Make them first: {here.command('deploy')}") from None
    _log_in(aws, execute)
    for where, each in _by_place(aws, system, wanted).items():
        for command in images.commands(each.tag, where, each.arch, each.build):
            _do(command, None, execute)
        teller.note(f"Pushed {where}")


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
            "Is the image there? Build it with --build DIR, or `build:` in the manifest."
            if command[1] == "tag"
            else None
        )
        raise fault.raised(DOCKER_FAILED, f"`{shlex.join(command)}` ended with {code}.", hint)
