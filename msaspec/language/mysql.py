"""What MySQL and MariaDB have in common: names that are taken, parameters, and the functions that prepare them."""

from __future__ import annotations

from msaspec.language.engine import Bootstrap

MASTER = "dbadmin"
"""Not `admin`, RDS's own proposal: a service may be called that."""
DATABASES = frozenset({"information_schema", "innodb", "msaspec", "mysql", "performance_schema", "sys", "tmp"})
"""Those of the server and of RDS, and the one in which the bootstrap keeps which users it made."""
_ROLES = frozenset(
    {MASTER, "current_role", "current_user", "event_scheduler", "mysql", "none", "public", "rdsadmin", "rdsrepladmin"}
    | {"root", "session_user", "system", "system_user"}
)
BOOTSTRAP = Bootstrap(
    "DatabaseBootstrapMysql",
    "database_handler",
    "mysql_runner",
    "mysql_setup",
    guest="mysql_guest",
    verifier="mysql_verifier",
    turns="mysql_turns",
)
NOT_SQL = (
    (r"^\s*DELIMITER\s", "has a command of the client", "Remove `DELIMITER`: the server sees where a body ends."),
    (r"\bDEFINER\s*=", "names a definer", "Remove `DEFINER=...`: what the owner makes is the owner's."),
    (
        r"^\s*(CREATE\s+(DATABASE|SCHEMA)|USE)\s",
        "names a database",
        "Remove `CREATE DATABASE` and `USE`: it runs in the service's database.",
    ),
)
# fact: mysql-parameters
PARAMETERS = {
    "require_secure_transport": "1",
    # Backups turn on the binary log, and an owner could make no trigger and no function beside it.
    "log_bin_trust_function_creators": "1",
    # What is exported to CloudWatch are files.
    "log_output": "FILE",
    "slow_query_log": "1",
}
RESERVED = """
accessible add all alter analyze and as asc asensitive before between bigint binary blob both by call cascade case
change char character check collate column condition constraint continue convert create cross cube cume_dist
current_date current_time current_timestamp current_user cursor database databases day_hour day_microsecond day_minute
day_second dec decimal declare default delayed delete dense_rank desc describe deterministic distinct distinctrow div
double drop dual each else elseif empty enclosed escaped except exists exit explain false fetch first_value float
float4 float8 for force foreign from fulltext function generated get grant group grouping groups having high_priority
hour_microsecond hour_minute hour_second if ignore in index infile inner inout insensitive insert int int1 int2 int3
int4 int8 integer intersect interval into io_after_gtids io_before_gtids is iterate join json_table key keys kill lag
last_value lateral lead leading leave left like limit linear lines load localtime localtimestamp lock long longblob
longtext loop low_priority master_bind manual match maxvalue mediumblob mediumint mediumtext middleint
minute_microsecond minute_second mod modifies natural not no_write_to_binlog nth_value ntile null numeric of on
optimize optimizer_costs option optionally or order out outer outfile over parallel partition percent_rank precision
primary procedure purge qualify range rank read reads read_write real recursive references regexp release rename repeat
replace require resignal restrict return revoke right rlike row row_number rows schema schemas second_microsecond
select sensitive separator set show signal smallint spatial specific sql sqlexception sqlstate sqlwarning
sql_big_result sql_calc_found_rows sql_small_result ssl starting stored straight_join system table tablesample
terminated then tinyblob tinyint tinytext to trailing trigger true undo union unique unlock unsigned update usage use
using utc_date utc_time utc_timestamp values varbinary varchar varcharacter varying virtual when where while window
with write xor year_month zerofill
"""
"""Reserved words of MySQL (its manual, "Keywords and Reserved Words"); those of MariaDB are nearly the same."""
QUERY = "ssl-mode=REQUIRED"
"""As MySQL's own programs write it in an address, and the managed services of others do."""


def major(version: str) -> str:
    """Return the first two numbers."""
    return ".".join(version.split(".")[:2])


def keeps_database(name: str) -> bool:
    """Tell whether a database of the name is there already."""
    return name in DATABASES


def keeps_role(name: str) -> bool:
    """Tell whether a user of the name is there already, or means something."""
    return name in _ROLES or name.startswith("rds_")


def refuses_master(name: str) -> bool:
    """Tell whether RDS refuses a name for the master: it has letters and digits, and is no reserved word."""
    plain = name.isascii() and name.isalnum() and name[:1].isalpha()
    return not plain or name.lower() in ("rdsadmin", *RESERVED.split())


def refuses_first(name: str) -> bool:
    """Tell whether RDS refuses a name for the database that it makes together with an instance."""
    plain = name.isascii() and name.isalnum() and name[:1].isalpha() and len(name) <= 64
    return not plain or name.lower() in DATABASES or name.lower() in RESERVED.split()


def letters(name: str) -> int:
    """Count the letters of a database's name in a GRANT, where `_` has a backslash in front.

    >>> letters("cart_database")
    14
    """
    return len(name) + name.count("_")
