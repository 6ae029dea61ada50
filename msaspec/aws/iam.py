"""IAM roles with the least that an edge or a task needs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from troposphere import Ref, iam

from msaspec.aws.intrinsic import intrinsic
from msaspec.language.aws_type import AwsType
from msaspec.language.part import Part, Statement
from msaspec.language.value import Text, Token, public, value

ROLE = AwsType(name="AWS::IAM::Role", iam=True, named_by="RoleName", unique=(("RoleName",),))
INSTANCE_PROFILE = AwsType(
    name="AWS::IAM::InstanceProfile", iam=True, named_by="InstanceProfileName", unique=(("InstanceProfileName",),)
)
MANAGED_POLICY = AwsType(
    name="AWS::IAM::ManagedPolicy", iam=True, named_by="ManagedPolicyName", unique=(("ManagedPolicyName",),)
)
OTHERS = (
    AwsType(name="AWS::IAM::AccessKey", iam=True),
    AwsType(name="AWS::IAM::Group", iam=True, named_by="GroupName", unique=(("GroupName",),)),
    AwsType(name="AWS::IAM::Policy", iam=True),
    AwsType(name="AWS::IAM::User", iam=True, named_by="UserName", unique=(("UserName",),)),
    AwsType(name="AWS::IAM::UserToGroupAddition", iam=True),
)
"""Types that CloudFormation wants acknowledged too, and which only a patch brings into a template."""


def arn(service: str, resource: Text, *, region: bool = True, account: bool = True) -> Text:
    """Return an ARN of this partition, and of this region and account where the service has them."""
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
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": [_statement(statement) for statement in statements]}


def role(name: str, principal: Any, statements: Iterable[Statement], managed: Iterable[str] = ()) -> Any:
    """Return a role that one AWS service may assume: one inline policy, and managed policies by their logical ids."""
    document = policy(statements)
    # Written out where it is empty, too: a role that may do nothing any more must not keep what it could do.
    inline = [iam.Policy(PolicyName="edges", PolicyDocument=document)] if document["Statement"] else []
    shared = [Ref(policy_name) for policy_name in managed]
    return iam.Role(
        name,
        AssumeRolePolicyDocument={
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}],
        },
        **({"ManagedPolicyArns": shared} if shared else {}),
        Policies=inline,
    )


def instance_profile(name: str, role_name: str) -> Any:
    """Return what gives a role to an EC2 instance."""
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
    """Return what every host of a service may do, once a template: signal the stack, log in to ECR, be reached by
    Session Manager."""
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
