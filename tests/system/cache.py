"""A node of ElastiCache: Redis itself, at the address of its box, with the users that its groups have."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.lambdas import postgres
from tests.system.network import Namespace, dying_with_us

User = tuple[str, str, str]
"""Name, rights as ACL SETUSER takes them, password."""
CONTROL = "elasticache"
"""Who sets the users, over a socket that nobody else reaches."""


def lacking() -> str | None:
    """Why there is no such server here."""
    missing = [tool for tool in ("redis-server", "redis-cli") if not shutil.which(tool)]
    return f"no {missing[0]} here: Debian's package is redis-server" if missing else None


class Redis:
    """A server, until it ends. It keeps nothing."""

    def __init__(self, namespace: Namespace, directory: Path, port: int, tls: tuple[str, Path] | None) -> None:
        directory.mkdir()
        self._socket, self._password = directory / "socket", secrets.token_hex(16)
        self._admitted: tuple[User, ...] | None = None
        lines = [
            f"bind {namespace.address}",
            f"unixsocket {self._socket}",
            f"dir {directory}",
            'save ""',
            "user default off",
            f"user {CONTROL} on >{self._password} ~* &* +@all",
        ]
        if tls:
            host, authority = tls
            shutil.copy(authority / "ca.key", directory)
            ca = shutil.copy(authority / "ca.pem", directory)
            certificate, key = postgres.make_certificate(directory, "ca", "server", host)
            lines += [f"port 0\ntls-port {port}\ntls-auth-clients no\ntls-ca-cert-file {ca}"]
            lines += [f"tls-cert-file {certificate}\ntls-key-file {key}"]
        else:
            lines += [f"port {port}"]
        (directory / "redis.conf").write_text("\n".join(lines) + "\n")
        with namespace.entered(), (directory / "log").open("wb") as log:
            command = dying_with_us(["redis-server", str(directory / "redis.conf")])
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not self._socket.exists():
            assert self._process.poll() is None, (directory / "log").read_text()
            assert time.monotonic() < deadline, (directory / "log").read_text()
            time.sleep(0.02)

    def _ask(self, *words: str) -> list[str]:
        login = ("--user", CONTROL, "--pass", self._password, "--no-auth-warning")
        done = subprocess.run(
            ["redis-cli", "-e", "-s", str(self._socket), *login, *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout.splitlines()

    def admit(self, users: Sequence[User]) -> None:
        """Brings its users up to what the groups say. Without any, whoever reaches it may do everything."""
        if self._admitted == tuple(users):
            return
        everything = [] if users else ["on", "nopass", "~*", "&*", "+@all"]
        self._ask("ACL", "SETUSER", "default", "reset", *everything)
        for name, rights, password in users:
            self._ask("ACL", "SETUSER", name, "reset", *rights.split(), f">{password}")
        for name in {*self._ask("ACL", "USERS")} - {name for name, _, _ in users} - {"default", CONTROL}:
            self._ask("ACL", "DELUSER", name)
        self._admitted = tuple(users)

    def end(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.wait()
