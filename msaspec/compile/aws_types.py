"""All types of resources that msaspec knows something of, from the modules that emit them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from msaspec.aws import bastion, iam, ingress, jobs, network, secret_texts, security_groups, tasks
from msaspec.aws.data import ecr, others
from msaspec.compile import hardening
from msaspec.language.aws_type import AwsType
from msaspec.language.lending import By
from msaspec.manifest.sections import kinds, runtimes

SHARED: Mapping[str, tuple[AwsType, ...]] = {
    "network": network.TYPES,
    "ingress": ingress.TYPES,
    "bastion": bastion.TYPES,
    "uses": (security_groups.RULE,),
    "registry": (ecr.REPOSITORY,),
    "jobs": (*jobs.TYPES, *tasks.TYPES, *secret_texts.TYPES, security_groups.GROUP, security_groups.RULE),
    **hardening.TYPES,
}
"""What belongs to no kind and no runtime, by the part of a system that emits it."""


def emitted() -> Mapping[str, tuple[AwsType, ...]]:
    """Return the types that each section, each runtime, and each part beside them can emit."""
    of_kinds = {kind.section: kind.types for kind in kinds()}
    # On servers of other systems a stack makes what it makes on its own.
    guests = (kind.types for kind in kinds() if kind.lent and kind.lent.by is By.GUESTS)
    elsewhere = {"systems": tuple(each for types in guests for each in types)}
    return {**SHARED, **elsewhere, **of_kinds, **{name: runtime.types for name, runtime in runtimes().items()}}


@cache
def known() -> Mapping[str, AwsType]:
    """Return every type that something is known of, by name."""
    every = [*iam.OTHERS, *others.TYPES, *(each for types in emitted().values() for each in types)]
    # Later ones win: a kind knows more of its type than the list of what only patches write.
    return {each.name: each for each in every}


def of(name: str) -> AwsType:
    """Return what is known of a type: no more than its name, perhaps."""
    return known().get(name) or AwsType(name=name)
