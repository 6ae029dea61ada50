"""PostgreSQL on Aurora: a cluster whose members share their storage."""

from __future__ import annotations

from msaspec.language import aurora, postgres
from msaspec.language.engine import Engine

AURORA_POSTGRES = Engine(
    name="aurora-postgres",
    in_aws="aurora-postgresql",
    cluster=True,
    title="Aurora PostgreSQL",
    port=postgres.PORT,
    master=postgres.MASTER,
    # fact: aurora-versions
    versions=r"^1[5-8](\.[0-9]{1,2})?$",
    version="17",
    examples=("17", "17.6"),
    major=postgres.major,
    family="aurora-postgresql",
    parameters=postgres.PARAMETERS,
    logs=("postgresql",),
    lifecycle="open-source-rds-extended-support-disabled",
    scheme=postgres.SCHEME,
    driver=postgres.DRIVER,
    query=postgres.QUERY,
    keeps_database=postgres.keeps_database,
    keeps_role=postgres.keeps_role,
    kept="",
    refuses_master=postgres.refuses_master,
    refuses_first=postgres.refuses_first,
    connections=postgres.connections,
    counted="PostgreSQL on Aurora allows as many for its class, or for twice as many GiB as it has capacity units.",
    unsound=postgres.UNSOUND,
    versions_rule="W3690",
    default_size=aurora.SERVERLESS,
    bootstrap=postgres.BOOTSTRAP,
    not_sql=postgres.NOT_SQL,
    extensions=postgres.extensions_of_aurora,
)
