"""Limits of CloudFormation, EC2 and IAM that a manifest, or a patch, can reach."""

from __future__ import annotations

import json
from collections.abc import Iterator

from msaspec.aws.network_balancer import NETWORK_GROUP
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.template import nesting
from msaspec.template.nesting import Pieces
from msaspec.template.resources import items, numbered, size_of_policy, target
from msaspec.template.stack import Stack

TOO_LARGE = Code(
    "MSA340",
    "A template over a limit of CloudFormation",
    """
    A template has at most 500 resources, 200 parameters, 200 outputs, 200 mappings, 60 dynamic references and 1 MB of
    text (CloudFormation quotas). A system of more than 500 resources or 1 MB is deployed as nested stacks, to each of
    which the limits apply. Move services to a separate system, which this one uses (`systems`), or merge services that
    share an image into one service with several copies.
    """,
)
TOO_MANY_AT_ONCE = Code(
    "MSA526",
    "More resources than a deployment takes",
    """
    A system of more than 500 resources is deployed as nested stacks, and CloudFormation creates, updates or deletes at
    most 2,500 resources of a root and its nested stacks in one deployment (CloudFormation quotas): about 200 services.
    Move services to a separate system, with a manifest and a `name` of its own: systems use one another by `systems`
    and `shares`.
    """,
)
GROWN = Code(
    "MSA527",
    "A deployed system that cannot grow further",
    """
    A system that was deployed in one stack keeps there what it has, because a resource that changes its stack is made
    anew. Services that are added get nested stacks of their own. The stack itself is full now: it has 500 resources.
    Deploy the whole system anew as another environment, which begins with nested stacks (`environments: {next: }`,
    `msaspec deploy --env next`), move the data and the addresses there, and destroy the old one. Or remove services
    first.
    """,
)
TOO_MANY_RULES = Code(
    "MSA341",
    "More security-group rules than a group has",
    """
    A security group has at most 60 inbound rules (VPC quotas; the quota can be raised). Every service that uses a
    database or another service adds one. Services that are called through the internal load balancer share its group;
    on `fargate`, those with `address: direct` have their own. Let fewer services use it. Services of other systems that
    use it add rules too, which only their own manifests show.
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
COUNTS = {"Resources": nesting.RESOURCES, "Parameters": 200, "Outputs": 200, "Mappings": 200}
DYNAMIC_REFERENCES = 60
# fact: quotas-of-one-resource
GROUP_RULES = 60
# fact: iam-lengths
ROLE_CHARACTERS = 10_240
TAGS = 50


def check(stack: Stack) -> Iterator[Diagnostic]:
    """Yield what only the whole template shows."""
    yield from too_large(stack, stack.layout.pieces)
    yield from _rules(stack)
    yield from _policies(stack)
    for resource in stack.resources:
        if (count := len(items(resource.get("Tags")))) > TAGS:
            message = f"`{resource.name}` has {count} tags, including those of the stack; AWS allows {TAGS}."
            yield stack.fault(TOO_MANY_TAGS, message, "Remove some.", resource.at("Tags"))


def too_large(stack: Stack, pieces: Pieces, *, deployed: bool = False) -> Iterator[Diagnostic]:
    """Yield what of a stack, as CloudFormation gets it, is over a limit of templates. With `deployed`, it is there, and
    what is there stays in its template."""
    for home, template in (("", pieces.root), *pieces.nested.items()):
        what = f"nested stack `{home}`" if home else "template" if not pieces.nested else "stack itself"
        for section, limit in COUNTS.items():
            things = template.get(section, {})
            if len(things) > limit:
                message = f"The {what} has {len(things)} {section.lower()}; CloudFormation allows {limit}."
                patched = [place for name in things if (place := stack.writer((section, name)))]
                if deployed and section == "Resources":
                    hint = "Deploy it anew as another environment, or remove services first."
                    yield GROWN.at(("services",), message, hint=hint, key=True)
                elif patched and len(things) - len(patched) <= limit:
                    yield TOO_LARGE.at(patched[-1], message, hint="Add fewer with patches.")
                else:
                    yield TOO_LARGE.at(("services",), message, hint=_SPLIT, key=True)
        text = json.dumps(template, ensure_ascii=False)
        if (size := len(text.encode())) > nesting.BYTES:
            message = f"The {what} has {size:,} bytes even as compact JSON; CloudFormation allows {nesting.BYTES:,}."
            yield TOO_LARGE.at(("services",), message, hint=_SPLIT, key=True)
        if (count := text.count("{{resolve:")) > DYNAMIC_REFERENCES:
            message = f"The {what} has {count} dynamic references; CloudFormation allows {DYNAMIC_REFERENCES}."
            yield TOO_LARGE.at(("databases",), message, hint=_SPLIT, key=True)
    count = sum(len(template["Resources"]) for template in pieces.all())
    if pieces.nested and count > nesting.OPERATION:
        message = f"The system has {count:,} resources in nested stacks; a deployment takes {nesting.OPERATION:,}."
        yield TOO_MANY_AT_ONCE.at(("services",), message, hint=_SPLIT, key=True)


_SPLIT = "Split the system in two manifests, of which one uses the other: `systems` and `shares`."


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
            hint = "Let fewer services use it."
            if name == NETWORK_GROUP:
                hint = "Write `address: direct` for services on `fargate` that many others call."
            yield stack.fault(TOO_MANY_RULES, message, hint, ("Resources", name), *paths[::-1])


def _policies(stack: Stack) -> Iterator[Diagnostic]:
    for role in stack.resources.of("AWS::IAM::Role"):
        size = sum(size_of_policy(policy.get("PolicyDocument")) for _, policy in numbered(role.get("Policies")))
        if size > ROLE_CHARACTERS and role.name in stack.origins:
            message = (
                f"The policy of the role `{role.name}` would have {size:,} characters; IAM allows {ROLE_CHARACTERS:,}."
            )
            yield stack.fault(POLICY_TOO_LONG, message, "Let the service use fewer entries.", role.at("Policies"))
