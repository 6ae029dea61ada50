"""An engine that the package has not, as far as compiling goes: its functions are those of PostgreSQL."""

from __future__ import annotations

from msaspec.language.engine import Bootstrap, Engine

MYSQL = Engine(
    name="mysql",
    title="MySQL",
    port=3306,
    master="admin",
    versions=r"^8\.4(\.[0-9]{1,2})?$",
    version="8.4",
    examples=("8.4", "8.4.6"),
    major=lambda version: ".".join(version.split(".")[:2]),
    family="mysql",
    parameters={"require_secure_transport": "1"},
    logs=("error", "slowquery"),
    lifecycle=None,
    scheme="mysql",
    driver="com.mysql.cj.jdbc.Driver",
    query="sslMode=REQUIRED",
    keeps_database=lambda name: name in ("mysql", "sys", "innodb"),
    keeps_role=lambda name: name in ("admin", "rdsadmin"),
    refuses_master=lambda name: name == "rdsadmin",
    kept="MySQL keeps `mysql` and `sys`.",
    refuses_first=lambda name: not name.isalnum(),
    connections=lambda memory: memory // 12_582_880,
    counted="MySQL on RDS allows one per 12.6 MB.",
    bootstrap=Bootstrap("MysqlBootstrap", "database_handler", "database_runner"),
)
