"""Who may do what: policies of identities and of resources."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from msaspec.diagnostics.place import Path
from msaspec.template.references import is_intrinsic
from msaspec.template.weakness import Entry, Group, Kind, Template, Weakness, as_map, inner, is_world, items_of

EVERYTHING = Kind(
    Group.RIGHTS,
    ("AwsSolutions-IAM5",),
    ("CKV_AWS_62", "CKV_AWS_63", "CKV_AWS_107", "CKV_AWS_108", "CKV_AWS_109", "CKV_AWS_110", "CKV_AWS_111"),
    (
        "IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS",
        "IAM_POLICY_NO_STATEMENTS_WITH_FULL_ACCESS",
        "IAM_ROLE_NO_WILDCARD_ACTIONS_ON_PERMISSIONS",
        "IAM_POLICYDOCUMENT_NO_WILDCARD_RESOURCE",
        "IAM_ROLE_OR_POLICY_NO_ALLOW_PLUS_NOT_ACTION",
    ),
)
ADMINISTRATOR = Kind(
    Group.RIGHTS,
    ("AwsSolutions-IAM4",),
    guard=("IAM_ROLE_ADMINISTRATOR_ACCESS_POLICY_RULE", "IAM_ROLE_ELEVATED_MANAGED_POLICY_RULE"),
)
PASS_ROLE = Kind(
    Group.RIGHTS,
    ("AwsSolutions-IAM5",),
    ("CKV_AWS_110",),
    ("IAM_POLICY_NO_WILDCARD_RESOURCE_ON_PASSROLE", "IAM_ROLE_NO_WILDCARD_RESOURCE_ON_PASSROLE"),
)
ANYBODY = Kind(
    Group.OPEN,
    ("AwsSolutions-ECR1", "AwsSolutions-S5"),
    ("CKV_AWS_32", "CKV_AWS_33", "CKV_AWS_60", "CKV_AWS_61"),
    (
        "S3_BUCKET_POLICY_NO_WILDCARD_PRINCIPAL",
        "SNS_TOPICPOLICY_NO_WILDCARD_PRINCIPAL",
        "SQS_QUEUEPOLICY_NO_WILDCARD_PRINCIPAL",
        "KMS_NO_WILDCARD_PRINCIPAL",
        "IAM_ROLE_NO_FULL_ACCESS_ON_TRUST_POLICY",
        "LAMBDA_NO_WILDCARD_PRINCIPALS",
        "LAMBDA_FUNCTION_PUBLIC_ACCESS_PROHIBITED",
    ),
)
ESCALATING = Kind(Group.RIGHTS, ("AwsSolutions-IAM5",), ("CKV_AWS_109", "CKV_AWS_110"))
READING = Kind(Group.RIGHTS, ("AwsSolutions-IAM5",), ("CKV_AWS_107", "CKV_AWS_108", "CKV_AWS_111"))
LONG_LIVED = Kind(Group.RIGHTS)
OTHERS = Kind(Group.OPEN)
ALLOWED = Kind(Group.RIGHTS)
PUBLIC_REPOSITORY = Kind(Group.OPEN, ("AwsSolutions-ECR1",), ("CKV_AWS_32",))
PLAIN_REQUESTS = Kind(Group.PLAIN, ("AwsSolutions-S10",), guard=("S3_BUCKET_SSL_REQUESTS_ONLY",))
ROTATION = Kind(Group.PLAIN, ("AwsSolutions-KMS5",), ("CKV_AWS_7",))

_NARROWING = (
    "aws:sourcearn",
    "aws:sourceaccount",
    "aws:principalorgid",
    "aws:principalarn",
    "aws:sourcevpce",
    "aws:sourceip",
    "aws:sourcevpc",
    "aws:principalaccount",
    "kms:calleraccount",
    "kms:viaservice",
)
_ELEVATED = re.compile(
    r"AdministratorAccess.*|PowerUserAccess|.*FullAccess|SecretsManagerReadWrite|ReadOnlyAccess|SystemAdministrator"
    r"|DatabaseAdministrator|NetworkAdministrator|DataScientist"
)
_PASSING = ("iam:passrole", "sts:assumerole")
_ESCALATING = (
    *("iam:addusertogroup", "iam:attachgrouppolicy", "iam:attachrolepolicy", "iam:attachuserpolicy"),
    *("iam:createaccesskey", "iam:createloginprofile", "iam:createpolicyversion", "iam:putgrouppolicy"),
    *("iam:putrolepolicy", "iam:putuserpolicy", "iam:setdefaultpolicyversion", "iam:updateassumerolepolicy"),
    *("iam:updateloginprofile", "lambda:updatefunctioncode"),
)
"""Actions by which a program can give itself every right."""
_READING = (
    *("secretsmanager:getsecretvalue", "ssm:getparameter", "ssm:getparameters", "kms:decrypt"),
    *("s3:getobject", "s3:putobject", "s3:deleteobject", "dynamodb:getitem", "dynamodb:scan"),
)
"""Actions that read or change data of whatever is named."""
_WHOLE = re.compile(r"(?:[a-z-]+[/:])?[*?/:]*\*[*?/:]*")
"""The last part of an ARN that names all resources of a service, or of a kind."""
_ACCOUNT = re.compile(r"(?:arn:[^:]*:(?:iam|sts)::)?([0-9]{12})(?::.*)?")
_TEXTS_OF_ALL = ("*", "**", "?*", "arn:*", "arn:aws:*", "arn:aws:iam::*")


def find(view: Template) -> Iterator[Weakness]:
    """Yield the weaknesses of policies."""
    for entry in view.entries:
        if entry.type.startswith("AWS::IAM::"):
            yield from _identity(view, entry)
        if entry.type != "AWS::EC2::VPCEndpoint":
            yield from _resource(view, entry)
    for entry in view.of("AWS::IAM::AccessKey"):
        yield Weakness(LONG_LIVED, entry.name, f"{entry.noun} is an access key that does not expire", entry.at())
    for entry in view.of("AWS::Lambda::Permission"):
        for account in _accounts(view, entry.properties.get("Principal")):
            what = f"The account {account} can call the function of {entry.noun}"
            yield Weakness(OTHERS, entry.name, what, entry.at("Principal"))
        narrowed = any(entry.properties.get(key) for key in ("SourceArn", "SourceAccount", "PrincipalOrgID"))
        if "*" in view.texts(entry.properties.get("Principal")) and not narrowed:
            yield Weakness(
                ANYBODY, entry.name, f"Everyone can call the function of {entry.noun}", entry.at("Principal")
            )
    for entry in view.of("AWS::ECR::PublicRepository"):
        yield Weakness(PUBLIC_REPOSITORY, entry.name, f"The repository {entry.noun} is public", entry.at())
    for entry in view.of("AWS::S3::Bucket"):
        if not any(_wants_tls(view, policy, entry.name) for policy in view.of("AWS::S3::BucketPolicy")):
            what = f"The bucket {entry.noun} accepts requests without TLS"
            yield Weakness(PLAIN_REQUESTS, entry.name, what, entry.at(), by_default=True)
    for entry in view.of("AWS::KMS::Key"):
        rotated = entry.properties.get("EnableKeyRotation")
        if view.is_false(rotated, absent=True) and "KeySpec" not in entry.properties:
            what, path = f"The key {entry.noun} is not rotated", entry.at("EnableKeyRotation")
            yield Weakness(ROTATION, entry.name, what, path, by_default=rotated is None)


def _identity(view: Template, entry: Entry) -> Iterator[Weakness]:
    documents: list[tuple[Path, Any]] = [(("PolicyDocument",), entry.properties.get("PolicyDocument"))]
    for at, policy in view.maps(entry.properties.get("Policies")):
        documents.append((("Policies", *at, "PolicyDocument"), policy.get("PolicyDocument")))
    for path, document in documents:
        for at, statement in _statements(view, document):
            place = entry.at(*path, "Statement", *at)
            for kind, what in _granted(view, statement):
                yield Weakness(kind, entry.name, f"{entry.noun} {what}", place)
    for arn in view.patterns(entry.properties.get("ManagedPolicyArns")):
        if _ELEVATED.fullmatch(named := arn.rpartition("/")[2]):
            what = f"{entry.noun} has the managed policy {named}"
            yield Weakness(ADMINISTRATOR, entry.name, what, entry.at("ManagedPolicyArns"))


def _granted(view: Template, statement: Mapping[str, Any]) -> Iterator[tuple[Kind, str]]:
    if "Allow" not in view.texts(statement.get("Effect")) or _restricts(view, statement.get("Condition")):
        return
    wide = [each for each in map(_extent, view.patterns(statement.get("Resource"))) if each]
    where = "all resources" if "NotResource" in statement else min(wide, default="", key=len)
    if not where:
        return
    if "NotAction" in statement:
        yield EVERYTHING, f"allows all actions except a few, on {where}"
    for action in view.texts(statement.get("Action")):
        plain = re.sub(r"\*+", "*", action.lower())
        service, _, name = plain.partition(":")
        if service == "*" and name in ("", "*"):
            yield EVERYTHING, f"allows all actions on {where}"
        elif "*" in service:
            yield EVERYTHING, f"allows {action} on {where}"
        elif name == "*":
            yield EVERYTHING, f"allows all actions of {service} on {where}"
        elif _matches(plain, _PASSING):
            yield PASS_ROLE, f"allows passing every role: {action}"
        elif _matches(plain, _ESCALATING):
            yield ESCALATING, f"allows giving itself other rights: {action} on {where}"
        elif _matches(plain, _READING):
            yield READING, f"allows {action} on {where}"


def _matches(pattern: str, actions: tuple[str, ...]) -> bool:
    return any(fnmatchcase(each, pattern) for each in actions)


def _extent(resource: str) -> str | None:
    """Return what a pattern names, where it names all there is of a kind.

    >>> _extent("*"), _extent("arn:aws:s3:::*/*"), _extent("arn:aws:s3:::media/*"), _extent("arn:aws:iam::1:role/*")
    ('all resources', 'all resources of s3', None, 'all resources of iam')
    """
    parts = resource.split(":", 5)
    if len(parts) < 6:
        return "all resources" if resource.endswith("*") and set(parts[-1]) <= set("*?") else None
    if "*" in parts[2]:
        return "all resources"
    named = parts[2] == "s3" and parts[5].strip("*?/")  # a bucket, where others have the kind of the resource
    return f"all resources of {parts[2]}" if _WHOLE.fullmatch(parts[5]) and not named else None


def _resource(view: Template, entry: Entry) -> Iterator[Weakness]:
    """Yield who is allowed in by the policies that a resource has, wherever in its properties."""
    for path, document in _documents(entry.properties, ()):
        for at, statement in _statements(view, document):
            condition = statement.get("Condition")
            if "Allow" not in view.texts(statement.get("Effect")):
                continue
            principal, place = statement.get("Principal"), entry.at(*path, "Statement", *at)
            named = [principal] if not isinstance(principal, Mapping) or is_intrinsic(principal) else principal.values()
            actions = ", ".join(sorted(view.texts(statement.get("Action"))))[:60] or "everything"
            texts = [text for each in named for text in view.texts(each)]
            outside = "Federated" in as_map(principal) and not condition
            if ("*" in texts or "NotPrincipal" in statement or outside) and not _narrowed(view, condition):
                what = f"{entry.noun} allows everyone: {actions}"
                yield Weakness(ANYBODY, entry.name, what, place)
            for account in (account for each in named for account in _accounts(view, each)):
                what = f"{entry.noun} allows the account {account}: {actions}"
                yield Weakness(OTHERS, entry.name, what, place)


def _accounts(view: Template, principal: Any) -> Iterator[str]:
    """Yield the accounts that are named by their number, and not as the own."""
    for each in view.patterns(principal):
        if match := _ACCOUNT.fullmatch(each):
            yield match[1]


def _documents(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield the policies in properties, also those that are written as text."""
    if isinstance(value, str) and '"Statement"' in value:
        try:
            value = json.loads(value)
        except ValueError:
            return
    if isinstance(value, Mapping):
        if "Statement" in value:
            yield path, value
        for key, each in value.items():
            yield from _documents(each, (*path, str(key)))
    for position, each in enumerate(items_of(value)):
        yield from _documents(each, (*path, position))


