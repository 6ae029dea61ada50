"""The custom resource that makes roles and databases on a database instance, and its two Lambda functions.

The handler is outside the VPC: it reads secrets, fetches the CA bundle and answers CloudFormation. It invokes
the runner, which is in the isolated subnets and speaks to the servers only. So the network needs no way out and no
endpoint, and the template no asset: both sources are inlined.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any, ClassVar

from troposphere import GetAtt, Ref, awslambda
from troposphere.cloudformation import AWSCustomObject

from msaspec.aws import functions, iam, logs, security_groups
from msaspec.aws.intrinsic import intrinsic, reference
from msaspec.language.aws_type import AwsType, Content, Properties
from msaspec.language.engine import Bootstrap
from msaspec.language.part import Door, Part, Site, Statement
from msaspec.language.value import Text, Token
from msaspec.template import names, scripts


def _contents(properties: Properties) -> Iterator[Content]:
    """Yield the databases that the resource sees to. A role is the name of its service in snake_case."""
    declared = properties.get("Databases")
    for database in declared if isinstance(declared, list) else ():
        if isinstance(database, dict) and isinstance(name := database.get("Name"), str):
            roles = [database.get("Owner"), *(database.get("ReadWrite") or ()), *(database.get("ReadOnly") or ())]
            users = tuple(role.replace("_", "-") for role in roles if role and isinstance(role, str))
            yield Content("database", name, users, f"database: {name}")


TYPES = (
    functions.FUNCTION,
    AwsType(name="Custom::DatabaseBootstrap", contents=_contents),
    iam.ROLE,
    logs.GROUP,
    security_groups.GROUP,
    security_groups.RULE,
)
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
    init: str = ""
    """SQL that the role runs once in its new database."""


@dataclass(frozen=True)
class Server:
    """A database instance to prepare."""

    name: str
    host: Token
    door: Door
    master_secret: Token
    grants: tuple[Grant, ...]
    programs: Bootstrap
    extensions: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    """Logical ids of what has to be there before the host answers."""
    tls: bool = True
    exists: bool = False
    """Whether the server is not of the system's own, and may have databases and users of others."""
    keys: tuple[str, ...] = ()
    """KMS keys of customers that encrypt the secret of the master."""
    restored: Token | None = None
    """The cluster of a snapshot, whose master user gets its password from the handler."""

    @property
    def is_set_up(self) -> bool:
        """Whether more than databases and roles is asked for."""
        return bool(self.extensions or any(grant.init for grant in self.grants))

    @property
    def is_left(self) -> bool:
        """Whether no service uses it."""
        return not self.grants


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
    props: ClassVar[dict[str, tuple[type, bool]]] = {
        **dict.fromkeys(_PROPERTIES, (object, True)),
        **dict.fromkeys(("Claim", "Extensions", "Restored", "Tls"), (object, False)),
    }


def build(servers: Sequence[Server], site: Site) -> Part:
    """Return the pairs of functions, each shared by all instances of the system whose engine has it."""
    part = Part()
    for programs in dict.fromkeys(server.programs for server in servers):
        part += _pair(programs, [server for server in servers if server.programs == programs], site)
    return part


def _pair(programs: Bootstrap, servers: Sequence[Server], site: Site) -> Part:
    texts = sources(
        programs,
        set_up=any(server.is_set_up for server in servers),
        turns=site.rotates,
        guest=any(server.exists for server in servers),
        left=any(server.is_left for server in servers),
    )
    return pair(
        programs,
        texts,
        {f"Database {server.name}": server.door for server in servers},
        [(server.master_secret,) for server in servers],
        [(Token(grant.secret),) for server in servers for grant in server.grants],
        site,
        "database-bootstrap-runner",
        [*_restoring(servers), *_decrypting(servers)],
    )


def pair(
    programs: Bootstrap,
    texts: tuple[str, str],
    doors: Mapping[str, Door],
    masters: Sequence[Text],
    secrets: Sequence[Text],
    site: Site,
    name: str,
    further: Sequence[Statement] = (),
) -> Part:
    """Return both functions: the one that reads the secrets of masters, and reads and writes those of services, and the
    one that may reach the doors and nothing else. `doors` are by what they lead to, `name` is that of the second,
    and `further` is what else the first may do."""
    handler, runner, log_group = programs.handler_id, programs.runner_id, programs.logs_id
    runner_group = f"{runner}SecurityGroup"
    return Part(
        (
            logs.group(log_group, 30),
            iam.role(
                f"{handler}Role",
                "lambda.amazonaws.com",
                [
                    logs.writing(log_group),
                    Statement(("secretsmanager:GetSecretValue",), tuple(masters)),
                    *_writing(secrets),
                    Statement(("lambda:InvokeFunction",), ((Token(f"{runner}.Arn"),),)),
                    *further,
                ],
            ),
            functions.function(
                handler,
                log_group,
                HANDLER_SECONDS,
                Environment=awslambda.Environment(Variables={"RUNNER": Ref(runner)}),
            ),
            iam.role(
                f"{runner}Role",
                "lambda.amazonaws.com",
                [logs.writing(log_group), _VPC_ACCESS],
            ),
            security_groups.group(
                runner_group,
                name,
                site,
                (),
                [security_groups.to_group(door.group, door.port, what) for what, door in doors.items()],
            ),
            functions.function(
                runner,
                log_group,
                RUNNER_SECONDS,
                VpcConfig=awslambda.VPCConfig(
                    SubnetIds=[reference(subnet.target) for subnet in site.isolated],
                    SecurityGroupIds=[Ref(runner_group)],
                ),
            ),
        ),
        scripts=dict(zip((handler, runner), texts, strict=True)),
    )


