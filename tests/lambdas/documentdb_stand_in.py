"""Stands in for Amazon DocumentDB: no server of MongoDB's protocol with users can be installed here.

It speaks that protocol over TLS: the older form of the first message and OP_MSG, SCRAM with SHA-1 and SHA-256, the
commands about users, and reading and writing, for which it asks the roles of the user. BSON is that of the package
`bson` of PyMongo, which knows real servers and is the judge of the protocol (`test_documentdb_runner.py`). What
DocumentDB answers was written from its guide and MongoDB's manual, and has not been compared with a real cluster.
"""

from __future__ import annotations

import hmac
import secrets
import socket
import ssl
import struct
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import md5, new, pbkdf2_hmac
from pathlib import Path
from typing import Any

import bson

MECHANISMS = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}
READING = frozenset({"find", "distinct", "count", "listCollections", "aggregate"})
WRITING = READING | {"insert", "update", "delete", "create", "createIndexes", "drop"}
ROLES = {"read": READING, "readWrite": WRITING, "dbOwner": WRITING | {"dropDatabase", "collMod"}}
EVERYBODY = frozenset(
    {"hello", "ismaster", "isMaster", "saslStart", "saslContinue", "ping", "endSessions", "buildInfo"}
)


class Refused(Exception):
    """An error of the server: code, its name, text."""


@dataclass
class User:
    """What the server keeps of a user."""

    name: str
    roles: list[dict[str, str]]
    keys: dict[str, tuple[bytes, int, bytes, bytes]] = field(default_factory=dict)
    """By mechanism: salt, rounds, stored key, server key."""
    root: bool = False

    def take(self, password: str, mechanisms: tuple[str, ...]) -> None:
        """Keeps what shows that a client knows the password."""
        self.keys = {}
        for mechanism in mechanisms:
            name, salt, rounds = MECHANISMS[mechanism], secrets.token_bytes(16), 4096
            known = password if name == "sha256" else md5(f"{self.name}:mongo:{password}".encode()).hexdigest()
            salted = pbkdf2_hmac(name, known.encode(), salt, rounds)
            client, server = (hmac.digest(salted, word, name) for word in (b"Client Key", b"Server Key"))
            self.keys[mechanism] = salt, rounds, new(name, client).digest(), server

    def may(self, command: str, database: str) -> bool:
        """Whether the roles of the user allow a command."""
        return self.root or any(command in ROLES.get(each["role"], ()) for each in self.roles if each["db"] == database)


@dataclass
class Server:
    """The whole cluster."""

    directory: Path
    host: str = "localhost"
    mechanisms: tuple[str, ...] = ("SCRAM-SHA-1", "SCRAM-SHA-256")
    tls: bool = True
    writes: bool = True
    """Whether it is the instance that writes."""
    honest: bool = True
    """Whether it proves that it knows the password."""
    denials: int = 0
    """How many logins it still refuses, whatever the password."""
    users: dict[str, User] = field(default_factory=dict)
    data: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    """By database and collection."""
    commands: list[Mapping[str, Any]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    port: int = 0

    def add(self, name: str, password: str, *, root: bool = False) -> None:
        """Makes a user by the hand of the test."""
        self.users[name] = user = User(name, [], root=root)
        user.take(password, self.mechanisms)

    def attend(self, plain: socket.socket) -> None:
        """Serves one client to its end."""
        with plain, suppress(OSError, ssl.SSLError):
            plain.settimeout(30)
            if not self.tls:
                return Session(self, plain).serve()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.directory / "server.pem", self.directory / "server.key")
            with context.wrap_socket(plain, server_side=True) as inside:
                return Session(self, inside).serve()

    def documents(self, database: str, collection: str) -> list[dict[str, Any]]:
        """The documents of a collection, which comes about with the first."""
        return self.data.setdefault(database, {}).setdefault(collection, [])


