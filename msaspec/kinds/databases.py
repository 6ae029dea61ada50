"""Database servers of any engine; services get databases, roles and secrets of their own on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from json import dumps
from typing import Any, ClassVar

from troposphere import Output, secretsmanager

from msaspec.aws import (
    bootstrap,
    database,
    database_classes,
    database_clusters,
    database_instances,
    database_setup,
    database_snapshots,
    discovery,
    document_clusters,
    existing_database,
)
from msaspec.aws.database import Database
from msaspec.aws.database_use import DatabaseElsewhere, DatabaseUse, kept, name_of, role_of
from msaspec.aws.intrinsic import intrinsic, reference
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.engines import engines
from msaspec.language import aurora
from msaspec.language.base import Model
from msaspec.language.kind import Kind
from msaspec.language.lending import By, Lent
from msaspec.language.part import Alias, Changing, Connections, Door, Entry, Offer, Part, Place, Site, Statement, Use
from msaspec.language.value import Secret, Text, Token, Value
from msaspec.template import names

TWO_OWNERS = Code(
    "MSA310",
    "Two services own one database",
    """
    Two services own the same database. Only one service can own it and create tables. Give the others `access:
    read-write` or `access: read-only`.
    """,
)
NO_OWNER = Code(
    "MSA311",
    "A database without an owner",
    "Services use a database, but none of them owns it, so none could "
    "create a table. Remove `access` from one of them.",
)
UNSOUND_VERSION = Code(
    "MSA314",
    "A minor version with a bug that affects msaspec",
    """
    The tables of a database belong to a group role, which the owning service assumes at login. Some minor versions
    ignored that setting and were replaced within a week (PostgreSQL release notes, 17.2, 16.6, 15.10). Name a newer
    minor version, or only the major version.
    """,
)
NO_ROOM = Code(
    "MSA461",
    "A largest size that leaves no room",
    "RDS enlarges a volume by a tenth at least, so `max_storage` is at least a tenth above `storage`.",
)
RESTORED_REPLICAS = Code(
    "MSA462",
    "A database from a snapshot, with replicas",
    """
    RDS refuses replicas of MySQL and MariaDB, and of PostgreSQL, where it manages the master password, and it takes no
    other password together with a snapshot. So a database that begins with a snapshot has no replicas.
    """,
)
NO_STANDBY = Code(
    "MSA480",
    "Standbys of replicas that are not there",
    """
    `multi_zone_replicas` gives each read replica a standby in another zone, and the database has no replicas. The
    standby of the database itself is `multi_zone: true`. Write `replicas`, or remove the field.
    """,
    Severity.WARNING,
)
REPLICA_WITHOUT_BACKUP = Code(
    "MSA313",
    "Replicas without backups",
    "RDS creates a read replica from a backup: `replicas` needs `backups` of at least one day.",
)


_SCHEMES = [
    " or ".join(f"`{scheme}://`" for scheme in dict.fromkeys(schemes))
    for schemes in (
        [engine.scheme for engine in engines().values()],
        [f"jdbc:{engine.jdbc_scheme or engine.scheme}" for engine in engines().values() if engine.driver],
    )
]


class Databases(Kind[Database, DatabaseUse]):
    """The section `databases`."""

    section = "databases"
    noun = "database"
    types = (
        *bootstrap.TYPES,
        *database_instances.TYPES,
        *database_clusters.TYPES,
        *document_clusters.TYPES,
        *discovery.TYPES,
    )
    isolated = True
    lent = Lent(By.GUESTS, options=DatabaseElsewhere, example={"engine": "mysql"})
    attributes: ClassVar[Mapping[str, str]] = {
        "host": "Address of the instance, or of that of a cluster which writes.",
        "port": "Port of the instance.",
        "name": "Name of the service's database.",
        "username": "Name of the service's role.",
        "password": "Password of the service's role (secret).",
        "url": f"{_SCHEMES[0]} URL with the password (secret).",
        "jdbc_url": f"{_SCHEMES[1]} URL without credentials.",
        "reader_host": "Address of the first read replica or of a cluster's readers; `host` if there is none.",
    }

    def check(self, entry: Entry[Database], uses: Sequence[Use[DatabaseUse]]) -> Iterable[Diagnostic]:
        """Owners, names that are kept, and replicas without backups."""
        spec = entry.spec
        if reason := spec.server.unsound.get(spec.version or ""):
            message = f"{spec.server.title} {spec.version} {reason}."
            yield UNSOUND_VERSION.at((*entry.path, "version"), message, hint="Use a newer minor version.")
        if spec.replicas and not spec.backups and not spec.server.cluster:
            message = f"`{entry.name}` has replicas but no backups."
            yield REPLICA_WITHOUT_BACKUP.at((*entry.path, "replicas"), message, hint="Set `backups: 7 days`.")
        if spec.multi_zone_replicas and not spec.replicas and not spec.server.cluster:
            message = f"`{entry.name}` has no replicas that could have a standby."
            hint = "Write `replicas: 1`, or remove `multi_zone_replicas`."
            yield NO_STANDBY.at((*entry.path, "multi_zone_replicas"), message, hint=hint, key=True)
        # fact: rds-volume-growth
        if (
            not spec.server.cluster
            and spec.max_storage
            and spec.max_storage < (least := spec.storage + -(-spec.storage // 10))
        ):
            message = f"`{entry.name}` has {spec.storage} GiB, and could not grow to {spec.max_storage} GiB."
            yield NO_ROOM.at((*entry.path, "max_storage"), message, hint=f"Write `max_storage: {least} GiB` or more.")
        yield from existing_database.check(entry, uses)
        yield from database_setup.foreign(entry)
        yield from database_snapshots.check(entry)
        if spec.from_snapshot and spec.replicas and not spec.server.cluster:
            message = f"`{entry.name}` begins with a snapshot, and would have replicas."
            hint = "Remove `replicas`, or create it without them and move the data into another database."
            yield RESTORED_REPLICAS.at((*entry.path, "replicas"), message, hint=hint)
        yield from database_setup.extensions(entry)
        yield from database_setup.inits(entry, uses)
        yield from database_setup.in_clear(entry)
        owners: dict[str, Use[DatabaseUse]] = {}
        for use in uses:
            yield from kept(entry, use)
            if use.options.access == "owner":
                owner = owners.setdefault(name_of(use), use)
                if owner is not use:
                    both = f"`{owner.service}` and `{use.service}` both own the database"
                    message = f"{both} `{name_of(use)}` on `{entry.title}`."
                    hint = "Add `access: read-write` or `access: read-only` to one of them."
                    yield TWO_OWNERS.at(use.path, message, hint=hint, key=True)
        for use in uses:
            if name_of(use) not in owners:
                message = f"The database `{name_of(use)}` on `{entry.title}`, which `{use.service}` uses, has no owner."
                hint = f"Remove `access` from one service, or name a database that has an owner{_owned(owners)}."
                yield NO_OWNER.at(use.path, message, hint=hint, key=True)

    def named(self, entry: Entry[Database]) -> Mapping[str, str]:
        """Return all attributes, but for an address of JDBC where the engine has none."""
        known = dict(self.attributes)
        return known if entry.spec.server.driver else {key: known[key] for key in known if key != "jdbc_url"}

    def begins_with(self, entry: Entry[Database]) -> Mapping[str, str]:
        """Return the snapshot, where an ARN says which."""
        arn = database_snapshots.source(entry)
        return {"from_snapshot": arn} if arn else {}

    def abroad(self, options: Model) -> Mapping[str, Any]:
        """Return a server that exists."""
        return existing_database.of_another(options)

    def known(self, entry: Entry[Database]) -> Mapping[str, Any]:
        """Return the engine and the port."""
        return {"engine": entry.spec.engine, "port": entry.spec.listens}

    def guided(self, entry: Entry[Database]) -> Mapping[str, Token]:
        """Return the address, the group and the secret of the master user."""
        return existing_database.guided(entry)

    def kept_back(self, entry: Entry[Database]) -> tuple[str, str] | None:
        """Return what speaks against databases of other systems."""
        return existing_database.kept_back(entry)

    def doors(self, entry: Entry[Database]) -> tuple[Door, ...]:
        """Return the instance's port."""
        return (database.door(entry),)

    def alias(self, entry: Entry[Database]) -> Alias | None:
        """Return the address, whose name clients of MongoDB verify."""
        verified = entry.spec.server.documents and entry.spec.tls
        return Alias(database.host(entry), entry.spec.short_name, verified)

    def files_of(self, options: DatabaseUse) -> Mapping[str, str]:
        """Return the SQL with which a database begins."""
        return {"init": options.init} if options.init else {}

    def changing(self, entry: Entry[Database], uses: Sequence[Use[DatabaseUse]], at: Place) -> Mapping[str, Changing]:
        """Return the secret of each user, where passwords rotate."""
        turns = at.rotates and entry.spec.server.bootstrap.turns
        return {use.service: Changing(_secret_id(use)) for use in uses} if turns else {}

    def connections(self, entry: Entry[Database]) -> Connections | None:
        """About as many as the memory of its class allows."""
        spec = entry.spec
        if spec.existing:
            return None
        if spec.is_serverless:
            units = aurora.GIBIBYTES_A_UNIT * 2**30
            return Connections(spec.server.connections(int(spec.capacity.max * units)), "capacity")
        memory = database_classes.memory(spec.size)
        return Connections(spec.server.connections(memory), "size") if memory else None

    def build(self, entry: Entry[Database], uses: Sequence[Use[DatabaseUse]], site: Site) -> Part:
        """Return the instance, a secret per user, and the custom resource that makes their roles and databases."""
        part = _made(entry, site) + Part((), () if entry.called else (_output(entry),))
        part += Part(tuple(_secret(entry, use, site) for use in uses))
        return part + bootstrap.prepare(_server(entry, uses), site)

    def common(self, entries: Sequence[tuple[Entry[Database], Sequence[Use[DatabaseUse]]]], site: Site) -> Part:
        """Return the bootstrap functions, once a system."""
        return bootstrap.build([_server(entry, uses) for entry, uses in entries], site)

    def offer(self, entry: Entry[Database], use: Use[DatabaseUse], place: Place) -> Offer:
        """Return a database and a role on the instance."""
        host, reader = database.host(entry), database.reader(entry)
        secret = Secret((Token(_secret_id(use)),), "password")
        engine, name, role = entry.spec.server, name_of(use), role_of(use)
        attributes: dict[str, Value] = {
            "host": (host,),
            "port": (str(entry.spec.listens),),
            "name": (name,),
            # Which of two users it is changes with their passwords.
            "username": (Secret(secret.arn, "username"),) if place.rotates and engine.bootstrap.turns else (role,),
            "password": (secret,),
            "url": (Secret((Token(_secret_id(use)),), "url"),),
            "reader_host": (reader,),
        }
        if engine.driver:
            begin = f"jdbc:{engine.jdbc_scheme or engine.scheme}://"
            attributes["jdbc_url"] = (begin, host, _rest(entry, use, engine.jdbc_query))
        return Offer(
            attributes=attributes,
            variables=_variables(entry, use, attributes),
            doors=self.doors(entry),
            statements=(Statement(("secretsmanager:GetSecretValue",), ((Token(_secret_id(use)),),)),),
            after=(names.logical(entry.name, "Bootstrap"),),
        )


