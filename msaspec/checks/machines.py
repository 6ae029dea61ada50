"""What EC2 instances start with, as a patch can leave it: user data, machine image, type."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any

from msaspec.aws.hosts import architecture
from msaspec.aws.user_data import LIMIT
from msaspec.compile import Stack
from msaspec.diagnostic import Code, Diagnostic
from msaspec.place import Path
from msaspec.resources import Resource, inner, target

REFUSED_USER_DATA = Code(
    "MSA436",
    "User data that EC2 refuses",
    """
    User data has at most 16 KB (16,384 bytes) before base64, and is written in base64: as `Fn::Base64` of a text. For
    what a manifest says itself MSA332 tells it.
    """,
)
OTHER_ARCHITECTURE = Code(
    "MSA437",
    "An instance type that cannot boot its machine image",
    """
    A patch leaves an instance type of one CPU architecture and a machine image of the other, so that EC2 refuses to
    start it. With `arch` and `instance_type` of the manifest both change together.
    """,
)

_TEMPLATE = "AWS::EC2::LaunchTemplate"


def check_stack(stack: Stack) -> Iterator[Diagnostic]:
    """User data fits, and machine images run on what they are started on."""
    for template in stack.resources.of(_TEMPLATE):
        data = template.get("LaunchTemplateData")
        yield from _user_data(template, ("LaunchTemplateData", "UserData"), stack)
        paths = [template.at("LaunchTemplateData", key) for key in ("InstanceType", "ImageId")]
        yield from _bootable(template.name, inner(data, "InstanceType"), inner(data, "ImageId"), paths, stack)
    for instance in stack.resources.of("AWS::EC2::Instance"):
        yield from _user_data(instance, ("UserData",), stack)
        own = instance.get("InstanceType"), instance.get("ImageId")
        if own != (None, None):
            launch = stack.resources.meant(instance.get("LaunchTemplate", "LaunchTemplateId"), _TEMPLATE)
            data = launch.get("LaunchTemplateData") if launch else None
            kind, image = own[0] or inner(data, "InstanceType"), own[1] or inner(data, "ImageId")
            paths = [instance.at(key) for key in ("InstanceType", "ImageId")]
            yield from _bootable(instance.name, kind, image, paths, stack)


def _user_data(resource: Resource, steps: tuple[str, ...], stack: Stack) -> Iterator[Diagnostic]:
    written = resource.get(*steps)
    hint = "Keep large values elsewhere, such as in SSM parameters or in a bucket."
    if isinstance(written, str) and "{{resolve:" not in written:
        try:
            size = len(b64decode(written, validate=True))
        except (binascii.Error, ValueError):
            message = f"The user data of `{resource.name}` is not written in base64."
            yield stack.fault(REFUSED_USER_DATA, message, "Write `Fn::Base64` before the text.", resource.at(*steps))
            return
    else:
        size = len((stack.resources.shortest(inner(written, "Fn::Base64")) or "").encode("utf-8", "replace"))
    if size > LIMIT:
        message = f"The user data of `{resource.name}` has at least {size:,} bytes; EC2 takes {LIMIT:,}."
        yield stack.fault(REFUSED_USER_DATA, message, hint, resource.at(*steps))


def _bootable(name: str, kind: Any, image: Any, paths: list[Path], stack: Stack) -> Iterator[Diagnostic]:
    arch = _architecture(image, stack.template.get("Parameters", {}))
    if arch and isinstance(kind, str) and "." in kind and architecture(kind) != arch:
        message = f"`{name}` would start a machine image for {arch} on {kind}, which runs {architecture(kind)}."
        yield stack.fault(OTHER_ARCHITECTURE, message, "Take another instance type, or another image.", *paths)


def _architecture(image: Any, parameters: Mapping[str, Any]) -> str | None:
    """That of an image whose name, or whose parameter's default, tells it."""
    if name := target(image):
        image = inner(parameters, name, "Default")
    if not isinstance(image, str):
        return None
    return next((arch for arch in ("arm64", "x86_64") if arch in image), None)
