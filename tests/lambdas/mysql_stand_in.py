"""Stands in for a MySQL server, of which no package of Debian's and no wheel has one.

It speaks MySQL's protocol over TLS with both plugins for passwords, caching_sha2_password with its cache, and keeps
what the bootstrap's statements say: accounts, databases and grants. Anything else is a syntax error, as an unknown
statement is. PyMySQL, which knows real servers, is the judge of its protocol (`test_mysql_stand_in.py`); what it makes
of statements was written from MySQL's manual, and has not been compared with a real server.
"""

from __future__ import annotations

import re
import secrets
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from pathlib import Path

from msaspec.aws.lambdas import mysql_verifier

NATIVE, SHA2 = "mysql_native_password", "caching_sha2_password"


class Refused(Exception):
    """An error of the server: code and text."""


@dataclass
class Account:
    """What the server keeps of a user."""

    plugin: str
    kept: str
    locked: bool = False
    cached: bytes | None = None
    """Of the clear password, once a login has shown it."""


@dataclass
class Server:
    """The whole server."""

    directory: Path
    version: str = "8.4.8"
    default: str = SHA2
    """The plugin that the greeting names."""
    partial_revokes: bool = False
    accounts: dict[str, Account] = field(default_factory=dict)
    databases: set[str] = field(default_factory=lambda: {"mysql", "sys"})
    grants: set[tuple[str, str, str]] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    begun: set[str] = field(default_factory=set)
    """Databases whose first SQL has run."""
    statements: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    """How users logged in: fast, full, native."""
    port: int = 0

    def attend(self, plain: socket.socket) -> None:
        """Serves one client to its end."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / "server.pem", self.directory / "server.key")
        nonce = bytes(secrets.choice(range(1, 127)) for _ in range(20))
        greeting = b"\x0a" + self.version.encode() + b"\0" + bytes(4) + nonce[:8] + b"\0"
        capabilities = (0x8AA01 | 0x8 | 0x200000).to_bytes(4, "little")
        greeting += capabilities[:2] + b"\x2d\x02\0" + capabilities[2:] + bytes([21]) + bytes(10) + nonce[8:] + b"\0"
        with plain, suppress(OSError, Refused):
            plain.settimeout(20)
            _send(plain, 0, greeting + self.default.encode() + b"\0")
            first = _receive(plain)[1]
            if not int.from_bytes(first[:4], "little") & 0x800:
                _send(plain, 2, _error(3159, "Connections using insecure transport are prohibited"))
                return
            with context.wrap_socket(plain, server_side=True) as inside:
                self._session(inside, nonce)

    def _session(self, inside: socket.socket, nonce: bytes) -> None:
        number, body = _receive(inside)
        user, _, rest = body[32:].partition(b"\0")
        answer, rest = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
        if int.from_bytes(body[:4], "little") & 8:  # with a database
            rest = rest.partition(b"\0")[2]
        plugin = rest.partition(b"\0")[0].decode()
        account = self.accounts.get(user.decode())
        number += 1
        if account and plugin != account.plugin:
            nonce = bytes(secrets.choice(range(1, 127)) for _ in range(20))
            _send(inside, number, b"\xfe" + account.plugin.encode() + b"\0" + nonce + b"\0")
            number, answer = _receive(inside)
            number += 1
        if account and account.plugin == SHA2:
            if account.cached is None or not _shows(answer, account.cached, nonce):
                _send(inside, number, b"\1\4")
                number, clear = _receive(inside)
                number += 1
                salt = bytes.fromhex(account.kept[2:])[7:27]
                hashed = b"$A$005$" + salt + mysql_verifier.stretched(clear[:-1], salt).encode()
                known = clear[-1:] == b"\0" and hashed == bytes.fromhex(account.kept[2:])
                account.cached = sha256(sha256(clear[:-1]).digest()).digest() if known else account.cached
                how = "full"
            else:
                _send(inside, number, b"\1\3")
                number, known, how = number + 1, True, "fast"
        elif account:
            stored = bytes.fromhex(account.kept[1:])
            mask = sha1(nonce + stored).digest()
            known, how = sha1(bytes(a ^ b for a, b in zip(answer, mask, strict=True))).digest() == stored, "native"
        else:
            known, how = False, ""
        if not account or not known or account.locked:
            _send(inside, number, _error(1045, f"Access denied for user '{user.decode()}'@'127.0.0.1'"))
            return
        self.logins.append(f"{user.decode()}: {how}")
        _send(inside, number, b"\0\0\0\2\0\0\0")
        while (body := _receive(inside)[1])[:1] in (b"\3", b"\x1b"):
            if body[:1] == b"\x1b":  # several statements may come from now on
                _send(inside, 1, b"\xfe\0\0\2\0")
                continue
            sql = body[1:].decode()
            self.statements.append(sql)
            try:
                found = self._run(sql)
            except Refused as error:
                _send(inside, 1, _error(*error.args))
                continue
            if found is None:
                _send(inside, 1, b"\0\0\0\2\0\0\0")
                continue
            column = b"".join(map(_text, (b"def", b"", b"", b"", b"a", b""))) + b"\x0c\x2d\0\xff\0\0\0\xfd\0\0\0\0\0"
            packets = (b"\1", column, b"\xfe\0\0\2\0", *(_text(each.encode()) for each in found), b"\xfe\0\0\2\0")
            for place, packet in enumerate(packets, 1):
                _send(inside, place, packet)

    def _run(self, sql: str) -> list[str] | None:
        """What comes of a statement: rows, or nothing."""
        for pattern, method in _STATEMENTS:
            if found := re.fullmatch(pattern, sql):
                return method(self, *map(_plain, found.groups()))
        raise Refused(1064, f"You have an error in your SQL syntax; near '{sql[:80]}'")

    def _account(self, verb: str, user: str, plugin: str, kept: str) -> None:
        if verb == "CREATE USER IF NOT EXISTS" and user in self.accounts:
            return
        if plugin == NATIVE and self.version >= "9":
            raise Refused(1524, f"Plugin '{NATIVE}' is not loaded")
        self.accounts[user] = Account(plugin, kept)

    def _lock(self, user: str) -> None:
        if user in self.accounts:
            self.accounts[user].locked = True

    def _grant(self, rights: str, place: str, user: str) -> None:
        if user not in self.accounts:
            raise Refused(1410, "You are not allowed to create a user with GRANT")
        self.grants |= {(user, place, right) for right in rights.split(", ")}

    def _revoke(self, right: str, place: str, user: str) -> None:
        self.grants.remove((user, place, right))

    def _held(self, grantee: str) -> list[str]:
        return [f"{place}/{right}" for user, place, right in sorted(self.grants) if f"'{user}'@'%'" == grantee]


_NAME, _USER, _TEXT = r"`((?:[^`]|``)*)`", r"'((?:[^']|'')*)'@'%'", r"'((?:[^']|'')*)'"
_STATEMENTS = (
    (r"SET sql_mode = .*", lambda _: None),
    (r"SELECT IFNULL\(GET_LOCK\('msaspec', 20\), 0\)", lambda _: ["1"]),
    (r"SELECT VERSION\(\)", lambda server: [server.version]),
    (
        r"SELECT variable_value FROM performance_schema.global_variables WHERE variable_name = 'partial_revokes'",
        lambda server: ["ON" if server.partial_revokes else "OFF"],
    ),
    (r"CREATE DATABASE IF NOT EXISTS (\w+)", lambda server, name: server.databases.add(name)),
    (rf"CREATE DATABASE IF NOT EXISTS {_NAME} CHARACTER SET utf8mb4", lambda server, name: server.databases.add(name)),
    (r"CREATE TABLE IF NOT EXISTS msaspec\.users \(name VARBINARY\(320\) PRIMARY KEY\)", lambda _: None),
    (r"SELECT name FROM msaspec\.users", lambda server: sorted(server.users)),
    (rf"INSERT IGNORE INTO msaspec\.users VALUES \({_TEXT}\)", lambda server, user: server.users.add(user)),
    (
        rf"(CREATE USER IF NOT EXISTS|ALTER USER) {_USER} IDENTIFIED WITH (\w+) AS ('[^']*'|0x[0-9A-F]+)"
        " PASSWORD EXPIRE NEVER ACCOUNT UNLOCK",
        Server._account,
    ),
    (
        rf"(ALTER USER) {_USER} IDENTIFIED WITH (caching_sha2_password) BY '(\w+)'",
        lambda server, *words: server._account(*words[:3], mysql_verifier.verifier(words[3]).split()[1]),
    ),
    (rf"(ALTER USER) {_USER} IDENTIFIED WITH (\w+) AS (0x[0-9A-F]+)", Server._account),
    (
        r"CREATE TABLE IF NOT EXISTS msaspec\.inits \(name VARBINARY\(256\) PRIMARY KEY, digest CHAR\(64\)\)",
        lambda _: None,
    ),
    (r"SELECT name FROM msaspec\.inits", lambda server: sorted(server.begun)),
    (rf"INSERT INTO msaspec\.inits VALUES \({_TEXT}, '[0-9a-f]{{64}}'\)", lambda server, name: server.begun.add(name)),
    (rf"USE {_NAME}", lambda server, name: None),
    (r"CREATE TABLE item \(id int\);", lambda server: None),
    (rf"ALTER USER IF EXISTS {_USER} ACCOUNT LOCK", Server._lock),
    (rf"GRANT ([A-Z, ]+) ON {_NAME}\.\* TO {_USER}", Server._grant),
    (rf"REVOKE ([A-Z ]+) ON {_NAME}\.\* FROM {_USER}", Server._revoke),
    (
        r"SELECT CONCAT\(table_schema, '/', privilege_type\) FROM information_schema\.schema_privileges"
        rf" WHERE grantee = {_TEXT} AND privilege_type <> 'USAGE'",
        Server._held,
    ),
)


def _plain(text: str) -> str:
    return text.replace("''", "'").replace("``", "`")


def _text(value: bytes) -> bytes:
    return (bytes([len(value)]) if len(value) < 251 else b"\xfc" + len(value).to_bytes(2, "little")) + value


def _error(code: int, text: str) -> bytes:
    return b"\xff" + code.to_bytes(2, "little") + b"#HY000" + text.encode()


def _shows(answer: bytes, twice: bytes, nonce: bytes) -> bool:
    """Whether an answer is that of a client that knows the password, of which the server has SHA256(SHA256(p))."""
    mask = sha256(twice + nonce).digest()
    return len(answer) == 32 and sha256(bytes(a ^ b for a, b in zip(answer, mask, strict=True))).digest() == twice


def _send(to: socket.socket, number: int, body: bytes) -> None:
    to.sendall(len(body).to_bytes(3, "little") + bytes([number]) + body)


def _receive(of: socket.socket) -> tuple[int, bytes]:
    head = _exactly(of, 4)
    return head[3], _exactly(of, int.from_bytes(head[:3], "little"))


def _exactly(of: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = of.recv(size - len(found))
        if not more:
            raise OSError("gone")
        found += more
    return found


@contextmanager
def serve(server: Server) -> Iterator[Server]:
    """Serves until the block ends, on a port of its own."""

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=server.attend, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]
        threading.Thread(target=accept, daemon=True).start()
        yield server
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
