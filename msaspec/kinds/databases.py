"""RDS PostgreSQL instances; services get databases, roles and secrets of their own on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from json import dumps
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from troposphere import Output, Ref, Tags, rds, secretsmanager

from msaspec import names
from msaspec.aws import bootstrap, security_groups
from msaspec.aws.intrinsic import intrinsic, reference
from msaspec.diagnostic import Code, Diagnostic
from msaspec.language.base import Model, days, gibibytes, measured
from msaspec.language.kind import Kind
from msaspec.language.part import Door, Entry, Offer, Part, Site, Statement, Use
from msaspec.language.value import Secret, Text, Token, Value

TWO_OWNERS = Code(
    "MSA310",
    "Two services own one database",
    """
    Two services use one database as its owner. One of them owns it: it makes and changes the tables. The others say
    what they may do: `access: read-write` or `access: read-only`.
    """,
)
NO_OWNER = Code(
    "MSA311",
    "A database that nobody owns",
    "Services use a database that none of them owns, so nobody could make a table. Leave `access` out for one.",
)
REFUSED_NAME = Code(
    "MSA312",
    "A name that PostgreSQL or RDS keeps for itself",
    """
    PostgreSQL keeps `postgres`, `template0`, `template1` and every role that begins with `pg_`; RDS keeps `rdsadmin`
    and what begins with `rds_`. A service's role is its name in snake_case.
    """,
)
REPLICA_WITHOUT_BACKUP = Code(
    "MSA313",
    "Replicas without backups",
    "RDS makes a read replica from a backup: `replicas` needs `backups` of at least one day.",
)

PORT = 5432
MASTER = "postgres"
_KEPT_DATABASES = frozenset({"postgres", "template0", "template1", "rdsadmin"})
_KEPT_ROLES = frozenset({MASTER, "rdsadmin", "public", "none", "current_user", "session_user", "current_role"})


def _database_name(written: str) -> str:
    if not (written[:1].isalpha() or written[:1] == "_") or not written.isascii() or written != written.lower():
        raise PydanticCustomError("database", "a database's name is lower_snake: letters, digits and `_`")
    if not all(c.isalnum() or c == "_" for c in written):
        raise PydanticCustomError("database", "a database's name is lower_snake: letters, digits and `_`")
    return written


def _class(written: str) -> str:
    parts = written.split(".")
    plain = written.isascii() and len(written) <= 40 and all(part.replace("-", "").isalnum() for part in parts)
    if len(parts) != 3 or parts[0] != "db" or not plain:
        raise PydanticCustomError("class", "an instance class of RDS looks like `db.t4g.micro`")
    return written


class Database(Model):
    """An RDS PostgreSQL instance: encrypted, isolated, kept as a snapshot when it goes."""

    engine: Literal["postgres"] = Field("postgres", description="Database engine.")
    version: Annotated[str, Field(pattern=r"^1[5-8](\.[0-9]{1,2})?$")] = Field(
        "17",
        description="Major version, whose minor upgrades RDS installs; or one minor version, which stays.",
        examples=["17", "17.6"],
    )
    size: Annotated[str, AfterValidator(_class)] = Field(
        "db.t4g.micro", description="Instance class.", examples=["db.t4g.micro", "db.m7g.large"]
    )
    storage: Annotated[int, gibibytes(20, 65536, "20 GiB")] = measured("20 GiB", description="Size of the gp3 volume.")
    multi_zone: bool = Field(False, description="A standby in another zone that takes over.")
    replicas: int = Field(0, ge=0, le=15, description="Read replicas.")
    backups: Annotated[int, days(0, 35, "7 days")] = measured(
        "7 days", description="How long automatic backups are kept."
    )
    protect: bool = Field(
        True, description="Deletion protection, and a snapshot when it is deleted or replaced. false: for throwaways."
    )


class DatabaseUse(Model):
    """Which database a service has on the instance, and what it may do in it."""

    database: Annotated[str, Field(max_length=50, min_length=1), AfterValidator(_database_name)] | None = Field(
        None, description="Name of the database. Default: the service's name in snake_case.", examples=["user_database"]
    )
    access: Literal["owner", "read-write", "read-only"] = Field(
        "owner", description="owner makes and changes tables; the others only what their names say."
    )


class Databases(Kind):
    """The section `databases`."""

    section = "databases"
    noun = "database"
    model = Database
    options = DatabaseUse
    isolated = True
    attributes: ClassVar[Mapping[str, str]] = {
        "host": "Address of the instance.",
        "port": "Port of the instance.",
        "name": "Name of the service's database.",
        "username": "Name of the service's role.",
        "password": "Password of the service's role (secret).",
        "url": "`postgresql://` URL with the password (secret).",
        "jdbc_url": "`jdbc:postgresql://` URL without credentials.",
        "reader_host": "Address of the first read replica, or of the instance where there is none.",
    }

    def check(self, entry: Entry, uses: Sequence[Use]) -> Iterable[Diagnostic]:
        """Owners, names that are kept, and replicas without backups."""
        spec = cast(Database, entry.spec)
        if spec.replicas and not spec.backups:
            message = f"`{entry.name}` has replicas but no backups."
            yield REPLICA_WITHOUT_BACKUP.at((*entry.path, "replicas"), message, hint="Set `backups: 7 days`.")
        owners: dict[str, Use] = {}
        for use in uses:
            yield from _kept(entry, use)
            if _options(use).access == "owner":
                owner = owners.setdefault(_name(use), use)
                if owner is not use:
                    message = (
                        f"`{owner.service}` and `{use.service}` both own the database `{_name(use)}` on `{entry.name}`."
                    )
                    hint = "Add `access: read-write` or `access: read-only` to one of them."
                    yield TWO_OWNERS.at(use.path, message, hint=hint, key=True)
        for use in uses:
            if _name(use) not in owners:
                message = f"Nobody owns the database `{_name(use)}` on `{entry.name}`, which `{use.service}` uses."
                hint = f"Leave `access` out for one service, or name a database that has an owner{_owned(owners)}."
                yield NO_OWNER.at(use.path, message, hint=hint, key=True)

    def doors(self, entry: Entry) -> tuple[Door, ...]:
        """The instance's port."""
        return (Door(Token(f"{_id(entry)}SecurityGroup"), PORT),)

    def build(self, entry: Entry, uses: Sequence[Use], site: Site) -> Part:
        """The instance, a secret per user, and the custom resource that makes their roles and databases."""
        part = Part(tuple(_instance(entry, site)), (_output(entry),))
        part += Part(tuple(_secret(entry, use, site) for use in uses))
        return part + bootstrap.prepare(_server(entry, uses)) if uses else part

    def common(self, entries: Sequence[tuple[Entry, Sequence[Use]]], site: Site) -> Part:
        """The bootstrap functions, once a system."""
        servers = [_server(entry, uses) for entry, uses in entries if uses]
        return bootstrap.functions(servers, site) if servers else Part()

    def offer(self, entry: Entry, use: Use, site: Site) -> Offer:
        """A database and a role on the instance."""
        host, reader = Token(f"{_id(entry)}.Endpoint.Address"), Token(f"{_reader(entry)}.Endpoint.Address")
        secret = Secret((Token(_secret_id(use)),), "password")
        name, role, port = _name(use), _role(use), str(PORT)
        attributes: dict[str, Value] = {
            "host": (host,),
            "port": (port,),
            "name": (name,),
            "username": (role,),
            "password": (secret,),
            "url": (Secret((Token(_secret_id(use)),), "url"),),
            "jdbc_url": ("jdbc:postgresql://", host, _rest(use)),
            "reader_host": (reader,),
        }
        return Offer(
            attributes=attributes,
            variables=_variables(entry, use, attributes),
            doors=self.doors(entry),
            statements=(Statement(("secretsmanager:GetSecretValue",), ((Token(_secret_id(use)),),)),),
            after=(names.logical(entry.name, "Bootstrap"),),
        )


