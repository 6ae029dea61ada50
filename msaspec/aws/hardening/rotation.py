"""Passwords of services on databases that change by themselves: Secrets Manager's schedules, and what takes its steps.

Two users of a service take turns, so that copies that run keep the password with which they started. The function also
starts them anew: who reads a secret is known from the template, whatever the runtime.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from troposphere import GetAtt, Ref, Sub, awslambda, secretsmanager

from msaspec.aws import bootstrap, functions, iam, logs, readers, secret_texts
from msaspec.aws.hardening import Hardened
from msaspec.aws.readers import Readers
from msaspec.engines import engines
from msaspec.language.audit import Audit
from msaspec.language.aws_type import AwsType
from msaspec.language.engine import Bootstrap
from msaspec.language.part import Part, Statement
from msaspec.language.value import Text, Token
from msaspec.template import scripts

TYPES = (
    functions.FUNCTION,
    functions.PERMISSION,
    AwsType(name="AWS::SecretsManager::RotationSchedule"),
)
_MANY = 20
"""ECS services that a role names one by one; its policies have 10,240 characters, so more are those of the cluster."""
TABLE = "TABLE = json.loads('"
"""The start of the last line of the function's source, which lists who reads each secret."""


@dataclass(frozen=True)
class _Login:
    """A service's secret on a database."""

    secret: str
    prepared: str
    """Logical id of the custom resource that declares its user."""
    master: Token
    programs: Bootstrap


def build(audit: Audit, to: Hardened) -> Part:
    """Return the schedule of each service's secret on a database, and a function for each engine."""
    part, found = Part(), [*_logins(to)] if audit.does("rotation") else []
    for programs in dict.fromkeys(each.programs for each in found):
        own = [each for each in found if each.programs == programs]
        part += _function(programs, own, to)
        part += Part(tuple(_schedule(each, audit.rotation or 0) for each in own))
    return part


def _logins(to: Hardened) -> Iterator[_Login]:
    known = {engine.bootstrap.handler_id: engine.bootstrap for engine in engines().values() if engine.bootstrap.turns}
    for name, properties in to.properties(bootstrap.DatabaseBootstrap.resource_type):
        programs = known.get(properties["ServiceToken"]["Fn::GetAtt"][0])
        if programs:
            master = _token(properties["MasterSecretArn"])
            yield from (_Login(role["SecretArn"]["Ref"], name, master, programs) for role in properties["Roles"])


def _token(value: Mapping[str, Any]) -> Token:
    """Return what a reference of a template is to."""
    return Token(value["Ref"] if "Ref" in value else ".".join(value["Fn::GetAtt"]))


def _schedule(login: _Login, days: int) -> Any:
    return secretsmanager.RotationSchedule(
        f"{login.secret}Rotation",
        SecretId=Ref(login.secret),
        RotationLambdaARN=GetAtt(login.programs.rotation_id, "Arn"),
        RotationRules=secretsmanager.RotationRules(AutomaticallyAfterDays=days),
        # A deployment changes no password. Secrets Manager tries the function with the one that there is.
        # fact: rotation-is-tested
        RotateImmediatelyOnUpdate=False,
        DependsOn=sorted(
            {login.prepared, f"{login.programs.rotation_id}Permission", f"{login.programs.rotation_id}Role"}
        ),
    )


def _function(programs: Bootstrap, logins: Sequence[_Login], to: Hardened) -> Part:
    """Return the function outside the VPC that takes the steps. The runner beside the databases changes the users."""
    name = programs.rotation_id
    read = {login.secret: readers.of(to.resources, login.secret) for login in logins}
    secrets: tuple[Text, ...] = tuple((Token(each.secret),) for each in logins)
    masters: tuple[Text, ...] = tuple((each,) for each in dict.fromkeys(each.master for each in logins))
    invoked = [programs.runner_id, *([secret_texts.FUNCTION] if any(each.texts for each in read.values()) else [])]
    table = {
        f"${{{login.secret}}}": {"master": f"${{{login.master.target}}}", **_told(read[login.secret])}
        for login in logins
    }
    made = functions.function(
        name,
        programs.logs_id,
        bootstrap.HANDLER_SECONDS,
        Environment=awslambda.Environment(Variables={"RUNNER": Ref(programs.runner_id)}),
    )
    # All of the table are names that AWS gave.
    text = f"${{Script}}{TABLE}{json.dumps(table, separators=(',', ':'))}')\n"
    made.Code = awslambda.Code(ZipFile=Sub(text, Script=scripts.looked_up(name)))
    statements = [
        logs.writing(programs.logs_id),
        Statement(_STEPS, secrets),
        Statement(("secretsmanager:GetSecretValue",), masters),
        Statement(("lambda:InvokeFunction",), tuple((Token(f"{each}.Arn"),) for each in invoked)),
        *_starting([*read.values()]),
    ]
    permission = awslambda.Permission(
        f"{name}Permission",
        Action="lambda:InvokeFunction",
        FunctionName=Ref(name),
        Principal="secretsmanager.amazonaws.com",
        SourceAccount=Ref("AWS::AccountId"),
    )
    role = iam.role(f"{name}Role", "lambda.amazonaws.com", statements)
    return Part((role, made, permission), scripts={name: bootstrap.rotation(programs)})


_STEPS = (
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecretVersionStage",
)


def _told(found: Readers) -> dict[str, Any]:
    """Return readers as the function takes them: operations of AWS with their parameters."""
    start: list[list[Any]] = []
    for name, cluster in found.services.items():
        words: dict[str, Any] = {"cluster": f"${{{cluster}}}", "service": f"${{{name}}}"}
        start.append(["ecs", "update_service", {**words, "forceNewDeployment": True}])
    for name, says in found.groups.items():
        words = {"AutoScalingGroupName": f"${{{name}}}", **({} if says else {"Preferences": readers.NEW_FIRST})}
        start.append(["autoscaling", "start_instance_refresh", words])
    # A host reads its secrets when it boots.
    start += [["ec2", "reboot_instances", {"InstanceIds": [f"${{{name}}}"]}] for name in found.instances]
    return {"start": start, "texts": [[f"${{{secret_texts.FUNCTION}}}", f"${{{each}}}"] for each in found.texts]}


def _starting(found: Sequence[Readers]) -> Iterator[Statement]:
    """Yield what starting the readers anew needs, each at those alone."""
    services: list[Text] = [(Token(name),) for each in found for name in each.services]
    if len(services) > _MANY:
        clusters = {cluster for each in found for cluster in each.services.values()}
        services = [iam.arn("ecs", ("service/", Token(each), "/*")) for each in sorted(clusters)]
    groups = [
        iam.arn("autoscaling", ("autoScalingGroup:*:autoScalingGroupName/", Token(name)))
        for each in found
        for name in each.groups
    ]
    instances = [iam.arn("ec2", ("instance/", Token(name))) for each in found for name in each.instances]
    for action, own in (
        ("ecs:UpdateService", services),
        ("autoscaling:StartInstanceRefresh", groups),
        ("ec2:RebootInstances", instances),
    ):
        if own:
            yield Statement((action,), tuple(dict.fromkeys(own)))
