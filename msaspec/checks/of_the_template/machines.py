"""What EC2 instances start with, as a patch can leave it: user data, machine image, type."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any

from msaspec.aws.hosts import architecture
from msaspec.aws.user_data import LIMIT
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.template.resources import Resource, inner, target
from msaspec.template.stack import Stack

# fact: user-data
REFUSED_USER_DATA = Code(
    "MSA436",
    "User data that EC2 refuses",
    """
    User data has at most 16 KB (16,384 bytes) before base64 encoding, and must be encoded with `Fn::Base64`. For values
    of the manifest see MSA332.
    """,
)
OTHER_ARCHITECTURE = Code(
    "MSA437",
    "An instance type that cannot boot its machine image",
    """
    A patch combines an instance type of one CPU architecture with a machine image of another, which EC2 refuses to
    start. `arch` and `instance_type` in the manifest change both together.
    """,
)

_TEMPLATE = "AWS::EC2::LaunchTemplate"


def check(stack: Stack) -> Iterator[Diagnostic]:
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
            launch = stack.resources.referenced(instance.get("LaunchTemplate", "LaunchTemplateId"), _TEMPLATE)
            data = launch.get("LaunchTemplateData") if launch else None
            kind, image = own[0] or inner(data, "InstanceType"), own[1] or inner(data, "ImageId")
            paths = [instance.at(key) for key in ("InstanceType", "ImageId")]
            yield from _bootable(instance.name, kind, image, paths, stack)


def _user_data(resource: Resource, steps: tuple[str, ...], stack: Stack) -> Iterator[Diagnostic]:
    written = resource.get(*steps)
    hint = "Keep large values in SSM parameters or in a bucket."
    if isinstance(written, str) and "{{resolve:" not in written:
        try:
            size = len(b64decode(written, validate=True))
        except (binascii.Error, ValueError):
            message = f"The user data of `{resource.name}` is not encoded in base64."
            yield stack.fault(REFUSED_USER_DATA, message, "Wrap the text in `Fn::Base64`.", resource.at(*steps))
            return
    else:
        size = len((stack.resources.shortest(inner(written, "Fn::Base64")) or "").encode("utf-8", "replace"))
    if size > LIMIT:
        message = f"The user data of `{resource.name}` has at least {size:,} bytes; EC2 allows {LIMIT:,}."
        yield stack.fault(REFUSED_USER_DATA, message, hint, resource.at(*steps))


def _bootable(name: str, kind: Any, image: Any, paths: list[Path], stack: Stack) -> Iterator[Diagnostic]:
    arch = _architecture(image, stack.template.get("Parameters", {}))
    if arch and isinstance(kind, str) and "." in kind and architecture(kind) != arch:
        message = f"`{name}` would start a machine image for {arch} on {kind}, which runs {architecture(kind)}."
        yield stack.fault(OTHER_ARCHITECTURE, message, "Choose another instance type or image.", *paths)


def _architecture(image: Any, parameters: Mapping[str, Any]) -> str | None:
    """Return the architecture of an image whose name, or whose parameter's default, contains it."""
    if name := target(image):
        image = inner(parameters, name, "Default")
    if not isinstance(image, str):
        return None
    return next((arch for arch in ("arm64", "x86_64") if arch in image), None)
