"""Who may do what: policies of identities and of resources."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from msaspec.diagnostics.place import Path
from msaspec.template.weakness import Entry, Group, Kind, Template, Weakness, as_map, inner

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
PUBLIC_REPOSITORY = Kind(Group.OPEN, ("AwsSolutions-ECR1",), ("CKV_AWS_32",))
PLAIN_REQUESTS = Kind(Group.PLAIN, ("AwsSolutions-S10",), guard=("S3_BUCKET_SSL_REQUESTS_ONLY",))
ROTATION = Kind(Group.PLAIN, ("AwsSolutions-KMS5",), ("CKV_AWS_7",))

_OF_RESOURCES = {
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::SecretsManager::ResourcePolicy": "ResourcePolicy",
    "AWS::ECR::Repository": "RepositoryPolicyText",
    "AWS::EFS::FileSystem": "FileSystemPolicy",
    "AWS::IAM::Role": "AssumeRolePolicyDocument",
    "AWS::OpenSearchService::Domain": "AccessPolicies",
}
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
_ELEVATED = ("AdministratorAccess", "PowerUserAccess", "IAMFullAccess")


def find(view: Template) -> Iterator[Weakness]:
    """Yield the weaknesses of policies."""
    for entry in view.entries:
        if entry.type.startswith("AWS::IAM::"):
            yield from _identity(view, entry)
        if key := _OF_RESOURCES.get(entry.type):
            yield from _resource(view, entry, key)
    for entry in view.of("AWS::Lambda::Permission"):
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
    for arn in _arns(entry.properties.get("ManagedPolicyArns")):
        if (named := arn.rpartition("/")[2]) in _ELEVATED:
            what = f"{entry.noun} has the managed policy {named}"
            yield Weakness(ADMINISTRATOR, entry.name, what, entry.at("ManagedPolicyArns"))


def _arns(value: Any) -> Iterator[str]:
    """Every text at any depth, which may be part of a Sub or a Join."""
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _arns(each)


def _granted(view: Template, statement: Mapping[str, Any]) -> Iterator[tuple[Kind, str]]:
    if "Allow" not in view.texts(statement.get("Effect")) or statement.get("Condition"):
        return
    everywhere = "*" in view.texts(statement.get("Resource")) or ("NotResource" in statement)
    if not everywhere:
        return
    if "NotAction" in statement:
        yield EVERYTHING, "allows all actions except a few, on all resources"
    for action in view.texts(statement.get("Action")):
        if action in ("*", "*:*"):
            yield EVERYTHING, "allows all actions on all resources"
        elif action.endswith(":*"):
            yield EVERYTHING, f"allows all actions of {action[:-2]} on all resources"
        elif action.lower() in ("iam:passrole", "sts:assumerole"):
            yield PASS_ROLE, f"allows passing every role: {action}"


def _resource(view: Template, entry: Entry, key: str) -> Iterator[Weakness]:
    for at, statement in _statements(view, entry.properties.get(key)):
        if "Allow" not in view.texts(statement.get("Effect")) or _narrowed(statement.get("Condition")):
            continue
        principal = statement.get("Principal")
        named = [*view.texts(principal), *(text for each in as_map(principal).values() for text in view.texts(each))]
        if "*" in named or "NotPrincipal" in statement:
            actions = ", ".join(sorted(view.texts(statement.get("Action"))))[:60] or "everything"
            what = f"{entry.noun} allows everyone: {actions}"
            yield Weakness(ANYBODY, entry.name, what, entry.at(key, "Statement", *at))


def _narrowed(condition: Any) -> bool:
    """Whether a condition restricts the principals."""
    return any(str(name).lower() in _NARROWING for operator in as_map(condition).values() for name in as_map(operator))


def _wants_tls(view: Template, policy: Entry, bucket: str) -> bool:
    """Whether a policy of a bucket denies requests without TLS."""
    if bucket not in json.dumps(policy.properties.get("Bucket"), default=str):
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