def _made(entry: Entry[Database], site: Site) -> Part:
    """Return the server, or what is known of one that exists."""
    if entry.spec.existing:
        return existing_database.build(entry)
    engine = entry.spec.server
    clusters = document_clusters if engine.documents else database_clusters
    made = clusters if engine.cluster else database_instances
    return Part(tuple(made.build(entry, site)))


def _variables(entry: Entry[Database], use: Use[DatabaseUse], attributes: Mapping[str, Value]) -> dict[str, Value]:
    engine = entry.spec.server
    if use.framework == "spring-boot" and engine.driver is None:
        return dict.fromkeys(engine.spring, attributes["url"])
    if use.framework == "spring-boot":
        return {
            "spring.datasource.driverClassName": (engine.driver or "",),
            "spring.datasource.password": attributes["password"],
            "spring.datasource.url": attributes["jdbc_url"],
            "spring.datasource.username": attributes["username"],
        }
    prefix = names.variable(entry.word)
    own = {
        f"{prefix}_{word.upper()}": attributes[word] for word in ("host", "port", "name", "username", "password", "url")
    }
    return {**own, "DATABASE_URL": attributes["url"]} if use.alone else own


def _rest(entry: Entry[Database], use: Use[DatabaseUse], query: str | None = None) -> str:
    """Return the end of an address."""
    engine = entry.spec.server
    clear = engine.clear_query if not entry.spec.tls else None
    return f":{entry.spec.listens}/{name_of(use)}?{query or clear or engine.query}"


