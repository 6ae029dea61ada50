"""Sizes of policies that a patch brings in. MSA342 reports those of a service's grants."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.template.resources import size_of_policy
from msaspec.template.stack import Stack

TOO_LONG = Code(
    "MSA438",
    "A managed policy that is too long",
    """
    A managed policy has at most 6,144 characters, not counting white space; this limit cannot be raised. Split it into
    two policies, or use wildcards to name fewer resources.
    """,
)

# fact: iam-lengths
MANAGED_POLICY = 6_144
"""Characters (IAM User Guide, "IAM and AWS STS quotas")."""


def check(stack: Stack) -> Iterator[Diagnostic]:
    """Yield managed policies have a length that IAM takes."""
    for policy in stack.resources.of("AWS::IAM::ManagedPolicy"):
        if (size := size_of_policy(policy.get("PolicyDocument"))) > MANAGED_POLICY:
            message = f"The managed policy `{policy.name}` has {size:,} characters; IAM allows {MANAGED_POLICY:,}."
            yield stack.fault(
                TOO_LONG, message, "Shorten it, or split it into two policies.", policy.at("PolicyDocument")
            )
