"""Tags of images that can be pushed again: what runs is then not what the manifest says."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.aws import ecr
from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity

MUTABLE_TAG = Code(
    "MSA347",
    "An image tag that can point to another image",
    """
    A tag that is pushed again points to another image, and nothing in the manifest shows it: a deployment sees no
    change, and hosts and tasks that start later may run another image than those beside them. `latest` is such a tag;
    so is an image of another registry without a tag, which means `latest`, and every tag under `mutable: true`.

    For an image of the system, msaspec pins the image that a deployment runs by its digest, says when the tag points to
    another one, and rolls that out with `msaspec deploy --redeploy SERVICE`. An image of another registry is pinned by
    its digest in the manifest.

    Wrong: `image: docker.io/library/nginx`
    Right: `image: docker.io/library/nginx:1.29.3`
    """,
    Severity.WARNING,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Every tag means one image."""
    for runtime, workload in plan.workloads:
        for path, further in runtime.images(workload):
            if not further.digest and further.tag in (None, ecr.LATEST):
                message = f"`{workload.name}` runs `{further}`, which does not say which image that is."
                yield MUTABLE_TAG.at(
                    path, message, hint=f"Name one: `{further.host}/{further.repository}:TAG`, or a digest."
                )
        image, spec = workload.image, workload.spec
        if image.owned and spec.mutable:
            message = f"The tags of `{workload.name}` can be pushed again, so a tag does not say which image runs."
            hint = "Leave out `mutable`, and push each image under a tag of its own."
            yield MUTABLE_TAG.at((*workload.path, "mutable"), message, hint=hint)
        elif image.tag == ecr.LATEST and not image.digest:
            message = f"`{workload.name}` runs the tag `latest`, which does not say which image that is."
            hint = "Name a tag that is pushed once, such as a version or a commit."
            yield MUTABLE_TAG.at((*workload.path, "image"), message, hint=hint)
        elif not image.owned and not image.tag and not image.digest:
            message = f"The image of `{workload.name}` has no tag, which means `latest`."
            hint = f"Name one: `{image}:TAG`, or a digest: `{image}@sha256:...`"
            yield MUTABLE_TAG.at((*workload.path, "image"), message, hint=hint)
