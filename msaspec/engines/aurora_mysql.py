"""MySQL on Aurora: a cluster whose members share their storage."""

from __future__ import annotations

from math import log2

from msaspec.language import aurora, mysql
from msaspec.language.engine import Engine


# fact: rds-max-connections
def _connections(memory: int) -> int:
    """Aurora User Guide: GREATEST({log(DBInstanceClassMemory/805306368)*45},
    {log(DBInstanceClassMemory/8187281408)*1000}), where `log` has the base 2."""
    few, many = (log2(max(memory / each, 1)) * times for each, times in ((805_306_368, 45), (8_187_281_408, 1000)))
    return int(max(few, many))


AURORA_MYSQL = Engine(
    name="aurora-mysql",
    in_aws="aurora-mysql",
    cluster=True,
    title="Aurora MySQL",
    port=3306,
    master=mysql.MASTER,
    # fact: aurora-versions
    versions=r"^8\.0(\.mysql_aurora\.3\.[0-9]{2}\.[0-9])?$",
    version="8.0",
    examples=("8.0", "8.0.mysql_aurora.3.10.0"),
    major=mysql.major,
    family="aurora-mysql",
    parameters=mysql.PARAMETERS,
    logs=("error", "slowquery"),
    lifecycle="open-source-rds-extended-support-disabled",
    scheme="mysql",
    query=mysql.QUERY,
    driver="com.mysql.cj.jdbc.Driver",
    jdbc_query="sslMode=REQUIRED",
    keeps_database=mysql.keeps_database,
    keeps_role=mysql.keeps_role,
    kept="",
    refuses_master=mysql.refuses_master,
    refuses_first=mysql.refuses_first,
    longest_user=32,
    longest_database=64,
    measure=mysql.letters,
    connections=_connections,
    counted="MySQL on Aurora allows a number that grows with the logarithm of its memory, about 1000 for `large` of r.",
    versions_rule="W3690",
    default_size=aurora.SERVERLESS,
    bootstrap=mysql.BOOTSTRAP,
    not_sql=mysql.NOT_SQL,
)
