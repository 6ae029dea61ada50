"""IAM roles with the least that an edge or a task needs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from troposphere import Ref, iam

from msaspec.aws.intrinsic import intrinsic
from msaspec.language.part import Part, Statement
from msaspec.language.value import Text, Token, public, value


def arn(service: str, resource: Text, region: bool = True, account: bool = True) -> Text:
    """An ARN of this partition, and of this region and account where the service has them."""
    return (
        "arn:",
        Token("AWS::Partition"),
        f":{service}:",
        *((Token("AWS::Region"),) if region else ()),
        ":",
        *((Token("AWS::AccountId"),) if account else ()),
        ":",
        *resource,
    )


def policy(statements: Iterable[Statement]) -> dict[str, Any]:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": [_statement(statement) for statement in statements]}


def role(name: str, principal: str, statements: Iterable[Statement], managed: Iterable[str] = ()) -> Any:
    """A role that one AWS service may assume: one inline policy, and managed policies by their logical ids."""
    inline = (
        [iam.Policy(PolicyName="edges", PolicyDocument=document)]
        if (document := policy(statements))["Statement"]
        else []
    )
    shared = [Ref(policy_name) for policy_name in managed]
    return iam.Role(
        name,
        AssumeRolePolicyDocument={
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}],
        },
        **({"ManagedPolicyArns": shared} if shared else {}),
        **({"Policies": inline} if inline else {}),
    )


def instance_profile(name: str, role_name: str) -> Any:
    """What gives a role to an EC2 instance."""
    return iam.InstanceProfile(name, Roles=[Ref(role_name)])


SESSION_MANAGER = Statement(
    actions=(
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    ),
    resources=(("*",),),
)
"""What a host needs for a shell by Session Manager. The managed policy AmazonSSMManagedInstanceCore would also let
it read every SSM parameter of the account."""


HOST_POLICY = "HostPolicy"


def host_policy() -> Part:
    """What every host of a service may do, once a template: signal the stack, log in to ECR, be reached by Session
    Manager."""
    statements = [
        SESSION_MANAGER,
        Statement(("cloudformation:SignalResource",), ((Token("AWS::StackId"),),)),
        Statement(("ecr:GetAuthorizationToken",), (("*",),)),
    ]
    return Part((iam.ManagedPolicy(HOST_POLICY, PolicyDocument=policy(statements)),))


def _statement(statement: Statement) -> dict[str, Any]:
    written: dict[str, Any] = {
        "Effect": "Allow",
        "Action": _one_or_all(list(statement.actions)),
        "Resource": _one_or_all([intrinsic(_joined(resource)) for resource in statement.resources]),
    }
    if statement.condition:
        written["Condition"] = {operator: dict(keys) for operator, keys in statement.condition.items()}
    return written


def _joined(text: Text) -> Text:
    return public(value(*text))


def _one_or_all(items: list[Any]) -> Any:
    return items[0] if len(items) == 1 else items
