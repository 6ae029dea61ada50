"""PostgreSQL on RDS."""

from __future__ import annotations

from msaspec.language import postgres
from msaspec.language.engine import Engine

MASTER = "postgres"
_DATABASES = frozenset({"postgres", "template0", "template1", "rdsadmin"})
_ROLES = frozenset({MASTER, "rdsadmin", "public", "none", "current_user", "session_user", "current_role"})
# fact: rds-max-connections
_BYTES_A_CONNECTION = 9_531_392
"""RDS User Guide: LEAST({DBInstanceClassMemory/9531392}, 5000)."""
# fact: postgres-set-role
_UNSOUND = ("15.9", "16.5", "17.1")
_WORDS = """
all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate column
concurrently constraint create cross current_catalog current_date current_role current_schema current_time
current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze
from full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit
localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references
returning right select session_user similar some symmetric system_user table tablesample then to trailing true
union unique user using variadic verbose when where window with template0 template1 rdsadmin
"""
"""Reserved words of PostgreSQL (its documentation, appendix "SQL Key Words"), and databases that are there already."""


def _major(version: str) -> str:
    return version.partition(".")[0]


def _keeps_database(name: str) -> bool:
    return name in _DATABASES or name.startswith("pg_")


def _keeps_role(name: str) -> bool:
    return name in _ROLES or name.startswith(("pg_", "rds_"))


def _refuses_master(name: str) -> bool:
    return name.lower() in ("admin", "rdsadmin") or name.lower().startswith(("pg_", "rds_"))


def _refuses_first(name: str) -> bool:
    plain = name.isascii() and name.replace("_", "").isalnum() and not name[:1].isdigit() and len(name) <= 63
    return not plain or name.lower() in _WORDS.split()


def _connections(memory: int) -> int:
    return min(memory // _BYTES_A_CONNECTION, 5000)


POSTGRES = Engine(
    name="postgres",
    title="PostgreSQL",
    port=5432,
    master=MASTER,
    versions=r"^1[5-8](\.[0-9]{1,2})?$",
    version="17",
    examples=("17", "17.6"),
    major=_major,
    family="postgres",
    parameters={"rds.force_ssl": "1", "password_encryption": "scram-sha-256"},
    logs=("postgresql", "upgrade"),
    lifecycle="open-source-rds-extended-support-disabled",
    scheme="postgresql",
    driver="org.postgresql.Driver",
    # On top of the instance's rds.force_ssl: a client that could fall back to clear text does not.
    query="sslmode=require",
    keeps_database=_keeps_database,
    keeps_role=_keeps_role,
    kept="PostgreSQL reserves `postgres`, `template0`, `template1` and every role that begins with `pg_`.",
    refuses_master=_refuses_master,
    refuses_first=_refuses_first,
    connections=_connections,
    counted="PostgreSQL on RDS allows about one per 9.5 MB (`max_connections`, default parameter group).",
    unsound=dict.fromkeys(_UNSOUND, "does not apply at login the role that owns a database, so others cannot read it"),
    bootstrap=postgres.BOOTSTRAP,
    not_sql=postgres.NOT_SQL,
    extensions=postgres.extensions,
)
