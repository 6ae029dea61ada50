"""What an account that was opened today lacks: made, warned of, or told with the next command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from botocore.session import Session

from msaspec.deploy import quotas
from msaspec.deploy.aws import fault, refusals
from msaspec.sandbox import account as accounts
from msaspec.sandbox.account import QUOTAS
from msaspec.sandbox.account import Account as Allowed
from msaspec.sandbox.on_moto import accounts as emulated
from tests.deploy.account import SMALL, Account
from tests.deploy.by_hand import refusal

FARGATE = SMALL.replace("uses: [media]", "uses: [media], paths: [/], runtime: fargate")
TOO_LONG = "The specified backup retention period exceeds the maximum available to free tier customers."
DENIED = "User: me is not authorized to perform: {} with an explicit deny in a service control policy"
SAID = {
    emulated.NOT_FREE: "t4g.micro",
    f"{TOO_LONG} {emulated.TO_UPGRADE}": "backups: 1 day",
    f"This instance size isn't available with free plan accounts. {emulated.TO_UPGRADE}": "db.t4g.micro",
    emulated.UNVERIFIED: "cdn: false",
    emulated.UNASSUMABLE: "--aws-service-name ecs.amazonaws.com",
    emulated.NO_DATABASE_ROLE: "--aws-service-name rds.amazonaws.com",
    "User: me is not authorized to perform: iam:CreateServiceLinkedRole on resource: arn:aws:iam::1:role"
    "/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling": (
        "--aws-service-name autoscaling.amazonaws.com"
    ),
    "You have requested more vCPU capacity than your current vCPU limit of 1 allows": "L-1216C47A",
    "The maximum number of addresses has been reached.": "L-0263D0A3",
    "The maximum number of VPCs has been reached.": "L-F678F1CE",
    "The maximum number of NAT Gateways has been reached.": "L-FE5A380F",
    "The maximum number of load balancers has been reached.": "L-53DA6B97",
    "Cannot create more than the quota of DB instances.": "L-7B6409FD",
    "Your requested instance type (a1.metal) is not supported in your requested Availability Zone (us-east-1e).": (
        "describe-instance-type-offerings"
    ),
    DENIED.format("ec2:RunInstances"): "organization",
}


@pytest.mark.parametrize(("said", "hint"), SAID.items())
def test_what_the_account_refuses_has_a_next_command(said: str, hint: str) -> None:
    """Whether a request, a change set or a resource is refused. What the sandbox says is what AWS says."""
    assert hint in (refusals.hint(said) or "")
    of_request = fault.of(refusal("ValidationError", said, operation="CreateChangeSet"), "us-east-1")
    assert of_request
    assert hint in str(of_request.diagnostics[0].hint)


def test_what_is_no_refusal_of_the_account_keeps_its_hint() -> None:
    """The table is for nothing else."""
    assert refusals.hint("Bucket media already exists") is None
    assert (
        refusals.hint("User: me is not authorized to perform: s3:PutObject", "Have it granted.") == "Have it granted."
    )


@pytest.mark.parametrize("row", refusals.TABLE, ids=lambda row: row.text.pattern[:30])
def test_commands_of_hints_are_commands(row: refusals.Refusal) -> None:
    """Each is an operation of the AWS CLI, spelt as it spells it."""
    for service, operation in re.findall(r"`aws ([a-z0-9-]+) ([a-z0-9-]+)", row.advice):
        model = Session().get_service_model(service)
        assert operation.replace("-", "") in {name.lower() for name in model.operation_names}


def test_quotas_are_named_as_the_sandbox_knows_them() -> None:
    """Code and service fit together, and what is asked for below the usual is usual."""
    for quota in quotas.QUOTAS:
        known = QUOTAS[quota.code]
        assert quota.service == known.service
        assert quota.usual in (0, known.usual)


def test_the_first_deployment_on_fargate_makes_the_roles(account: Account) -> None:
    """Without them ECS fails in a new account. They are made after the yes, and asked for once."""
    account.world.account = Allowed(has_service_roles=False)
    looked = account.run("deploy", "--dry-run", *written(account, FARGATE))
    assert "lacks the service-linked role AWSServiceRoleForECS; a deployment makes it" in looked.stderr
    assert account.calls["CreateServiceLinkedRole"] == 0
    result = account.deploy()
    assert result.exit_code == 0, result.stderr
    assert "Made the service-linked role AWSServiceRoleForECS" in result.stderr
    assert "Made the service-linked role AWSServiceRoleForElasticLoadBalancing" in result.stderr
    assert account.calls["CreateServiceLinkedRole"] == 2
    account.calls.clear()
    assert account.deploy(FARGATE.replace("nginx:1", "nginx:2")).exit_code == 0
    assert account.calls["ListRoles"] == 0


@pytest.mark.parametrize(
    ("denied", "said"),
    [
        ({"iam:ListRoles"}, ""),
        ({"iam:CreateServiceLinkedRole"}, "aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com"),
    ],
)
def test_who_may_not_make_roles_deploys_all_the_same(account: Account, denied: set[str], said: str) -> None:
    """Nothing more has to be allowed where they are there; where they are not, the command is told."""
    account.world.account = Allowed(has_service_roles=False, racing=frozenset(), denied=frozenset(denied))
    result = account.deploy(FARGATE)
    assert result.exit_code == 0, result.stderr
    assert said in result.stderr
    assert "MSA603" not in result.stderr


def test_quotas_are_warned_of(account: Account) -> None:
    """Each with what is needed, what is in use, and the command that raises it. AWS decides."""
    account.world.account = Allowed(quotas={accounts.VCPUS: 1})
    result = account.run("deploy", "--dry-run", *written(account, SMALL.replace("uses: [media]", "paths: [/]")))
    assert "MSA529" in result.stderr
    assert re.search(r"needs 2 vCPUs of hosts, and the account has 0 in use of 1 in us-east-1", result.stderr)
    assert "--service-code ec2 --quota-code L-1216C47A --desired-value 2 --region us-east-1" in result.stderr


def test_what_others_use_counts(account: Account) -> None:
    """Addresses are asked for, and their quota only where five would not do."""
    account.write(SMALL.replace("uses: [media]", "paths: [/]"))
    ec2 = account.world.client("ec2")
    for _ in range(4):
        ec2.allocate_address(Domain="vpc")
    assert "MSA529" not in account.run("deploy", "--dry-run").stderr
    asked = account.calls["GetServiceQuota"]
    ec2.allocate_address(Domain="vpc")
    account.world.account = Allowed(quotas={accounts.ADDRESSES: 5})
    result = account.run("deploy", "--dry-run")
    assert "needs 1 Elastic IP addresses, and the account has 5 in use of 5" in result.stderr
    assert account.calls["GetServiceQuota"] == 2 * asked + 1


def test_who_may_not_read_quotas_is_told_nothing(account: Account) -> None:
    """They are looked at where one may."""
    denied = {"ec2:DescribeInstanceTypes", "ec2:DescribeAddresses", "ec2:DescribeVpcs"}
    account.world.account = Allowed(quotas={accounts.VCPUS: 1}, denied=frozenset(denied))
    result = account.run("deploy", "--dry-run", *written(account, SMALL.replace("uses: [media]", "paths: [/]")))
    assert "MSA529" not in result.stderr
    assert "DescribeAddresses" not in result.stderr


def test_a_first_deployment_asks_little_of_an_account(account: Account) -> None:
    """Roles, VPCs, hosts with their types and quota, addresses: one request each. Later ones ask nothing of it."""
    account.deploy(SMALL.replace("uses: [media]", "paths: [/]"))
    asked = "DescribeAddresses", "DescribeInstanceTypes", "DescribeInstances", "DescribeVpcs", "GetServiceQuota"
    assert [account.calls[name] for name in asked] == [1] * 5, account.calls
    account.calls.clear()
    account.deploy(SMALL.replace("uses: [media]", "paths: [/]").replace("nginx:1", "nginx:2"))
    assert [account.calls[name] for name in (*asked, "ListRoles")] == [0] * 6, account.calls


def written(account: Account, manifest: str) -> tuple[str, ...]:
    """Write a manifest; return nothing to add to a command."""
    account.write(manifest)
    return ()


def test_the_guide_has_the_line_for_other_tools() -> None:
    """One line makes every role that a template may need, for whoever deploys with another tool."""
    from msaspec.compile import aws_types

    guide = (Path(__file__).parents[2] / "docs" / "guides" / "new-accounts.md").read_text("utf-8")
    line = next(line for line in guide.splitlines() if "create-service-linked-role" in line and line.startswith("for "))
    for role in {each.service_role for each in aws_types.known().values() if each.service_role}:
        assert role.service.removesuffix(".amazonaws.com") in line
