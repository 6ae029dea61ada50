"""The runner and the authentication of MySQL 8.4, against a stand-in whose protocol PyMySQL judges.

No MySQL server can be installed here. The client is independent of this package and knows real servers: a stand-in with
which it logs in, fast and in full, speaks as they do. What the statements mean was tried on MariaDB
(`test_mysql_runner.py`).
"""

from __future__ import annotations

import secrets
import socket
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from msaspec.aws import bootstrap
from msaspec.aws.lambdas import mysql_runner, mysql_verifier
from msaspec.language.mysql import BOOTSTRAP
from tests.lambdas.mysql_stand_in import NATIVE, SHA2, Account, Server, serve
from tests.lambdas.postgres import HOST, make_authority, make_certificate
from tests.lambdas.world import Context, database

pymysql: Any = pytest.importorskip("pymysql")
MASTER, PASSWORD = "dbadmin", secrets.token_hex(16)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with the master user alone."""
    make_authority(tmp_path, "ca")
    make_certificate(tmp_path, "ca", "server", HOST)
    with serve(Server(tmp_path)) as running:
        running.accounts[MASTER] = Account(SHA2, mysql_verifier.verifier(PASSWORD).split()[1])
        yield running


def event(server: Server, *databases: dict[str, Any], **passwords: str) -> dict[str, Any]:
    """The runner's payload."""
    return {
        "Host": HOST,
        "Port": str(server.port),
        "username": MASTER,
        "password": PASSWORD,
        "ca": (server.directory / "ca.pem").read_text(),
        "Databases": list(databases),
        "logins": {user: mysql_verifier.verifier(password) for user, password in passwords.items()},
    }


def client(server: Server, user: str, password: str) -> None:
    """Logs in and out with PyMySQL."""
    ssl = {"ca": str(server.directory / "ca.pem"), "check_hostname": True}
    pymysql.connect(host=HOST, port=server.port, user=user, password=password, ssl=ssl, init_command=None).close()


def test_users_log_in_with_their_clear_passwords(server: Server) -> None:
    """By the full exchange, then from the cache: the runner as the master, and a client with what the runner made."""
    for _ in range(2):
        mysql_runner.handler(event(server, database("cart_db", "cart"), cart="secret"), Context())
    assert server.logins == [f"{MASTER}: full", f"{MASTER}: fast"]
    assert server.accounts["cart"].plugin == SHA2
    for _ in range(2):
        _cursorless(server, "cart", "secret")
    assert server.logins[2:] == ["cart: full", "cart: fast"]
    with pytest.raises(pymysql.err.OperationalError):
        _cursorless(server, "cart", "wrong")
    assert ("cart", "cart\\_db", "SELECT") in server.grants
    assert "secret" not in "".join(server.statements)


def _cursorless(server: Server, user: str, password: str) -> None:
    server_statements = len(server.statements)
    with pytest.MonkeyPatch.context() as patch:
        # It sets its own character set and commit mode, which the stand-in does not know.
        patch.setattr(pymysql.connections.Connection, "set_character_set", lambda self, charset, collation=None: None)
        patch.setattr(pymysql.connections.Connection, "autocommit", lambda self, value: None)
        client(server, user, password)
    assert len(server.statements) == server_statements


def test_owner_runs_the_first_sql_of_its_database(server: Server) -> None:
    """It logs in with a password that is thrown away, and has its own again afterwards."""
    runner = types.ModuleType("runner")
    exec(bootstrap.sources(BOOTSTRAP, set_up=True)[1], runner.__dict__)
    declared = {**database("cart_db", "cart"), "Init": "CREATE TABLE item (id int);"}
    for _ in range(2):
        runner.handler(event(server, declared, cart="secret"), Context())
    assert server.logins.count("cart: full") == 1
    assert server.begun == {"cart_db"}
    _cursorless(server, "cart", "secret")


