"""What an edit of `tags` alone does. Tags of the manifest are tags of the stack, so they are in no template.

CloudFormation writes changed tags of a stack on every resource whose type takes tags. What the registry schema says of
that type decides what becomes of the resource.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.template.origin import belonging, reader
from msaspec.template.resources import inner, items, numbered
from msaspec.update import replacement
from msaspec.update.changes import Action, Change, Template
from msaspec.update.replacement import Tagging
from msaspec.update.values import Difference

_LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
_WEIGHING = {_LISTENER: "DefaultActions", "AWS::ElasticLoadBalancingV2::ListenerRule": "Actions"}
"""Where the types that send requests to target groups say to which."""
TAG = "Tag"
"""The type of a change that is one tag of a stack."""

# fact: stack-tags
DISTURBED = Code(
    "MSA531",
    "A change of tags that changes more than tags",
    """
    CloudFormation writes the tags of a stack on each resource that takes tags, and almost all take new ones in place.
    The resource that the message names does not. Either its tags are fixed when it is created, or AWS refuses new
    ones, or it is a rule or a listener of a load balancer whose weights ECS sets. When CloudFormation tags such a one,
    it may write the weights of the template as well, which AWS does not document. Then requests go to the first target
    group again, which has no tasks after an odd number of deployments.
    """,
    Severity.WARNING,
)


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    """Yield each tag of a stack that is added, changed or removed."""
    for key in dict.fromkeys([*after, *before]):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        action = Action.ADD if old is None else Action.REMOVE if new is None else Action.MODIFY
        values = (Difference("value", old, new),) if action is Action.MODIFY else ()
        yield Change(key, TAG, action, entry=("tags",), values=values)


def found(
    tags_before: Mapping[str, str], tags_after: Mapping[str, str], before: Template, after: Template
) -> Iterator[Diagnostic]:
    """Yield a warning for each resource to which other tags of its stack do more than tag it."""
    if dict(tags_before) == dict(tags_after):
        return
    old, entry_of = before.get("Resources") or {}, reader(after)
    for name, resource in (after.get("Resources") or {}).items():
        if name in old and old[name].get("Type") == resource.get("Type"):
            one = f"`{name}` {belonging(entry_of(name))}"
            if told := _told(one, old[name]):
                message, hint = told
                yield DISTURBED.at(("tags",), message, hint=hint, key=True)


def _told(one: str, resource: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return what is said of a resource that takes no tags in place, and what to do; None for any other."""
    kind = str(resource.get("Type"))
    tagging = replacement.tagging(kind)
    if tagging is Tagging.REPLACED:
        return f"The change of `tags` replaces {one}.", "Leave the tags as they are, or replace it on purpose."
    if tagging is Tagging.REFUSED:
        return f"AWS refuses new tags on {one}, and the update fails.", "Leave the tags as they are."
    if tagging is Tagging.IN_PLACE and is_weighed(resource):
        what = "listener" if kind == _LISTENER else "rule"
        message = (
            f"The change of `tags` updates the {what} {one}, and CloudFormation may reset the weights that ECS set."
        )
        hint = (
            f"Look up which target group has its tasks (`{lookup(resource)}`). If it is the second, deploy a new"
            " version first, and then the tags."
        )
        return message, hint
    return None


def lookup(resource: Mapping[str, Any]) -> str:
    """Return the command that shows the weights of a rule or of a listener."""
    return f"aws elbv2 describe-{'listeners' if resource.get('Type') == _LISTENER else 'rules'}"


def is_weighed(resource: Mapping[str, Any]) -> bool:
    """Whether a resource is a rule, or a listener, between whose target groups ECS shifts what it sends."""
    key = _WEIGHING.get(str(resource.get("Type")))
    actions = numbered((resource.get("Properties") or {}).get(key)) if key else ()
    return any(len(items(inner(action, "ForwardConfig", "TargetGroups"))) > 1 for _, action in actions)
