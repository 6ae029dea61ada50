"""A template says whose it is, which a patch can take away."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.template.owner import METADATA, claim
from msaspec.template.stack import Stack

UNCLAIMED = Code(
    "MSA403",
    "A template without its owner",
    """
    The Metadata of a template names its system, environment and stack. `msaspec deploy` and `msaspec destroy` use it to
    recognize the stacks of a system, and refuse to touch other stacks. A patch must not change `Metadata/msaspec`; put
    your own keys beside it.
    """,
)


def check(stack: Stack) -> Iterator[Diagnostic]:
    """Yield the Metadata names the owner of the very stack that is compiled."""
    owner = claim(stack.template).owner
    if stack.name and (owner is None or owner.name != stack.name):
        message = f"The template of `{stack.name}` no longer names its owner in its Metadata."
        hint = f"Leave `/Metadata/{METADATA}` as it is."
        yield stack.fault(UNCLAIMED, message, hint, ("Metadata", METADATA), ("Metadata",))
