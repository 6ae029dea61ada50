"""A database of any engine, on an instance or a cluster: what a manifest says of it, and its addresses."""

from __future__ import annotations

import re
from json import dumps
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from troposphere import Tags, secretsmanager

from msaspec.aws.intrinsic import intrinsic
from msaspec.engines import DEFAULT, engines
from msaspec.language.aurora import SERVERLESS
from msaspec.language.base import SHORT_NAME, Items, Model, days, gibibytes, measured
from msaspec.language.engine import Engine
from msaspec.language.part import Door, Entry, Site
from msaspec.language.service import KeyArns
from msaspec.language.value import Text, Token
from msaspec.template import names

if TYPE_CHECKING:
    EngineName: TypeAlias = str
else:
    EngineName = Literal[tuple(engines())]


def _class(written: str) -> str:
    if written == SERVERLESS:
        return written
    parts = written.split(".")
    plain = written.isascii() and len(written) <= 40 and all(part.replace("-", "").isalnum() for part in parts)
    if len(parts) != 3 or parts[0] != "db" or not plain:
        raise PydanticCustomError("class", "an instance class of RDS looks like `db.t4g.micro`")
    return written


def _number(written: Any) -> Any:
    return str(written) if isinstance(written, int) and not isinstance(written, bool) else written


def _snapshot(written: str) -> str:
    if not _SNAPSHOT.fullmatch(written):
        raise PydanticCustomError("snapshot", "a snapshot of RDS is named by its identifier or its ARN")
    return written


_SNAPSHOT = re.compile(
    r"(arn:aws[a-z-]*:rds:[a-z0-9-]+:[0-9]{12}:(cluster-)?snapshot:)?([a-z]+:)?[A-Za-z](-?[A-Za-z0-9])*", re.ASCII
)
ExtensionName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=63)]
ParameterName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$", max_length=100)]
ParameterValue = Annotated[
    str,
    BeforeValidator(_number),
    Field(min_length=1, max_length=1000),
    WithJsonSchema({"type": ["string", "integer"]}),
]


class Capacity(Model):
    """How much memory each instance of a serverless cluster has, in capacity units of about 2 GiB."""

    min: Annotated[float, Field(ge=0, le=256, multiple_of=0.5)] = Field(
        0.5, description="At rest. With 0 it pauses after five minutes without a connection.", examples=[0.5, 0]
    )
    max: Annotated[float, Field(ge=1, le=256, multiple_of=0.5)] = Field(
        4, description="At the most load.", examples=[4]
    )

    @model_validator(mode="after")
    def _in_order(self) -> Capacity:
        if self.min > self.max:
            raise PydanticCustomError("together", "`max` of a capacity is not below `min`")
        return self


_SECRET_ARN = r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]+-[A-Za-z0-9]{6}$"


class Existing(Model):
    """A database server that msaspec did not make: where it is, and who may make databases on it."""

    host: Annotated[
        str, Field(pattern=r"^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)+$")
    ] = Field(
        max_length=253,
        description="Its address. Its certificate is verified by the CAs of RDS.",
        examples=["main.c9akciq32rgx.eu-west-1.rds.amazonaws.com"],
    )
    port: int | None = Field(
        None, ge=1, le=65535, description="Its port. Default: that of the engine.", examples=[5433]
    )
    security_group: Annotated[str, Field(pattern=r"^sg-([0-9a-f]{8}|[0-9a-f]{17})$")] = Field(
        description="Its security group, which gets a rule for each of its users.", examples=["sg-0123456789abcdef0"]
    )
    secret: Annotated[str, Field(pattern=_SECRET_ARN)] = Field(
        description="ARN of the secret with `username` and `password` of a user that may make databases and users, such"
        " as the one in which RDS keeps the master user.",
        examples=["arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-0a1b2c3d-AbCdEf"],
    )
    kms_key: KeyArns = Field(
        (),
        description="ARN of the customer's KMS key that the secret is encrypted with.",
        examples=["arn:aws:kms:eu-west-1:123456789012:key/1b2c3d4e-1111-2222-3333-444455556666"],
    )