@dataclass
class Session:
    """One connection."""

    server: Server
    line: socket.socket
    user: User | None = None
    exchange: dict[str, Any] = field(default_factory=dict)

    def serve(self) -> None:
        """Answers messages until the client goes."""
        while head := self._read(16):
            size, number, _, code = struct.unpack("<iiii", head)
            if code not in (2004, 2013):
                return  # no message at all, such as the beginning of TLS
            body = self._read(size - 16)
            if code == 2004:
                after = body.index(b"\0", 4) + 1 + 8
                answer = bson.encode(self._answer({**bson.decode(body[after:]), "$db": "admin"}))
                reply, kind = struct.pack("<iqii", 0, 0, 0, 1) + answer, 1
            else:
                reply, kind = b"\0\0\0\0\0" + bson.encode(self._answer(_sections(body[4:]))), 2013
            self.line.sendall(struct.pack("<iiii", len(reply) + 16, 0, number, kind) + reply)

    def _read(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            part = self.line.recv(size - len(found))
            if not part:
                return b""
            found += part
        return found

    def _answer(self, command: Mapping[str, Any]) -> dict[str, Any]:
        name, database = next(iter(command)), str(command.get("$db"))
        self.server.commands.append(command)
        try:
            if name not in EVERYBODY:
                if self.user is None:
                    raise Refused(13, "Unauthorized", f"command {name} requires authentication")
                if not self.user.may(name, database):
                    raise Refused(13, "Unauthorized", "Authorization failure")
            do = getattr(self, f"do_{name.lower()}", None)
            if do is None:
                raise Refused(59, "CommandNotFound", f"no such command: '{name}'")
            return {**do(command, database), "ok": 1.0}
        except Refused as error:
            code, word, text = error.args
            return {"ok": 0.0, "code": code, "codeName": word, "errmsg": text}

    def do_hello(self, command: Mapping[str, Any], database: str) -> dict[str, Any]:
        """What the server is, with values of all kinds that real ones send."""
        place = f"{self.server.host}:{self.server.port}"
        said = {
            "ismaster": self.server.writes,
            "isWritablePrimary": self.server.writes,
            "secondary": not self.server.writes,
            "setName": "rs0",
            "hosts": [place],
            "me": place,
            "primary": place,
            "maxBsonObjectSize": 16777216,
            "maxMessageSizeBytes": 48000000,
            "maxWriteBatchSize": 100000,
            "localTime": bson.datetime.datetime(2026, 1, 1),
            "operationTime": bson.Timestamp(1, 1),
            "electionId": bson.ObjectId(),
            "lastWrite": {"majorityOpTime": bson.Int64(2**40), "tags": [1.5, None, True, bson.Decimal128("1")]},
            "signature": bson.Binary(b"\0" * 20),
            "logicalSessionTimeoutMinutes": 30,
            "minWireVersion": 0,
            "maxWireVersion": 13,
            "readOnly": False,
        }
        if asked := command.get("saslSupportedMechs"):
            found = self.server.users.get(str(asked).partition(".")[2])
            # Versions with SHA-1 alone say nothing about it.
            if len(self.server.mechanisms) > 1:
                said["saslSupportedMechs"] = [*found.keys] if found else []
        return said

    do_ismaster = do_hello

    def do_ping(self, command: Mapping[str, Any], database: str) -> dict[str, Any]:
        """Nothing."""
        return {}

    do_endsessions = do_ping

    def do_buildinfo(self, command: Mapping[str, Any], database: str) -> dict[str, Any]:
        """The version of MongoDB that it is like."""
        return {"version": "5.0.0", "versionArray": [5, 0, 0, 0]}

    def do_saslstart(self, command: Mapping[str, Any], database: str) -> dict[str, Any]:
        """The challenge to a client that gives its name."""
        mechanism, first = command["mechanism"], bytes(command["payload"]).decode().removeprefix("n,,")
        given = dict(part.split("=", 1) for part in first.split(","))
        user = self.server.users.get(given["n"])
        if database != "admin" or user is None or mechanism not in user.keys:
            raise Refused(18, "AuthenticationFailed", "Authentication failed.")
        salt, rounds, _, _ = user.keys[mechanism]
        challenge = f"r={given['r']}{secrets.token_urlsafe(18)},s={b64encode(salt).decode()},i={rounds}"
        skips = bool(command.get("options", {}).get("skipEmptyExchange"))
        self.exchange = {"user": user, "mechanism": mechanism, "text": f"{first},{challenge}", "skips": skips}
        return {"conversationId": 1, "done": False, "payload": challenge.encode()}

    def do_saslcontinue(self, command: Mapping[str, Any], database: str) -> dict[str, Any]:
        """The proof of the client, then that of the server; the last exchange is empty."""
        if "proved" in self.exchange:
            return {"conversationId": 1, "done": True, "payload": b""}
        user, mechanism = self.exchange["user"], self.exchange["mechanism"]
        final, _, proof = bytes(command["payload"]).decode().rpartition(",p=")
        name, (_, _, stored, server) = MECHANISMS[mechanism], user.keys[mechanism]
        text = f"{self.exchange['text']},{final}".encode()
        mask = hmac.digest(stored, text, name)
        client = bytes(a ^ b for a, b in zip(b64decode(proof), mask, strict=True))
        if new(name, client).digest() != stored or self.server.denials:
            self.server.denials = max(0, self.server.denials - 1)
            raise Refused(18, "AuthenticationFailed", "Authentication failed.")
        self.user, self.exchange["proved"] = user, True
        self.server.logins.append(f"{user.name}: {mechanism}")
        signature = hmac.digest(server if self.server.honest else b"another", text, name)
        payload = b"v=" + b64encode(signature)
        return {"conversationId": 1, "done": self.exchange["skips"], "payload": payload}

    def do_usersinfo(self, command: Mapping[str, Any], database: str) -> dict[str, Any]:
        """All users."""
        return {
            "users": [
                {"_id": f"admin.{user.name}", "user": user.name, "db": "admin", "roles": user.roles}
                for user in self.server.users.values()
            ]
        }

    def do_createuser(self, command: Mapping[str, Any], database: str) -> dict[str, Any]:
        """A user, with both mechanisms where there are both."""
        name = command["createUser"]
        if name in self.server.users:
            raise Refused(51003, "Location51003", f'User "{name}@admin" already exists')
        self.server.users[name] = user = User(name, list(command["roles"]))
        self._take(user, command)
        return {}

    def do_updateuser(self, command: Mapping[str, Any], database: str) -> dict[str, Any]:
        """Its password, its roles."""
        user = self.server.users.get(command["updateUser"])
        if user is None:
            raise Refused(11, "UserNotFound", f"User {command['updateUser']}@admin not found")
        user.roles = list(command["roles"])
        self._take(user, command)
        return {}

    def _take(self, user: User, command: Mapping[str, Any]) -> None:
        unknown = [each["role"] for each in user.roles if each["role"] not in ROLES]
        if unknown:
            raise Refused(31, "RoleNotFound", f"No role named {unknown[0]}")
        if not 8 <= len(command["pwd"]) <= 100:
            raise Refused(2, "BadValue", "Password must be at least 8 characters and at most 100")
        user.take(command["pwd"], tuple(command.get("mechanisms", self.server.mechanisms)))

    def do_dropuser(self, command: Mapping[str, Any], database: str) -> dict[str, Any]:
        """Removes one."""
        if self.server.users.pop(command["dropUser"], None) is None:
            raise Refused(11, "UserNotFound", f"User '{command['dropUser']}@admin' not found")
        return {}

    def do_distinct(self, command: Mapping[str, Any], database: str) -> dict[str, Any]:
        """The values of a field."""
        found = self.server.data.get(database, {}).get(command["distinct"], [])
        return {"values": list({each[command["key"]]: None for each in found if command["key"] in each})}

    def do_find(self, command: Mapping[str, Any], database: str) -> dict[str, Any]:
        """All documents that have these values."""
        name, wanted = command["find"], command.get("filter", {}).items()
        found = [each for each in self.server.documents(database, name) if wanted <= each.items()]
        return {"cursor": {"firstBatch": found, "id": bson.Int64(0), "ns": f"{database}.{name}"}}

    def do_insert(self, command: Mapping[str, Any], database: str) -> dict[str, Any]:
        """New documents; a driver that would repeat the write is refused, as on DocumentDB before 8.0.2."""
        if "txnNumber" in command:
            raise Refused(301, "Location301", "Retryable writes are not supported")
        self.server.documents(database, command["insert"]).extend(map(dict, command["documents"]))
        return {"n": len(command["documents"])}

    def do_update(self, command: Mapping[str, Any], database: str) -> dict[str, Any]:
        """Replaces documents, or makes them."""
        there = self.server.documents(database, command["update"])
        for each in command["updates"]:
            found = [one for one in there if each["q"].items() <= one.items()]
            if not found and each.get("upsert"):
                there.append(dict(each["u"]))
            for one in found:
                one.update(each["u"])
        return {"n": len(command["updates"])}

    def do_delete(self, command: Mapping[str, Any], database: str) -> dict[str, Any]:
        """Removes documents."""
        there = self.server.documents(database, command["delete"])
        for each in command["deletes"]:
            there[:] = [one for one in there if not each["q"].items() <= one.items()]
        return {"n": len(command["deletes"])}

    def do_drop(self, command: Mapping[str, Any], database: str) -> dict[str, Any]:
        """Removes a collection."""
        self.server.data.get(database, {}).pop(command["drop"], None)
        return {}

    def do_dropdatabase(self, command: Mapping[str, Any], database: str) -> dict[str, Any]:
        """Removes a database."""
        self.server.data.pop(database, None)
        return {}


def _sections(body: bytes) -> dict[str, Any]:
    """The command in the sections of a message: a document, and lists of documents beside it."""
    command: dict[str, Any] = {}
    beside: dict[str, Any] = {}
    while body:
        kind, body = body[0], body[1:]
        (size,) = struct.unpack_from("<i", body)
        part, body = body[:size], body[size:]
        if kind == 0:
            command = bson.decode(part)
        else:
            name, _, rest = part[4:].partition(b"\0")
            beside[name.decode()] = bson.decode_all(rest)
    return {**command, **beside}


@contextmanager
def serve(server: Server) -> Iterator[Server]:
    """Lets a server listen until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.port = listening.getsockname()[1]

        def attend() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    threading.Thread(target=server.attend, args=(client,), daemon=True).start()

        thread = threading.Thread(target=attend, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            listening.close()
            thread.join(10)
