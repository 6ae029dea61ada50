"""What the bootstrap makes in a database beside its users: extensions, and the SQL with which it begins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from msaspec.aws.database import Database
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.spelling import suggest
from msaspec.language.engine import Engine
from msaspec.language.part import Entry, Use

UNKNOWN_EXTENSION = Code(
    "MSA404",
    "An extension that the database cannot have",
    """
    The bootstrap makes extensions of PostgreSQL, those that RDS has for the major version. Some need a library that the
    server loads at its start, which `parameters` names. MySQL and MariaDB have no extensions.
    """,
)
INIT_OF_A_READER = Code(
    "MSA405",
    "`init` of a service that does not own the database",
    """
    `init` makes the tables of a new database, and only the owner of a database can make tables. Write it where the
    owner uses the database.
    """,
)
UNFIT_INIT = Code(
    "MSA406",
    "SQL that the bootstrap cannot run",
    r"""
    The file of `init` is sent to the server as it is. Commands of client programs such as `\connect` and `DELIMITER`
    are no SQL, `COPY ... FROM stdin` waits for data, and `DEFINER=` asks for a right that RDS gives nobody.
    CloudFormation would replace `{{resolve:...}}`. All files of an instance together have 96 KiB at most, since
    CloudFormation sends them to a Lambda function.
    """,
)
FOREIGN_FIELD = Code(
    "MSA407",
    "A field that the engine does not have",
    """
    A cluster of Aurora has storage that grows by itself, in three zones, and is always backed up; its instances are of
    `serverless` or of a class, and `capacity` says between which bounds serverless ones follow the load. A cluster of
    DocumentDB is alike, but it never pauses, and `tls: false` takes TLS from all its clients. Instances of RDS have a
    volume and a class.
    """,
)
# fact: lambda-event-size
MOST = 96 * 1024
"""Bytes of SQL of an instance: the event of an update holds the files before and after."""
MISNOMERS = {"pgvector": "vector", "uuid": "uuid-ossp", "uuid_ossp": "uuid-ossp", "trgm": "pg_trgm"}
IN_CLEAR_TEXT = Code(
    "MSA463",
    "Connections without TLS are allowed",
    "The parameter lets clients connect without TLS, with their data in clear text inside the network. Remove it as "
    "soon as all clients use TLS.",
    Severity.WARNING,
)


def extensions(entry: Entry[Database]) -> Iterable[Diagnostic]:
    """Yield what is wrong with the extensions of a database."""
    spec, engine = entry.spec, entry.spec.server
    if spec.extensions and engine.extensions is None:
        message = f"`{entry.name}` is {engine.title}, which has no extensions."
        yield UNKNOWN_EXTENSION.at((*entry.path, "extensions"), message, hint="Remove `extensions`.", key=True)
        return
    major = engine.major(spec.version)
    known = engine.extensions(major) if engine.extensions else {}
    loaded = re.split(r"\s*,\s*", spec.parameters.get("shared_preload_libraries", ""))
    for at, name in enumerate(spec.extensions):
        path = (*entry.path, "extensions", at)
        if name not in known:
            message = f"RDS has no extension `{name}` for {engine.title} {major} in a database of its own."
            hint = suggest(
                MISNOMERS.get(name, name), known, "`SHOW rds.extensions` on an instance lists what there is."
            )
            yield UNKNOWN_EXTENSION.at(path, message, hint=hint)
        elif (library := known[name]) and library not in loaded:
            message = f"`{name}` works only where the server has loaded it at its start."
            libraries = ",".join(each for each in (*loaded, library) if each)
            hint = f'Write `parameters: {{shared_preload_libraries: "{libraries}"}}`.'
            yield UNKNOWN_EXTENSION.at(path, message, hint=hint)


def foreign(entry: Entry[Database]) -> Iterable[Diagnostic]:
    """Yield the fields of a database that only another engine has."""
    spec, engine = entry.spec, entry.spec.server
    written = spec.model_fields_set
    if engine.documents:
        yield from _of_documents(entry)
    elif "tls" in written:
        message = f"`{entry.name}` is {engine.title}, whose clients use TLS unless a parameter lets them do without."
        yield FOREIGN_FIELD.at((*entry.path, "tls"), message, hint="Remove `tls`.", key=True)
    if not engine.cluster:
        if spec.is_serverless:
            message = f"`{entry.name}` is {engine.title} on an instance, which is of a class."
            hint = f"Write a class such as `{engine.default_size}`, or `engine: aurora-{_family(engine)}`."
            yield FOREIGN_FIELD.at((*entry.path, "size"), message, hint=hint)
        elif "capacity" in written:
            message = f"`{entry.name}` is {engine.title} on an instance, which has no `capacity`."
            hint = f"Remove it, or write `engine: aurora-{_family(engine)}`."
            yield FOREIGN_FIELD.at((*entry.path, "capacity"), message, hint=hint, key=True)
        return
    for field, why, hint in _OF_INSTANCES:
        if field in written:
            yield FOREIGN_FIELD.at(
                (*entry.path, field), f"`{entry.name}` is {engine.title}, {why}.", hint=hint, key=True
            )
    if "capacity" in written and not spec.is_serverless:
        message = f"The instances of `{entry.name}` are of the class `{spec.size}`, so they have no `capacity`."
        yield FOREIGN_FIELD.at((*entry.path, "capacity"), message, hint="Remove one of the two.", key=True)
    elif spec.is_serverless and not spec.capacity.min and (least := _pausing_from(spec.version)):
        message = f"`{entry.name}` is {engine.title} {spec.version}, which does not pause; {least} does."
        hint = f'Write `min: 0.5` or more, or `version: "{least}"`.'
        yield FOREIGN_FIELD.at((*entry.path, "capacity", "min"), message, hint=hint)
    if not spec.backups:
        message = f"`{entry.name}` is {engine.title}, which always keeps backups."
        yield FOREIGN_FIELD.at((*entry.path, "backups"), message, hint="Write `backups: 1 day` or more.")


# fact: aurora-pauses
def _pausing_from(version: str) -> str | None:
    """Return the first version of a major one that pauses, for a minor version that does not.

    >>> _pausing_from("16.1"), _pausing_from("16.3"), _pausing_from("17"), _pausing_from("8.0.mysql_aurora.3.04.0")
    ('16.3', None, None, '8.0.mysql_aurora.3.08.0')
    """
    for pattern, least in _PAUSING:
        if found := re.fullmatch(pattern, version):
            first = re.fullmatch(pattern, least)
            return least if first and int(found[1]) < int(first[1]) else None
    return None


_PAUSING = (
    (r"15\.([0-9]+)", "15.7"),
    (r"16\.([0-9]+)", "16.3"),
    (r"8\.0\.mysql_aurora\.3\.([0-9]+)\.[0-9]", "8.0.mysql_aurora.3.08.0"),
)


def _of_documents(entry: Entry[Database]) -> Iterable[Diagnostic]:
    """Yield what a cluster of DocumentDB does otherwise than one of Aurora."""
    spec = entry.spec
    if spec.is_serverless and spec.capacity.min < LEAST_UNITS:
        message = f"`{entry.name}` is {spec.server.title}, which does not pause."
        hint = f"Write `min: {LEAST_UNITS}` or more."
        yield FOREIGN_FIELD.at((*entry.path, "capacity", "min"), message, hint=hint)
    if (value := spec.parameters.get("tls")) is not None and (value == "disabled" or not spec.tls):
        message = f"`{entry.name}` says by a parameter what `tls` says, which the addresses of its clients follow."
        hint = "Remove the parameter, and write `tls: false`." if spec.tls else "Remove the parameter."
        yield FOREIGN_FIELD.at((*entry.path, "parameters", "tls"), message, hint=hint)


# fact: documentdb-serverless
LEAST_UNITS = 0.5


def _family(engine: Engine) -> str:
    return "postgres" if engine.name == "postgres" else "mysql"


_OF_INSTANCES = (
    ("storage", "whose storage grows by itself", "Remove `storage`."),
    ("max_storage", "whose storage grows by itself", "Remove `max_storage`."),
    ("multi_zone", "whose storage is in three zones", "Remove it; with `replicas: 1` another instance takes over."),
    ("multi_zone_replicas", "whose instances share storage in three zones", "Remove `multi_zone_replicas`."),
)


def inits(entry: Entry[Database], uses: Sequence[Use[Any]]) -> Iterable[Diagnostic]:
    """Yield what is wrong with the SQL with which databases begin."""
    size = 0
    for use in uses:
        if use.options.init is None:
            continue
        path, engine = (*use.path, "init"), entry.spec.server
        if engine.bootstrap.setup is None:
            message = f"`{entry.name}` is {engine.title}, on which the bootstrap runs no SQL of yours."
            yield UNFIT_INIT.at(path, message, hint="Remove `init`.", key=True)
        elif use.options.access != "owner":
            message = f"`{use.service}` does not own its database on `{entry.name}`, so it can make no tables there."
            yield INIT_OF_A_READER.at(path, message, hint="Write `init` where the owner uses the database.", key=True)
        text = use.texts.get("init", "")
        size += len(text.encode())
        if problem := _problem(engine, text):
            line, what, hint = problem
            yield UNFIT_INIT.at(path, f"`{use.options.init}` {what} (line {line}).", hint=hint)
        elif size > MOST:
            message = f"With `{use.options.init}`, the SQL of `{entry.name}` has more than {MOST // 1024} KiB."
            yield UNFIT_INIT.at(path, message, hint="Leave the schema in it, and load the rest with a job.")
            size = 0


def _problem(engine: Engine, text: str) -> tuple[int, str, str] | None:
    """Return the line, what is wrong there, and what to do; None where nothing is."""
    for pattern, what, hint in (*engine.not_sql, _RESOLVED):
        if match := re.search(pattern, text, re.IGNORECASE | re.MULTILINE):
            return text.count("\n", 0, match.end()) + 1, what, hint
    return None


_RESOLVED = r"\{\{resolve:", "holds `{{resolve:`, which CloudFormation would replace", "Write it otherwise."


def in_clear(entry: Entry[Database]) -> Iterable[Diagnostic]:
    """Yield parameters that let clients connect without TLS."""
    for name, value in entry.spec.parameters.items():
        if name in ("require_secure_transport", "rds.force_ssl") and value.lower() in ("0", "off", "false"):
            message = f"`{entry.name}` accepts connections without TLS."
            yield IN_CLEAR_TEXT.at((*entry.path, "parameters", name), message, hint="Remove the parameter.")