class Database(Model):
    """A database server: encrypted, isolated, kept as a snapshot when it is deleted."""

    engine: EngineName = Field(DEFAULT, description="Database engine.")
    version: str = Field(
        engines()[DEFAULT].version,
        description="Major version, for which RDS installs minor upgrades; or a minor version, which stays. Defaults: "
        + ", ".join(f"{engine.version} of {engine.title}" for engine in engines().values())
        + ".",
        examples=[example for engine in engines().values() for example in engine.examples],
        json_schema_extra={"pattern": "|".join(engine.versions for engine in engines().values())},
    )
    size: Annotated[str, AfterValidator(_class)] = Field(
        "db.t4g.micro",
        description="Instance class, or `serverless` on Aurora, where it is the default, and DocumentDB.",
        examples=["db.t4g.micro", "db.m7g.large"],
    )
    capacity: Capacity = Field(
        Capacity(), description="Of a serverless cluster of Aurora or DocumentDB.", examples=[{"min": 0.5, "max": 8}]
    )
    storage: Annotated[int, gibibytes(20, 65536, "20 GiB")] = measured("20 GiB", description="Size of the gp3 volume.")
    max_storage: Annotated[int, gibibytes(22, 65536, "100 GiB")] | None = Field(
        None, description="Let RDS enlarge the volume up to this size. Default: it does not.", examples=["100 GiB"]
    )
    multi_zone: bool = Field(False, description="Run a standby in another zone for failover.")
    replicas: int = Field(
        0,
        ge=0,
        le=15,
        description="Read replicas; on Aurora and DocumentDB, further instances.",
    )
    multi_zone_replicas: bool = Field(False, description="Run a standby in another zone for each replica, too.")
    port: int | None = Field(
        None,
        ge=1150,
        le=65535,
        description="Port. Default: that of the engine. To change it restarts the database.",
        examples=[54321],
    )
    short_name: bool = Field(False, description=SHORT_NAME)
    backups: Annotated[int, days(0, 35, "7 days")] = measured("7 days", description="Retention of automated backups.")
    parameters: dict[ParameterName, ParameterValue] = Field(
        {},
        description="Parameters of the engine, beside those that msaspec sets.",
        examples=[{"max_connections": "200"}],
    )
    extensions: Items[ExtensionName] = Field(
        (),
        description="Extensions of PostgreSQL that each database gets.",
        examples=[["vector", "pg_trgm"]],
    )
    from_snapshot: Annotated[str, Field(max_length=255), AfterValidator(_snapshot)] | None = Field(
        None,
        description="Snapshot with which the database begins, by identifier or ARN. It stays here: to change or remove "
        "it replaces the data.",
        examples=["shop-snapshot-2026-11-01"],
    )
    tls: bool = Field(
        True,
        description="Of DocumentDB: `false` for clients that know no TLS. Other engines have a parameter for it.",
    )
    existing: Existing | None = Field(
        None,
        description="A server that exists, in place of one of the system's own: databases, users and secrets are made"
        " on it, and nothing of it is deleted.",
    )
    protect: bool = Field(
        True,
        description="Deletion protection, and a snapshot on deletion or replacement. Set false for temporary systems.",
    )

    @model_validator(mode="before")
    @classmethod
    def _of_the_engine(cls, data: Any) -> Any:
        """Fill the version and the size in where none is written: each engine has its own defaults."""
        written = data.get("engine") if isinstance(data, dict) else None
        engine = engines().get(written) if isinstance(written, str) else None
        if engine is None:
            return data
        size = {} if data.get("existing") else {"size": engine.default_size}
        return {"version": engine.version, **size, **data}

    @field_validator("version")
    @classmethod
    def _is_of_the_engine(cls, version: str, info: ValidationInfo) -> str:
        engine = engines().get(info.data.get("engine", ""))
        if engine and not re.search(engine.versions, version):
            examples = " or ".join(f"`{example}`" for example in engine.examples)
            raise PydanticCustomError("engine_version", f"a version of {engine.title} looks like {examples}")
        return version

    @property
    def foreign(self) -> frozenset[str]:
        """Return the fields that describe a server of the system's own, where it is another one."""
        return frozenset(type(self).model_fields) - OF_ANY_SERVER if self.existing else frozenset()

    @property
    def idle(self) -> frozenset[str]:
        """Return those, and the fields of other engines."""
        engine, found = self.server, set(self.foreign)
        found |= OF_INSTANCES if engine.cluster else {"capacity"}
        found |= set() if self.is_serverless else {"capacity"}
        found |= set() if engine.documents else {"tls"}
        return frozenset(found | (set() if engine.extensions else {"extensions"}))

    @property
    def server(self) -> Engine:
        """What is known of its engine."""
        return engines()[self.engine]

    @property
    def listens(self) -> int:
        """The port that clients connect to."""
        own = self.existing.port if self.existing else self.port
        return own or self.server.port

    @property
    def is_serverless(self) -> bool:
        """Whether its memory follows its load."""
        return self.size == SERVERLESS


