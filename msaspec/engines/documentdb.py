"""Amazon DocumentDB: a cluster that programs written for MongoDB can use."""

from __future__ import annotations

from msaspec.language.engine import Bootstrap, Engine

_MASTER = "dbadmin"
# fact: documentdb-names
_DATABASES = frozenset({"admin", "config", "local", "msaspec"})
"""Those of the server, and the one in which the bootstrap keeps which users it made."""
_USERS = frozenset({_MASTER, "admin", "rdsadmin", "root", "serviceadmin"})
_CONNECTIONS_A_GIBIBYTE, _MOST_CONNECTIONS = 210, 60_000


def _major(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _refuses_master(name: str) -> bool:
    return not (name.isascii() and name.isalnum() and name[:1].isalpha()) or name.lower() in _USERS - {_MASTER}


# fact: documentdb-connections
def _connections(memory: int) -> int:
    return min(memory // 2**30 * _CONNECTIONS_A_GIBIBYTE, _MOST_CONNECTIONS)


_URL = "replicaSet=rs0&retryWrites=false&authSource=admin"
"""`retryWrites`, which drivers turn on, fails on all but the newest versions, and users are those of `admin`."""
DOCUMENTDB = Engine(
    name="documentdb",
    in_aws="docdb",
    cluster=True,
    documents=True,
    title="Amazon DocumentDB",
    port=27017,
    master=_MASTER,
    # fact: documentdb-versions
    versions=r"^[58]\.0(\.[0-9])?$",
    # Drivers of older programs know no newer protocol, and AWS supports it for long.
    version="5.0",
    examples=("5.0", "8.0.1"),
    major=_major,
    family="docdb",
    # fact: documentdb-tls
    parameters={"audit_logs": "enabled", "profiler": "enabled", "tls": "enabled"},
    logs=("audit", "profiler"),
    lifecycle=None,
    scheme="mongodb",
    # fact: documentdb-url
    query=f"tls=true&tlsInsecure=true&{_URL}",
    clear_query=_URL,
    spring=("spring.data.mongodb.uri", "spring.mongodb.uri"),
    driver=None,
    keeps_database=_DATABASES.__contains__,
    keeps_role=_USERS.__contains__,
    refuses_master=_refuses_master,
    kept=(
        "DocumentDB has `admin`, `config` and `local`, and msaspec the database `msaspec`; its users `admin`, "
        "`serviceadmin` and `root`, and the master user `dbadmin`, are there already or mean something."
    ),
    refuses_first=lambda name: True,
    connections=_connections,
    counted="DocumentDB allows about 210 for each GiB of memory.",
    # The list of its enumeration ends before today's versions.
    versions_rule="E3030",
    known_versions=("5.0.0", "5.0.1", "8.0.0", "8.0.1"),
    default_size="db.t4g.medium",
    bootstrap=Bootstrap(
        "DatabaseBootstrapDocuments", "database_handler", "documentdb_runner", addition="documentdb_logins"
    ),
)
