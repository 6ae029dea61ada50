"""ECR repositories as holders of images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msaspec.language.aws_type import AwsType, Clients, Deletion, Holds, Unremovable, unless_gone

IMAGES = 100
"""Images that ECR deletes in one request."""


def _empty(aws: Clients, repository: str) -> None:
    """Remove all images. Those that an index names can be removed only after it, so repeat it while that helps."""
    ecr = aws.client("ecr")
    while True:
        pages = ecr.get_paginator("list_images").paginate(repositoryName=repository)
        ids = [id for page in pages for id in page["imageIds"]]
        failures: list[Any] = []
        for start in range(0, len(ids), IMAGES):
            said = ecr.batch_delete_image(repositoryName=repository, imageIds=ids[start : start + IMAGES])
            failures += said.get("failures", [])
        if not failures:
            return
        if len(failures) >= len(ids):
            reason = failures[0].get("failureReason") or failures[0].get("failureCode")
            raise Unremovable(f"The images of {repository} will not go: {reason}")


def _erase(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    aws.client("ecr").delete_repository(repositoryName=id, force=True)
    return [f"the image repository {id} with its images"]


def _removal(id: str) -> Iterable[list[str]]:
    yield ["ecr", "delete-repository", "--repository-name", id, "--force"]


_GONE = frozenset({"RepositoryNotFoundException"})


def _there(aws: Clients, id: str) -> bool:
    return unless_gone(_GONE, aws.client("ecr").describe_repositories, repositoryNames=[id]) is not None


REPOSITORY = AwsType(
    name="AWS::ECR::Repository",
    noun="image repository",
    holds=Holds.DATA,
    empty=_empty,
    erase=_erase,
    gone=_GONE,
    there=_there,
    removal=_removal,
    unique=(("RepositoryName",),),
)