OF_INSTANCES = frozenset(("storage", "max_storage", "multi_zone", "multi_zone_replicas"))
"""Fields of instances of RDS, which clusters do not have."""
OF_ANY_SERVER = frozenset(("existing", "engine", "version", "short_name", "extensions", "tls"))
"""Fields that mean something of a server that exists, too."""


def logical_id(entry: Entry[Database]) -> str:
    """Logical id of the instance, or of the cluster: another, since CloudFormation changes no resource's type."""
    engine = entry.spec.server
    if entry.called:  # whatever it is there, it is a server
        return names.logical(entry.name, "Database")
    return names.logical(entry.name, "Documents" if engine.documents else "Cluster" if engine.cluster else "Database")


def host(entry: Entry[Database]) -> Token:
    """Return the address of the instance, or of the one of a cluster that writes."""
    if entry.spec.existing:
        return Token(f"{logical_id(entry)}Host")
    return Token(f"{logical_id(entry)}.Endpoint{_address(entry)}")


def _address(entry: Entry[Database]) -> str:
    return "" if entry.spec.server.documents else ".Address"


def door(entry: Entry[Database]) -> Door:
    """Return the port of the instance or the cluster."""
    spec = entry.spec
    return Door(Token(f"{logical_id(entry)}SecurityGroup"), spec.listens, speaks=spec.server.scheme)


def reader(entry: Entry[Database]) -> Token:
    """Return the address of the first read replica or of all readers of a cluster; `host` if there is none."""
    if not entry.spec.replicas:
        return host(entry)
    name = logical_id(entry)
    of_cluster = f"{name}.ReadEndpoint{_address(entry)}"
    return Token(of_cluster if entry.spec.server.cluster else f"{name}Replica1.Endpoint.Address")


def answers(entry: Entry[Database]) -> tuple[str, ...]:
    """Return what has to be there before the address answers, beside what the address is of."""
    own = entry.spec.server.cluster and not entry.spec.existing
    return (f"{logical_id(entry)}Instance1",) if own else ()


def master(entry: Entry[Database]) -> Token:
    """Return the secret of the master user: RDS's own, or one of ours where RDS cannot manage it."""
    # fact: documentdb-master
    if entry.spec.existing or entry.spec.server.documents or (entry.spec.replicas and not entry.spec.server.cluster):
        return Token(f"{logical_id(entry)}MasterSecret")
    return Token(f"{logical_id(entry)}.MasterUserSecret.SecretArn")


def master_secret(entry: Entry[Database], site: Site) -> Any:
    """Return a secret of ours for the master user. It stays with a cluster or an instance that stays."""
    return secretsmanager.Secret(
        master(entry).target,
        Description=f"Master user of {site.stack}/{entry.name}",
        GenerateSecretString=generated(dumps({"username": entry.spec.server.master})),
        Tags=Tags(Name=f"{site.stack}/{entry.name}"),
        DeletionPolicy="RetainExceptOnCreate",
        UpdateReplacePolicy="Retain",
    )


def password(entry: Entry[Database]) -> Any:
    """Return the password in a secret of ours, as CloudFormation resolves it."""
    text: Text = ("{{resolve:secretsmanager:", master(entry), ":SecretString:password}}")
    return intrinsic(text)


def generated(template: Any) -> Any:
    """32 letters and digits: safe in a URL, an environment file and SQL as they are."""
    return secretsmanager.GenerateSecretString(
        SecretStringTemplate=template, GenerateStringKey="password", PasswordLength=32, ExcludePunctuation=True
    )


def kept_version(engine: Engine, version: str) -> dict[str, Any]:
    """Tell cfn-lint of a version that there is, and that its list of minor ones does not have."""
    return (
        {}
        if engine.is_listed(version)
        else {"Metadata": {"cfn-lint": {"config": {"ignore_checks": [engine.versions_rule]}}}}
    )
