"""What the user asked for beyond the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from msaspec.deploy.context import Context
from msaspec.source.document import Document


@dataclass(frozen=True)
class DeployOptions:
    """Options of `msaspec deploy`."""

    tags: Mapping[str, str] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()
    """Names of what may be replaced or removed although it holds data."""
    yes: bool = False
    dry_run: bool = False
    wait: bool = False
    """For another operation of the stack to end."""
    follow: bool = True
    rollback: bool = False
    """Whether a first creation that fails is deleted again, instead of kept."""
    repair: bool = False
    """Whether what was deleted or changed by hand becomes again what the manifest says."""
    role_arn: str | None = None
    imports: frozenset[str] = frozenset()
    """Names of resources that exist outside of any stack, and are taken over."""
    redeployed: frozenset[str] = frozenset()
    """Services that are to run the image to which their tag points now."""
    adopted: frozenset[str] = frozenset()
    """Names of stacks of others that become the system's own."""


@dataclass(frozen=True)
class DeployContext(Context):
    """The surroundings of a step of a deployment."""

    document: Document = field(kw_only=True)
    options: DeployOptions = field(default_factory=DeployOptions, kw_only=True)
