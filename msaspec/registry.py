"""The registry stack: an ECR repository for every image that the system owns, shared by all its environments."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from troposphere import Output, Sub, ecr

from msaspec import names, origin
from msaspec.compile import FORMAT, SAME_LOGICAL_ID, Stack, as_data
from msaspec.diagnostic import Invalid
from msaspec.place import Path
from msaspec.plan import Plan
from msaspec.source import Document

UNTAGGED_DAYS = 14
"""How long an image that lost its tag is kept."""


def compile_registry(plans: Iterable[Plan]) -> Stack | None:
    """The repositories of all environments' plans; None where the system owns no image."""
    plans = tuple(plans)
    system = plans[0].site.system
    images: dict[str, Path] = {}
    for plan in plans:
        for _, workload in plan.workloads:
            if workload.image.owned:
                images.setdefault(workload.image.repository, (*workload.path, "image"))
    if not images:
        return None
    _told_apart(images, plans[0].manifest.document)
    resources = {names.camel(image) + "Repository": _repository(system, image) for image in sorted(images)}
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
    template: dict[str, Any] = {
        "AWSTemplateFormatVersion": FORMAT,
        "Description": f"Image repositories of {system}. Compiled by msaspec.",
        "Metadata": origin.metadata(dict.fromkeys(entries.values()), entries),
        "Resources": {name: as_data(resource) for name, resource in resources.items()},
        "Outputs": {name: as_data(output) for name, output in outputs.items()},
    }
    return Stack(names.registry_stack(system), template, origins)


def _told_apart(images: Mapping[str, Path], document: Document) -> None:
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


def _repository(system: str, image: str) -> Any:
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
    return ecr.Repository(
        names.camel(image) + "Repository",
        RepositoryName=names.repository(system, image),
        ImageScanningConfiguration=ecr.ImageScanningConfiguration(ScanOnPush=True),
        EncryptionConfiguration=ecr.EncryptionConfiguration(EncryptionType="AES256"),
        LifecyclePolicy=ecr.LifecyclePolicy(LifecyclePolicyText=json.dumps(expire, indent=1)),
        DeletionPolicy="Retain",
        UpdateReplacePolicy="Retain",
    )
