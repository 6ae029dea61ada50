"""RDS instances, as a patch can leave them."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.engines import engines
from msaspec.template.resources import Resource, whole
from msaspec.template.stack import Stack

REFUSED_CREDENTIALS = Code(
    "MSA440",
    "A master user or first database that RDS refuses",
    """
    RDS reserves `admin`, `rdsadmin` and names that begin with `rds_` or `pg_`. The name of the first database consists
    of letters, digits and `_`, and is not an SQL keyword. A password has 8 to 128 characters without `/`, `"`, `@` and
    spaces. With `ManageMasterUserPassword` RDS generates the password, so set none. A master user name has at most 16
    characters on MySQL, MariaDB and Db2, 30 on Oracle, 63 on PostgreSQL and 128 on SQL Server, which does not support a
    first database. msaspec creates one database for each service and sets no name here.
    """,
)
REFUSED_STORAGE = Code(
    "MSA441",
    "Storage that RDS refuses",
    """
    A `gp3` or `gp2` volume has at least 20 GiB; an `io1` or `io2` volume has at least 100 GiB and needs `Iops`. For a
    `gp3` volume below 400 GiB, `Iops` and `StorageThroughput` cannot be set. From 400 GiB on, `Iops` is 12,000 to
    64,000 and at most 500 for each GiB, and `StorageThroughput` is 500 to 4,000 MiB/s and at most a quarter of `Iops`.
    """,
)
BACKUP_IN_MAINTENANCE = Code(
    "MSA442",
    "Overlapping backup and maintenance windows",
    """
    The windows for the daily backup and the weekly maintenance must not overlap. If you set neither, RDS chooses
    windows that do not overlap.
    """,
)
OTHER_FAMILY = Code(
    "MSA443",
    "Database parameters of another engine or version",
    """
    The family of a parameter group must match the engine and major version of its instances. `version` of a database in
    the manifest changes both.
    """,
)

RETIRED_CLASS = Code(
    "MSA446",
    "An instance class that RDS no longer offers",
    """
    For PostgreSQL, MySQL and MariaDB, RDS ended the support of db.t2, db.m4 and db.r4 in 2024, and of db.t1, db.m1,
    db.m2, db.m3 and db.r3 before that. No instance can be made of them. Take one of a later generation: db.t4g for
    little load, db.m7g for more, db.r7g for much memory.
    """,
)

_OPEN_ENGINES = ("mariadb", "mysql", "postgres")
# fact: rds-retired-classes
_RETIRED = ("t1", "t2", "m1", "m2", "m3", "m4", "r3", "r4")
"""RDS User Guide, "DB instance class types" and the table of "Supported DB engines for DB instance classes"."""
# fact: rds-master-names
_LONGEST_MASTER = {
    "mysql": 16,
    "mariadb": 16,
    "db2": 16,
    "oracle": 30,
    "custom-oracle": 30,
    "postgres": 63,
    "sqlserver": 128,
}
"""By how the name of an engine begins (CloudFormation, AWS::RDS::DBInstance, MasterUsername)."""
# fact: rds-storage
_LEAST = {"gp2": 20, "gp3": 20, "io1": 100, "io2": 100}
"""GiB (RDS User Guide, "Amazon RDS DB instance storage")."""
STRIPED = 400
"""GiB from which a gp3 volume of these engines is striped, and its performance can be chosen."""
_RANGES = {"Iops": (12_000, 64_000), "StorageThroughput": (500, 4_000)}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY, _WEEK = 24 * 60, 7 * 24 * 60


def check(stack: Stack) -> Iterator[Diagnostic]:
    """Credentials, storage, windows and parameters fit each instance."""
    for instance in stack.resources.of("AWS::RDS::DBInstance"):
        yield from _credentials(instance, stack)
        yield from _class(instance, stack)
        yield from _storage(instance, stack)
        yield from _windows(instance, stack)
        yield from _family(instance, stack)


def _credentials(instance: Resource, stack: Stack) -> Iterator[Diagnostic]:
    text_of, managed = stack.resources.text_of, instance.get("ManageMasterUserPassword")
    password = text_of(instance.get("MasterUserPassword"))
    faults: list[tuple[str, str]] = []
    if instance.get("MasterUserPassword") is not None and str(managed).lower() == "true":
        faults.append(("MasterUserPassword", "has a password, although RDS is to generate one"))
    elif password is not None and not _is_password(password):
        faults.append(
            (
                "MasterUserPassword",
                'has a password that is not 8 to 128 characters long, or that contains `/`, `"`, `@` or spaces',
            )
        )
    kind = str(instance.get("Engine")).lower()
    master, database = text_of(instance.get("MasterUsername")), text_of(instance.get("DBName"))
    engine = engines().get(kind)
    longest = next((most for begin, most in _LONGEST_MASTER.items() if kind.startswith(begin)), None)
    if master is not None and engine and engine.refuses_master(master):
        faults.append(("MasterUsername", f"has the master user `{master}`, a name that RDS reserves"))
    elif master is not None and longest and not 1 <= len(master) <= longest:
        why = f"has a master user of {len(master)} characters, and {kind} allows at most {longest}"
        faults.append(("MasterUsername", why))
    if database is not None and engine and engine.refuses_first(database):
        faults.append(("DBName", f"has a first database `{database}`, which is not a name that RDS accepts"))
    elif instance.get("DBName") is not None and "sqlserver" in kind:
        faults.append(("DBName", "has a first database, which SQL Server does not support"))
    for key, why in faults:
        others = [instance.at("ManageMasterUserPassword")] if key == "MasterUserPassword" else []
        message = f"The database instance `{instance.name}` {why}."
        yield stack.fault(
            REFUSED_CREDENTIALS, message, "Remove the property, or write another value.", instance.at(key), *others
        )


def _is_password(text: str) -> bool:
    return 8 <= len(text) <= 128 and all("!" <= c <= "~" and c not in '/"@' for c in text)


def _class(instance: Resource, stack: Stack) -> Iterator[Diagnostic]:
    chosen = stack.resources.text_of(instance.get("DBInstanceClass"))
    generation = (chosen or "").split(".")[1:2]
    if str(instance.get("Engine")).lower() in _OPEN_ENGINES and generation and generation[0] in _RETIRED:
        message = f"RDS no longer offers the class {chosen}, which `{instance.name}` has."
        yield stack.fault(
            RETIRED_CLASS,
            message,
            "Take one of a later generation, such as db.t4g.micro.",
            instance.at("DBInstanceClass"),
        )


def _storage(instance: Resource, stack: Stack) -> Iterator[Diagnostic]:
    if str(instance.get("Engine")).lower() not in _OPEN_ENGINES:
        return
    kind, size = str(instance.get("StorageType")), whole(instance.get("AllocatedStorage"))
    if size is not None and size < _LEAST.get(kind, 0):
        message = f"The volume of `{instance.name}` has {size} GiB; the minimum for {kind} is {_LEAST[kind]}."
        paths = instance.at("AllocatedStorage"), instance.at("StorageType")
        yield stack.fault(REFUSED_STORAGE, message, "Make it larger.", *paths)
    if kind in ("io1", "io2") and instance.get("Iops") is None:
        message = f"The volume of `{instance.name}` is of the type {kind}, which needs `Iops`."
        hint = "Add `Iops`, or use the type gp3."
        yield stack.fault(REFUSED_STORAGE, message, hint, instance.at("StorageType"), instance.at("Iops"))
    if kind == "gp3" and size is not None:
        yield from _chosen(instance, size, stack)


# fact: rds-storage
def _chosen(instance: Resource, size: int, stack: Stack) -> Iterator[Diagnostic]:
    """IOPS and throughput of a gp3 volume (RDS User Guide, "Amazon RDS DB instance storage", table of gp3)."""
    iops = whole(instance.get("Iops"))
    chosen = {key: value for key in _RANGES if (value := whole(instance.get(key))) is not None}
    for key, value in chosen.items():
        least, most = _RANGES[key]
        why = ""
        if size < STRIPED:
            why = f"it can be set only from {STRIPED} GiB on, and the volume has {size}"
        elif not least <= value <= most:
            why = f"a gp3 volume has from {least:,} to {most:,}"
        elif key == "Iops" and value > 500 * size:
            why = f"a volume of {size} GiB has at most {500 * size:,}"
        elif key == "StorageThroughput" and iops and value * 4 > iops:
            why = f"{iops:,} IOPS have at most {iops // 4:,}"
        if why:
            message = f"`{instance.name}` has `{key}: {value}`, and {why}."
            yield stack.fault(
                REFUSED_STORAGE, message, f"Remove `{key}`, or change it.", instance.at(key), instance.at("StorageType")
            )


def _windows(instance: Resource, stack: Stack) -> Iterator[Diagnostic]:
    keys = "PreferredMaintenanceWindow", "PreferredBackupWindow"
    weekly, daily = (_window(instance.get(key)) for key in keys)
    if weekly is None or daily is None:
        return
    (begin, long), (first, length) = weekly, daily
    starts = ((first + day * _DAY) % _WEEK for day in range(7))
    if any((start - begin) % _WEEK < long or (begin - start) % _WEEK < length for start in starts):
        message = f"The weekly maintenance of `{instance.name}` overlaps its daily backup."
        yield stack.fault(BACKUP_IN_MAINTENANCE, message, "Move one of the windows.", *map(instance.at, keys))


def _window(written: object) -> tuple[int, int] | None:
    """When a window begins, in minutes of the week or of the day, and for how many it lasts.

    >>> _window("Mon:23:30-tue:00:30"), _window("03:00-03:30"), _window("sometimes")
    ((1410, 60), (180, 30), None)
    """
    if not isinstance(written, str):
        return None
    ends: list[int] = []
    for end in written.lower().split("-"):
        *day, hour, minute = ["", "", *end.split(":")]
        day = [each for each in day if each]
        hours, minutes = whole(hour), whole(minute)
        if hours is None or minutes is None or (day and day[0] not in _DAYS):
            return None
        ends.append((_DAYS.index(day[0]) if day else 0) * _DAY + hours * 60 + minutes)
    if len(ends) != 2:
        return None
    return ends[0], (ends[1] - ends[0]) % (_WEEK if written[:1].isalpha() else _DAY)


def _family(instance: Resource, stack: Stack) -> Iterator[Diagnostic]:
    group = stack.resources.referenced(instance.get("DBParameterGroupName"), "AWS::RDS::DBParameterGroup")
    family = group.get("Family") if group else None
    engine, version = instance.get("Engine"), instance.get("EngineVersion")
    if group is None or not isinstance(family, str) or not isinstance(engine, str) or engine not in _OPEN_ENGINES:
        return
    of_family = family.removeprefix(engine)
    known = str(version) if isinstance(version, str | int | float) else ""
    differs = known and not f"{known}.".startswith(f"{of_family}.") and not f"{of_family}.".startswith(f"{known}.")
    if of_family == family or not of_family[:1].isdigit() or differs:
        message = (
            f"`{instance.name}` runs {engine} {known}".rstrip() + f", and its parameters are of the family {family}."
        )
        paths = (
            instance.at("EngineVersion"),
            instance.at("Engine"),
            group.at("Family"),
            instance.at("DBParameterGroupName"),
        )
        yield stack.fault(OTHER_FAMILY, message, "Change `Family` and `EngineVersion` together.", *paths)
