"""Uses a database, a cache and a broker by the variables that it was given, and answers what came of it.

POST / with `{"store": "main", "act": "put", "key": "a"}`. Whatever a server refuses is answered in its own words. Every
connection is over TLS, which verifies the server by the name in the variables.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import pika
import pymysql


def database(prefix: str) -> Any:
    """A session of MySQL's protocol."""
    words = {key: os.environ[f"{prefix}_{key.upper()}"] for key in ("host", "password")}
    return pymysql.connect(
        **words,
        user=os.environ[f"{prefix}_USERNAME"],
        port=int(os.environ[f"{prefix}_PORT"]),
        database=os.environ[f"{prefix}_NAME"],
        autocommit=True,
        ssl=ssl.create_default_context(),
    )


def main_put(key: str) -> Any:
    """Write a row, and make the table where there is none."""
    with database("MAIN") as session, session.cursor() as cursor:
        cursor.execute("SHOW TABLES LIKE 'item'")
        if not cursor.fetchall():
            cursor.execute("CREATE TABLE item (name VARCHAR(50))")
        cursor.execute("INSERT INTO item VALUES (%s)", (key,))
    return "written"


def main_get(key: str) -> Any:
    """Count rows."""
    with database("MAIN") as session, session.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM item WHERE name = %s", (key,))
        return cursor.fetchone()[0]


def redis(*words: str) -> Any:
    """Ask Redis one thing, after a login by the URL."""
    url = urlsplit(os.environ["SESSIONS_URL"])
    assert url.scheme == "rediss", url.scheme
    with (
        socket.create_connection((url.hostname or "", url.port or 0), 20) as plain,
        ssl.create_default_context().wrap_socket(plain, server_hostname=url.hostname) as tls,
        tls.makefile("rwb") as stream,
    ):
        for command in (["AUTH", url.username or "", unquote(url.password or "")], words):
            stream.write(b"*%d\r\n" % len(command))
            for word in command:
                stream.write(b"$%d\r\n%b\r\n" % (len(word.encode()), word.encode()))
            stream.flush()
            answer = stream.readline().decode().strip()
            if answer.startswith("-"):
                raise PermissionError(answer)
        return stream.readline().decode().strip() if answer.startswith("$") and answer != "$-1" else answer


def bus() -> Any:
    """A connection to the broker."""
    words = pika.URLParameters(os.environ["BUS_URL"])
    words.ssl_options = pika.SSLOptions(ssl.create_default_context(), words.host)
    return pika.BlockingConnection(words)


def bus_put(key: str) -> Any:
    """Declare a queue, and send a message into it."""
    with bus() as connection:
        channel = connection.channel()
        channel.queue_declare("items", durable=True)
        channel.confirm_delivery()
        channel.basic_publish("", "items", key.encode(), mandatory=True)
    return "sent"


def bus_get(key: str) -> Any:
    """Receive a message."""
    with bus() as connection:
        return connection.channel().basic_get("items", auto_ack=True)[2].decode()


ACTS: dict[str, Callable[[str], Any]] = {
    "main put": main_put,
    "main get": main_get,
    "sessions put": lambda key: redis("SET", key, "here"),
    "sessions get": lambda key: redis("GET", key),
    "sessions flush": lambda key: redis("FLUSHALL"),
    "sessions users": lambda key: redis("ACL", "LIST"),
    "bus put": bus_put,
    "bus get": bus_get,
}


class Handler(BaseHTTPRequestHandler):
    """Answers requests."""

    def do_GET(self) -> None:
        """Say that it is well."""
        self.answer(200, "well")

    def do_POST(self) -> None:
        """Do what is asked for."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            self.answer(200, ACTS[f"{asked['store']} {asked['act']}"](asked["key"]))
        except Exception as error:
            self.answer(403, f"{type(error).__name__}: {error}")

    def answer(self, status: int, what: Any) -> None:
        """Answer as JSON."""
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("", 8080), Handler).serve_forever()
