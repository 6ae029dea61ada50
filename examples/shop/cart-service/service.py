"""What each service of the shop needs: settings, log lines, a database, a health path, an orderly end.

The same file is beside each `app.py`, because an image is built from that directory alone.
"""

from __future__ import annotations

import json
import logging
import logging.config
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, LiteralString, NoReturn
from zlib import crc32

import psycopg
import uvicorn
from fastapi import FastAPI, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool
from pydantic import BaseModel, ConfigDict, StringConstraints

LOG = logging.getLogger("shop")
BODY = 16 * 1024
"""Bytes of a request's body at most, where a path does not allow more."""

Id = Annotated[int, Path(ge=1, lt=2**63)]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
]
"""A line of text that PostgreSQL can keep: no control characters."""

Row = dict[str, Any]


class Body(BaseModel):
    """A JSON body; fields that are not known are refused, and a text is no number."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Line(logging.Formatter):
    """One JSON object per line."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        """A record as a line. Of a request, the path is shown without its query."""
        told: Row = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self.service,
        }
        if record.name == "uvicorn.access" and isinstance(record.args, tuple):
            client, method, path, _, status = record.args
            told |= {"method": method, "path": str(path).partition("?")[0], "status": status, "client": client}
        else:
            told["message"] = record.getMessage()
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told)


def is_worth_a_line(record: logging.LogRecord) -> bool:
    """All but health checks that went well, which come every few seconds."""
    if record.name != "uvicorn.access" or not isinstance(record.args, tuple):
        return True
    return not (str(record.args[2]).endswith("/health_check") and record.args[4] == 200)


def write_lines(service: str) -> None:
    """Has everything that is logged, by libraries too, written to stdout as JSON."""
    quiet = {"level": "WARNING"}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": Line, "service": service}},
            "filters": {"worth": {"()": lambda: is_worth_a_line}},
            "handlers": {
                "stdout": {
                    "class": "logging.StreamHandler",
                    "stream": "ext://sys.stdout",
                    "formatter": "line",
                    "filters": ["worth"],
                }
            },
            "root": {"level": "INFO", "handlers": ["stdout"]},
            "loggers": {"psycopg.pool": quiet, "httpx": quiet, "botocore": quiet},
        }
    )


def give_up(reason: str) -> NoReturn:
    """Ends the program before it serves; the container's host starts it again."""
    LOG.critical(reason)
    raise SystemExit(1)


def setting(*names: str) -> str:
    """The value of the first variable that is set: Spring Boot's name of it, or the plain one."""
    for name in names:
        if os.environ.get(name):
            return os.environ[name]
    give_up(f"The variable {' or '.join(names)} is missing.")


def address(service: str) -> str:
    """How to reach the database: a URL of JDBC with user and password beside it, or DATABASE_URL with both inside."""
    url = setting("spring.datasource.url", "DATABASE_URL")
    words: dict[str, str | int] = {
        "application_name": service,
        "connect_timeout": 3,
        "tcp_user_timeout": 3000,
        "options": "-c statement_timeout=3000",
    }
    if url.startswith("jdbc:"):
        words |= {"user": setting("spring.datasource.username"), "password": setting("spring.datasource.password")}
    try:
        return make_conninfo(url.removeprefix("jdbc:"), **words)
    except psycopg.ProgrammingError:
        # Not the reason, which may quote the URL, and with it a password.
        give_up("The URL of the database cannot be read.")


class Database:
    """A small pool of connections, and the tables of one service."""

    def __init__(self, service: str, tables: LiteralString) -> None:
        self.service = service
        self.tables = tables
        self.address = address(service)
        self.pool = ConnectionPool(
            self.address,
            connection_class=psycopg.Connection[Row],
            kwargs={"autocommit": True, "row_factory": dict_row},
            min_size=1,
            max_size=5,
            timeout=2,
            reconnect_timeout=2,
            check=ConnectionPool.check_connection,
            open=False,
            name=service,
        )

    def prepare(self) -> None:
        """Creates the tables that are missing. Of copies that start at once, one does it and the others wait."""
        try:
            with psycopg.connect(self.address) as session:
                session.execute("SET LOCAL statement_timeout = '30s'")
                session.execute("SELECT pg_advisory_xact_lock(%s)", [crc32(self.service.encode())])
                session.execute(self.tables)
        except psycopg.Error as error:
            give_up(f"The tables could not be prepared ({error}).")

    def rows(self, statement: LiteralString, **values: object) -> list[Row]:
        """The rows of one statement, which is a transaction of its own."""
        with self.pool.connection() as session:
            return session.execute(statement, values).fetchall()

    def row(self, statement: LiteralString, **values: object) -> Row | None:
        """The first row of one statement, if there is one."""
        return next(iter(self.rows(statement, **values)), None)


def create(database: Database, prefix: str, probe: LiteralString) -> FastAPI:
    """An application with nothing but a health path, which answers 200 where the statement `probe` succeeds."""

    @asynccontextmanager
    async def pool(_: FastAPI) -> AsyncIterator[None]:
        database.pool.open()
        yield
        database.pool.close()

    app = FastAPI(
        title=database.service, lifespan=pool, max_body_size=BODY, openapi_url=None, docs_url=None, redoc_url=None
    )

    @app.exception_handler(RequestValidationError)
    async def refuse(_: Request, error: RequestValidationError) -> JSONResponse:
        """Says what is wrong, and does not repeat what was sent."""
        faults = [{"at": ".".join(map(str, fault["loc"])), "message": fault["msg"]} for fault in error.errors()]
        return JSONResponse({"detail": faults}, 422)

    @app.exception_handler(psycopg.OperationalError)
    async def without_database(_: Request, error: psycopg.OperationalError) -> JSONResponse:
        LOG.warning("The database does not answer (%s).", error)
        return JSONResponse({"detail": "The database does not answer."}, 503)

    @app.get(f"{prefix}/health_check")
    def health() -> dict[str, str]:
        """Reads the database."""
        database.rows(probe)
        return {"status": "up"}

    return app


def run(app: FastAPI, database: Database, port: int) -> None:
    """Prepares the tables and serves until SIGTERM; what was begun then is finished first."""
    database.prepare()
    uvicorn.run(
        app,
        host="0.0.0.0",
        port=int(os.environ.get("PORT", port)),
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=8,
    )
