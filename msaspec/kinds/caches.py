"""ElastiCache: Valkey, Redis OSS and Memcached; on the first two each service has a user of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from troposphere import GetAtt, Output, Ref, Tags, elasticache

from msaspec.aws import cache_users, discovery, security_groups
from msaspec.aws.cache_users import Cache, CacheElsewhere, CacheUse, logical_id
from msaspec.aws.data import elasticache as stored
from msaspec.aws.data import secretsmanager as secrets
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.language.base import Model
from msaspec.language.kind import Kind
from msaspec.language.lending import By, Lent
from msaspec.language.part import Alias, Door, Entry, Offer, Part, Place, Site, Statement, Use
from msaspec.language.value import Secret, Token, Value
from msaspec.template import names

NO_USERS = Code(
    "MSA355",
    "Access to a part of a cache that has no users",
    """
    `access` and `prefix` are rights of a user. Memcached has none, and neither has a cache with `auth: false`: whoever
    reaches it may do everything. Take them away, or use Valkey with `auth: true`.

    Wrong: `caches: {sessions: {engine: memcached}}`, `uses: {sessions: {prefix: "cart:"}}`
    Right: `caches: {sessions: {}}`, `uses: {sessions: {prefix: "cart:"}}`
    """,
)


class Caches(Kind[Cache, CacheUse]):
    """The section `caches`."""

    section = "caches"
    noun = "cache"
    types = (*stored.TYPES, *discovery.TYPES, secrets.SECRET, security_groups.GROUP)
    isolated = True
    lent = Lent(By.USERS, options=CacheElsewhere, example={"tls": False}, grant={"prefix": "shop:"})
    attributes: ClassVar[Mapping[str, str]] = {
        "host": "Address of the cache.",
        "port": "Port of the cache.",
        "address": "Address as `host:port`.",
        "reader_host": "Address of the replicas, or of the cache if there is none. Not of Memcached.",
        "username": "Name of the service's user, with `auth`.",
        "password": "Password of the service's user (secret), with `auth`.",
        "url": "`rediss://` URL with the password (secret); `redis://` without `auth`. Not of Memcached.",
    }

    def named(self, entry: Entry[Cache]) -> Mapping[str, str]:
        """Return the attributes that the engine has, and those of a user where there are users."""
        known = dict(self.attributes)
        for name in () if entry.spec.kind.users else ("reader_host", "url"):
            del known[name]
        for name in () if entry.spec.guarded else ("username", "password"):
            del known[name]
        return known

    def check(self, entry: Entry[Cache], uses: Sequence[Use[CacheUse]]) -> Iterable[Diagnostic]:
        """Yield rights where there are no users."""
        if entry.spec.guarded:
            return
        for use in uses:
            for field in ("access", "prefix"):
                if field in use.options.model_fields_set:
                    why = "has no users" if not entry.spec.kind.users else "has `auth: false`"
                    message = f"`{use.service}` limits its access to `{entry.name}`, which {why}."
                    hint = f"Remove `{field}`, or use a cache of Valkey with TLS and `auth`."
                    yield NO_USERS.at((*use.path, field), message, hint=hint, key=True)

    def abroad(self, options: Model) -> Mapping[str, Any]:
        """Return the engine, and whether it has TLS and users."""
        return options.model_dump()

    def known(self, entry: Entry[Cache]) -> Mapping[str, Any]:
        """Return the engine, and whether it has TLS and users."""
        spec = entry.spec
        return {"engine": spec.engine, "tls": spec.encrypted, "auth": spec.guarded}

    def doors(self, entry: Entry[Cache]) -> tuple[Door, ...]:
        """Return the port of the engine."""
        return (Door(Token(f"{logical_id(entry)}SecurityGroup"), entry.spec.kind.port),)

    def alias(self, entry: Entry[Cache]) -> Alias | None:
        """Return the address of the cache. Clients of Redis verify its name, as soon as they speak TLS."""
        return Alias(cache_users.host(entry), entry.spec.short_name, verified=entry.spec.encrypted)

    def build(self, entry: Entry[Cache], uses: Sequence[Use[CacheUse]], site: Site) -> Part:
        """Return the cache with its group, subnets and parameters, and a user with a secret for each service."""
        spec, name = entry.spec, logical_id(entry)
        resources: list[Any] = [
            security_groups.group(f"{name}SecurityGroup", entry.name, site, (), security_groups.NOWHERE),
            elasticache.SubnetGroup(
                f"{name}Subnets",
                Description=f"Isolated subnets of {entry.name}",
                SubnetIds=[Ref(subnet.target) for subnet in site.isolated],
            ),
            elasticache.ParameterGroup(
                f"{name}Parameters",
                CacheParameterGroupFamily=spec.kind.family(spec.version),
                Description=f"Parameters of {entry.name}",
                **_parameters(spec, uses),
            ),
        ]
        own = sorted(uses, key=lambda use: use.service) if spec.guarded else []
        if own:
            resources += cache_users.users(entry, own, site)
        resources.append(_nodes(entry, site) if not spec.kind.users else _group(entry, site, users=bool(own)))
        output = Output(
            names.logical(entry.name, "Endpoint"),
            Description=f"Address of the cache {entry.name}.",
            Value=GetAtt(*cache_users.host(entry).target.split(".", 1)),
        )
        return Part(resources=tuple(resources), outputs=(output,))

    def offer(self, entry: Entry[Cache], use: Use[CacheUse], place: Place) -> Offer:
        """Return the address, and the service's user with its secret."""
        spec, host = entry.spec, cache_users.host(entry)
        port = str(spec.kind.port)
        attributes: dict[str, Value] = {"host": (host,), "port": (port,), "address": (host, f":{port}")}
        if spec.kind.users:
            attributes["reader_host"] = (Token(f"{logical_id(entry)}.ReaderEndPoint.Address"),)
            attributes["url"] = (f"{cache_users.scheme(spec)}://", host, f":{port}")
        if not spec.guarded:
            return Offer(attributes, _variables(entry, use, attributes), self.doors(entry))
        secret = (Token(cache_users.secret(use)),)
        attributes |= {
            "username": (use.service,),
            "password": (Secret(secret, "password"),),
            "url": (Secret(secret, "url"),),
        }
        return Offer(
            attributes,
            _variables(entry, use, attributes),
            self.doors(entry),
            (Statement(("secretsmanager:GetSecretValue",), (secret,)),),
            after=(logical_id(entry),),
        )


