"""Whether the images that a system is to run are in its repositories, and what puts them there."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from msaspec.compile import aws_types
from msaspec.deploy.aws import fault
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.invocation import Invocation
from msaspec.deploy.parameters import Tag
from msaspec.deploy.recipe import Recipe
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.template import names

NO_IMAGE = Code(
    "MSA522",
    "An image is missing from its repository",
    """
    A service cannot start without its image, so msaspec deploys nothing until all images are there. `msaspec deploy`
    builds and pushes the image of a service with `build`, which says how. For others, `msaspec push
    SERVICE` logs in to the registry, builds for the service's architecture, tags and pushes. The message lists the
    docker commands that do the same.
    """,
)

NO_REPOSITORY = Code(
    "MSA626",
    "An image without a repository",
    """
    `msaspec deploy` makes the repositories of a system before it looks for images in them. Where the stack of the
    repositories has one and the account has not, it was deleted by hand: CloudFormation does not notice that by
    itself, and `msaspec deploy --repair` makes it again. Then push the images.
    """,
)

PLATFORMS: Mapping[str, str] = {"arm64": "linux/arm64", "x86_64": "linux/amd64"}
"""What docker calls the architectures."""


@dataclass(frozen=True)
class Place:
    """Where an image lies."""

    registry: str
    """Host of the account's registry in a Region."""
    repository: str
    tag: str

    def __str__(self) -> str:
        return f"{self.registry}/{self.repository}:{self.tag}"


def registry(aws: Aws) -> str:
    """Return the host of the account's registry."""
    return f"{aws.account}.dkr.ecr.{aws.region}.{aws.suffix}"


def place(aws: Aws, system: str, tag: Tag) -> Place:
    """Where the image of a service lies."""
    return Place(registry(aws), names.repository(system, tag.repository), tag.value)


def missing(aws: Aws, system: str, tags: Iterable[Tag]) -> list[Tag]:
    """Those whose image is not there. Asks once for each image."""
    return [tag for tag, image in described(aws, system, tags) if image is None]


def described(aws: Aws, system: str, tags: Iterable[Tag]) -> list[tuple[Tag, Mapping[str, Any] | None]]:
    """Return what ECR says of the image that each tag points to now; None where it is not there. Asks once for each."""
    from botocore.exceptions import ClientError

    ecr = aws.client("ecr")
    there: dict[tuple[str, str], Mapping[str, Any] | None] = {}
    found = []
    for tag in tags:
        image = names.repository(system, tag.repository), tag.value
        if image not in there:
            try:
                answer = ecr.describe_images(repositoryName=image[0], imageIds=[{"imageTag": image[1]}])
                there[image] = next(iter(answer["imageDetails"]), {})
            except ClientError as error:
                if fault.code_of(error) not in ("ImageNotFoundException", "RepositoryNotFoundException"):
                    raise
                there[image] = None
        found.append((tag, there[image]))
    return found


def gone(aws: Aws, system: str, tags: Iterable[Tag]) -> list[str]:
    """Return the names of the repositories of images that are not there, sorted."""
    wanted = sorted({names.repository(system, tag.repository) for tag in tags})
    return [name for name in wanted if not aws_types.of("AWS::ECR::Repository").is_there(aws, name)]


def told(tag: Tag, where: Place, arch: str, build: Recipe | None, invocation: Invocation | None = None) -> Diagnostic:
    """Return the fault of a missing image, with the commands that push it."""
    message = f"The image of `{tag.service}` is not in its repository: {where}"
    # What `msaspec push` would take by itself is the manifest's tag.
    word = ("--tag", f"{tag.service}={tag.value}") if tag.value != tag.written else ()
    command = (invocation or Invocation()).command("push", tag.service, *word)
    pushing = " && ".join(map(shlex.join, commands(tag, where, arch, build)))
    hint = f"Run `{command}`, or: {pushing}"
    return NO_IMAGE.at(tag.path, message, hint=hint)


def commands(tag: Tag, where: Place, arch: str, build: Recipe | None, program: str = "docker") -> list[list[str]]:
    """Return the commands of docker, or of a program that takes its words, that build an image or take the local one,
    and push it; after logging in."""
    local = f"{tag.repository}:{tag.value}"
    if build:
        first = [program, "build", "--platform", PLATFORMS[arch], "--tag", str(where), *build.words()]
    else:
        first = [program, "tag", local, str(where)]
    return [first, [program, "push", str(where)]]


def login(aws: Aws) -> str:
    """Return the command that logs docker in to the registry."""
    password = aws.cli("ecr", "get-login-password")
    return f"{password} | docker login --username AWS --password-stdin {registry(aws)}"
