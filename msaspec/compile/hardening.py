"""Which measures the manifest asks for, in the order in which they are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from msaspec.aws import iam
from msaspec.aws.hardening import Hardened, access_logs, encryption, firewall, monitoring, rotation
from msaspec.diagnostics.place import Path
from msaspec.language.part import Part
from msaspec.manifest.root import Root

TYPES = {"audit": (iam.ROLE, *access_logs.TYPES, *firewall.TYPES, *rotation.TYPES), "encryption": encryption.TYPES}
"""What the measures emit, by the field that asks for them."""
_AUDIT = (
    monitoring.databases,
    monitoring.hosts,
    rotation.build,
    firewall.build,
    monitoring.traces,
    access_logs.build,
)


def measures(root: Root) -> Iterator[tuple[Path, Callable[[Hardened], Part]]]:
    """Yield what changes a template, with the field that asks for it."""
    if root.audit:
        yield from ((("audit",), partial(measure, root.audit)) for measure in _AUDIT)
    if root.encryption and root.encryption.key == "own":
        yield ("encryption",), encryption.build
