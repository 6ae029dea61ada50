"""How much a load balancer and a network interface can have: a large system, or a patch, can pass it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Path
from msaspec.template.references import Reference, sources
from msaspec.template.resources import items
from msaspec.template.stack import Stack

TOO_MANY_TARGETS = Code(
    "MSA458",
    "More target groups or listeners than a load balancer has",
    """
    The listeners and rules of an Application Load Balancer lead to at most 100 target groups, and a load balancer has
    at most 50 listeners (Elastic Load Balancing quotas). Every service behind the load balancer has a target group for
    each port, and a second one where `deploy.strategy` is `canary`, `linear` or `blue-green`. Give fewer services
    `paths`, or let them be replaced with the strategy `rolling`.
    """,
)
TOO_MANY_GROUPS = Code(
    "MSA459",
    "More security groups than a network interface has by default",
    """
    By default a network interface has at most 5 security groups; the quota L-2AFB9258 can be raised to 16 (VPC quotas).
    Move rules into one group, or raise the quota first, in Service Quotas.
    """,
    Severity.WARNING,
)

# fact: quotas-of-a-balancer
TARGET_GROUPS, LISTENERS = 100, 50
# fact: quotas-of-one-resource
GROUPS = 5

_LISTENER, _RULE = "AWS::ElasticLoadBalancingV2::Listener", "AWS::ElasticLoadBalancingV2::ListenerRule"
_BALANCER, _TARGETS = "AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ElasticLoadBalancingV2::TargetGroup"
_INTERFACES: Mapping[str, Sequence[tuple[str, ...]]] = {
    "AWS::EC2::Instance": [("SecurityGroupIds",)],
    "AWS::EC2::LaunchTemplate": [("LaunchTemplateData", "SecurityGroupIds")],
    "AWS::ECS::Service": [("NetworkConfiguration", "AwsvpcConfiguration", "SecurityGroups")],
    "AWS::Lambda::Function": [("VpcConfig", "SecurityGroupIds")],
}
"""Where the security groups of a network interface stand, by the type of what has it."""


def check(stack: Stack) -> Iterator[Diagnostic]:
    """Yield what a load balancer or a network interface has too much of."""
    targets: dict[str, dict[str, Path]] = {}
    listeners: dict[str, list[Path]] = {}
    for kind, key in ((_LISTENER, "DefaultActions"), (_RULE, "Actions")):
        for each in stack.resources.of(kind):
            listener = stack.resources.referenced(each.get("ListenerArn"), _LISTENER) if kind == _RULE else each
            balancer = listener and stack.resources.referenced(listener.get("LoadBalancerArn"), _BALANCER)
            if not balancer:
                continue
            if kind == _LISTENER:
                listeners.setdefault(balancer.name, []).append(("Resources", each.name))
            for source in sources(each.get(key)):
                if isinstance(source, Reference) and stack.resources.referenced({"Ref": source.name}, _TARGETS):
                    targets.setdefault(balancer.name, {}).setdefault(source.name, ("Resources", source.name))
    for name, groups in targets.items():
        if len(groups) > TARGET_GROUPS:
            message = f"The load balancer `{name}` leads to {len(groups)} target groups; AWS allows {TARGET_GROUPS}."
            yield _told(stack, message, "Give fewer services `paths`.", list(groups.values()))
    for name, paths in listeners.items():
        # MSA366 reports listeners of services alone.
        if len(paths) > LISTENERS and any(map(stack.writer, paths)):
            message = f"The load balancer `{name}` has {len(paths)} listeners; AWS allows {LISTENERS}."
            yield _told(stack, message, "Add fewer.", paths)
    yield from _groups(stack)


def _told(stack: Stack, message: str, hint: str, paths: Sequence[Path]) -> Diagnostic:
    """At the last patch that made one of too many; else at the services, none of which is more to blame than others."""
    if patched := [path for path in paths if stack.writer(path)]:
        return stack.fault(TOO_MANY_TARGETS, message, hint, *reversed(patched))
    return TOO_MANY_TARGETS.at(("services",), message, hint=hint, key=True)


def _groups(stack: Stack) -> Iterator[Diagnostic]:
    for kind, places in _INTERFACES.items():
        for each in stack.resources.of(kind):
            for steps in places:
                if (count := len(items(each.get(*steps)))) > GROUPS:
                    message = f"`{each.name}` has {count} security groups; the quota is {GROUPS}."
                    hint = "Move rules into one group, or raise the quota L-2AFB9258 before deploying."
                    yield stack.fault(TOO_MANY_GROUPS, message, hint, each.at(*steps))
