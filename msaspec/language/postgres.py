"""What PostgreSQL on RDS and on Aurora have in common: names that are taken, parameters, extensions."""

from __future__ import annotations

from collections.abc import Mapping

from msaspec.language.engine import Bootstrap

PORT = 5432
MASTER = "postgres"
_DATABASES = frozenset({"postgres", "template0", "template1", "rdsadmin"})
_ROLES = frozenset({MASTER, "rdsadmin", "public", "none", "current_user", "session_user", "current_role"})
# fact: rds-max-connections
_BYTES_A_CONNECTION = 9_531_392
"""RDS User Guide: LEAST({DBInstanceClassMemory/9531392}, 5000)."""
# fact: postgres-set-role
UNSOUND = dict.fromkeys(
    ("15.9", "16.5", "17.1"), "does not apply at login the role that owns a database, so others cannot read it"
)
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
SCHEME, DRIVER = "postgresql", "org.postgresql.Driver"
QUERY = "sslmode=require"
"""On top of `rds.force_ssl` of the server: a client that could fall back to clear text does not."""
PARAMETERS = {"rds.force_ssl": "1", "password_encryption": "scram-sha-256"}
BOOTSTRAP = Bootstrap(
    "DatabaseBootstrap",
    "database_handler",
    "database_runner",
    "database_setup",
    guest="database_guest",
    leavers="database_leavers",
    turns="database_turns",
)
NOT_SQL = (
    (r"^\s*COPY\s[^;]*\sFROM\s+STDIN\b", "copies from standard input", "Write `INSERT`; `pg_dump --inserts` does."),
    (r"^\\[a-z.!?]", "has a command of psql", "Leave only SQL in it."),
)
# fact: postgres-extensions
_EVERYWHERE = """
address_standardizer address_standardizer_data_us amcheck autoinc aws_commons aws_lambda aws_s3 bloom btree_gin
btree_gist citext cube dblink dict_int dict_xsyn earthdistance fuzzystrmatch hll hstore hstore_plperl hypopg
insert_username intagg intarray ip4r isn lo log_fdw ltree moddatetime mysql_fdw oracle_fdw orafce pageinspect
pg_bigm pg_buffercache pg_freespacemap pg_hint_plan pg_partman pg_prewarm pg_proctab pg_repack pg_similarity
pg_stat_statements pg_tle pg_trgm pg_visibility pg_walinspect pgaudit pgcrypto pgrouting pgrowlocks pgstattuple pgtap
plperl plpgsql plprofiler pltcl plv8 postgis postgis_raster postgis_tiger_geocoder postgis_topology postgres_fdw prefix
rdkit refint seg sslinfo tablefunc tcn tds_fdw tsm_system_rows tsm_system_time unaccent uuid-ossp vector
"""
"""Those of every major version here that belong into a single database. Not among them: `pg_cron`, which works in one
database of an instance, and what replicates."""
_OF_SOME = {
    "15": "h3 h3_postgis old_snapshot plrust",
    "16": "old_snapshot plrust",
    "17": "plrust",
    "18": "pg_logicalinspect pg_stat_monitor roaringbitmap",
}
_LOADED = ("pg_stat_monitor", "pg_tle", "pgaudit", "plrust")
"""Those that do nothing unless the server has loaded them at its start."""


def extensions_of_aurora(major: str) -> Mapping[str, str]:
    """Return the extensions that Aurora has for a major version, as `extensions` does for RDS."""
    known = {*_EVERYWHERE.split(), "aws_ml", "h3", "h3_postgis"} - {"pageinspect", "pg_walinspect"}
    return {name: name if name in _LOADED else "" for name in sorted(known)}


def extensions(major: str) -> Mapping[str, str]:
    """Return the extensions that RDS has for a major version, each with the library that has to be loaded, or nothing.

    >>> extensions("17")["vector"], extensions("17")["pgaudit"], "old_snapshot" in extensions("17")
    ('', 'pgaudit', False)
    """
    known = (*_EVERYWHERE.split(), *_OF_SOME.get(major, "").split())
    return {name: name if name in _LOADED else "" for name in sorted(known)}


def major(version: str) -> str:
    """Return the first number."""
    return version.partition(".")[0]


def keeps_database(name: str) -> bool:
    """Tell whether a database of the name is there already."""
    return name in _DATABASES or name.startswith("pg_")


def keeps_role(name: str) -> bool:
    """Tell whether a role of the name is there already, or means something."""
    return name in _ROLES or name.startswith(("pg_", "rds_"))


def refuses_master(name: str) -> bool:
    """Tell whether RDS refuses a name for the master."""
    return name.lower() in ("admin", "rdsadmin") or name.lower().startswith(("pg_", "rds_"))


def refuses_first(name: str) -> bool:
    """Tell whether RDS refuses a name for the database that it makes together with an instance."""
    plain = name.isascii() and name.replace("_", "").isalnum() and not name[:1].isdigit() and len(name) <= 63
    return not plain or name.lower() in _WORDS.split()


def connections(memory: int) -> int:
    """Return about how many connections a server with so many bytes allows."""
    return min(memory // _BYTES_A_CONNECTION, 5000)
