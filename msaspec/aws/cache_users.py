"""Caches: what a manifest says of one and of its use, and the users that it becomes on Valkey and Redis OSS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from zlib import crc32

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError
from troposphere import Ref, Select, Split, Sub, elasticache, secretsmanager

from msaspec.aws.database import generated
from msaspec.aws.intrinsic import intrinsic
from msaspec.language.base import SHORT_NAME, Model, days, measured
from msaspec.language.part import Entry, Site, Use
from msaspec.language.value import Token
from msaspec.template import names


@dataclass(frozen=True)
class CacheEngine:
    """What is known of an engine."""

    title: str
    port: int
    version: str
    versions: str
    """A pattern of the versions it may have."""
    examples: tuple[str, ...]
    users: bool = True

    def family(self, version: str) -> str:
        """Return the family of parameter groups of a version."""
        # fact: cache-families
        major = version if self.title == "Memcached" else version.partition(".")[0]
        return f"{self.title.partition(' ')[0].lower()}{'.'.join(major.split('.')[:2])}"


ENGINES: Mapping[str, CacheEngine] = {
    "valkey": CacheEngine("Valkey", 6379, "8.1", r"7\.2|8\.[0-2]", ("7.2", "8.1")),
    "redis": CacheEngine("Redis OSS", 6379, "7.1", r"7\.[01]", ("7.1",)),
    "memcached": CacheEngine("Memcached", 11211, "1.6.22", r"1\.6\.(6|12|17|22)", ("1.6.22",), users=False),
}


def _class(written: str) -> str:
    if not re.fullmatch(r"cache\.[a-z]+[0-9][a-z0-9]*\.[0-9a-z]+", written):
        raise PydanticCustomError("class", "a node type of ElastiCache looks like `cache.t4g.micro`")
    return written


def _prefix(written: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_./:{}-]{1,100}", written) or "${" in written:
        raise PydanticCustomError("prefix", "a prefix has letters, digits and `_./:{}-`, and no wildcard")
    return written


class Cache(Model):
    """A cache in the isolated subnets: encrypted, reached by its users only."""

    engine: Literal["valkey", "redis", "memcached"] = Field("valkey", description="Engine of the cache.")
    version: str = Field(
        ENGINES["valkey"].version,
        description="Version of the engine: of Valkey 7.2 to 8.2, of Redis OSS 7.0 and 7.1, of Memcached 1.6.22."
        " An upgrade happens in place; there is no way back.",
        examples=["7.2", "8.1"],
    )
    size: Annotated[str, AfterValidator(_class)] = Field(
        "cache.t4g.micro", description="Node type.", examples=["cache.t4g.small", "cache.r7g.large"]
    )
    replicas: int = Field(
        0, ge=0, le=5, description="Copies in other zones, of which one takes over when the first node fails."
    )
    nodes: int = Field(1, ge=1, le=40, description="Nodes of Memcached, over which clients spread their keys.")
    tls: bool | None = Field(
        None, description="Whether clients speak TLS. Default: true; false for Memcached, whose clients seldom can."
    )
    auth: bool | None = Field(
        None, description="Whether each service has a user with a password. Default: as `tls`; Memcached has none."
    )
    short_name: bool = Field(False, description=SHORT_NAME)
    backups: Annotated[int, days(0, 35, "7 days")] = measured(
        "0 days", description="How long daily snapshots are kept.", examples=["7 days"]
    )
    protect: bool = Field(
        True, description="A snapshot when the cache is removed or replaced. Set false for what may be lost."
    )

    @model_validator(mode="before")
    @classmethod
    def _version_of_the_engine(cls, data: Any) -> Any:
        written = data.get("engine") if isinstance(data, dict) else None
        engine = ENGINES.get(written) if isinstance(written, str) else None
        return {"version": engine.version, **data} if engine else data

    @model_validator(mode="after")
    def _fitting(self) -> Cache:
        for wrong, field, message in _unfitting(self):
            if wrong:
                raise PydanticCustomError("together", "{message}", {"message": message, "field": field})
        return self

    @property
    def idle(self) -> frozenset[str]:
        """Return the fields of other engines."""
        return frozenset(("nodes",) if self.kind.users else ("auth", "backups", "protect", "replicas"))

    @property
    def kind(self) -> CacheEngine:
        """What is known of its engine."""
        return ENGINES[self.engine]

    @property
    def encrypted(self) -> bool:
        """Whether clients speak TLS."""
        return self.kind.users if self.tls is None else self.tls

    @property
    def guarded(self) -> bool:
        """Whether each service has a user."""
        return self.kind.users and (self.encrypted if self.auth is None else self.auth)


def _unfitting(spec: Cache) -> Iterator[tuple[bool, str, str]]:
    """Yield what does not fit together, the field that says it, and what to write instead."""
    engine = spec.kind
    like = " or ".join(f'`version: "{each}"`' for each in engine.examples)
    known = re.fullmatch(engine.versions, spec.version)
    yield not known, "version", f"{engine.title} has no version {spec.version}: write {like}"
    yield from _of_users(spec)
    yield (
        bool(spec.replicas) and not engine.users,
        "replicas",
        f"Memcached has no replicas: write `nodes: {spec.replicas + 1}`",
    )
    several = f"{engine.title} has one node and copies of it: write `replicas: {spec.nodes - 1}`"
    yield spec.nodes > 1 and engine.users, "nodes", several
    yield bool(spec.backups) and not engine.users, "backups", "Memcached has no snapshots: remove `backups`"
    kept = spec.protect and "protect" in spec.model_fields_set
    yield kept and not engine.users, "protect", "Memcached has no snapshots: remove `protect`"


def _of_users(spec: Cache) -> Iterator[tuple[bool, str, str]]:
    yield bool(spec.auth) and not spec.kind.users, "auth", "Memcached has no users: remove `auth`"
    yield (
        bool(spec.auth) and not spec.encrypted,
        "auth",
        "users need TLS: write `tls: true` or `auth: false`",
    )


class CacheUse(Model):
    """What a service may do with a cache."""

    access: Literal["read-write", "read-only"] = Field(
        "read-write", description="`read-write` may use every command but those of administrators."
    )
    prefix: Annotated[str, AfterValidator(_prefix)] | None = Field(
        None, description="Limit the access to keys and channels that begin with this prefix.", examples=["cart:"]
    )


class CacheElsewhere(Model):
    """What is known of a cache of another system. What its users may do is said there."""

    engine: Literal["valkey", "redis", "memcached"] = Field(
        "valkey", description="Engine of the cache, as the other manifest has it."
    )
    tls: bool | None = Field(None, description="Whether clients speak TLS, as the other manifest has it.")
    auth: bool | None = Field(None, description="Whether it has users, as the other manifest has it.")

    @model_validator(mode="after")
    def _fitting(self) -> CacheElsewhere:
        for wrong, field, message in _of_users(Cache.model_construct(**self.model_dump())):
            if wrong:
                raise PydanticCustomError("together", "{message}", {"message": message, "field": field})
        return self


def logical_id(entry: Entry[Cache]) -> str:
    """Return the logical id of the cache."""
    return names.logical(entry.name, "Cache")


def scheme(spec: Cache) -> str:
    """Return how a URL begins."""
    return "rediss" if spec.encrypted else "redis"


def host(entry: Entry[Cache]) -> Token:
    """Return the address of the cache."""
    point = "PrimaryEndPoint" if entry.spec.kind.users else "ConfigurationEndpoint"
    return Token(f"{logical_id(entry)}.{point}.Address")


def secret(use: Use[CacheUse]) -> str:
    """Return the logical id of the secret with which a service logs in."""
    return names.edge(use.service, use.target, "Secret")


def _password(logical: str) -> Any:
    return intrinsic(("{{resolve:secretsmanager:", Token(logical), ":SecretString:password}}"))


def users(entry: Entry[Cache], uses: Sequence[Use[CacheUse]], site: Site) -> Iterator[Any]:
    """Yield a user for each service with its password and what it reads to log in, and the group of all.

    Redis OSS wants a user `default` in each group, who is off; Valkey has none without one.
    """
    spec, name = entry.spec, logical_id(entry)
    own = []
    if spec.engine == "redis":
        default = f"{name}Default"
        yield _generated(f"{default}Password", f"The user default of {site.stack}/{entry.name}, who is off")
        yield _user(default, "default", f"default-{entry.name}", "off -@all", spec.engine)
        own.append(default)
    for use in uses:
        user = names.edge(use.service, use.target, "User")
        yield _generated(f"{user}Password", f"Password of {use.service} on {site.stack}/{entry.name}")
        yield _user(user, use.service, f"{use.service}-{entry.name}", access_string(use.options), spec.engine)
        yield _login(entry, use, user, site)
        own.append(user)
    yield elasticache.UserGroup(
        f"{name}Users",
        Engine=spec.engine,
        UserGroupId=_id(entry.name, spec.engine),
        UserIds=[Ref(user) for user in own],
    )


def _generated(logical: str, description: str) -> Any:
    return secretsmanager.Secret(logical, Description=description, GenerateSecretString=generated("{}"))


def _user(logical: str, user: str, id: str, access: str, engine: str) -> Any:
    return elasticache.User(
        logical,
        Engine=engine,
        UserId=_id(id, engine),
        UserName=user,
        AccessString=access,
        AuthenticationMode=elasticache.AuthenticationMode(Type="password", Passwords=[_password(f"{logical}Password")]),
    )


def _login(entry: Entry[Cache], use: Use[CacheUse], user: str, site: Site) -> Any:
    """Return the secret with all that a client needs: runtimes deliver fields of a secret, and the URL is one."""
    # fact: reference-in-a-secret
    address, port = host(entry), str(entry.spec.kind.port)
    password = ("{{resolve:secretsmanager:", Token(f"{user}Password"), ":SecretString:password}}")
    head = '{"host": "'
    text = (
        head, address, f'", "port": {port}, "username": "{use.service}", "password": "', *password,
        f'", "url": "{scheme(entry.spec)}://{use.service}:', *password, "@", address, f':{port}"}}',
    )  # fmt: skip
    return secretsmanager.Secret(
        secret(use), Description=f"{use.service} on {site.stack}/{entry.name}", SecretString=intrinsic(text)
    )


# fact: cache-users
def access_string(use: CacheUse) -> str:
    """Return what a user may do, as ACL SETUSER takes it.

    Without `-@admin` a service could read the users. INFO, KEYS and FLUSHDB stay, which clients and frameworks use; but
    who is limited to a prefix cannot flush the keys of others.
    """
    prefix = use.prefix or ""
    where = f"~{prefix}* &{prefix}*"
    if use.access == "read-only":
        return f"on {where} -@all +@read +@connection +@transaction +@pubsub +info +command -publish -spublish"
    others = " -flushall -flushdb -swapdb" if prefix else ""
    return f"on {where} +@all -@admin{others}"


def _id(name: str, engine: str) -> Any:
    """Return an id that is unique in the account and that another engine does not share: it must be written, and what
    replaces a resource is made before that goes."""
    brief = name if len(name) <= 24 else f"{name[:15].rstrip('-')}-{crc32(name.encode()):08x}"
    unique = Select(4, Split("-", Select(2, Split("/", Ref("AWS::StackId")))))
    return Sub(f"{brief}-{engine[0]}-${{Stack}}", Stack=unique)