def _variables(entry: Entry, use: Use, attributes: Mapping[str, Value]) -> dict[str, Value]:
    if use.framework == "spring-boot":
        return {
            "spring.datasource.driverClassName": ("org.postgresql.Driver",),
            "spring.datasource.password": attributes["password"],
            "spring.datasource.url": attributes["jdbc_url"],
            "spring.datasource.username": attributes["username"],
        }
    prefix = names.variable(entry.name)
    own = {
        f"{prefix}_{word.upper()}": attributes[word] for word in ("host", "port", "name", "username", "password", "url")
    }
    return {**own, "DATABASE_URL": attributes["url"]} if use.alone else own


def _rest(use: Use) -> str:
    """The end of an address. `require` on top of the instance's rds.force_ssl: a client that could fall back to clear
    text does not."""
    return f":{PORT}/{_name(use)}?sslmode=require"


def _url(entry: Entry, use: Use) -> tuple[Text, Text]:
    """The address with which a user logs in, before and after its password. The bootstrap puts the whole into the
    secret, for whoever can deliver only what stands there."""
    return (f"postgresql://{_role(use)}:",), ("@", Token(f"{_id(entry)}.Endpoint.Address"), _rest(use))


def _options(use: Use) -> DatabaseUse:
    return cast(DatabaseUse, use.options)


