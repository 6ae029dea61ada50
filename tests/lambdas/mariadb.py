"""Starts a real MariaDB server for tests: the standard library, `openssl`, and Debian's `mariadb-server`.

    with serve() as server:
        server.connect(server.superuser, server.password)

The server speaks TLS under the name `localhost` with a certificate of its own authority (`server.ca`), and refuses what
is not TLS, as RDS does. Nothing is left behind when the `with` block ends.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql

from tests.lambdas.postgres import HOST, Unavailable, free_port, make_authority, make_certificate


@dataclass(frozen=True)
class Server:
    """A running server."""

    version: str
    port: int
    ca: Path
    superuser: str
    password: str
    directory: Path

    def connect(self, user: str, password: str, database: str | None = None, **words: Any) -> Any:
        """A session of PyMySQL that verifies the server."""
        return pymysql.connect(
            host=HOST,
            port=self.port,
            user=user,
            password=password,
            database=database,
            autocommit=True,
            **{"ssl": {"ca": str(self.ca), "check_hostname": True}, **words},
        )

    def log(self) -> str:
        """All statements that the server has seen."""
        return (self.directory / "data" / "general.log").read_text(errors="replace")


def _program(*names: str) -> str:
    for name in names:
        found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if found:
            return found
    raise Unavailable(f"no {names[0]} here: Debian's package is mariadb-server")


def _unprivileged(directory: Path) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    for name in ("mysql", "nobody"):
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            for path in (directory, *directory.iterdir()):
                os.chown(path, user.pw_uid, user.pw_gid)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise Unavailable("root cannot run MariaDB, and there is no user mysql or nobody")


@contextmanager
def serve(*options: str, port: int | None = None, names: tuple[str, ...] = ()) -> Iterator[Server]:
    """Runs a server with its own data directory for as long as the block lasts. `names` are hosts that it is beside
    `localhost`."""
    program, install = _program("mariadbd", "mysqld"), _program("mariadb-install-db", "mysql_install_db")
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    if "MariaDB" not in told:
        raise Unavailable(f"{program} is no MariaDB: {told}")
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="msaspec-mariadb-"))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        ca = make_authority(directory, "ca")
        certificate, key = make_certificate(directory, "ca", "server", HOST, *names)
        data, password = directory / "data", secrets.token_hex(16)
        (directory / "first.sql").write_text(
            f"CREATE USER superuser@'%' IDENTIFIED BY '{password}';\n"
            "GRANT ALL ON *.* TO superuser@'%' WITH GRANT OPTION;\n"
        )
        data.mkdir()
        run_as = _unprivileged(directory)
        subprocess.run(
            [
                install,
                "--no-defaults",
                f"--datadir={data}",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
            ],
            check=True,
            capture_output=True,
            text=True,
            cwd=directory,
            **run_as,
        )
        chosen = port or free_port()
        command = [
            *(program, "--no-defaults", f"--datadir={data}", f"--init-file={directory / 'first.sql'}"),
            *("--bind-address=127.0.0.1", f"--port={chosen}", f"--socket={directory / 'socket'}"),
            *(
                "--pid-file=server.pid",
                "--skip-name-resolve",
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-doublewrite=0",
            ),
            *(f"--ssl-ca={ca}", f"--ssl-cert={certificate}", f"--ssl-key={key}", "--require-secure-transport=1"),
            # As on RDS with backups, and with the parameters of the compiler.
            *("--log-bin=binary", "--log-bin-trust-function-creators=1"),
            *("--general-log=1", "--general-log-file=general.log"),
            *options,
        ]
        log = stack.enter_context((directory / "log").open("wb"))
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory, **run_as)
        stack.callback(_stop, process)
        server = Server(told.split()[2], chosen, ca, "superuser", password, directory)
        _wait(process, server)
        yield server


def _wait(process: subprocess.Popen[bytes], server: Server) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            server.connect(server.superuser, server.password).close()
        except pymysql.err.OperationalError as error:
            if error.args[0] != 2003:  # nobody listens yet
                raise
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"MariaDB did not start: {(server.directory / 'log').read_text(errors='replace')[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # the data is thrown away
    process.wait()
