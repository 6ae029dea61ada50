"""What PostgreSQL on RDS and on Aurora have in common: the functions that prepare them, and their extensions."""

from __future__ import annotations

from collections.abc import Mapping

from msaspec.language.engine import Bootstrap

BOOTSTRAP = Bootstrap("DatabaseBootstrap", "database_handler", "database_runner", "database_setup")
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


def extensions(major: str) -> Mapping[str, str]:
    """Return the extensions that RDS has for a major version, each with the library that has to be loaded, or nothing.

    >>> extensions("17")["vector"], extensions("17")["pgaudit"], "old_snapshot" in extensions("17")
    ('', 'pgaudit', False)
    """
    known = (*_EVERYWHERE.split(), *_OF_SOME.get(major, "").split())
    return {name: name if name in _LOADED else "" for name in sorted(known)}
