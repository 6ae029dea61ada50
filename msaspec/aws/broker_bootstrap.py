"""The custom resource that makes the users and the virtual hosts of a broker, and its two Lambda functions.

The handler is outside the VPC: it reads secrets and answers CloudFormation. It invokes the runner, which is in the
isolated subnets and speaks to the management API of brokers only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from typing import Any, ClassVar

from troposphere import GetAtt, Select
from troposphere.cloudformation import AWSCustomObject

from msaspec.aws import bootstrap, broker, functions, iam, logs, security_groups
from msaspec.aws.broker import Broker, BrokerUse
from msaspec.aws.intrinsic import reference
from msaspec.language.aws_type import AwsType, Content, Properties
from msaspec.language.engine import Bootstrap
from msaspec.language.part import Door, Entry, Part, Site, Use
from msaspec.language.value import Text, Token
from msaspec.template import names

PROGRAMS = Bootstrap(prefix="BrokerBootstrap", handler="broker_handler", runner="broker_runner")
_NAME = "broker-bootstrap-runner"
Used = tuple[Entry[Broker], Sequence[Use[BrokerUse]]]


def _contents(properties: Properties) -> Iterator[Content]:
    """Yield the virtual hosts with their users, each of which has the name of its service."""
    declared, hosts = properties.get("Users"), dict[str, list[str]]()
    for user in declared if isinstance(declared, list) else ():
        if isinstance(user, dict) and isinstance(name := user.get("Vhost"), str):
            hosts.setdefault(name, []).append(str(user.get("Name")))
    for name, users in hosts.items():
        yield Content("virtual host", name, tuple(users), f"vhost: {name}")


_PROPERTIES = ("ServiceToken", "ServiceTimeout", "Endpoint", "AdministratorSecretArn", "Users", "Revision")


class BrokerBootstrap(AWSCustomObject):  # type: ignore[misc]
    """The custom resource: the desired state of one broker."""

    resource_type = "Custom::BrokerBootstrap"
    props: ClassVar[dict[str, tuple[type, bool]]] = dict.fromkeys(_PROPERTIES, (object, True))


TYPES = (
    functions.FUNCTION,
    AwsType(
        name=BrokerBootstrap.resource_type,
        contents=_contents,
        moves={"Host": ("Endpoint",), "Port": ("Endpoint",)},
    ),
    iam.ROLE,
    logs.GROUP,
    security_groups.GROUP,
    security_groups.RULE,
)


def build(used: Sequence[Used], site: Site) -> Part:
    """Return the two functions, which all brokers of the system share."""
    secrets: list[Text] = [(Token(broker.secret(use)),) for _, uses in used for use in uses]
    return bootstrap.pair(
        PROGRAMS,
        _sources(),
        {f"Broker {entry.name}": _door(entry) for entry, _ in used},
        [(administrator(entry),) for entry, _ in used],
        secrets,
        site,
        _NAME,
    )


def prepare(entry: Entry[Broker], uses: Sequence[Use[BrokerUse]]) -> Part:
    """Return the custom resource of one broker, and the runner's way to it."""
    runner = PROGRAMS.runner_id
    rule = f"{runner}To{names.camel(entry.name)}"
    return Part(
        (
            security_groups.edge(rule, f"{runner}SecurityGroup", _door(entry), _NAME),
            BrokerBootstrap(
                broker.users(entry),
                ServiceToken=GetAtt(PROGRAMS.handler_id, "Arn"),
                ServiceTimeout=bootstrap.ANSWER_SECONDS,
                Endpoint=Select(0, GetAtt(broker.logical_id(entry), "AmqpEndpoints")),
                AdministratorSecretArn=reference(administrator(entry).target),
                Users=[_user(use) for use in sorted(uses, key=lambda use: use.service)],
                Revision=_revision(),
                # Its function reads what its role may read only once this very update has said so.
                DependsOn=[f"{PROGRAMS.handler_id}Role", rule],
            ),
        )
    )


def administrator(entry: Entry[Broker]) -> Token:
    """Return the secret of the administrator."""
    return Token(f"{broker.logical_id(entry)}Administrator")


def _door(entry: Entry[Broker]) -> Door:
    return Door(Token(f"{broker.logical_id(entry)}SecurityGroup"), broker.API_PORT)


def _user(use: Use[BrokerUse]) -> dict[str, Any]:
    return {
        "Name": use.service,
        "SecretArn": reference(broker.secret(use)),
        "Vhost": use.options.vhost,
        "Access": use.options.access,
    }


@cache
def _sources() -> tuple[str, str]:
    return functions.source(PROGRAMS.handler), functions.source(PROGRAMS.runner)


@cache
def _revision() -> str:
    """Change with the functions, so that a newer msaspec brings every broker to its state once."""
    return sha256("".join(_sources()).encode()).hexdigest()[:16]