def _url(entry: Entry[Database], use: Use[DatabaseUse]) -> tuple[Text, Text]:
    """Return the address with which a user logs in, before and after its password. The bootstrap puts the whole into
    the secret, for runtimes that can deliver only its fields."""
    host = database.host(entry)
    return (f"{entry.spec.server.scheme}://{role_of(use)}:",), ("@", host, _rest(entry, use))


def _init(use: Use[DatabaseUse]) -> str:
    return use.texts.get("init", "") if use.options.access == "owner" else ""


def _secret_id(use: Use[DatabaseUse]) -> str:
    return names.edge(use.service, use.target, "Secret")


def _owned(owners: Mapping[str, Use[DatabaseUse]]) -> str:
    return f" ({', '.join(f'`{name}`' for name in sorted(owners))})" if owners else ""


def _server(entry: Entry[Database], uses: Sequence[Use[DatabaseUse]]) -> bootstrap.Server:
    grants = tuple(
        bootstrap.Grant(role_of(use), _secret_id(use), name_of(use), use.options.access, _url(entry, use), _init(use))
        for use in sorted(uses, key=lambda use: use.service)
    )
    host, engine = database.host(entry), entry.spec.server
    door, master = database.door(entry), database.master(entry)
    restored = Token(database.logical_id(entry)) if engine.documents and entry.spec.from_snapshot else None
    return bootstrap.Server(
        entry.name,
        host,
        door,
        master,
        grants,
        engine.bootstrap,
        entry.spec.extensions,
        database.answers(entry),
        tls=entry.spec.tls,
        exists=entry.spec.existing is not None,
        keys=entry.spec.existing.kms_key if entry.spec.existing else (),
        restored=restored,
    )


def _secret(entry: Entry[Database], use: Use[DatabaseUse], site: Site) -> Any:
    """All that a client needs. The password is made by Secrets Manager and is never in a template."""
    host = database.host(entry)
    known = {"host": "\0", "port": entry.spec.listens, "name": name_of(use), "username": role_of(use)}
    head, tail = dumps(known).split(dumps("\0")[1:-1])
    return secretsmanager.Secret(
        _secret_id(use),
        Description=f"{use.service} on {site.stack}/{entry.name}",
        # Deleted with its use, as without any policy: what it holds is made again.
        GenerateSecretString=database.generated(intrinsic((head, host, tail))),
    )


def _output(entry: Entry[Database]) -> Any:
    return Output(
        names.logical(entry.name, "Endpoint"),
        Description=f"Address of the database instance {entry.name}.",
        Value=reference(database.host(entry).target),
    )
