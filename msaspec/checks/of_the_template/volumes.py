"""Volumes of EBS, as a patch can leave them: performance that fits their size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.template.resources import inner, numbered, whole
from msaspec.template.stack import Stack

REFUSED_PERFORMANCE = Code(
    "MSA448",
    "A volume with more performance than its size allows",
    """
    A volume of the type `gp3` has at most 500 IOPS a GiB and a quarter of a MiB/s an IOPS, one of `io1` at most 50
    IOPS a GiB, one of `io2` at most 1,000. Every `gp3` volume has 3,000 IOPS and 125 MiB/s without asking.
    """,
)

# fact: ebs-volumes
_IOPS_A_GIBIBYTE = {"gp3": 500, "io1": 50, "io2": 1000}
"""EBS User Guide, "Amazon EBS volume types"."""
_FREE = 3000
"""IOPS that each gp3 volume has."""


def check(stack: Stack) -> Iterator[Diagnostic]:
    """No volume asks for more than its size allows."""
    for name, volume, path in _volumes(stack):
        kind, size, iops = inner(volume, "VolumeType"), whole(inner(volume, "VolumeSize")), whole(inner(volume, "Iops"))
        size = whole(inner(volume, "Size")) if size is None else size
        ratio, throughput = _IOPS_A_GIBIBYTE.get(str(kind)), whole(inner(volume, "Throughput"))
        most = max((ratio or 0) * (size or 0), _FREE if kind == "gp3" else 0)
        if ratio and size and iops and iops > most:
            message = f"A volume of `{name}` has {size} GiB and {iops:,} IOPS; as {kind} it has {most:,} at most."
            paths = [(*path, key) for key in ("Iops", "VolumeSize", "Size", "VolumeType")]
            yield stack.fault(REFUSED_PERFORMANCE, message, "Make it larger, or take fewer IOPS.", *paths)
        if kind == "gp3" and throughput and throughput * 4 > (iops or _FREE):
            most = (iops or _FREE) // 4
            message = f"A volume of `{name}` has {throughput:,} MiB/s; its IOPS allow {most:,}."
            paths = [(*path, key) for key in ("Throughput", "Iops", "VolumeType")]
            yield stack.fault(REFUSED_PERFORMANCE, message, "Take more IOPS, or less throughput.", *paths)


def _volumes(stack: Stack) -> Iterator[tuple[str, Any, Path]]:
    """Every volume, with the resource that it belongs to and its path."""
    for volume in stack.resources.of("AWS::EC2::Volume"):
        yield volume.name, volume.properties, volume.at()
    for kind, steps in (("AWS::EC2::LaunchTemplate", ("LaunchTemplateData",)), ("AWS::EC2::Instance", ())):
        for host in stack.resources.of(kind):
            for number, device in numbered(host.get(*steps, "BlockDeviceMappings")):
                yield host.name, device.get("Ebs"), host.at(*steps, "BlockDeviceMappings", number, "Ebs")
