"""Names that a patch gives to resources. The compiler itself leaves them to CloudFormation."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address

from msaspec.compile import Stack
from msaspec.diagnostic import Code, Diagnostic
from msaspec.place import Path
from msaspec.resources import inner, same

REFUSED_NAME = Code(
    "MSA412",
    "A name that AWS refuses",
    """
    A patch names a resource, and the service that makes it takes no such name: it is too long, holds other characters
    than are allowed, or begins or ends with what AWS keeps for itself. msaspec names no resource that CloudFormation
    can name, because a resource with a name cannot be replaced.
    """,
)
ONE_NAME_TWICE = Code(
    "MSA413",
    "One name for two resources or exports",
    """
    Two security groups of a VPC, two origin access controls of CloudFront, or two exports, have one name. The second
    one fails when the stack is made.
    """,
)

_LETTERS_AND_DIGITS = frozenset(string.ascii_letters + string.digits)
_GROUP_TEXT = _LETTERS_AND_DIGITS | set(" ._-:/()#,@[]+=&;{}!$*")
_SECRET_TEXT = _LETTERS_AND_DIGITS | set("/_+=.@-")
_BUCKET_TEXT = frozenset(string.ascii_lowercase + string.digits + ".-")
_BUCKET_BEGINNINGS = ("xn--", "sthree-", "amzn-s3-demo-")
_BUCKET_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
"""Amazon S3 User Guide, "General purpose bucket naming rules"."""


def check_stack(stack: Stack) -> Iterator[Diagnostic]:
    """Names are such as AWS takes, and each is given once."""
    for (kind, key), reason in _RULES.items():
        for resource in stack.resources.of(kind):
            name = stack.resources.shortest(resource.get(key))
            if name is not None and (why := reason(name)):
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
            message = f"The security groups `{other}` and `{group.name}` have one name in one VPC."
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
            message = f"The origin access controls `{other}` and `{control.name}` have one name in the account."
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
            message = f"The outputs `{other}` and `{name}` are exported under one name."
            paths: tuple[Path, Path] = (("Outputs", name, "Export"), ("Outputs", other, "Export"))
            yield stack.fault(ONE_NAME_TWICE, message, "Export one of them under another name.", *paths)


def _target_group(name: str) -> str | None:
    if len(name) > 32:
        return f"it has {len(name)} characters or more, and 32 are allowed"
    if not set(name) <= _LETTERS_AND_DIGITS | {"-"}:
        return "it holds something else than letters, digits and `-`"
    return "it begins or ends with `-`" if name != name.strip("-") else None


def _load_balancer(name: str) -> str | None:
    return "it begins with `internal-`" if name.startswith("internal-") else _target_group(name)


def _bucket(name: str) -> str | None:
    if not 3 <= len(name) <= 63:
        return "a bucket's name has from 3 to 63 characters"
    if not set(name) <= _BUCKET_TEXT or ".." in name or name != name.strip(".-"):
        return "a bucket's name has lower-case letters, digits, `-` and single `.`, a letter or digit at either end"
    if name.startswith(_BUCKET_BEGINNINGS) or name.endswith(_BUCKET_ENDS):
        return "S3 keeps this beginning or end for itself"
    return "it looks like an IP address" if _is_address(name) else None


def _is_address(name: str) -> bool:
    try:
        IPv4Address(name)
    except ValueError:
        return False
    return True


def _group(name: str) -> str | None:
    return "it begins with `sg-`" if name.startswith("sg-") else _described(name)


def _described(text: str) -> str | None:
    if not 1 <= len(text) <= 255:
        return "it is empty or has more than 255 characters"
    return None if set(text) <= _GROUP_TEXT else "it holds a character that EC2 does not allow there"


def _secret(name: str) -> str | None:
    if not 1 <= len(name) <= 512:
        return "it is empty or has more than 512 characters"
    return None if set(name) <= _SECRET_TEXT else "it holds something else than letters, digits and any of `/_+=.@-`"


_RULES: Mapping[tuple[str, str], Callable[[str], str | None]] = {
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "Name"): _load_balancer,
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "Name"): _target_group,
    ("AWS::S3::Bucket", "BucketName"): _bucket,
    ("AWS::EC2::SecurityGroup", "GroupName"): _group,
    ("AWS::EC2::SecurityGroup", "GroupDescription"): _described,
    ("AWS::SecretsManager::Secret", "Name"): _secret,
}
"""Why a property of a type is refused; None where it is not."""
