"""The images in the system's repositories: which of them anything runs, and which may go.

The lifecycle policy of a repository does not know what runs, so images with a tag stay for good by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msaspec.deploy.aws import fault, state
from msaspec.deploy.aws.state import Standing
from msaspec.deploy.context import Context
from msaspec.deploy.ownership import own
from msaspec.deploy.reporter import Declined
from msaspec.diagnostics.diagnostic import Code
from msaspec.messages import cleaning as said
from msaspec.template import names
from msaspec.template.owner import claim
from msaspec.template.resources import Resources
from msaspec.template.role import MAIN, REGISTRY, Named

BUSY = Code(
    "MSA682",
    "An operation of the system is in progress",
    """
    What a stack runs is certain only while no operation changes it: a rollback needs the images of the version before.
    Wait for its end, and run the command again.
    """,
)
# fact: ecr-referenced-images
AT_ONCE = 100
"""Images that ECR deletes in one request."""


@dataclass(frozen=True)
class Image:
    """An image in a repository."""

    repository: str
    digest: str
    tags: tuple[str, ...]
    pushed: float

    def __str__(self) -> str:
        named = ", ".join(self.tags) or self.digest[: len("sha256:") + 12]
        return f"{self.repository}: {named}"


@dataclass(frozen=True)
class Running:
    """What a stack runs of an image of the system."""

    stack: str
    tag: str
    digest: str | None


def clean(context: Context, system: str, keep: int, *, yes: bool, dry_run: bool) -> None:
    """Delete what nothing runs, but for the last `keep` images of each repository with tags, and without.

    Raises Fault where AWS refuses or an operation is in progress, Declined when the user says no.
    """
    repositories = _repositories(context, system)
    running = list(_running(context, system)) if repositories else []
    going: list[Image] = []
    for repository in repositories:
        images = list(_images(context, repository))
        if unknown := _unknown(running, images):
            context.reporter.say(said.NotCleaned(repository, unknown.stack, unknown.tag))
            continue
        going += removable(images, running, keep)
    if not going:
        context.reporter.say(said.NothingToClean())
        return
    for image in going:
        context.reporter.say(said.Unused(image.repository, image.digest, image.tags, str(image)))
    if dry_run:
        return
    if not yes and not context.reporter.asks(said.MayClean(len(going), context.aws.region, context.aws.account)):
        raise Declined
    deleted = sum(_delete(context, name, [i for i in going if i.repository == name]) for name in repositories)
    context.reporter.say(said.Cleaned(deleted))


def removable(images: Sequence[Image], running: Iterable[Running], keep: int) -> list[Image]:
    """Return the images of one repository that may go, the oldest last. Pure."""
    running = list(running)
    used = {each.digest for each in running if each.digest} | {each.tag for each in running if not each.digest}
    newest = sorted(images, key=lambda image: image.pushed, reverse=True)
    tagged = [image for image in newest if image.tags]
    untagged = [image for image in newest if not image.tags]
    last = {image.digest for image in (*tagged[:keep], *untagged[:keep])}
    return [image for image in newest if not (image.digest in last or used & {image.digest, *image.tags})]


def _unknown(running: Sequence[Running], images: Sequence[Image]) -> Running | None:
    """Return what runs a tag that was pushed again and is not pinned: which image that is, nobody knows."""
    known = {tag for image in images for tag in image.tags}
    loose = any(not image.tags for image in images)
    return next((each for each in running if each.digest is None and each.tag in known and loose), None)


def _repositories(context: Context, system: str) -> list[str]:
    """Return the repositories of the system's own stack. Raises Invalid where the stack is another's."""
    registry = Named(REGISTRY, system)
    deployed = state.describe(context.aws, registry.name)
    if deployed is None or deployed.standing is Standing.ABSENT:
        return []
    template = own(context, registry, deployed, adopted=()).template
    found = Resources(template, deployed.name).of("AWS::ECR::Repository") if template else ()
    return sorted(str(each.get("RepositoryName")) for each in found)


def _running(context: Context, system: str) -> Iterator[Running]:
    """Yield what every environment of the system runs. Raises Fault where one is about to change."""
    pages = context.aws.client("cloudformation").get_paginator("describe_stacks").paginate()
    for stack in (stack for page in pages for stack in page["Stacks"]):
        name, standing = str(stack["StackName"]), state.standing(stack["StackStatus"])
        tags = [each for each in stack.get("Parameters", ()) if each["ParameterKey"].endswith(names.IMAGE_TAG)]
        if not tags or standing in (Standing.ABSENT, Standing.PROPOSED) or not f"{name}-".startswith(f"{system}-"):
            continue
        whose = claim(state.template_of(context.aws, name)).owner
        if whose is not None and (whose.system, whose.role) != (system, MAIN):
            continue
        if standing is Standing.BUSY:
            message = f"The stack {name} is {stack['StackStatus']}."
            raise fault.new(BUSY, message, "Wait for its end, and run the command again.")
        for each in tags:
            tag, _, digest = str(each.get("ParameterValue", "")).partition("@")
            yield Running(name, tag, digest or None)


def _images(context: Context, repository: str) -> Iterator[Image]:
    from botocore.exceptions import ClientError

    try:
        pages = context.aws.client("ecr").get_paginator("describe_images").paginate(repositoryName=repository)
        for each in (image for page in pages for image in page["imageDetails"]):
            pushed: Any = each.get("imagePushedAt")
            tags = tuple(sorted(each.get("imageTags", ())))
            yield Image(repository, each["imageDigest"], tags, pushed.timestamp() if pushed else 0.0)
    except ClientError as error:
        if fault.code_of(error) != "RepositoryNotFoundException":  # Somebody deleted it by hand.
            raise


def _delete(context: Context, repository: str, images: Sequence[Image]) -> int:
    """Delete images, and return how many went. Those that another image is made of stay, as ECR says of them."""
    deleted = 0
    for start in range(0, len(images), AT_ONCE):
        ids = [{"imageDigest": image.digest} for image in images[start : start + AT_ONCE]]
        answer = context.aws.client("ecr").batch_delete_image(repositoryName=repository, imageIds=ids)
        refused: dict[str, Mapping[str, Any]] = {
            str(each.get("imageId", {}).get("imageDigest")): each for each in answer.get("failures", ())
        }
        deleted += len(ids) - len(refused)
        for digest, each in refused.items():
            if each.get("failureCode") not in ("ImageReferencedByManifestList", "ImageNotFound"):
                reason = str(each.get("failureReason", each.get("failureCode")))
                context.reporter.say(said.NotDeleted(repository, digest, reason))
    return deleted