def _name(use: Use) -> str:
    return _options(use).database or names.snake(use.service)


def _role(use: Use) -> str:
    return names.snake(use.service)


def _id(entry: Entry) -> str:
    return names.logical(entry.name, "Database")


def _reader(entry: Entry) -> str:
    return f"{_id(entry)}Replica1" if cast(Database, entry.spec).replicas else _id(entry)


def _secret_id(use: Use) -> str:
    return names.edge(use.service, use.target, "Secret")


def _owned(owners: Mapping[str, Use]) -> str:
    return f" ({', '.join(f'`{name}`' for name in sorted(owners))})" if owners else ""


def _kept(entry: Entry, use: Use) -> Iterable[Diagnostic]:
    name, role = _name(use), _role(use)
    if name in _KEPT_DATABASES or name.startswith("pg_"):
        written = _options(use).database
        at = (*use.path, "database") if written else use.path
        message = f"PostgreSQL or RDS keeps the name `{name}` for itself."
        yield REFUSED_NAME.at(at, message, hint="Name another `database`.", key=not written)
    if role in _KEPT_ROLES or role.startswith(("pg_", "rds_")):
        message = (
            f"`{use.service}` would have the role `{role}` on `{entry.name}`, a name that PostgreSQL or RDS keeps."
        )
        yield REFUSED_NAME.at(use.path[:2], message, hint="Rename the service.", key=True)


def _server(entry: Entry, uses: Sequence[Use]) -> bootstrap.Server:
    grants = tuple(
        bootstrap.Grant(_role(use), _secret_id(use), _name(use), _options(use).access, _url(entry, use))
        for use in sorted(uses, key=lambda use: use.service)
    )
    host = Token(f"{_id(entry)}.Endpoint.Address")
    return bootstrap.Server(entry.name, host, Door(Token(f"{_id(entry)}SecurityGroup"), PORT), _master(entry), grants)


def _master(entry: Entry) -> Token:
    """The secret of the master user: RDS's own, or one of ours where RDS cannot manage it."""
    if cast(Database, entry.spec).replicas:
        return Token(f"{_id(entry)}MasterSecret")
    return Token(f"{_id(entry)}.MasterUserSecret.SecretArn")


