"""What a service says of a database that it uses, and what its names may be."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import fill
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from msaspec.aws.database import Database, EngineName
from msaspec.diagnostics.diagnostic import WIDTH, Code, Diagnostic
from msaspec.engines import DEFAULT, engines
from msaspec.language.base import Model
from msaspec.language.part import Entry, Use
from msaspec.template import names

REFUSED_NAME = Code(
    "MSA312",
    "A name that the engine or RDS reserves",
    fill(
        " ".join(engine.kept for engine in engines().values() if engine.kept)
        + " RDS reserves `rdsadmin` and names that begin with `rds_`. A service's "
        "role has the name of the service in snake_case.",
        WIDTH,
    ),
)
TOO_LONG = Code(
    "MSA460",
    "A name that is too long for the engine",
    """
    MySQL allows users of 32 characters; a service's user has the name of the service. A database's name has 64 at
    most on MySQL and MariaDB, where each `_` counts twice, since it has a backslash in front where access is granted.
    """,
)


_MOST = 50
"""Characters of a name of a database."""


def _database_name(written: str) -> str:
    if not (written[:1].isalpha() or written[:1] == "_") or not written.isascii() or written != written.lower():
        raise PydanticCustomError("database", "a database name is in snake_case: lowercase letters, digits and `_`")
    if not all(c.isalnum() or c == "_" for c in written):
        raise PydanticCustomError("database", "a database name is in snake_case: lowercase letters, digits and `_`")
    return written


DatabaseName = Annotated[str, Field(max_length=_MOST, min_length=1), AfterValidator(_database_name)]


class DatabaseUse(Model):
    """Which database a service has on the instance, and what it may do in it."""

    database: DatabaseName | None = Field(
        None, description="Name of the database. Default: the service's name in snake_case.", examples=["user_database"]
    )
    access: Literal["owner", "read-write", "read-only"] = Field(
        "owner", description="`owner` creates and changes tables; the others read, or read and write, rows."
    )
    init: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        None,
        description="File with SQL in the manifest's folder, at most 32 KiB, which the owner runs once in the new "
        "database.",
        examples=["./schema.sql"],
    )


class DatabaseElsewhere(DatabaseUse):
    """A database of the service's own on a server of another system."""

    database: DatabaseName | None = Field(
        None,
        description="Name of the database, which follows that of the stack: `shop_prod_orders`. Default: the service's "
        "name.",
        examples=["orders"],
    )
    engine: EngineName = Field(DEFAULT, description="Engine of the server, as the other manifest has it.")
    port: int | None = Field(
        None,
        ge=1150,
        le=65535,
        description="Port of the server, where the other manifest names one.",
        examples=[54321],
    )


def start(stack: str) -> str:
    """Return how all names begin that a stack gives on a server of another system."""
    return f"{names.snake(stack)}_"


def name_of(use: Use[DatabaseUse]) -> str:
    """Return the name of the database."""
    return _name(use, use.options.database or names.snake(use.service))


def role_of(use: Use[DatabaseUse]) -> str:
    """Return the name of the role or user."""
    return _name(use, names.snake(use.service))


def _name(use: Use[DatabaseUse], name: str) -> str:
    first = start(use.guest) if use.guest else ""
    return name if name.startswith(first) else f"{first}{name}"


def _longest(entry: Entry[Database], use: Use[DatabaseUse]) -> int:
    """Return how long the name of a database may be. The names of its groups are longer than it."""
    longest = entry.spec.server.longest_database
    return min(longest, _MOST) if use.guest else longest


def kept(entry: Entry[Database], use: Use[DatabaseUse]) -> Iterable[Diagnostic]:
    """Yield names that the engine keeps for itself, or that are too long for it."""
    name, role, engine = name_of(use), role_of(use), entry.spec.server
    if engine.keeps_database(name):
        written = use.options.database
        at = (*use.path, "database") if written else use.path
        message = f"{engine.title} or RDS reserves the name `{name}`."
        yield REFUSED_NAME.at(at, message, hint="Name another `database`.", key=not written)
    elif (long := engine.measure(name)) > (most := _longest(entry, use)):
        message = f"The database `{name}` counts {long} characters, and {engine.title} allows {most}."
        at = (*use.path, "database") if use.options.database else use.path
        yield TOO_LONG.at(at, message, hint="Write a shorter `database`.", key=not use.options.database)
    if len(role) > engine.longest_user:
        message = (
            f"`{use.service}` would have a user of {len(role)} characters on `{entry.title}`, and {engine.title} "
            f"allows {engine.longest_user}."
        )
        yield TOO_LONG.at(use.path[:2], message, hint="Give the service a shorter name.", key=True)
    if engine.keeps_role(role):
        message = (
            f"`{use.service}` would have the role `{role}` on `{entry.title}`, "
            f"a name that {engine.title} or RDS reserves."
        )
        yield REFUSED_NAME.at(use.path[:2], message, hint="Rename the service.", key=True)
