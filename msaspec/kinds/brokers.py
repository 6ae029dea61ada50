"""Amazon MQ for RabbitMQ: each service has a user of its own, with rights in one virtual host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from json import dumps
from typing import Any, ClassVar
from zlib import crc32

from troposphere import GetAtt, Output, Ref, Select, Split, Sub, Tags, amazonmq, secretsmanager

from msaspec.aws import broker, broker_bootstrap, security_groups
from msaspec.aws.broker import Broker, BrokerElsewhere, BrokerUse
from msaspec.aws.data import amazonmq as stored
from msaspec.aws.data import secretsmanager as secrets
from msaspec.aws.database import generated
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.language.base import Model
from msaspec.language.kind import Kind
from msaspec.language.lending import By, Lent
from msaspec.language.part import Alias, Connections, Door, Entry, Offer, Part, Place, Site, Statement, Use
from msaspec.language.value import Secret, Token, Value
from msaspec.template import names

GUEST = Code(
    "MSA358",
    "A user that Amazon MQ deletes",
    """
    A service's user on a broker has the name of the service, and Amazon MQ deletes every user `guest` after a while.
    Give the service another name.
    """,
)
ADMINISTRATOR = "msaspec_admin"
"""No service has this name, since names of services have no underscore."""


class Brokers(Kind[Broker, BrokerUse]):
    """The section `brokers`."""

    section = "brokers"
    noun = "broker"
    types = (*broker_bootstrap.TYPES, stored.BROKER, secrets.SECRET, security_groups.GROUP)
    isolated = True
    lent = Lent(By.USERS, options=BrokerElsewhere, example={"vhost": "orders"}, grant={"access": "send"})
    attributes: ClassVar[Mapping[str, str]] = {
        "host": "Address of the broker.",
        "port": "Port of AMQP over TLS.",
        "address": "Address as `host:port`.",
        "vhost": "Virtual host of the service.",
        "username": "Name of the service's user.",
        "password": "Password of the service's user (secret).",
        "url": "`amqps://` URL with the password and the virtual host (secret).",
    }

    def check(self, entry: Entry[Broker], uses: Sequence[Use[BrokerUse]]) -> Iterable[Diagnostic]:
        """Yield a user that would not stay."""
        for use in uses:
            if use.service == "guest":
                message = f"The user `guest` on `{entry.name}` would be deleted by Amazon MQ."
                yield GUEST.at(use.path[:2], message, hint="Rename the service.", key=True)

    def abroad(self, options: Model) -> Mapping[str, Any]:
        """Return nothing: the virtual host is of a use."""
        return {}

    def doors(self, entry: Entry[Broker]) -> tuple[Door, ...]:
        """Return the port of AMQP over TLS, and that of the console, which people alone use."""
        group = Token(f"{broker.logical_id(entry)}SecurityGroup")
        return Door(group, broker.PORT), Door(group, broker.API_PORT, name="console")

    def alias(self, entry: Entry[Broker]) -> Alias | None:
        """Return the address of the broker. A name of its own would lead to a port that no program has in its code."""
        return Alias(broker.host(entry), None)

    def connections(self, entry: Entry[Broker]) -> Connections | None:
        """As many as its class allows."""
        return Connections(entry.spec.connections, "size")

    def build(self, entry: Entry[Broker], uses: Sequence[Use[BrokerUse]], site: Site) -> Part:
        """Return the broker, its administrator, a secret per user, and the custom resource that makes the users."""
        name = broker.logical_id(entry)
        administrator = broker_bootstrap.administrator(entry).target
        resources = (
            security_groups.group(f"{name}SecurityGroup", entry.name, site, (), security_groups.NOWHERE),
            secretsmanager.Secret(
                administrator,
                Description=f"The administrator of {site.stack}/{entry.name}",
                GenerateSecretString=generated(_login(ADMINISTRATOR)),
            ),
            _broker(entry, administrator, site),
            *(_secret(entry, use, site) for use in uses),
        )
        output = Output(
            names.logical(entry.name, "Endpoint"),
            Description=f"Address of the broker {entry.name}.",
            Value=Select(0, GetAtt(name, "AmqpEndpoints")),
        )
        part = Part(resources, (output,))
        return part + broker_bootstrap.prepare(entry, uses)

    def common(self, entries: Sequence[tuple[Entry[Broker], Sequence[Use[BrokerUse]]]], site: Site) -> Part:
        """Return the bootstrap functions, once a system."""
        return broker_bootstrap.build(entries, site) if entries else Part()

    def offer(self, entry: Entry[Broker], use: Use[BrokerUse], place: Place) -> Offer:
        """Return the address, and the service's user with its secret."""
        host, port = broker.host(entry), str(broker.PORT)
        secret = (Token(broker.secret(use)),)
        attributes: dict[str, Value] = {
            "host": (host,),
            "port": (port,),
            "address": (host, f":{port}"),
            "vhost": (use.options.vhost,),
            "username": (use.service,),
            "password": (Secret(secret, "password"),),
            "url": (Secret(secret, "url"),),
        }
        return Offer(
            attributes,
            _variables(entry, use, attributes),
            self.doors(entry)[:1],
            (Statement(("secretsmanager:GetSecretValue",), (secret,)),),
            after=(broker.users(entry),),
        )


