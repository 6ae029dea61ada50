"""Sizes of policies that a patch brings in. Those of a service's grants are told by MSA342."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.compile import Stack
from msaspec.diagnostic import Code, Diagnostic
from msaspec.resources import size_of_policy

TOO_LONG = Code(
    "MSA438",
    "A managed policy that is longer than IAM takes",
    """
    White space aside, a managed policy has at most 6,144 characters, which no quota raises. Make two policies of it, or
    name fewer resources with wildcards.
    """,
)

MANAGED_POLICY = 6_144
"""Characters (IAM User Guide, "IAM and AWS STS quotas")."""


def check_stack(stack: Stack) -> Iterator[Diagnostic]:
    """Managed policies have a length that IAM takes."""
    for policy in stack.resources.of("AWS::IAM::ManagedPolicy"):
        if (size := size_of_policy(policy.get("PolicyDocument"))) > MANAGED_POLICY:
            message = f"The managed policy `{policy.name}` has {size:,} characters; IAM takes {MANAGED_POLICY:,}."
            yield stack.fault(TOO_LONG, message, "Make it shorter, or make two of it.", policy.at("PolicyDocument"))