def _writing(secrets: Sequence[Text]) -> list[Statement]:
    actions = ("secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue")
    return [Statement(actions, tuple(secrets))] if secrets else []


def _restoring(servers: Sequence[Server]) -> list[Statement]:
    """Let the handler set the passwords of master users that came with a snapshot."""
    place = ("arn:", Token("AWS::Partition"), ":rds:", Token("AWS::Region"), ":", Token("AWS::AccountId"), ":cluster:")
    clusters: tuple[Text, ...] = tuple((*place, server.restored) for server in servers if server.restored)
    return [Statement(("rds:ModifyDBCluster",), clusters)] if clusters else []


def _decrypting(servers: Sequence[Server]) -> list[Statement]:
    keys = sorted({key for server in servers for key in server.keys})
    return [Statement(("kms:Decrypt",), tuple((key,) for key in keys))] if keys else []


def prepare(server: Server, site: Site) -> Part:
    """Return the custom resource of one instance, and the runner's way to it."""
    runner = server.programs.runner_id
    rule = f"{runner}To{names.camel(server.name)}"
    return Part(
        (
            security_groups.edge(rule, f"{runner}SecurityGroup", server.door, "database-bootstrap-runner"),
            DatabaseBootstrap(
                names.logical(server.name, "Bootstrap"),
                ServiceToken=GetAtt(server.programs.handler_id, "Arn"),
                ServiceTimeout=ANSWER_SECONDS,
                Host=reference(server.host.target),
                Port=str(server.door.port),
                MasterSecretArn=reference(server.master_secret.target),
                Databases=_databases(server.grants),
                Roles=[
                    {"Name": g.role, "SecretArn": intrinsic((Token(g.secret),)), "Url": [*map(intrinsic, g.url)]}
                    for g in server.grants
                ],
                Revision=_revision(
                    server.programs,
                    set_up=server.is_set_up,
                    turns=site.rotates,
                    guest=server.exists,
                    left=server.is_left,
                ),
                **({"Claim": intrinsic(_CLAIM)} if server.exists else {}),
                **({"Extensions": [*server.extensions]} if server.extensions else {}),
                **({} if server.tls else {"Tls": "false"}),
                **({"Restored": reference(server.restored.target)} if server.restored else {}),
                # Its function reads what its role may read only once this very update has said so.
                DependsOn=[f"{server.programs.handler_id}Role", rule, *server.after],
            ),
        )
    )


def _databases(grants: Sequence[Grant]) -> list[dict[str, Any]]:
    """Return what the runner brings about: each database with its owner and its other users."""

    roles: dict[str, dict[str, list[str]]] = {}
    first = {grant.database: {"Init": grant.init} for grant in grants if grant.init}
    for grant in sorted(grants, key=lambda grant: grant.role):
        roles.setdefault(grant.database, {}).setdefault(grant.access, []).append(grant.role)
    return [
        {
            "Name": database,
            "Owner": "".join(by_access.get("owner", ())[:1]),
            "ReadWrite": by_access.get("read-write", []),
            "ReadOnly": by_access.get("read-only", []),
            **first.get(database, {}),
        }
        for database, by_access in sorted(roles.items())
    ]


@cache
def sources(
    programs: Bootstrap, *, set_up: bool = False, turns: bool = False, guest: bool = False, left: bool = False
) -> tuple[str, str]:
    """Return the sources of handler and runner, as a template carries them; `set_up` where the runner makes extensions
    or runs SQL of the manifest too, `turns` where the users of a service take turns, `guest` where others use a server
    too, `left` where no service uses a server."""
    handler, runner = _handler(programs), functions.source(programs.runner)
    if guest and programs.guest:
        runner = scripts.followed(runner, functions.source(programs.guest))
    if left and programs.leavers:
        runner = scripts.followed(runner, functions.source(programs.leavers))
    if set_up and programs.setup:
        runner = scripts.followed(runner, functions.source(programs.setup))
    if turns and programs.turns:
        handler = scripts.followed(handler, functions.source("database_users"))
        runner = scripts.followed(runner, functions.source(programs.turns))
    return handler, runner


@cache
def rotation(programs: Bootstrap) -> str:
    """Return the source of the function that takes the steps of a rotation, before its table."""
    return scripts.followed(_handler(programs), functions.source("database_rotation"))


def _handler(programs: Bootstrap) -> str:
    handler = functions.source(programs.handler)
    if programs.verifier:
        handler = scripts.varied(handler, functions.source(programs.verifier))
    return scripts.followed(handler, functions.source(programs.addition)) if programs.addition else handler


@cache
def _revision(programs: Bootstrap, *, set_up: bool, turns: bool, guest: bool, left: bool) -> str:
    """Change with the functions, so that a newer msaspec brings every instance to its state once."""
    texts = sources(programs, set_up=set_up, turns=turns, guest=guest, left=left)
    return sha256("".join(texts).encode()).hexdigest()[:16]


_CLAIM: Text = (Token("AWS::StackName"), " of ", Token("AWS::AccountId"), " in ", Token("AWS::Region"))
"""Whose the databases and users on a server are. The stack's name stays when the stack is made anew."""
_VPC_ACCESS = Statement(
    (
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:AssignPrivateIpAddresses",
        # fact: lambda-network-permissions
        "ec2:UnassignPrivateIpAddresses",
    ),
    (("*",),),
)
"""What Lambda needs to run in a VPC (AWS Lambda Developer Guide, "Required IAM permissions")."""
