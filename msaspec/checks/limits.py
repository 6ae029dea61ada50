"""Limits of CloudFormation, EC2 and IAM that a manifest, or a patch, can reach."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from msaspec.compile import Stack
from msaspec.diagnostic import Code, Diagnostic
from msaspec.plan import Plan

TOO_LARGE = Code(
    "MSA340",
    "A template over a limit of CloudFormation",
    """
    A template has at most 500 resources, 200 parameters, 200 outputs, 60 dynamic references and 1 MB of text
    (CloudFormation quotas). Take services out of the file into a system of their own, or give services that share an
    image one service with several copies.
    """,
)
TOO_MANY_RULES = Code(
    "MSA341",
    "More security-group rules than a group has",
    """
    A security group has at most 60 inbound rules, and every edge to a database or a service is one (VPC quotas; the
    quota can be raised). Let fewer services use it.
    """,
)
POLICY_TOO_LONG = Code(
    "MSA342",
    "A service with more grants than a role has room for",
    """
    The inline policies of an IAM role have at most 10,240 characters, white space aside. Every use of a service is a
    statement. Let it use fewer things.
    """,
)
NAME_TOO_LONG = Code(
    "MSA343",
    "A stack name that is too long",
    "A stack's name (the system's and the environment's) has at most 63 characters: it is a DNS label too.",
)
TOO_MANY_TAGS = Code(
    "MSA344", "More tags than AWS takes", "A resource has at most 50 tags, and each has a `Name` of its own."
)

COUNTS = {"Resources": 500, "Parameters": 200, "Outputs": 200}
BYTES = 1_000_000
DYNAMIC_REFERENCES = 60
GROUP_RULES = 60
ROLE_CHARACTERS = 10_240


def check(plan: Plan) -> Iterator[Diagnostic]:
    """What is known before anything is compiled."""
    if len(plan.site.stack) > 63:
        message = f"The stack `{plan.site.stack}` would have a name of {len(plan.site.stack)} characters."
        yield NAME_TOO_LONG.at(("name",), message, hint="Shorten the name of the system or of the environment.")
    if len(plan.site.tags) > 49:
        message = f"The manifest has {len(plan.site.tags)} tags."
        yield TOO_MANY_TAGS.at(("tags",), message, hint="Keep 49, beside the `Name` of each resource.", key=True)


def check_stack(stack: Stack) -> Iterator[Diagnostic]:
    """What only the whole template shows."""
    for section, limit in COUNTS.items():
        count = len(stack.template.get(section, {}))
        if count > limit:
            message = f"The template has {count} {section.lower()}; CloudFormation takes {limit}."
            yield TOO_LARGE.at(("services",), message, hint="Split the system in two manifests.", key=True)
    text = json.dumps(stack.template, ensure_ascii=False)
    if (size := len(text.encode())) > BYTES:
        message = f"The template has {size:,} bytes even as compact JSON; CloudFormation takes {BYTES:,}."
        yield TOO_LARGE.at(("services",), message, hint="Split the system in two manifests.", key=True)
    if (count := text.count("{{resolve:")) > DYNAMIC_REFERENCES:
        message = f"The template has {count} dynamic references; CloudFormation takes {DYNAMIC_REFERENCES}."
        yield TOO_LARGE.at(("databases",), message, hint="Split the system in two manifests.", key=True)
    yield from _rules(stack)
    yield from _policies(stack)


def _rules(stack: Stack) -> Iterator[Diagnostic]:
    rules: Counter[str] = Counter()
    for name, kind, properties in _resources(stack):
        if kind == "AWS::EC2::SecurityGroupIngress":
            rules[_target(properties.get("GroupId"))] += 1
        elif kind == "AWS::EC2::SecurityGroup":
            inline = properties.get("SecurityGroupIngress")
            rules[name] += len(inline) if isinstance(inline, list) else 0
    for name, count in sorted(rules.items()):
        if count > GROUP_RULES and name in stack.origins:
            message = f"The security group `{name}` would have {count} inbound rules; AWS allows {GROUP_RULES}."
            yield TOO_MANY_RULES.at(stack.origins[name], message, hint="Let fewer services use it.", key=True)


def _target(group: Any) -> str:
    if isinstance(group, dict):
        attribute = group.get("Fn::GetAtt") or [group.get("Ref")]
        return str(attribute[0] if isinstance(attribute, list) else str(attribute).partition(".")[0])
    return str(group)


def _policies(stack: Stack) -> Iterator[Diagnostic]:
    for name, kind, properties in _resources(stack):
        policies = properties.get("Policies")
        if kind != "AWS::IAM::Role" or not isinstance(policies, list):
            continue
        documents = [policy.get("PolicyDocument") for policy in policies if isinstance(policy, dict)]
        size = sum(len(json.dumps(document, separators=(",", ":"))) for document in documents)
        if size > ROLE_CHARACTERS and name in stack.origins:
            message = f"The policy of the role `{name}` would have {size:,} characters; IAM takes {ROLE_CHARACTERS:,}."
            hint = "Let the service use fewer things."
            yield POLICY_TOO_LONG.at(stack.origins[name], message, hint=hint, key=True)


def _resources(stack: Stack) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Logical id, type and properties of each resource; what a patch may have put among them is left out."""
    for name, resource in stack.template["Resources"].items():
        if isinstance(resource, dict) and isinstance(properties := resource.get("Properties", {}), dict):
            yield name, str(resource.get("Type")), properties
