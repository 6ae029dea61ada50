"""PostgreSQL on RDS."""

from __future__ import annotations

from msaspec.language import postgres
from msaspec.language.engine import Engine

POSTGRES = Engine(
    name="postgres",
    title="PostgreSQL",
    port=postgres.PORT,
    master=postgres.MASTER,
    versions=r"^1[5-8](\.[0-9]{1,2})?$",
    version="17",
    examples=("17", "17.6"),
    major=postgres.major,
    family="postgres",
    parameters=postgres.PARAMETERS,
    logs=("postgresql", "upgrade"),
    lifecycle="open-source-rds-extended-support-disabled",
    scheme=postgres.SCHEME,
    driver=postgres.DRIVER,
    query=postgres.QUERY,
    keeps_database=postgres.keeps_database,
    keeps_role=postgres.keeps_role,
    kept="PostgreSQL reserves `postgres`, `template0`, `template1` and every role that begins with `pg_`.",
    refuses_master=postgres.refuses_master,
    refuses_first=postgres.refuses_first,
    connections=postgres.connections,
    counted="PostgreSQL on RDS allows about one per 9.5 MB (`max_connections`, default parameter group).",
    unsound=postgres.UNSOUND,
    bootstrap=postgres.BOOTSTRAP,
    not_sql=postgres.NOT_SQL,
    extensions=postgres.extensions,
)
