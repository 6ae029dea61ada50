"""The registry stack: an ECR repository for every image that the system owns, shared by all its environments."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from troposphere import Output, Sub, ecr

from msaspec.aws.ecr import LATEST
from msaspec.compile.main import FORMAT, SAME_LOGICAL_ID, as_data
from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Invalid
from msaspec.diagnostics.place import Path
from msaspec.source.document import Document
from msaspec.template import exceptions, names, origin, owner
from msaspec.template.role import REGISTRY, Named
from msaspec.template.stack import Stack

UNTAGGED_DAYS = 14
"""How long an image that lost its tag is kept."""


def compile_registry(plans: Iterable[Plan]) -> Stack | None:
    """Return the repositories of all environments' plans; None where the system owns no image.

    Its tags are those of the first plan, which is that of the manifest without its environments: all share it.
    """
    plans = tuple(plans)
    system = plans[0].site.system
    images: dict[str, Path] = {}
    mutable: set[str] = set()
    moving: set[str] = set()
    for plan in plans:
        for _, workload in plan.workloads:
            if workload.image.owned:
                images.setdefault(workload.image.repository, (*workload.path, "image"))
                mutable |= {workload.image.repository} if workload.spec.mutable else set()
                moving |= {workload.image.repository} if workload.image.tag == LATEST else set()
    if not images:
        return None
    _check_distinct(images, plans[0].manifest.document)
    resources = {
        names.camel(image) + "Repository": _repository(
            system, image, _tags(mutable=image in mutable, moving=image in moving)
        )
        for image in sorted(images)
    }
    outputs = {
        f"{names.camel(image)}RepositoryUri": Output(
            "Uri",
            Description=f"Where to push the image {image}.",
            Value=Sub(f"${{{names.camel(image)}Repository.RepositoryUri}}"),
        )
        for image in sorted(images)
    }
    origins = {names.camel(image) + "Repository": path for image, path in images.items()}
    entries = {name: origins[name][:2] for name in sorted(origins)}
    whose = Named(REGISTRY, system)
    template: dict[str, Any] = {
        "AWSTemplateFormatVersion": FORMAT,
        "Description": owner.description(whose),
        "Metadata": origin.metadata(whose, dict.fromkeys(entries.values()), entries),
        "Resources": {name: as_data(resource) for name, resource in resources.items()},
        "Outputs": {name: as_data(output) for name, output in outputs.items()},
    }
    if any(plan.root.audit and plan.root.audit.enabled for plan in plans):
        exceptions.explain(template, whose.name, plans[0].site.region)
    first = plans[0].site
    return Stack(whose.name, template, origins, role=REGISTRY, tags=first.tags, region=first.region)


def _check_distinct(images: Mapping[str, Path], document: Document) -> None:
    first: dict[str, str] = {}
    found = []
    for image, path in sorted(images.items()):
        other = first.setdefault(names.camel(image), image)
        if other != image:
            message = (
                f"The images `{other}` and `{image}` would both become the logical id `{names.camel(image)}Repository`."
            )
            found.append(document.place(SAME_LOGICAL_ID.at(path, message, hint="Rename one of the two.")))
    if found:
        raise Invalid(found)


def _tags(*, mutable: bool, moving: bool) -> dict[str, Any]:
    """Return what can be pushed again: any tag, only `latest`, or none."""
    if mutable:
        return {"ImageTagMutability": "MUTABLE"}
    if not moving:
        return {"ImageTagMutability": "IMMUTABLE"}
    excluded = ecr.ImageTagMutabilityExclusionFilter(
        ImageTagMutabilityExclusionFilterType="WILDCARD", ImageTagMutabilityExclusionFilterValue=LATEST
    )
    return {
        "ImageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "ImageTagMutabilityExclusionFilters": [excluded],
    }


def _repository(system: str, image: str, tags: Mapping[str, Any]) -> Any:
    expire = {
        "rules": [
            {
                "rulePriority": 1,
                "description": f"Untagged images go after {UNTAGGED_DAYS} days",
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": UNTAGGED_DAYS,
                },
                "action": {"type": "expire"},
            }
        ]
    }
    lifecycle = {"LifecyclePolicy": ecr.LifecyclePolicy(LifecyclePolicyText=json.dumps(expire, indent=1))}
    if tags["ImageTagMutability"] != "IMMUTABLE":
        # What a moved tag stood for has no tag, and may be what runs. `msaspec clean` knows.
        lifecycle = {}
    return ecr.Repository(
        names.camel(image) + "Repository",
        RepositoryName=names.repository(system, image),
        **tags,
        ImageScanningConfiguration=ecr.ImageScanningConfiguration(ScanOnPush=True),
        EncryptionConfiguration=ecr.EncryptionConfiguration(EncryptionType="AES256"),
        **lifecycle,
        DeletionPolicy="Retain",
        UpdateReplacePolicy="Retain",
    )
