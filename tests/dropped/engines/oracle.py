"""An engine that the package has not, as far as compiling goes: its functions are those of PostgreSQL."""

from __future__ import annotations

from msaspec.language.engine import Bootstrap, Engine

ORACLE = Engine(
    name="oracle-se2",
    title="Oracle",
    port=1521,
    master="admin",
    versions=r"^19(\.[0-9]{1,2})?$",
    version="19",
    examples=("19", "19.6"),
    major=lambda version: version.split(".")[0],
    family="oracle-se2-",
    parameters={"open_cursors": "300"},
    logs=("alert", "listener"),
    lifecycle=None,
    scheme="oracle",
    driver="oracle.jdbc.OracleDriver",
    query="secure=1",
    keeps_database=lambda name: name in ("orcl", "sys"),
    keeps_role=lambda name: name in ("admin", "rdsadmin"),
    refuses_master=lambda name: name == "rdsadmin",
    kept="Oracle keeps `orcl` and `sys`.",
    refuses_first=lambda name: not name.isalnum(),
    connections=lambda memory: memory // 12_582_880,
    counted="Oracle on RDS allows one per 12.6 MB.",
    bootstrap=Bootstrap("OracleBootstrap", "database_handler", "database_runner"),
)
