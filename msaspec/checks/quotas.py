"""What an account has only after it asked for more."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.compile import Stack
from msaspec.diagnostic import Code, Diagnostic, Severity
from msaspec.place import Path
from msaspec.resources import items, size_of_policy

OVER_QUOTA = Code(
    "MSA439",
    "More than an account has unless it asks",
    """
    A patch brings in more than the quotas of a new account allow: 100 rules a load balancer, 10 managed policies a
    role, 2,048 characters a trust policy. Service Quotas raises them, so this is a warning; without that the stack
    fails.
    """,
    Severity.WARNING,
)

RULES, MANAGED_POLICIES, TRUST_POLICY = 100, 10, 2_048
_HINT = "Ask AWS to raise the quota before deploying."


def check_stack(stack: Stack) -> Iterator[Diagnostic]:
    """Rules of load balancers, managed policies of roles, lengths of trust policies."""
    for role in stack.resources.of("AWS::IAM::Role"):
        if (count := len(items(role.get("ManagedPolicyArns")))) > MANAGED_POLICIES:
            message = f"The role `{role.name}` has {count} managed policies; the quota is {MANAGED_POLICIES}."
            yield stack.fault(OVER_QUOTA, message, _HINT, role.at("ManagedPolicyArns"))
        if (size := size_of_policy(role.get("AssumeRolePolicyDocument"))) > TRUST_POLICY:
            message = f"The trust policy of `{role.name}` has {size:,} characters; the quota is {TRUST_POLICY:,}."
            yield stack.fault(OVER_QUOTA, message, _HINT, role.at("AssumeRolePolicyDocument"))
    rules: dict[str, list[Path]] = {}
    for rule in stack.resources.of("AWS::ElasticLoadBalancingV2::ListenerRule"):
        listener = stack.resources.meant(rule.get("ListenerArn"), "AWS::ElasticLoadBalancingV2::Listener")
        kind = "AWS::ElasticLoadBalancingV2::LoadBalancer"
        balancer = stack.resources.meant(listener.get("LoadBalancerArn"), kind) if listener else None
        if balancer:
            rules.setdefault(balancer.name, []).append(("Resources", rule.name))
    for name, paths in rules.items():
        if len(paths) > RULES:
            message = f"The load balancer `{name}` has {len(paths)} rules; the quota is {RULES}."
            yield stack.fault(OVER_QUOTA, message, _HINT, *reversed(paths))
