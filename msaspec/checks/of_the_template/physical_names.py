"""Names that a patch gives to resources. The compiler itself leaves them to CloudFormation."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.compile import aws_types
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.template.resources import inner, same
from msaspec.template.stack import Stack

REFUSED_NAME = Code(
    "MSA412",
    "A name that AWS refuses",
    """
    A patch names a resource, and AWS does not accept the name: it is too long, contains characters that are not
    allowed, or has a reserved prefix or suffix. msaspec leaves names to CloudFormation, because a resource with a fixed
    name cannot be replaced.
    """,
)
ONE_NAME_TWICE = Code(
    "MSA413",
    "Two resources or exports with the same name",
    """
    Two security groups of a VPC, two CloudFront origin access controls, or two exports have the same name. The second
    one fails when the stack is created.
    """,
)


def check(stack: Stack) -> Iterator[Diagnostic]:
    """Names are such as AWS takes, and each is given once."""
    rules = [(kind, key, rule) for kind in aws_types.known().values() for key, rule in kind.names.items()]
    for kind, key, rule in rules:
        for resource in stack.resources.of(kind.name):
            name = stack.resources.shortest(resource.get(key))
            if name is not None and (why := rule(name)):
                message = f"AWS refuses the `{key}` of `{resource.name}`: {why}."
                hint = "Leave the name to CloudFormation, or write another." if "Name" in key else "Write another."
                yield stack.fault(REFUSED_NAME, message, hint, resource.at(key))
    yield from _groups(stack)
    yield from _controls(stack)
    yield from _exports(stack)


def _groups(stack: Stack) -> Iterator[Diagnostic]:
    first: dict[tuple[str, str], str] = {}
    for group in stack.resources.of("AWS::EC2::SecurityGroup"):
        name = group.get("GroupName")
        if name is None or group.conditional:
            continue
        other = first.setdefault((same(group.get("VpcId")), same(name)), group.name)
        if other != group.name:
            message = f"The security groups `{other}` and `{group.name}` have the same name in one VPC."
            paths = (group.at("GroupName"), ("Resources", other, "Properties", "GroupName"))
            yield stack.fault(ONE_NAME_TWICE, message, "Leave the names to CloudFormation.", *paths)


def _controls(stack: Stack) -> Iterator[Diagnostic]:
    first: dict[str, str] = {}
    key = ("OriginAccessControlConfig", "Name")
    for control in stack.resources.of("AWS::CloudFront::OriginAccessControl"):
        name = control.get(*key)
        if name is None or control.conditional:
            continue
        other = first.setdefault(same(name), control.name)
        if other != control.name:
            message = f"The origin access controls `{other}` and `{control.name}` have the same name."
            paths = (control.at(*key), ("Resources", other, "Properties", *key))
            yield stack.fault(ONE_NAME_TWICE, message, "Give one of them another name.", *paths)


def _exports(stack: Stack) -> Iterator[Diagnostic]:
    first: dict[str, str] = {}
    for name, output in stack.template.get("Outputs", {}).items():
        exported = inner(output, "Export", "Name")
        if exported is None or "Condition" in output:
            continue
        other = first.setdefault(same(exported), name)
        if other != name:
            message = f"The outputs `{other}` and `{name}` are exported under the same name."
            paths: tuple[Path, Path] = (("Outputs", name, "Export"), ("Outputs", other, "Export"))
            yield stack.fault(ONE_NAME_TWICE, message, "Export one of them under another name.", *paths)
