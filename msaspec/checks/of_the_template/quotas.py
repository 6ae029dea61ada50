"""What an account has only after it asked for more."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Path
from msaspec.template.resources import items, size_of_policy
from msaspec.template.stack import Stack

OVER_QUOTA = Code(
    "MSA439",
    "Above the default quota of an account",
    """
    A patch exceeds a default quota: 100 rules for each load balancer, 10 managed policies for each role, 2,048
    characters for each trust policy. Service Quotas can raise these limits, so this is a warning; otherwise the stack
    fails.
    """,
    Severity.WARNING,
)

# fact: quotas-of-one-resource
RULES, MANAGED_POLICIES, TRUST_POLICY = 100, 10, 2_048
_HINT = "Ask AWS to raise the quota before deploying."


def check(stack: Stack) -> Iterator[Diagnostic]:
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
        listener = stack.resources.referenced(rule.get("ListenerArn"), "AWS::ElasticLoadBalancingV2::Listener")
        kind = "AWS::ElasticLoadBalancingV2::LoadBalancer"
        balancer = stack.resources.referenced(listener.get("LoadBalancerArn"), kind) if listener else None
        if balancer:
            rules.setdefault(balancer.name, []).append(("Resources", rule.name))
    for name, paths in rules.items():
        # MSA366 reports rules for `paths` alone.
        if len(paths) > RULES and any(map(stack.writer, paths)):
            message = f"The load balancer `{name}` has {len(paths)} rules; the quota is {RULES}."
            yield stack.fault(OVER_QUOTA, message, _HINT, *reversed(paths))
