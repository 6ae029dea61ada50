"""What is known of public images: the stores that become entries of a kind, ports, and the full names of images."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from msaspec.aws.broker import CLASSES
from msaspec.engines import engines
from msaspec.importing.tree import text_of
from msaspec.language.official_images import OFFICIAL
from msaspec.manifest import misshapen

_POSTGRES = re.compile(
    r"(docker\.io/)?(library/postgres|bitnami(legacy)?/postgresql|postgis/postgis|pgvector/pgvector|ankane/pgvector"
    r"|timescale/timescaledb(-ha)?|supabase/postgres|kartoza/postgis)$"
)
_ENGINES = {
    "postgres": _POSTGRES,
    "mysql": re.compile(
        r"(docker\.io/)?(library/mysql|mysql/mysql-server|bitnami(legacy)?/mysql|percona/percona-server)$"
    ),
    "mariadb": re.compile(r"(docker\.io/)?(library/mariadb|bitnami(legacy)?/mariadb|linuxserver/mariadb)$"),
    "documentdb": re.compile(
        r"(docker\.io/)?(library/mongo|bitnami(legacy)?/mongodb|mongodb/mongodb-(community|enterprise)-server"
        r"|percona/percona-server-mongodb)$"
    ),
}
_CACHES = {
    "valkey": re.compile(
        r"(docker\.io/)?(library/redis|bitnami(legacy)?/redis|library/valkey|valkey/valkey|bitnami(legacy)?/valkey)$"
    ),
    "memcached": re.compile(r"(docker\.io/)?(library/memcached|bitnami(legacy)?/memcached)$"),
}
CACHES = tuple(_CACHES)
_RABBITMQ = re.compile(r"(docker\.io/)?(library/rabbitmq|bitnami(legacy)?/rabbitmq)$")
PORTS = {
    "postgres": 5432, "postgresql": 5432, "postgis": 5432, "pgvector": 5432, "redis": 6379, "valkey": 6379,
    "keydb": 6379, "dragonfly": 6379, "mysql": 3306, "mariadb": 3306, "percona": 3306, "mongo": 27017, "mongodb": 27017,
    "rabbitmq": 5672, "memcached": 11211, "elasticsearch": 9200, "opensearch": 9200, "kafka": 9092, "cp-kafka": 9092,
    "zookeeper": 2181, "cassandra": 9042, "neo4j": 7687, "minio": 9000, "nats": 4222, "consul": 8500, "vault": 8200,
    "influxdb": 8086, "etcd": 2379, "couchdb": 5984, "clickhouse-server": 8123, "dynamodb-local": 8000,
    "meilisearch": 7700, "localstack": 4566,
    "zipkin": 9411, "jaeger": 16686, "prometheus": 9090, "grafana": 3000, "nginx": 80, "httpd": 80,
    "caddy": 80, "adminer": 8080, "phpmyadmin": 80, "mailhog": 8025, "mailpit": 8025, "qdrant": 6333,
}  # fmt: skip
"""The port that a public image listens on, by the last part of its name."""
KEEPING = frozenset(
    (
        *("postgres", "postgresql", "redis", "valkey", "mysql", "mariadb", "percona", "mongo", "mongodb", "rabbitmq"),
        *("elasticsearch", "opensearch", "kafka", "cp-kafka", "cassandra", "neo4j", "minio", "influxdb", "couchdb"),
        *("clickhouse-server", "qdrant", "meilisearch", "mssql", "server"),
    )
)
"""Images that hold data."""
NO_HTTP = frozenset(
    (22, 25, 53, 110, 143, 389, 465, 587, 993, 1433, 1521, 1883, 2049, 2181, 2379, 3306, 4222, 5432, 5433, 5672, 6379)
) | frozenset((6380, 7687, 9042, 9092, 9093, 9094, 11211, 19092, 25565, 27017, 27018, 29092, 33060, 3307, 50051, 61616))
"""Ports of protocols that are not HTTP."""


def full_name(image: str) -> str:
    """Return an image with its registry, as Docker would find it.

    >>> full_name("redis:7"), full_name("grafana/grafana"), full_name("ghcr.io/a/b:1")
    ('docker.io/library/redis:7', 'docker.io/grafana/grafana', 'ghcr.io/a/b:1')
    """
    found = misshapen.image(image) or image
    return found if "/" in found else f"docker.io/library/{found}"


def last_name(image: str) -> str:
    """Return the last part of an image's name, without its tag.

    >>> last_name("docker.io/bitnami/redis:7"), last_name("quay.io/minio/minio@sha256:00")
    ('redis', 'minio')
    """
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0].lower()


def engine(image: str) -> str | None:
    """Return the engine of databases that a full image is; None for any other image.

    >>> engine("docker.io/library/mariadb:11"), engine("docker.io/library/mysql"), engine("docker.io/library/redis:7")
    ('mariadb', 'mysql', None)
    >>> engine("docker.io/library/mongo:4.4"), engine("docker.io/library/mongo-express")
    ('documentdb', None)
    """
    return next((name for name, form in _ENGINES.items() if form.match(_plain(image))), None)


def version(image: str, engine: str = "postgres") -> str | None:
    """Return the version of an engine in the tag, if RDS has it.

    >>> version("docker.io/library/postgres:16.2-alpine"), version("docker.io/library/postgres:9")
    ('16', None)
    >>> version("docker.io/library/mariadb:11.4.5-noble", "mariadb"), version("docker.io/library/mysql:8.0", "mysql")
    ('11.4', None)
    """
    form = r"(?:pg)?(\d{2})(?!\d)" if engine == "postgres" else r"(\d{1,2}\.\d{1,2})(?!\d)"
    found = re.match(form, image.rpartition("/")[2].partition(":")[2])
    return found[1] if found and re.match(engines()[engine].versions, found[1]) else None


def cache(image: str) -> str | None:
    """Return the engine of the cache that a full image becomes; None for any other image. Valkey is what Redis was.

    >>> cache("docker.io/library/redis:7"), cache("docker.io/library/memcached"), cache("docker.io/redis/redis-stack")
    ('valkey', 'memcached', None)
    """
    return next((name for name, form in _CACHES.items() if form.match(_plain(image))), None)


def cache_password(words: Sequence[str], values: Mapping[str, str]) -> str:
    """Return the password of a Redis, by the words of its command and the variables of its container.

    >>> cache_password(["redis-server", "--requirepass", "pw"], {}), cache_password([], {"REDIS_PASSWORD": "pw"})
    ('pw', 'pw')
    """
    after = [word for before, word in pairwise(words) if before == "--requirepass"]
    return next(filter(None, [*after, values.get("REDIS_PASSWORD"), values.get("VALKEY_PASSWORD")]), "").strip("\"'")


def is_broker(image: str) -> bool:
    """Return whether a full image is a RabbitMQ.

    >>> is_broker("docker.io/library/rabbitmq:3-management"), is_broker("docker.io/library/redis:7")
    (True, False)
    """
    return bool(_RABBITMQ.match(_plain(image)))


def broker_login(values: Mapping[str, str]) -> dict[str, str]:
    """Return the user, the password, the virtual host and the port of a broker, by the variables of its container.

    >>> broker_login({"RABBITMQ_DEFAULT_USER": "shop", "RABBITMQ_DEFAULT_PASS": "pw"})
    {'username': 'shop', 'password': 'pw', 'vhost': '/', 'port': '5672'}
    """

    def first(default: str, *names: str) -> str:
        return next(filter(None, map(values.get, names)), default)

    return {
        "username": first("guest", "RABBITMQ_DEFAULT_USER", "RABBITMQ_USERNAME"),
        "password": first("guest", "RABBITMQ_DEFAULT_PASS", "RABBITMQ_PASSWORD"),
        "vhost": first("/", "RABBITMQ_DEFAULT_VHOST", "RABBITMQ_VHOST"),
        "port": "5672",
    }


def broker(properties: dict[str, Any]) -> dict[str, Any] | None:
    """Return a broker with the class and the mode of one of Amazon MQ; None for one of ActiveMQ."""
    told = {name: text_of(properties.get(name)) or "" for name in ("EngineType", "EngineVersion", "HostInstanceType")}
    if told["EngineType"].upper() != "RABBITMQ":
        return None
    older = told["EngineVersion"].startswith("3")
    size = told["HostInstanceType"]
    spec: dict[str, Any] = {"version": "3.13"} if older else {}
    if size in CLASSES and (older or size.startswith("mq.m7g.")):
        spec["size"] = size
    if (text_of(properties.get("DeploymentMode")) or "").startswith("CLUSTER") and size != "mq.t3.micro":
        spec["cluster"] = True
    return spec


_LOGINS = {
    "postgres": (("POSTGRES_USER", "POSTGRESQL_USERNAME"), ("POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD"), "postgres"),
    "mysql": (("MYSQL_USER",), ("MYSQL_PASSWORD", "MYSQL_ROOT_PASSWORD"), "root"),
    "mariadb": (
        ("MARIADB_USER", "MYSQL_USER"),
        ("MARIADB_PASSWORD", "MYSQL_PASSWORD", "MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD"),
        "root",
    ),
    "documentdb": (
        ("MONGODB_USERNAME", "MONGO_INITDB_ROOT_USERNAME"),
        ("MONGODB_PASSWORD", "MONGO_INITDB_ROOT_PASSWORD", "MONGODB_ROOT_PASSWORD"),
        "",
    ),
}
_DATABASES = {
    "postgres": ("POSTGRES_DB", "POSTGRESQL_DATABASE"),
    "mysql": ("MYSQL_DATABASE",),
    "mariadb": ("MARIADB_DATABASE", "MYSQL_DATABASE"),
    "documentdb": ("MONGODB_DATABASE", "MONGO_INITDB_DATABASE"),
}


def login(engine: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return the user, the password and the name of a database, by the variables of its container.

    >>> login("mysql", {"MYSQL_ROOT_PASSWORD": "pw", "MYSQL_DATABASE": "shop"})
    {'username': 'root', 'password': 'pw', 'name': 'shop'}
    """

    def first(names: Sequence[str]) -> str:
        return next(filter(None, map(values.get, names)), "")

    users, passwords, master = _LOGINS[engine]
    user = first(users) or master
    name = first(_DATABASES[engine]) or (user if engine == "postgres" else "")
    return {"username": user, "password": first(passwords), "name": name}


def short(image: str) -> str:
    """Return an image without its registry.

    >>> short("docker.io/library/mysql:5.7")
    'mysql:5.7'
    """
    return image.rpartition("/")[2]


def port(image: str) -> int | None:
    """Return the port that a public image listens on, where it is known."""
    return PORTS.get(last_name(image))


def is_official(image: str) -> bool:
    """Return whether it is an official image of Docker Hub."""
    return last_name(image) in OFFICIAL and _plain(image).startswith("docker.io/library/")


def _plain(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[0] + "/" + last_name(image)