def _instance(entry: Entry, site: Site) -> Iterable[Any]:
    spec, name = cast(Database, entry.spec), _id(entry)
    major, pinned = spec.version.partition(".")[::2]
    yield security_groups.group(f"{name}SecurityGroup", entry.name, site, (), security_groups.NOWHERE)
    yield rds.DBSubnetGroup(
        f"{name}Subnets",
        DBSubnetGroupDescription=f"Isolated subnets of {entry.name}",
        SubnetIds=[Ref(subnet.target) for subnet in site.isolated],
    )
    yield rds.DBParameterGroup(
        f"{name}Parameters",
        Description=f"Parameters of {entry.name}",
        Family=f"postgres{major}",
        Parameters={"rds.force_ssl": "1", "password_encryption": "scram-sha-256"},
    )
    if spec.replicas:
        yield _master_secret(entry, site)
    yield rds.DBInstance(
        name,
        Engine="postgres",
        EngineVersion=spec.version,
        AllowMajorVersionUpgrade=True,
        # A minor version in the manifest stays: RDS would upgrade past it, and an update could not go back.
        AutoMinorVersionUpgrade=not pinned,
        EngineLifecycleSupport="open-source-rds-extended-support-disabled",
        DBInstanceClass=spec.size,
        MultiAZ=spec.multi_zone,
        **_volume(spec),
        **_credentials(entry),
        Port=str(PORT),
        DBSubnetGroupName=Ref(f"{name}Subnets"),
        DBParameterGroupName=Ref(f"{name}Parameters"),
        VPCSecurityGroups=[Ref(f"{name}SecurityGroup")],
        PubliclyAccessible=False,
        BackupRetentionPeriod=spec.backups,
        CopyTagsToSnapshot=True,
        DeleteAutomatedBackups=not spec.protect,
        EnableCloudwatchLogsExports=["postgresql", "upgrade"],
        DeletionProtection=spec.protect,
        Tags=Tags(Name=f"{site.stack}/{entry.name}"),
        **_kept_version(pinned),
        DeletionPolicy="Snapshot" if spec.protect else "Delete",
        UpdateReplacePolicy="Snapshot" if spec.protect else "Delete",
    )
    for number in range(1, spec.replicas + 1):
        yield rds.DBInstance(
            f"{name}Replica{number}",
            Engine="postgres",
            SourceDBInstanceIdentifier=Ref(name),
            DBInstanceClass=spec.size,
            DBParameterGroupName=Ref(f"{name}Parameters"),
            VPCSecurityGroups=[Ref(f"{name}SecurityGroup")],
            PubliclyAccessible=False,
            AutoMinorVersionUpgrade=not pinned,
            CopyTagsToSnapshot=True,
            Tags=Tags(Name=f"{site.stack}/{entry.name}-replica-{number}"),
            # All that a replica holds is on its source.
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Delete",
        )


def _volume(spec: Database) -> dict[str, Any]:
    return {"AllocatedStorage": str(spec.storage), "StorageType": "gp3", "StorageEncrypted": True}


def _kept_version(pinned: str) -> dict[str, Any]:
    """A bare major version is what RDS documents for "its default minor"; cfn-lint's list has minors only."""
    return {} if pinned else {"Metadata": {"cfn-lint": {"config": {"ignore_checks": ["W3691"]}}}}


def _credentials(entry: Entry) -> dict[str, Any]:
    """RDS refuses a read replica of an instance whose master password it manages, so then we keep our own."""
    if not cast(Database, entry.spec).replicas:
        return {"MasterUsername": MASTER, "ManageMasterUserPassword": True}
    password: Text = ("{{resolve:secretsmanager:", _master(entry), ":SecretString:password}}")
    return {"MasterUsername": MASTER, "MasterUserPassword": intrinsic(password)}


def _master_secret(entry: Entry, site: Site) -> Any:
    return secretsmanager.Secret(
        _master(entry).target,
        Description=f"Master user of {site.stack}/{entry.name}",
        GenerateSecretString=_generated(dumps({"username": MASTER})),
        Tags=Tags(Name=f"{site.stack}/{entry.name}"),
        DeletionPolicy="RetainExceptOnCreate",
        UpdateReplacePolicy="Retain",
    )


def _secret(entry: Entry, use: Use, site: Site) -> Any:
    """All that a client needs. The password is made by Secrets Manager and is never in a template."""
    host = Token(f"{_id(entry)}.Endpoint.Address")
    head, tail = dumps({"host": "\0", "port": PORT, "name": _name(use), "username": _role(use)}).split(
        dumps("\0")[1:-1]
    )
    return secretsmanager.Secret(
        _secret_id(use),
        Description=f"{use.service} on {site.stack}/{entry.name}",
        GenerateSecretString=_generated(intrinsic((head, host, tail))),
        DeletionPolicy="Delete",
        UpdateReplacePolicy="Delete",
    )


def _generated(template: Any) -> Any:
    """32 letters and digits: safe in a URL, an environment file and SQL as they are."""
    return secretsmanager.GenerateSecretString(
        SecretStringTemplate=template, GenerateStringKey="password", PasswordLength=32, ExcludePunctuation=True
    )


def _output(entry: Entry) -> Any:
    return Output(
        names.logical(entry.name, "Endpoint"),
        Description=f"Address of the database instance {entry.name}.",
        Value=reference(f"{_id(entry)}.Endpoint.Address"),
    )