def _variables(entry: Entry[Cache], use: Use[CacheUse], attributes: Mapping[str, Value]) -> dict[str, Value]:
    if use.framework == "spring-boot" and entry.spec.kind.users:
        words = [word for word in ("host", "port", "username", "password") if word in attributes]
        found = {f"spring.data.redis.{word}": attributes[word] for word in words}
        return {**found, "spring.data.redis.ssl.enabled": (str(entry.spec.encrypted).lower(),)}
    prefix = names.variable(entry.name)
    words = [word for word in ("host", "port", "address", "username", "password", "url") if word in attributes]
    own = {f"{prefix}_{word.upper()}": attributes[word] for word in words}
    return {**own, "REDIS_URL": attributes["url"]} if use.alone and "url" in attributes else own


def _parameters(spec: Cache, uses: Sequence[Use[CacheUse]]) -> dict[str, Any]:
    """Return the parameters. Spring wants to set the events of keys itself, which ElastiCache does not let it."""
    if spec.kind.users and any(use.framework == "spring-boot" for use in uses):
        return {"Properties": {"notify-keyspace-events": "Egx"}}
    return {}


def _group(entry: Entry[Cache], site: Site, *, users: bool) -> Any:
    spec, name = entry.spec, logical_id(entry)
    policy = "Snapshot" if spec.protect else "Delete"
    return elasticache.ReplicationGroup(
        name,
        ReplicationGroupDescription=f"{site.stack}/{entry.name}",
        Engine=spec.engine,
        EngineVersion=spec.version,
        CacheNodeType=spec.size,
        NumCacheClusters=1 + spec.replicas,
        AutomaticFailoverEnabled=spec.replicas > 0,
        MultiAZEnabled=spec.replicas > 0,
        ClusterMode="disabled",
        Port=spec.kind.port,
        CacheSubnetGroupName=Ref(f"{name}Subnets"),
        CacheParameterGroupName=Ref(f"{name}Parameters"),
        SecurityGroupIds=[Ref(f"{name}SecurityGroup")],
        AtRestEncryptionEnabled=True,
        TransitEncryptionEnabled=spec.encrypted,
        **({"TransitEncryptionMode": "required"} if spec.encrypted else {}),
        **({"UserGroupIds": [Ref(f"{name}Users")]} if users else {}),
        SnapshotRetentionLimit=spec.backups,
        AutoMinorVersionUpgrade=True,
        Tags=Tags(Name=f"{site.stack}/{entry.name}"),
        DeletionPolicy=policy,
        UpdateReplacePolicy=policy,
    )


def _nodes(entry: Entry[Cache], site: Site) -> Any:
    spec, name = entry.spec, logical_id(entry)
    return elasticache.CacheCluster(
        name,
        Engine=spec.engine,
        EngineVersion=spec.version,
        CacheNodeType=spec.size,
        NumCacheNodes=spec.nodes,
        AZMode="cross-az" if spec.nodes > 1 else "single-az",
        Port=spec.kind.port,
        CacheSubnetGroupName=Ref(f"{name}Subnets"),
        CacheParameterGroupName=Ref(f"{name}Parameters"),
        VpcSecurityGroupIds=[Ref(f"{name}SecurityGroup")],
        TransitEncryptionEnabled=spec.encrypted,
        AutoMinorVersionUpgrade=True,
        Tags=Tags(Name=f"{site.stack}/{entry.name}"),
    )
