"""MariaDB on RDS: for clients and for the bootstrap much like MySQL."""

from __future__ import annotations

from msaspec.language import mysql
from msaspec.language.engine import Engine

# fact: rds-max-connections
_BYTES_A_CONNECTION = 25_165_760
"""RDS User Guide: LEAST({DBInstanceClassMemory/25165760}, 12000)."""


def _connections(memory: int) -> int:
    return min(memory // _BYTES_A_CONNECTION, 12_000)


MARIADB = Engine(
    name="mariadb",
    title="MariaDB",
    port=3306,
    master=mysql.MASTER,
    # fact: mariadb-versions
    versions=r"^(10\.11|11\.4|11\.8)(\.[0-9]{1,2})?$",
    version="11.4",
    examples=("11.4", "11.4.10"),
    major=mysql.major,
    family="mariadb",
    parameters=mysql.PARAMETERS,
    logs=("error", "slowquery"),
    # RDS has no extended support of MariaDB.
    lifecycle=None,
    # Clients that know `mariadb://` know `mysql://` too, and not the other way round.
    scheme="mysql",
    query=mysql.QUERY,
    driver="org.mariadb.jdbc.Driver",
    jdbc_scheme="mariadb",
    jdbc_query="sslMode=trust",
    keeps_database=mysql.keeps_database,
    keeps_role=mysql.keeps_role,
    kept="",
    refuses_master=mysql.refuses_master,
    refuses_first=mysql.refuses_first,
    versions_rule="E3691",
    longest_user=80,
    longest_database=64,
    measure=mysql.letters,
    connections=_connections,
    counted="MariaDB on RDS allows about one per 25 MB.",
    bootstrap=mysql.BOOTSTRAP,
    not_sql=mysql.NOT_SQL,
)
