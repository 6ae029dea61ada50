"""What the tests of both functions share: declarations of services and databases, and looks at the server."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql

from msaspec.aws.lambdas import database_handler, database_runner
from tests.lambdas.postgres import HOST, Server

MASTER = "master"


class Context:
    """The part of Lambda's context that the functions use."""

    def __init__(self, seconds: float = 60) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


def database(
    name: str, owner: str = "", read_write: list[str] | None = None, read_only: list[str] | None = None
) -> dict[str, Any]:
    """One database as the custom resource declares it."""
    return {"Name": name, "Owner": owner, "ReadWrite": read_write or [], "ReadOnly": read_only or []}


class World:
    """A server, its master, and the services with their passwords."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.master_password = secrets.token_hex(16)
        self.passwords: dict[str, str] = {}

    def clear(self) -> None:
        """Leaves only the master, without rights from earlier tests."""
        with self.superuser() as session:
            for (name,) in session.execute(
                "SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')"
            ).fetchall():
                session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            roles = session.execute(
                "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'superuser'"
            ).fetchall()
            names = sql.SQL(", ").join(sql.Identifier(name) for (name,) in roles)
            if roles:
                session.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(names))
                session.execute(sql.SQL("DROP ROLE {}").format(names))
            session.execute(
                sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE PASSWORD {}").format(
                    sql.Identifier(MASTER), sql.Literal(database_handler.verifier(self.master_password))
                )
            )

    @contextmanager
    def superuser(self, database: str = "postgres") -> Iterator[psycopg.Connection[Any]]:
        """A session that may do anything, as only the test may."""
        with self._connect(database, self.server.superuser, self.server.password) as session:
            yield session

    @contextmanager
    def master(self, database: str = "postgres") -> Iterator[psycopg.Connection[Any]]:
        """A session of a person who uses the master user by hand."""
        with self._connect(database, MASTER, self.master_password) as session:
            yield session

    @contextmanager
    def service(self, role: str, database: str) -> Iterator[psycopg.Connection[Any]]:
        """A session of a service: over verified TLS, with the clear password."""
        with self._connect(database, role, self.passwords[role]) as session:
            yield session

    def _connect(self, database: str, user: str, password: str) -> psycopg.Connection[Any]:
        return psycopg.connect(self.server.dsn(database, user, password), autocommit=True)

    def event(self, *databases: dict[str, Any], roles: list[str] | None = None) -> dict[str, Any]:
        """The runner's payload for the databases and for every service that they name."""
        named = [role for one in databases for role in (one["Owner"], *one["ReadWrite"], *one["ReadOnly"]) if role]
        for role in named + (roles or []):
            self.passwords.setdefault(role, secrets.token_hex(16))
        return {
            "Host": HOST,
            "Port": str(self.server.port),
            "username": MASTER,
            "password": self.master_password,
            "ca": self.server.ca.read_text(),
            "Databases": list(databases),
            "logins": {
                role: database_handler.verifier(self.passwords[role]) for role in dict.fromkeys(named + (roles or []))
            },
        }

    def run(self, *databases: dict[str, Any], roles: list[str] | None = None) -> None:
        """Declares the databases and expects success."""
        database_runner.handler(self.event(*databases, roles=roles), Context())

    def refusal(self, *databases: dict[str, Any], **changes: Any) -> str:
        """Declares the databases and returns the sentence about the failure."""
        with pytest.raises(database_runner.Failure) as failure:
            database_runner.handler({**self.event(*databases), **changes}, Context())
        return str(failure.value)

    def can(self, role: str, database: str, statement: str) -> bool:
        """Whether PostgreSQL lets a service do it; anything but missing permission is an error of the test."""
        try:
            with self.service(role, database) as session:
                session.execute(statement.encode())
        except psycopg.OperationalError as error:
            if "permission denied for database" not in str(error):
                raise
            return False
        except psycopg.errors.InsufficientPrivilege:
            return False
        return True

    def state(self) -> dict[str, list[Any]]:
        """All that the runner sets, but for passwords, which get a new salt each time."""
        with self.superuser() as session:
            state = {
                "roles": session.execute(
                    "SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin,"
                    " shobj_description(oid, 'pg_authid') FROM pg_roles ORDER BY 1"
                ).fetchall(),
                "members": session.execute(
                    "SELECT roleid::regrole::text, member::regrole::text, to_jsonb(m) - 'oid'"
                    " FROM pg_auth_members m ORDER BY 1, 2, 3"
                ).fetchall(),
                "databases": session.execute(
                    "SELECT datname, datdba::regrole::text, datacl::text FROM pg_database ORDER BY 1"
                ).fetchall(),
                "settings": session.execute("SELECT * FROM pg_db_role_setting ORDER BY 1, 2").fetchall(),
            }
        for name, *_ in state["databases"]:
            if name != "template0":
                with self.superuser(name) as session:
                    state[name] = session.execute(
                        "SELECT 'schema', nspname, nspacl::text FROM pg_namespace"
                        " UNION ALL SELECT 'relation', oid::regclass::text, relacl::text FROM pg_class"
                        " WHERE relnamespace::regnamespace::text !~ '^(pg_|information)'"
                        " UNION ALL SELECT 'default ' || defaclobjtype::text, defaclrole::regrole::text,"
                        " defaclacl::text FROM pg_default_acl ORDER BY 1, 2"
                    ).fetchall()
        return state
