"""RDS instances, as a patch can leave them."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.compile import Stack
from msaspec.diagnostic import Code, Diagnostic
from msaspec.resources import Resource, whole

REFUSED_CREDENTIALS = Code(
    "MSA440",
    "A master user or first database that RDS refuses",
    """
    RDS keeps `admin`, `rdsadmin` and what begins with `rds_` or `pg_` for itself, and the first database of an instance
    has letters, digits and `_` and is no word of SQL. A password has from 8 to 128 characters and none of `/`, `"`, `@`
    and blank; there is none beside `ManageMasterUserPassword`, with which RDS makes it. msaspec makes one database a
    service and names none here.
    """,
)
REFUSED_STORAGE = Code(
    "MSA441",
    "Storage that RDS refuses",
    """
    A volume of the type `gp3` or `gp2` has at least 20 GiB, one of `io1` or `io2` at least 100 and its `Iops` told.
    """,
)
BACKUP_IN_MAINTENANCE = Code(
    "MSA442",
    "Backup and maintenance at one time",
    """
    The windows of RDS for the daily backup and for the weekly maintenance must not overlap. Left out, RDS chooses two
    that do not.
    """,
)
OTHER_FAMILY = Code(
    "MSA443",
    "Database parameters of another engine or version",
    """
    The family of a parameter group is the engine and the major version of the instances that have it. `version` of a
    database in the manifest changes both.
    """,
)

_OPEN_ENGINES = ("mariadb", "mysql", "postgres")
_LEAST = {"gp2": 20, "gp3": 20, "io1": 100, "io2": 100}
"""GiB (RDS User Guide, "Amazon RDS DB instance storage")."""
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY, _WEEK = 24 * 60, 7 * 24 * 60
_WORDS = """
all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate column
concurrently constraint create cross current_catalog current_date current_role current_schema current_time
current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze
from full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit
localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references
returning right select session_user similar some symmetric system_user table tablesample then to trailing true
union unique user using variadic verbose when where window with template0 template1 rdsadmin
"""
"""Reserved words of PostgreSQL (its documentation, appendix "SQL Key Words"), and databases that are there already."""


def check_stack(stack: Stack) -> Iterator[Diagnostic]:
    """Credentials, storage, windows and parameters fit each instance."""
    for instance in stack.resources.of("AWS::RDS::DBInstance"):
        yield from _credentials(instance, stack)
        yield from _storage(instance, stack)
        yield from _windows(instance, stack)
        yield from _family(instance, stack)


def _credentials(instance: Resource, stack: Stack) -> Iterator[Diagnostic]:
    password, managed = instance.get("MasterUserPassword"), instance.get("ManageMasterUserPassword")
    faults: list[tuple[str, str]] = []
    if password is not None and str(managed).lower() == "true":
        faults.append(("MasterUserPassword", "has a password of its own, and RDS is to make one"))
    elif isinstance(password, str) and "{{resolve:" not in password and not _is_password(password):
        faults.append(
            ("MasterUserPassword", 'has a password of another length than 8 to 128, or with `/`, `"`, `@` or blanks')
        )
    if str(instance.get("Engine")).lower() == "postgres":
        master, database = instance.get("MasterUsername"), instance.get("DBName")
        if isinstance(master, str) and (master.lower() in ("admin", "rdsadmin") or _is_kept(master)):
            faults.append(("MasterUsername", f"has the master user `{master}`, a name that RDS keeps for itself"))
        if isinstance(database, str) and not _is_database(database):
            faults.append(("DBName", f"has a first database `{database}`, which is no name that RDS takes"))
    for key, why in faults:
        others = [instance.at("ManageMasterUserPassword")] if key == "MasterUserPassword" else []
        message = f"The database instance `{instance.name}` {why}."
        yield stack.fault(
            REFUSED_CREDENTIALS, message, "Remove the property, or write another value.", instance.at(key), *others
        )


def _is_password(text: str) -> bool:
    return 8 <= len(text) <= 128 and all("!" <= c <= "~" and c not in '/"@' for c in text)


def _is_kept(name: str) -> bool:
    return name.lower().startswith(("rds_", "pg_"))


def _is_database(name: str) -> bool:
    plain = name.isascii() and name.replace("_", "").isalnum() and not name[:1].isdigit() and len(name) <= 63
    return plain and name.lower() not in _WORDS.split()


def _storage(instance: Resource, stack: Stack) -> Iterator[Diagnostic]:
    if str(instance.get("Engine")).lower() not in _OPEN_ENGINES:
        return
    kind, size = str(instance.get("StorageType")), whole(instance.get("AllocatedStorage"))
    if size is not None and size < _LEAST.get(kind, 0):
        message = f"The volume of `{instance.name}` has {size} GiB; one of the type {kind} has at least {_LEAST[kind]}."
        paths = instance.at("AllocatedStorage"), instance.at("StorageType")
        yield stack.fault(REFUSED_STORAGE, message, "Make it larger.", *paths)
    if kind in ("io1", "io2") and instance.get("Iops") is None:
        message = f"The volume of `{instance.name}` is of the type {kind}, and its `Iops` are not told."
        hint = "Add `Iops`, or take the type gp3."
        yield stack.fault(REFUSED_STORAGE, message, hint, instance.at("StorageType"), instance.at("Iops"))


def _windows(instance: Resource, stack: Stack) -> Iterator[Diagnostic]:
    keys = "PreferredMaintenanceWindow", "PreferredBackupWindow"
    weekly, daily = (_window(instance.get(key)) for key in keys)
    if weekly is None or daily is None:
        return
    (begin, long), (first, length) = weekly, daily
    starts = ((first + day * _DAY) % _WEEK for day in range(7))
    if any((start - begin) % _WEEK < long or (begin - start) % _WEEK < length for start in starts):
        message = f"The weekly maintenance of `{instance.name}` falls into its daily backup."
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
    group = stack.resources.meant(instance.get("DBParameterGroupName"), "AWS::RDS::DBParameterGroup")
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
