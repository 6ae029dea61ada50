"""Limits of CloudFormation, EC2 and IAM that a manifest, or a patch, can reach."""

from __future__ import annotations

import json
from collections.abc import Iterator

from msaspec.compile import Stack
from msaspec.diagnostic import Code, Diagnostic
from msaspec.place import Path
from msaspec.plan import Plan
from msaspec.resources import items, numbered, size_of_policy, target

TOO_LARGE = Code(
    "MSA340",
    "A template over a limit of CloudFormation",
    """
    A template has at most 500 resources, 200 parameters, 200 outputs, 200 mappings, 60 dynamic references and 1 MB of
    text (CloudFormation quotas). Take services out of the file into a system of their own, or give services that share
    an image one service with several copies.
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

COUNTS = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200}
BYTES = 1_000_000
DYNAMIC_REFERENCES = 60
GROUP_RULES = 60
ROLE_CHARACTERS = 10_240
TAGS = 50


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
        things = stack.template.get(section, {})
        if len(things) > limit:
            message = f"The template has {len(things)} {section.lower()}; CloudFormation takes {limit}."
            patched = [place for name in things if (place := stack.writer((section, name)))]
            if patched and len(things) - len(patched) <= limit:
                yield TOO_LARGE.at(patched[-1], message, hint="Let the patches add fewer.")
            else:
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
    for resource in stack.resources:
        if (count := len(items(resource.get("Tags")))) > TAGS:
            message = f"`{resource.name}` has {count} tags; AWS takes {TAGS}, those of the stack among them."
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
                f"The policy of the role `{role.name}` would have {size:,} characters; IAM takes {ROLE_CHARACTERS:,}."
            )
            yield stack.fault(POLICY_TOO_LONG, message, "Let the service use fewer things.", role.at("Policies"))
