"""MySQL on RDS."""

from __future__ import annotations

from msaspec.language import mysql
from msaspec.language.engine import Engine

# fact: rds-max-connections
_BYTES_A_CONNECTION = 12_582_880
"""RDS User Guide: {DBInstanceClassMemory/12582880}."""


def _connections(memory: int) -> int:
    return memory // _BYTES_A_CONNECTION


MYSQL = Engine(
    name="mysql",
    title="MySQL",
    port=3306,
    master=mysql.MASTER,
    # fact: mysql-versions
    versions=r"^8\.4(\.[0-9]{1,2})?$",
    version="8.4",
    examples=("8.4", "8.4.8"),
    major=mysql.major,
    family="mysql",
    parameters=mysql.PARAMETERS,
    logs=("error", "slowquery"),
    lifecycle="open-source-rds-extended-support-disabled",
    scheme="mysql",
    query=mysql.QUERY,
    driver="com.mysql.cj.jdbc.Driver",
    jdbc_query="sslMode=REQUIRED",
    keeps_database=mysql.keeps_database,
    keeps_role=mysql.keeps_role,
    kept=(
        "MySQL and MariaDB have `mysql`, `sys`, `information_schema` and `performance_schema`, RDS keeps `innodb` and "
        f"`tmp`, and msaspec the database `msaspec`; `root` and the master user `{mysql.MASTER}` are there already."
    ),
    refuses_master=mysql.refuses_master,
    refuses_first=mysql.refuses_first,
    versions_rule="E3691",
    longest_user=32,
    longest_database=64,
    measure=mysql.letters,
    connections=_connections,
    counted="MySQL on RDS allows about one per 12.6 MB (`max_connections`, default parameter group).",
    bootstrap=mysql.BOOTSTRAP,
    not_sql=mysql.NOT_SQL,
)