def gone(before: Template, after: Template) -> Iterator[Weakness]:
    """Yield what policies no longer deny."""
    left = {entry.name: entry for entry in after.entries}
    for entry in before.entries:
        now = left.get(entry.name)
        if now is None:
            continue
        denies = dict(_denies(before, entry))
        for text in sorted(denies.keys() - dict(_denies(after, now)).keys()):
            if entry.type == "AWS::S3::BucketPolicy" and "aws:SecureTransport" in text:
                continue  # told of the bucket
            actions = ", ".join(sorted(before.texts(denies[text].get("Action"))))[:60] or "everything"
            what = f"{entry.noun} no longer denies {actions}"
            yield Weakness(ALLOWED, entry.name, what, entry.at(), detail=text)


def _denies(view: Template, entry: Entry) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for _, document in _documents(entry.properties, ()):
        for _, statement in _statements(view, document):
            if "Deny" in view.texts(statement.get("Effect")):
                yield json.dumps(statement, sort_keys=True, default=str), statement


def _narrowed(view: Template, condition: Any) -> bool:
    """Whether a condition restricts the principals."""
    return any(name in _NARROWING for name in _tested(view, condition))


def _restricts(view: Template, condition: Any) -> bool:
    """Whether a condition restricts anything."""
    return any(name not in ("aws:securetransport", "aws:viaawsservice") for name in _tested(view, condition))


def _tested(view: Template, condition: Any) -> Iterator[str]:
    """Yield what a condition demands to have some value. It may ask for any value, or for none."""
    for operator, tests in as_map(condition).items():
        loose = any(word in str(operator).lower() for word in ("not", "ifexists", "null"))
        for name, values in as_map(tests).items():
            texts = list(view.patterns(values))
            if not loose and not any(each in _TEXTS_OF_ALL or is_world(each) for each in texts):
                yield str(name).lower()


def _wants_tls(view: Template, policy: Entry, bucket: str) -> bool:
    """Whether a policy of a bucket denies requests without TLS."""
    if bucket not in json.dumps(policy.properties.get("Bucket"), default=str) or "Condition" in policy.body:
        return False
    for _, statement in _statements(view, policy.properties.get("PolicyDocument")):
        for operator, tests in as_map(statement.get("Condition")).items():
            secure = next(
                (value for name, value in as_map(tests).items() if name.lower() == "aws:securetransport"), None
            )
            if "Deny" in view.texts(statement.get("Effect")) and operator == "Bool" and view.is_false(secure):
                return True
    return False


def _statements(view: Template, document: Any) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    yield from view.maps(inner(document, "Statement"))
