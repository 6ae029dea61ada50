"""RDS instances of any engine: what a manifest says of one, and the resources that it becomes without its users."""

from __future__ import annotations

import re
from collections.abc import Iterable
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
from troposphere import Ref, Tags, rds, secretsmanager

from msaspec.aws import security_groups
from msaspec.aws.data import rds as stored
from msaspec.aws.data import secretsmanager as secrets
from msaspec.aws.intrinsic import intrinsic
from msaspec.engines import DEFAULT, engines
from msaspec.language.base import Items, Model, days, gibibytes, measured
from msaspec.language.engine import Engine
from msaspec.language.part import Door, Entry, Site
from msaspec.language.value import Text, Token
from msaspec.template import names

TYPES = (secrets.SECRET, security_groups.GROUP, stored.INSTANCE, stored.PARAMETER_GROUP, stored.SUBNET_GROUP)

if TYPE_CHECKING:
    EngineName: TypeAlias = str
else:
    EngineName = Literal[tuple(engines())]


def _class(written: str) -> str:
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


class Database(Model):
    """An RDS instance: encrypted, isolated, kept as a snapshot when it is deleted."""

    engine: EngineName = Field(DEFAULT, description="Database engine.")
    version: str = Field(
        engines()[DEFAULT].version,
        description="Major version, for which RDS installs minor upgrades; or a minor version, which stays.",
        examples=[example for engine in engines().values() for example in engine.examples],
        json_schema_extra={"pattern": "|".join(engine.versions for engine in engines().values())},
    )
    size: Annotated[str, AfterValidator(_class)] = Field(
        "db.t4g.micro", description="Instance class.", examples=["db.t4g.micro", "db.m7g.large"]
    )
    storage: Annotated[int, gibibytes(20, 65536, "20 GiB")] = measured("20 GiB", description="Size of the gp3 volume.")
    max_storage: Annotated[int, gibibytes(22, 65536, "100 GiB")] | None = Field(
        None, description="Let RDS enlarge the volume up to this size. Default: it does not.", examples=["100 GiB"]
    )
    multi_zone: bool = Field(False, description="Run a standby in another zone for failover.")
    replicas: int = Field(0, ge=0, le=15, description="Read replicas.")
    multi_zone_replicas: bool = Field(False, description="Run a standby in another zone for each replica, too.")
    port: int | None = Field(
        None,
        ge=1150,
        le=65535,
        description="Port. Default: that of the engine. To change it restarts the database.",
        examples=[54321],
    )
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
    protect: bool = Field(
        True,
        description="Deletion protection, and a snapshot on deletion or replacement. Set false for temporary systems.",
    )

    @model_validator(mode="before")
    @classmethod
    def _version_of_the_engine(cls, data: Any) -> Any:
        """Fill the version in where none is written: each engine has its own default."""
        written = data.get("engine") if isinstance(data, dict) else None
        engine = engines().get(written) if isinstance(written, str) else None
        return {"version": engine.version, **data} if engine else data

    @field_validator("version")
    @classmethod
    def _is_of_the_engine(cls, version: str, info: ValidationInfo) -> str:
        engine = engines().get(info.data.get("engine", ""))
        if engine and not re.search(engine.versions, version):
            examples = " or ".join(f"`{example}`" for example in engine.examples)
            raise PydanticCustomError("engine_version", f"a version of {engine.title} looks like {examples}")
        return version

    @property
    def server(self) -> Engine:
        """What is known of its engine."""
        return engines()[self.engine]

    @property
    def listens(self) -> int:
        """The port that clients connect to."""
        return self.port or self.server.port


def logical_id(entry: Entry[Database]) -> str:
    """Logical id of the instance."""
    return names.logical(entry.name, "Database")


def host(entry: Entry[Database]) -> Token:
    """Return the address of the instance."""
    return Token(f"{logical_id(entry)}.Endpoint.Address")


def door(entry: Entry[Database]) -> Door:
    """Return the port of the instance."""
    spec = entry.spec
    return Door(Token(f"{logical_id(entry)}SecurityGroup"), spec.listens, speaks=spec.server.scheme)


def reader(entry: Entry[Database]) -> Token:
    """Return the address of the first read replica, or of the instance if there is none."""
    return Token(f"{logical_id(entry)}Replica1.Endpoint.Address") if entry.spec.replicas else host(entry)


def master(entry: Entry[Database]) -> Token:
    """Return the secret of the master user: RDS's own, or one of ours where RDS cannot manage it."""
    if entry.spec.replicas:
        return Token(f"{logical_id(entry)}MasterSecret")
    return Token(f"{logical_id(entry)}.MasterUserSecret.SecretArn")


