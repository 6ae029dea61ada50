"""What fails or hurts in an update although each change is valid, found in both templates and the changes.

CloudFormation makes and changes everything first, in an order of its own, and removes what is gone or was replaced
afterwards. So old and new exist side by side, and what AWS has only once cannot belong to both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from msaspec.compile import aws_types
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.template.origin import belonging
from msaspec.template.references import Reference, filled_in
from msaspec.template.resources import items, same
from msaspec.update import objections, tagging
from msaspec.update.changes import Action, Change, Template

ONE_PLACE = Code(
    "MSA512",
    "A new resource in a place that is not free yet",
    """
    A listener's port, a rule's number, a name or an address can belong to one resource only. CloudFormation deletes old
    resources at the end of an update, so AWS refuses the new resource and the update rolls back. Free the place in one
    deployment, and use it in the next.
    """,
    Severity.WARNING,
)
WEIGHTS = Code(
    "MSA513",
    "A rule or a listener that changes while ECS shifts its requests",
    """
    `blue-green`, `canary` and `linear` shift the requests of a rule of the public load balancer, and with `address:
    balanced` the connections of a listener of the internal one, between two target groups by weights that ECS sets.
    When CloudFormation changes the rule or the listener, it overwrites the weights, and requests go to the first group
    again. After an odd number of deployments that group has no tasks, and the service does not answer until it is
    deployed again.
    """,
    Severity.WARNING,
)

EMPTIED = Code(
    "MSA514",
    "A target group that is replaced while it receives requests",
    """
    The update replaces a target group. CloudFormation first moves the rule or the listener to the new group, and then
    starts the copies in it, because services and groups of hosts accept a target group only behind a load balancer.
    Until the first copies are healthy, the load balancer answers 503 for some minutes. To avoid that, add the service
    under a second name, deploy, move its paths and callers, deploy, and remove the first.
    """,
    Severity.WARNING,
)

# fact: cloud-map-empty
UNNAMED = Code(
    "MSA539",
    "A name that leads nowhere for some minutes",
    """
    The update changes `address` of a service that others call. The load balancer gets the name after the last task that
    has it, or keeps the name to the end of the update, without a task behind it. For some minutes calls fail, and a
    client that resolves the name once has to be started again. To avoid it, add the service under a second name with
    the other `address`, deploy, move the `uses` of its callers, deploy, and remove the first.
    """,
    Severity.WARNING,
)

_BALANCING = "AWS::ElasticLoadBalancingV2"
_NAMED, _SERVICE = "AWS::ServiceDiscovery::Instance", "AWS::ECS::Service"

Slot = tuple[str, ...]


def slots(template: Template) -> Iterator[tuple[str, Slot]]:
    """Each place that a resource takes and no other can have: logical id, and the place."""
    for name, resource in template.get("Resources", {}).items():
        kind, properties = str(resource.get("Type")), resource.get("Properties") or {}
        for keys in aws_types.of(kind).unique:
            if any(key in properties for key in keys):
                yield name, (kind, *keys, *(same(properties.get(key)) for key in keys))


def found(before: Template, after: Template, changes: Iterable[Change]) -> Iterator[Diagnostic]:
    """Warnings about an update, each about the manifest entry of what changes."""
    changed = {change.logical_id: change for change in changes if "::" in change.type}
    yield from objections.costs(changed.values())
    yield from _clashes(before, after, changed)
    yield from _shifted(before, changed)
    yield from _emptied(before, after, changed)
    yield from _unnamed(before, after, changed)


def _clashes(before: Template, after: Template, changed: Mapping[str, Change]) -> Iterator[Diagnostic]:
    standing: dict[Slot, str] = {slot: name for name, slot in slots(before)}
    for name, slot in slots(after):
        other, change = standing.get(slot), changed.get(name)
        if other is None or change is None or _elsewhere(after, change, changed):
            continue
        if _makes(change) if name == other else change.action in (Action.ADD, Action.REPLACE, Action.MODIFY):
            one = f"`{name}` {belonging(change.entry)}"
            message = f"{one} needs the place of `{other}`, which is free only after the update."
            hint = "Deploy without the new one first, so that the old one is removed, and then add it."
            yield ONE_PLACE.at(change.entry, message, hint=hint, key=True)


def _makes(change: Change) -> bool:
    """Whether a new one is created while the old one exists."""
    return change.action is Action.REPLACE and not change.deletes_first


def _elsewhere(after: Template, change: Change, changed: Mapping[str, Change]) -> bool:
    """Whether it is part of something that is new itself, such as a rule of a new listener."""
    properties = after["Resources"][change.logical_id].get("Properties") or {}
    keys = {key for group in aws_types.of(change.type).unique for key in group}
    within = {key: value for key, value in properties.items() if key in keys}
    named = {source.name for _, all_of in filled_in(within) for source in all_of if isinstance(source, Reference)}
    return any(name in changed and changed[name].action in (Action.ADD, Action.REPLACE) for name in named)


def _shifted(before: Template, changed: Mapping[str, Change]) -> Iterator[Diagnostic]:
    for name, resource in before.get("Resources", {}).items():
        change = changed.get(name)
        if change is None or change.action is not Action.MODIFY or not tagging.is_weighed(resource):
            continue
        if all(each.attribute and each.path == ("Tags",) for each in change.properties):
            continue  # Those of the stack: `tagging` says what they do.
        what = "listener" if change.type == f"{_BALANCING}::Listener" else "rule"
        message = f"The {what} `{name}` {belonging(change.entry)} changes, and with it the weights that ECS gave it."
        hint = (
            f"Look up which target group has its tasks (`{tagging.lookup(resource)}`). If it is the second, deploy a"
            " new version first, and then this change."
        )
        yield WEIGHTS.at(change.entry, message, hint=hint, key=True)


def _emptied(before: Template, after: Template, changed: Mapping[str, Change]) -> Iterator[Diagnostic]:
    """Warnings about target groups that are replaced where something keeps sending requests."""
    old, new = _senders(before), _senders(after)
    for name, change in changed.items():
        if change.type != f"{_BALANCING}::TargetGroup" or change.action is not Action.REPLACE:
            continue
        if old[name] & new[name]:
            message = f"The target group `{name}` {belonging(change.entry)} is replaced, and starts empty."
            hint = "Expect answers of 503 until the first new copies are healthy."
            yield EMPTIED.at(change.entry, message, hint=hint, key=True)


def _unnamed(before: Template, after: Template, changed: Mapping[str, Change]) -> Iterator[Diagnostic]:
    """Warnings about services whose tasks give their name to a load balancer before them, or take it back."""
    named = {(change.entry, change.action) for change in changed.values() if change.type == _NAMED}
    for name, change in changed.items():
        if change.type != _SERVICE or change.action is not Action.MODIFY:
            continue
        registered = [
            bool(items((template["Resources"][name].get("Properties") or {}).get("ServiceRegistries")))
            for template in (before, after)
        ]
        handed = Action.ADD if registered == [True, False] else Action.REMOVE if registered == [False, True] else None
        if (change.entry, handed) in named:
            message = f"The name of `{change.entry[-1]}` passes between its tasks and a load balancer."
            hint = "Expect some minutes of failed calls, and start clients anew that resolve the name once."
            yield UNNAMED.at(change.entry, message, hint=hint, key=True)


def _senders(template: Template) -> Mapping[str, set[str]]:
    """Return the listeners and rules that send requests to each target group."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name, resource in template.get("Resources", {}).items():
        if resource.get("Type") in (f"{_BALANCING}::Listener", f"{_BALANCING}::ListenerRule"):
            for _, sources in filled_in(resource.get("Properties") or {}):
                for source in sources:
                    if isinstance(source, Reference):
                        found[source.name].add(name)
    return found
