"""What fails or hurts in an update although each of its changes is right: told from both templates and the changes.

CloudFormation makes and changes everything first, in an order of its own, and removes what is gone or was replaced
afterwards. So old and new stand side by side, and what AWS has only once cannot be given to both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msaspec.changes import Action, Change, Template
from msaspec.diagnostic import Code, Diagnostic, Severity
from msaspec.place import render
from msaspec.references import Reference, filled_in
from msaspec.resources import inner, items, numbered, same

ONE_PLACE = Code(
    "MSA512",
    "Something new in a place that is not free yet",
    """
    A listener's port, a rule's number, a name or an address can be held by one resource only. CloudFormation removes
    what is no longer wanted at the very end of an update, so what is to take its place is refused, and the update is
    rolled back. Free the place in one deployment and take it in the next.
    """,
    Severity.WARNING,
)
WEIGHTS = Code(
    "MSA513",
    "A rule that changes while ECS shifts its requests",
    """
    `blue-green`, `canary` and `linear` move the requests of a rule between two target groups by weights, which ECS
    writes. When CloudFormation changes the rule, it writes all of it, and the requests go to the first group again,
    where after an odd number of deployments no task is left. The service answers 503 until it is deployed again.
    """,
    Severity.WARNING,
)

_KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "AWS::EC2::EIP": (("InstanceId",),),
    "AWS::EC2::SecurityGroupIngress": (
        ("GroupId", "IpProtocol", "FromPort", "ToPort", "SourceSecurityGroupId", "CidrIp"),
    ),
    "AWS::ElasticLoadBalancingV2::Listener": (("LoadBalancerArn", "Port"),),
    "AWS::ElasticLoadBalancingV2::ListenerRule": (("ListenerArn", "Priority"),),
    "AWS::Route53::RecordSet": (("HostedZoneId", "Name", "Type"),),
    "AWS::ServiceDiscovery::Instance": (("ServiceId", "InstanceId"),),
    "AWS::ServiceDiscovery::Service": (("DnsConfig", "Name"),),
}
"""What AWS keeps unique, by the properties that it is told apart by."""
_NAMES = ("AlarmName", "AutoScalingGroupName", "ClusterName", "RoleName", "ServiceName", "TargetGroupName")
_NAMED = ("AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ElasticLoadBalancingV2::TargetGroup")

Slot = tuple[str, ...]


def slots(template: Template) -> Iterator[tuple[str, Slot]]:
    """Each place that a resource takes and no other can have: logical id, and the place."""
    for name, resource in template.get("Resources", {}).items():
        kind, properties = str(resource.get("Type")), resource.get("Properties") or {}
        groups = [*_KEYS.get(kind, ()), *((key,) for key in _NAMES)]
        groups += [("Name",)] if kind in _NAMED else []
        for keys in groups:
            if any(key in properties for key in keys):
                yield name, (kind, *keys, *(same(properties.get(key)) for key in keys))


def found(before: Template, after: Template, changes: Iterable[Change]) -> Iterator[Diagnostic]:
    """Warnings about an update, each about the manifest entry of what changes."""
    changed = {change.logical_id: change for change in changes if "::" in change.type}
    yield from _clashes(before, after, changed)
    yield from _shifted(before, changed)


def _clashes(before: Template, after: Template, changed: Mapping[str, Change]) -> Iterator[Diagnostic]:
    standing: dict[Slot, str] = {slot: name for name, slot in slots(before)}
    for name, slot in slots(after):
        other, change = standing.get(slot), changed.get(name)
        if other is None or change is None or _elsewhere(after, change, changed):
            continue
        if _makes(change) if name == other else change.action in (Action.ADD, Action.REPLACE, Action.MODIFY):
            one = f"`{name}` of `{render(change.entry)}`"
            message = f"{one} wants the place of `{other}`, which is free only when the update is through."
            hint = "Deploy without the new one first, so that the old one goes, and add it then."
            yield ONE_PLACE.at(change.entry, message, hint=hint, key=True)


def _makes(change: Change) -> bool:
    """Whether a new one is made while the old one stands."""
    return change.action is Action.REPLACE and not change.deletes_first


def _elsewhere(after: Template, change: Change, changed: Mapping[str, Change]) -> bool:
    """Whether it is part of something that is new itself, such as a rule of a new listener."""
    properties = after["Resources"][change.logical_id].get("Properties") or {}
    keys = {key for group in _KEYS.get(change.type, ()) for key in group}
    within = {key: value for key, value in properties.items() if key in keys}
    named = {source.name for _, all_of in filled_in(within) for source in all_of if isinstance(source, Reference)}
    return any(name in changed and changed[name].action in (Action.ADD, Action.REPLACE) for name in named)


def _shifted(before: Template, changed: Mapping[str, Change]) -> Iterator[Diagnostic]:
    for name, resource in before.get("Resources", {}).items():
        change = changed.get(name)
        if change is None or change.action is not Action.MODIFY or not _weighed(resource):
            continue
        message = f"The rule `{name}` of `{render(change.entry)}` changes, and with it the weights that ECS gave it."
        hint = (
            "See which target group has its tasks (`aws elbv2 describe-rules`); where it is the second, deploy a new"
            " version first, and this change after it."
        )
        yield WEIGHTS.at(change.entry, message, hint=hint, key=True)


def _weighed(rule: Mapping[str, Any]) -> bool:
    if rule.get("Type") != "AWS::ElasticLoadBalancingV2::ListenerRule":
        return False
    actions = numbered((rule.get("Properties") or {}).get("Actions"))
    return any(len(items(inner(action, "ForwardConfig", "TargetGroups"))) > 1 for _, action in actions)