def build(entry: Entry[Database], site: Site) -> Iterable[Any]:
    """Yield the instance with its group, subnets, parameters and replicas."""
    spec, name, engine = entry.spec, logical_id(entry), entry.spec.server
    pinned = engine.pinned(spec.version)
    yield security_groups.group(f"{name}SecurityGroup", entry.name, site, (), security_groups.NOWHERE)
    yield rds.DBSubnetGroup(
        f"{name}Subnets",
        DBSubnetGroupDescription=f"Isolated subnets of {entry.name}",
        SubnetIds=[Ref(subnet.target) for subnet in site.isolated],
    )
    yield rds.DBParameterGroup(
        f"{name}Parameters",
        Description=f"Parameters of {entry.name}",
        Family=f"{engine.family}{engine.major(spec.version)}",
        Parameters={**engine.parameters, **spec.parameters},
    )
    if spec.replicas:
        yield _master_secret(entry, site)
    yield rds.DBInstance(
        name,
        Engine=engine.name,
        EngineVersion=spec.version,
        AllowMajorVersionUpgrade=True,
        # A minor version in the manifest stays: RDS would upgrade past it, and an update could not go back.
        AutoMinorVersionUpgrade=not pinned,
        **({"EngineLifecycleSupport": engine.lifecycle} if engine.lifecycle else {}),
        DBInstanceClass=spec.size,
        MultiAZ=spec.multi_zone,
        **_volume(spec),
        **_credentials(entry),
        Port=str(spec.listens),
        DBSubnetGroupName=Ref(f"{name}Subnets"),
        DBParameterGroupName=Ref(f"{name}Parameters"),
        VPCSecurityGroups=[Ref(f"{name}SecurityGroup")],
        PubliclyAccessible=False,
        BackupRetentionPeriod=spec.backups,
        CopyTagsToSnapshot=True,
        DeleteAutomatedBackups=not spec.protect,
        EnableCloudwatchLogsExports=list(engine.logs),
        DeletionProtection=spec.protect,
        Tags=Tags(Name=f"{site.stack}/{entry.name}"),
        **_kept_version(engine, pinned=pinned),
        DeletionPolicy="Snapshot" if spec.protect else "Delete",
        UpdateReplacePolicy="Snapshot" if spec.protect else "Delete",
    )
    for number in range(1, spec.replicas + 1):
        yield rds.DBInstance(
            f"{name}Replica{number}",
            Engine=engine.name,
            SourceDBInstanceIdentifier=Ref(name),
            DBInstanceClass=spec.size,
            **({"MultiAZ": True} if spec.multi_zone_replicas else {}),
            # Without one it has its source's, which a template does not show to those who read it.
            **({"Port": str(spec.port)} if spec.port else {}),
            DBParameterGroupName=Ref(f"{name}Parameters"),
            VPCSecurityGroups=[Ref(f"{name}SecurityGroup")],
            PubliclyAccessible=False,
            AutoMinorVersionUpgrade=not pinned,
            CopyTagsToSnapshot=True,
            EnableCloudwatchLogsExports=list(engine.logs),
            DeletionProtection=spec.protect,
            Tags=Tags(Name=f"{site.stack}/{entry.name}-replica-{number}"),
            # All that a replica holds is on its source. `deploy` lifts the protection of one that the manifest drops.
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Delete",
        )


def _volume(spec: Database) -> dict[str, Any]:
    """Return the volume. What is restored is encrypted as its snapshot is: RDS takes no word about it."""
    most = {"MaxAllocatedStorage": spec.max_storage} if spec.max_storage else {}
    encrypted = {} if spec.from_snapshot else {"StorageEncrypted": True}
    return {"AllocatedStorage": str(spec.storage), **most, "StorageType": "gp3", **encrypted}


def _kept_version(engine: Engine, *, pinned: bool) -> dict[str, Any]:
    """Return a bare major version is what RDS documents for "its default minor"; cfn-lint's list has minors only."""
    return {} if pinned else {"Metadata": {"cfn-lint": {"config": {"ignore_checks": [engine.versions_rule]}}}}


def _credentials(entry: Entry[Database]) -> dict[str, Any]:
    """RDS refuses a read replica of an instance whose master password it manages, so then we keep our own. The master
    user of a snapshot has its name already."""
    # fact: rds-restored
    if entry.spec.from_snapshot:
        return {"DBSnapshotIdentifier": entry.spec.from_snapshot, "ManageMasterUserPassword": True}
    if not entry.spec.replicas:
        return {"MasterUsername": entry.spec.server.master, "ManageMasterUserPassword": True}
    password: Text = ("{{resolve:secretsmanager:", master(entry), ":SecretString:password}}")
    return {"MasterUsername": entry.spec.server.master, "MasterUserPassword": intrinsic(password)}


def _master_secret(entry: Entry[Database], site: Site) -> Any:
    return secretsmanager.Secret(
        master(entry).target,
        Description=f"Master user of {site.stack}/{entry.name}",
        GenerateSecretString=generated(dumps({"username": entry.spec.server.master})),
        Tags=Tags(Name=f"{site.stack}/{entry.name}"),
        DeletionPolicy="RetainExceptOnCreate",
        UpdateReplacePolicy="Retain",
    )


def generated(template: Any) -> Any:
    """32 letters and digits: safe in a URL, an environment file and SQL as they are."""
    return secretsmanager.GenerateSecretString(
        SecretStringTemplate=template, GenerateStringKey="password", PasswordLength=32, ExcludePunctuation=True
    )
