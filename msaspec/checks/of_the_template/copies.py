"""How many copies run, and where: auto scaling groups and scalable targets, as a patch can leave them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.template.resources import Resource, inner, whole
from msaspec.template.stack import Stack

OUT_OF_BOUNDS = Code(
    "MSA426",
    "A number of copies out of bounds",
    """
    The minimum must not exceed the maximum, and the desired number must be between them. `scale` in the manifest sets
    all three; a patch that changes one must match the others.
    """,
)
NOWHERE = Code(
    "MSA427",
    "An Auto Scaling group without subnets",
    "An Auto Scaling group needs subnets (`VPCZoneIdentifier`) or zones (`AvailabilityZones`).",
)
UNSEEN = Code(
    "MSA428",
    "A launch template version that changes unseen",
    """
    With `$Latest` or `$Default` as the version, the group does not change when its launch template does: CloudFormation
    replaces no instance, and the next instance that the group starts differs from the others. CloudFormation does not
    support these values. Use `!GetAtt TEMPLATE.LatestVersionNumber`.
    """,
    Severity.WARNING,
)

_PLACES = ("VPCZoneIdentifier", "AvailabilityZones", "AvailabilityZoneIds", "InstanceId")


def check(stack: Stack) -> Iterator[Diagnostic]:
    """Numbers are in order, and groups have a place and a version."""
    for group in stack.resources.of("AWS::AutoScaling::AutoScalingGroup"):
        yield from _ordered(group, stack, "MinSize", "DesiredCapacity", "MaxSize")
        if all(group.get(key) in (None, []) for key in _PLACES):
            message = f"The Auto Scaling group `{group.name}` has neither subnets nor zones."
            hint = "Name subnets under its `VPCZoneIdentifier`."
            yield stack.fault(NOWHERE, message, hint, *(group.at(key) for key in _PLACES))
        for steps in (("LaunchTemplate",), ("MixedInstancesPolicy", "LaunchTemplate", "LaunchTemplateSpecification")):
            version = inner(group.get(*steps), "Version")
            if version in ("$Latest", "$Default"):
                message = f"The group `{group.name}` uses the version `{version}` of its launch template."
                hint = "Use the attribute `LatestVersionNumber` of the launch template."
                yield stack.fault(UNSEEN, message, hint, group.at(*steps, "Version"))
    for target in stack.resources.of("AWS::ApplicationAutoScaling::ScalableTarget"):
        yield from _ordered(target, stack, "MinCapacity", "MaxCapacity")


def _ordered(resource: Resource, stack: Stack, *keys: str) -> Iterator[Diagnostic]:
    known = [(key, number) for key in keys if (number := whole(resource.get(key))) is not None]
    for (lower, low), (higher, high) in pairwise(known):
        if low > high:
            message = f"`{resource.name}` has {low} as its `{lower}` and {high} as its `{higher}`."
            paths = resource.at(higher), resource.at(lower)
            yield stack.fault(OUT_OF_BOUNDS, message, "Make the first value at most the second.", *paths)
            return