@pytest.mark.parametrize("default", [SHA2, NATIVE])
@pytest.mark.parametrize("plugin", [SHA2, NATIVE])
def test_master_of_either_plugin(server: Server, plugin: str, default: str) -> None:
    """Whatever the greeting proposes, the server's switch is followed; what the master has on RDS is not documented."""
    server.default = default
    server.accounts[MASTER] = Account(plugin, mysql_verifier.verifier(PASSWORD).split()[plugin == SHA2])
    mysql_runner.handler(event(server, database("a", "cart"), cart="x"), Context())
    assert server.logins == [f"{MASTER}: {'full' if plugin == SHA2 else 'native'}"]
    with pytest.raises(mysql_runner.Failure, match=r'^The server refused to let "dbadmin" in \(1045: Access denied'):
        mysql_runner.handler({**event(server), "password": "wrong"}, Context())


def test_partial_revokes_take_names_literally(server: Server) -> None:
    """With them on, a backslash in a GRANT would be a letter of the name."""
    server.partial_revokes = True
    mysql_runner.handler(event(server, database("cart_db", "cart"), cart="x"), Context())
    assert {place for _, place, _ in server.grants} == {"cart_db"}


def test_access_follows_the_declaration(server: Server) -> None:
    """Rights that are no longer declared are revoked one by one; a user who is gone is locked."""
    mysql_runner.handler(event(server, database("a", "one", read_write=["two"]), one="x", two="y"), Context())
    mysql_runner.handler(
        event(server, database("a", "two"), database("b", read_only=["one"]), one="x", two="y"), Context()
    )
    assert {(place, right) for user, place, right in server.grants if user == "one"} == {
        ("b", "SELECT"),
        ("b", "SHOW VIEW"),
    }
    assert ("two", "a", "DROP") in server.grants
    mysql_runner.handler(event(server, database("a", "two"), two="y"), Context())
    assert server.accounts["one"].locked
    assert not server.accounts["two"].locked


def test_clear_text_is_refused_by_the_stand_in(server: Server) -> None:
    """As RDS does with `require_secure_transport`; so PyMySQL's logins above were inside TLS."""
    with pytest.raises(pymysql.err.OperationalError) as refused:
        pymysql.connect(host=HOST, port=server.port, user=MASTER, password=PASSWORD, ssl_disabled=True)
    assert refused.value.args[0] == 3159


@pytest.mark.parametrize("greeting", [b"\xff\x10\x04Too many connections", b"\xff\x6a\x04Host is not allowed"])
def test_what_is_said_before_the_greeting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, greeting: bytes) -> None:
    """Too many connections are waited for; a refusal is told."""
    make_authority(tmp_path, "ca")
    monkeypatch.setattr(mysql_runner, "PATIENCE", 0.1)
    server = Server(tmp_path)
    monkeypatch.setattr(server, "attend", lambda plain: _only(plain, greeting))
    with serve(server), pytest.raises(mysql_runner.Failure) as failure:
        mysql_runner.handler(event(server), Context())
    words = "could not be reached (The server" if b"Too" in greeting else 'refused to let "dbadmin" in (1130: Host'
    assert words in str(failure.value)


def _only(plain: socket.socket, body: bytes) -> None:
    """Sends one packet, and waits for the client to go."""
    with plain:
        plain.sendall(len(body).to_bytes(4, "little") + body)
        plain.recv(1)


def test_a_server_without_tls_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no way to a connection in clear text."""
    make_authority(tmp_path, "ca")
    server = Server(tmp_path)
    greeting = b"\x0a8.4.8\0" + bytes(13) + b"\x01\xa2" + bytes(30) + SHA2.encode() + b"\0"
    monkeypatch.setattr(server, "attend", lambda plain: _only(plain, greeting))
    with serve(server), pytest.raises(mysql_runner.Failure, match=r"^The server offers no TLS\.$"):
        mysql_runner.handler(event(server), Context())
