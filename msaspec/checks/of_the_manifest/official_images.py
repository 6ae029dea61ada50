"""Bare names that are those of official images of Docker Hub."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.language.official_images import OFFICIAL

OFFICIAL_IMAGE = Code(
    "MSA315",
    "A repository with the name of an official image",
    """
    `image: nginx` is an ECR repository of this system, which is empty until you push an image. Docker Hub has an
    official image of the same name; it is addressed with its registry. For a repository of your own, say how its image
    is built with `build`, or choose another name.

    Wrong: `image: nginx:alpine`, to run the official image
    Right: `image: docker.io/library/nginx:alpine`
    """,
    Severity.WARNING,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """No image of the system is called like an official one, unless it is built."""
    for _, workload in plan.workloads:
        image = workload.image
        if image.owned and image.repository in OFFICIAL and not workload.spec.build:
            message = (
                f"`{workload.name}` runs `{image}` from a repository of this system, not the official image"
                f" `{image.repository}` of Docker Hub."
            )
            hint = f"Write `image: docker.io/library/{image}`, or add `build: DIRECTORY` if the image is your own."
            yield OFFICIAL_IMAGE.at((*workload.path, "image"), message, hint=hint)
