"""Limits of CloudFormation, EC2 and IAM that a manifest, or a patch, can reach."""

from __future__ import annotations

import json
from collections.abc import Iterator

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.template.resources import items, numbered, size_of_policy, target
from msaspec.template.stack import Stack

TOO_LARGE = Code(
    "MSA340",
    "A template over a limit of CloudFormation",
    """
    A template has at most 500 resources, 200 parameters, 200 outputs, 200 mappings, 60 dynamic references and 1 MB of
    text (CloudFormation quotas). Move services to a separate system, or merge services that share an image into one
    service with several copies.
    """,
)
TOO_MANY_RULES = Code(
    "MSA341",
    "More security-group rules than a group has",
    """
    A security group has at most 60 inbound rules (VPC quotas; the quota can be raised). Every service that uses a
    database or another service adds one. Let fewer services use it.
    """,
)
POLICY_TOO_LONG = Code(
    "MSA342",
    "More grants than a role can hold",
    """
    The inline policies of an IAM role have at most 10,240 characters, not counting white space. Every use adds a
    statement. Let the service use fewer entries.
    """,
)
TOO_MANY_TAGS = Code(
    "MSA344", "More tags than AWS allows", "A resource has at most 50 tags, and msaspec adds a `Name` to each."
)

# fact: template-limits
COUNTS = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200}
BYTES = 1_000_000
DYNAMIC_REFERENCES = 60
# fact: quotas-of-one-resource
GROUP_RULES = 60
# fact: iam-lengths
ROLE_CHARACTERS = 10_240
TAGS = 50


def check(stack: Stack) -> Iterator[Diagnostic]:
    """Yield what only the whole template shows."""
    for section, limit in COUNTS.items():
        things = stack.template.get(section, {})
        if len(things) > limit:
            message = f"The template has {len(things)} {section.lower()}; CloudFormation allows {limit}."
            patched = [place for name in things if (place := stack.writer((section, name)))]
            if patched and len(things) - len(patched) <= limit:
                yield TOO_LARGE.at(patched[-1], message, hint="Add fewer with patches.")
            else:
                yield TOO_LARGE.at(("services",), message, hint="Split the system in two manifests.", key=True)
    text = json.dumps(stack.template, ensure_ascii=False)
    if (size := len(text.encode())) > BYTES:
        message = f"The template has {size:,} bytes even as compact JSON; CloudFormation allows {BYTES:,}."
        yield TOO_LARGE.at(("services",), message, hint="Split the system in two manifests.", key=True)
    if (count := text.count("{{resolve:")) > DYNAMIC_REFERENCES:
        message = f"The template has {count} dynamic references; CloudFormation allows {DYNAMIC_REFERENCES}."
        yield TOO_LARGE.at(("databases",), message, hint="Split the system in two manifests.", key=True)
    yield from _rules(stack)
    yield from _policies(stack)
    for resource in stack.resources:
        if (count := len(items(resource.get("Tags")))) > TAGS:
            message = f"`{resource.name}` has {count} tags, including those of the stack; AWS allows {TAGS}."
            yield stack.fault(TOO_MANY_TAGS, message, "Remove some.", resource.at("Tags"))


def _rules(stack: Stack) -> Iterator[Diagnostic]:
    rules: dict[str, list[Path]] = {}
    for group in stack.resources.of("AWS::EC2::SecurityGroup"):
        inline = items(group.get("SecurityGroupIngress"))
        rules.setdefault(group.name, []).extend(group.at("SecurityGroupIngress", n) for n in range(len(inline)))
    for rule in stack.resources.of("AWS::EC2::SecurityGroupIngress"):
        rules.setdefault(target(rule.get("GroupId")) or "", []).append(("Resources", rule.name))
    for name, paths in sorted(rules.items()):
        if len(paths) > GROUP_RULES and name in stack.origins:
            message = f"The security group `{name}` would have {len(paths)} inbound rules; AWS allows {GROUP_RULES}."
            yield stack.fault(TOO_MANY_RULES, message, "Let fewer services use it.", ("Resources", name), *paths[::-1])


def _policies(stack: Stack) -> Iterator[Diagnostic]:
    for role in stack.resources.of("AWS::IAM::Role"):
        size = sum(size_of_policy(policy.get("PolicyDocument")) for _, policy in numbered(role.get("Policies")))
        if size > ROLE_CHARACTERS and role.name in stack.origins:
            message = (
                f"The policy of the role `{role.name}` would have {size:,} characters; IAM allows {ROLE_CHARACTERS:,}."
            )
            yield stack.fault(POLICY_TOO_LONG, message, "Let the service use fewer entries.", role.at("Policies"))