def _variables(entry: Entry[Broker], use: Use[BrokerUse], attributes: Mapping[str, Value]) -> dict[str, Value]:
    if use.framework == "spring-boot":
        spelled = {"vhost": "virtualHost"}
        words = ("host", "port", "username", "password", "vhost")
        found = {f"spring.rabbitmq.{spelled.get(word, word)}": attributes[word] for word in words}
        return {**found, "spring.rabbitmq.ssl.enabled": ("true",)}
    prefix = names.variable(entry.name)
    own = {f"{prefix}_{word.upper()}": each for word, each in attributes.items()}
    return {**own, "RABBITMQ_URL": attributes["url"]} if use.alone else own


def _broker(entry: Entry[Broker], administrator: str, site: Site) -> Any:
    spec, name = entry.spec, broker.logical_id(entry)
    password = f"{{{{resolve:secretsmanager:${{{administrator}}}:SecretString:password}}}}"
    subnets = [Ref(subnet.target) for subnet in (site.isolated if spec.cluster else site.isolated[:1])]
    return amazonmq.Broker(
        name,
        BrokerName=_name(entry, site),
        EngineType="RABBITMQ",
        EngineVersion=spec.version,
        DeploymentMode="CLUSTER_MULTI_AZ" if spec.cluster else "SINGLE_INSTANCE",
        HostInstanceType=spec.size,
        PubliclyAccessible=False,
        SubnetIds=subnets,
        SecurityGroups=[Ref(f"{name}SecurityGroup")],
        Users=[amazonmq.User(Username=ADMINISTRATOR, Password=Sub(password))],
        Logs=amazonmq.LogsConfiguration(General=True),
        # Amazon MQ requires it.
        AutoMinorVersionUpgrade=True,
        Tags=Tags(Name=f"{site.stack}/{entry.name}"),
        **stored.unlisted(spec.size),
    )


def _secret(entry: Entry[Broker], use: Use[BrokerUse], site: Site) -> Any:
    """Return the secret of a user, into which the bootstrap puts all that a client needs."""
    return secretsmanager.Secret(
        broker.secret(use),
        Description=f"{use.service} on {site.stack}/{entry.name}",
        GenerateSecretString=generated(_login(use.service)),
    )


def _login(user: str) -> str:
    """Return what a password is put into. Another text would make another password."""
    return dumps({"engine": "rabbitmq", "username": user})


# fact: broker-names
def _name(entry: Entry[Broker], site: Site) -> Any:
    """Return a name that is unique in the account, and another one for what replaces the broker, which is made before
    that goes. What a broker cannot change decides on it."""
    name = entry.name if len(entry.name) <= 24 else entry.name[:24].rstrip("-")
    frozen = [entry.name, str(entry.spec.cluster), *(subnet.target for subnet in site.isolated)]
    frozen = frozen if entry.spec.cluster else frozen[:3]
    unique = Select(4, Split("-", Select(2, Split("/", Ref("AWS::StackId")))))
    return Sub(f"{name}-{crc32(repr(frozen).encode()):08x}-${{Stack}}", Stack=unique)
