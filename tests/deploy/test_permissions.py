"""The policies that `msaspec policy` prints: enough for each command in the sandbox with IAM enforced, and no less."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.session import Session

import msaspec
from msaspec.cli.commands import policy as command
from msaspec.deploy import permissions
from msaspec.sandbox.account import Account as Allowed
from msaspec.sandbox.on_moto.answers import actions_of
from tests.deploy.account import OWNING, SMALL, STORING, Account

FARGATE = SMALL.replace("uses: [media]", "uses: [media], paths: [/], runtime: fargate")
GROUPS = SMALL.replace("uses: [media]", "uses: [media], paths: [/], runtime: autoscaling")
SHIFTING = SMALL.replace("uses: [media]", "uses: [media], paths: [/], runtime: {type: fargate, deploy: canary}")
JOBS = f"""{SMALL}jobs: {{report: {{image: "docker.io/library/nginx:1", every: 15 min, uses: [media]}}}}\n"""
EXAMPLES = {
    "jobs": JOBS,
    "instance": SMALL,
    "database": STORING,
    "fargate": FARGATE,
    "autoscaling": GROUPS,
    "canary": SHIFTING,
}


def actions(account: Account, *words: str) -> frozenset[str]:
    """Return what a policy allows."""
    result = account.run("policy", *words)
    assert result.exit_code == 0, result.stderr
    statements = json.loads(result.stdout)["Statement"]
    return frozenset(action for each in statements for action in each["Action"])


def allowing(account: Account, words: Iterable[str], *command: str) -> Any:
    """Run a command with what the policy for it allows."""
    account.world.account = Allowed(allowed=actions(account, *words))
    return account.run(*command)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_policy_of_a_command_is_enough(account: Account, name: str) -> None:
    """To deploy, update, look at and destroy each kind of system."""
    manifest = EXAMPLES[name]
    account.write(manifest)
    for words in (("deploy", "--yes"), ("status",), ("outputs",)):
        result = allowing(account, ("--for", words[0]), *words)
        assert (result.exit_code, "MSA603" in result.stderr) == (0, False), result.stderr
    account.write(manifest.replace("nginx:1", "nginx:2"))
    result = allowing(account, ("--for", "deploy"), "deploy", "--yes")
    assert (result.exit_code, "MSA603" in result.stderr) == (0, False), result.stderr
    for words in (("jobs",), ("run", "report")) if name == "jobs" else ():
        result = allowing(account, ("--for", words[0]), *words)
        assert (result.exit_code, "MSA603" in result.stderr) == (0, False), result.stderr
    lose = ("--delete-data", "main") if name == "database" else ("--delete-data", "media")
    result = allowing(account, ("--for", "destroy"), "destroy", "--yes", *lose)
    assert (result.exit_code, "MSA603" in result.stderr) == (0, False), result.stderr


def test_with_a_role_the_caller_makes_no_resources(account: Account) -> None:
    """Two policies: of who runs the commands, and of the role that CloudFormation acts by."""
    account.write(FARGATE)
    user, role = actions(account, "--of", "user"), actions(account, "--of", "role")
    assert "iam:PassRole" in user
    assert not any(re.search(r":(Create|Run|Register)", each) for each in user - PREPARING), user
    account.world.account = Allowed(allowed=user, allowed_to_role=role)
    arn = "arn:aws:iam::123456789012:role/deployer"
    assert (result := account.run("deploy", "--yes", "--role-arn", arn)).exit_code == 0, result.stderr
    assert (result := account.run("destroy", "--yes", "--role-arn", arn)).exit_code == 0, result.stderr


PREPARING = {"cloudformation:CreateChangeSet", "iam:CreateServiceLinkedRole"}


@pytest.mark.parametrize(
    "action",
    [
        "cloudformation:CreateChangeSet",
        "cloudformation:DescribeStacks",
        "cloudformation:ExecuteChangeSet",
        "cloudformation:SetStackPolicy",
        "cloudformation:UpdateTerminationProtection",
        "ec2:CreateVpc",
        "ec2:RunInstances",
        "iam:CreateRole",
        "logs:CreateLogGroup",
    ],
)
def test_one_less_is_missed(account: Account, action: str) -> None:
    """The command fails and names it, whoever needs it."""
    account.write(SMALL)
    allowed = actions(account, "--for", "deploy")
    assert action in allowed
    account.world.account = Allowed(allowed=allowed - {action})
    result = account.run("deploy", "--yes", "--rollback")
    assert result.exit_code == 3, result.stderr
    assert action in result.stderr


def test_what_commands_call_is_in_the_table() -> None:
    """Every request of the code that is no function's own has its action in the table."""
    table = {action for each in permissions.CALLS for action in each.actions} | {
        *permissions.TEMPLATES,
        *permissions.LEFT,
    }
    known: dict[str, list[tuple[str, str]]] = {}
    for service in SERVICES:
        for name in operations(service):
            known.setdefault(xform_name(name), []).append((service, name))
    asked = {name for name in called() if name in known}
    assert len(asked) > 40
    # Two services may have an operation of one name.
    assert [name for name in asked if not any(table.issuperset(actions_of(*pair)) for pair in known[name])] == []


SERVICES = [
    "service-quotas",
    "servicediscovery",
    "sts",
    "secretsmanager",
    "logs",
    "ecr",
    "ec2",
    "elbv2",
    "iam",
    "s3",
    "rds",
    "elasticache",
    "efs",
    "ecs",
    "cloudformation",
    "cloudfront",
    "stepfunctions",
]
COMMON = {"list_tags_for_resource", "tag_resource", "untag_resource"}


def operations(service: str) -> list[str]:
    """Return the operations of a service."""
    return list(Session().get_service_model(service).operation_names)


def called() -> set[str]:
    """Return the names of operations that the code of deployments and of types names."""
    found: set[str] = set()
    root = Path(msaspec.__file__).parent
    for folder in ("aws", "deploy", "kinds"):
        for path in (root / folder).rglob("*.py"):
            if "lambdas" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Attribute):
                    found.add(node.attr)
                if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get_paginator":
                    found |= {each.value for each in node.args if isinstance(each, ast.Constant)}
    return found - COMMON


def test_stacks_are_limited_to_those_of_the_system(account: Account) -> None:
    """What is asked of CloudFormation by the name of a stack names the stack, of one environment too."""
    account.write(f"{OWNING}environments: {{prod: {{}}}}\n")
    [stacks, *_] = json.loads(account.run("policy", "--env", "prod").stdout)["Statement"]
    assert stacks["Resource"] == [
        "arn:*:cloudformation:*:*:stack/shop-registry/*",
        "arn:*:cloudformation:*:*:stack/shop-prod/*",
    ]


def test_the_commands_are_those_that_ask_aws() -> None:
    """The choice of the option is the table's."""
    assert command.COMMANDS == permissions.COMMANDS


def test_a_policy_that_is_too_long_for_a_managed_one_is_told(account: Account) -> None:
    """It is printed all the same."""
    account.write(SHIFTING)
    assert "at most 6,144" in account.run("policy").stderr
    assert account.run("policy", "--for", "status").stderr == ""
