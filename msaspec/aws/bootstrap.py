"""The custom resource that makes roles and databases on a database instance, and its two Lambda functions.

The handler stands outside the VPC: it reads secrets, fetches the CA bundle and answers CloudFormation. It invokes
the runner, which stands in the isolated subnets and speaks to port 5432 only. So the network needs no way out and
no endpoint, and the template no asset: both sources are inlined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any, ClassVar

from troposphere import GetAtt, Ref, awslambda
from troposphere.cloudformation import AWSCustomObject

from msaspec import names
from msaspec.aws import iam, logs, scripts, security_groups
from msaspec.aws.intrinsic import intrinsic, reference
from msaspec.language.part import Door, Part, Site, Statement
from msaspec.language.value import Text, Token

HANDLER, RUNNER, LOGS = "DatabaseBootstrapHandler", "DatabaseBootstrapRunner", "DatabaseBootstrapLogs"
RUNTIME = "python3.13"
RUNNER_SECONDS, HANDLER_SECONDS, ANSWER_SECONDS = 120, 240, 300
"""The runner gives up first, then the handler says so, then CloudFormation stops waiting."""


@dataclass(frozen=True)
class Grant:
    """A service's role on an instance, and what it may do in its database."""

    role: str
    secret: str
    """Logical id of the secret with its password."""
    database: str
    access: str
    url: tuple[Text, Text]
    """The address with which the role logs in, before and after its password."""


@dataclass(frozen=True)
class Server:
    """A database instance to prepare."""

    name: str
    host: Token
    door: Door
    master_secret: Token
    grants: tuple[Grant, ...]


_PROPERTIES = (
    "ServiceToken",
    "ServiceTimeout",
    "Host",
    "Port",
    "MasterSecretArn",
    "Databases",
    "Roles",
    "Revision",
)


class DatabaseBootstrap(AWSCustomObject):  # type: ignore[misc]
    """The custom resource: the desired state of one instance."""

    resource_type = "Custom::DatabaseBootstrap"
    props: ClassVar[dict[str, tuple[type, bool]]] = dict.fromkeys(_PROPERTIES, (object, True))


def _source(function: str) -> str:
    return scripts.program("msaspec.lambdas", f"{function}.py", 4)


def functions(servers: Sequence[Server], site: Site) -> Part:
    """Both functions, shared by all instances of the system."""
    handler_group, runner_group = f"{HANDLER}Role", f"{RUNNER}SecurityGroup"
    egress = [security_groups.to_group(s.door.group, s.door.port, f"Database {s.name}") for s in servers]
    masters: tuple[Text, ...] = tuple((server.master_secret,) for server in servers)
    secrets: tuple[Text, ...] = tuple((Token(grant.secret),) for server in servers for grant in server.grants)
    return Part(
        (
            logs.group(LOGS, 30),
            iam.role(
                handler_group,
                "lambda.amazonaws.com",
                [
                    logs.writing(LOGS),
                    Statement(("secretsmanager:GetSecretValue",), masters),
                    Statement(("secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"), secrets),
                    Statement(("lambda:InvokeFunction",), ((Token(f"{RUNNER}.Arn"),),)),
                ],
            ),
            _function(
                HANDLER,
                "Reads secrets, calls the runner, answers CloudFormation",
                HANDLER_SECONDS,
                Environment=awslambda.Environment(Variables={"RUNNER": Ref(RUNNER)}),
            ),
            iam.role(
                f"{RUNNER}Role",
                "lambda.amazonaws.com",
                [logs.writing(LOGS), _VPC_ACCESS],
            ),
            security_groups.group(runner_group, "database-bootstrap-runner", site, (), egress),
            _function(
                RUNNER,
                "Makes roles and databases from the isolated subnets",
                RUNNER_SECONDS,
                VpcConfig=awslambda.VPCConfig(
                    SubnetIds=[reference(subnet.target) for subnet in site.isolated],
                    SecurityGroupIds=[Ref(runner_group)],
                ),
            ),
        ),
        scripts={HANDLER: _source("database_handler"), RUNNER: _source("database_runner")},
    )


def prepare(server: Server) -> Part:
    """The custom resource of one instance, and the runner's way to it."""
    rule = f"{RUNNER}To{names.camel(server.name)}"
    return Part(
        (
            security_groups.edge(rule, f"{RUNNER}SecurityGroup", server.door, "database-bootstrap-runner"),
            DatabaseBootstrap(
                names.logical(server.name, "Bootstrap"),
                ServiceToken=GetAtt(HANDLER, "Arn"),
                ServiceTimeout=ANSWER_SECONDS,
                Host=reference(server.host.target),
                Port=str(server.door.port),
                MasterSecretArn=reference(server.master_secret.target),
                Databases=_databases(server.grants),
                Roles=[
                    {"Name": g.role, "SecretArn": intrinsic((Token(g.secret),)), "Url": [*map(intrinsic, g.url)]}
                    for g in server.grants
                ],
                Revision=_revision(),
                DependsOn=[rule],
            ),
        )
    )


def _databases(grants: Sequence[Grant]) -> list[dict[str, Any]]:
    """What the runner brings about: each database with its owner and its other users."""

    def roles(database: str, access: str) -> list[str]:
        return sorted(g.role for g in grants if g.database == database and g.access == access)

    return [
        {
            "Name": database,
            "Owner": "".join(roles(database, "owner")[:1]),
            "ReadWrite": roles(database, "read-write"),
            "ReadOnly": roles(database, "read-only"),
        }
        for database in sorted({grant.database for grant in grants})
    ]


@cache
def _revision() -> str:
    """Changes with the functions, so that a newer msaspec brings every instance to its state once."""
    return sha256((_source("database_handler") + _source("database_runner")).encode()).hexdigest()[:16]


def _function(name: str, description: str, timeout: int, **properties: Any) -> Any:
    return awslambda.Function(
        name,
        Description=description,
        Runtime=RUNTIME,
        Architectures=["arm64"],
        Handler="index.handler",
        Role=GetAtt(f"{name}Role", "Arn"),
        MemorySize=256,
        Timeout=timeout,
        LoggingConfig=awslambda.LoggingConfig(LogGroup=Ref(LOGS)),
        **properties,
        Code=awslambda.Code(ZipFile=scripts.looked_up(name)),
    )


_VPC_ACCESS = Statement(
    (
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
    ),
    (("*",),),
)
"""What Lambda needs to stand in a VPC (AWS Lambda Developer Guide, "Required IAM permissions")."""
