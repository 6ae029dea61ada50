"""Starts a real RabbitMQ for tests: the standard library, `openssl`, and Debian's `rabbitmq-server`.

    with serve() as server:
        server.ask("GET", "/api/overview")

The server has one user, an administrator, as a broker of Amazon MQ has at first. It speaks TLS only, under the name
`localhost`, with a certificate of its own authority (`server.ca`). Nothing is left behind when the `with` block ends.
"""

from __future__ import annotations

import http.client
import json
import os
import pwd
import secrets
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lambdas.postgres import HOST, Unavailable, free_port, make_authority, make_certificate

BIN = Path("/usr/lib/rabbitmq/bin")


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int
    """For AMQP over TLS."""
    api: int
    """The port of the management API."""
    ca: Path
    administrator: str
    password: str
    directory: Path

    def ask(self, method: str, path: str, body: Any = None, login: tuple[str, str] | None = None) -> tuple[int, Any]:
        """Send a request to the management API, by default as the administrator."""
        tls = ssl.create_default_context(cafile=str(self.ca))
        connection = http.client.HTTPSConnection(HOST, self.api, timeout=20, context=tls)
        user, password = login or (self.administrator, self.password)
        headers = {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text else None

    def log(self) -> str:
        """All that the server has logged."""
        return "".join(path.read_text(errors="replace") for path in (self.directory / "log").glob("*.log"))


def _unprivileged(directory: Path) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("rabbitmq")
    for path in (directory, *directory.iterdir()):
        os.chown(path, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextmanager
def serve(definitions: dict[str, Any] | None = None, *, names: tuple[str, ...] = ()) -> Iterator[Server]:
    """Run a server with its own data for as long as the block lasts. With definitions it has what these say beside its
    administrator. `names` are hosts that it is beside `localhost`."""
    if not (BIN / "rabbitmq-server").exists() or shutil.which("epmd") is None:
        raise Unavailable("no rabbitmq-server here: Debian's package is rabbitmq-server")
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="msaspec-rabbitmq-"))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        ca = make_authority(directory, "ca")
        certificate, key = make_certificate(directory, "ca", "server", HOST, *names)
        server = Server(free_port(), free_port(), ca, "administrator", secrets.token_hex(16), directory)
        tls = {"cacertfile": ca, "certfile": certificate, "keyfile": key}
        lines = [
            "listeners.tcp = none",
            f"listeners.ssl.1 = 127.0.0.1:{server.port}",
            f"management.ssl.port = {server.api}",
            "management.ssl.ip = 127.0.0.1",
            *(f"{of}.{word} = {path}" for of in ("ssl_options", "management.ssl") for word, path in tls.items()),
            f"default_user = {server.administrator}",
            f"default_pass = {server.password}",
            "log.file.level = debug",
        ]
        if definitions is not None:
            login = {"name": server.administrator, "password": server.password, "tags": "administrator"}
            loaded = {**definitions, "users": [*definitions["users"], login]}
            (directory / "definitions.json").write_text(json.dumps(loaded))
            lines.append(f"load_definitions = {directory / 'definitions.json'}")
        (directory / "rabbitmq.conf").write_text("\n".join(lines) + "\n")
        (directory / "plugins").write_text("[rabbitmq_management].\n")
        run_as = _unprivileged(directory)
        epmd = str(free_port())
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "ERL_EPMD_PORT": epmd,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"test{server.port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(directory / "data"),
            "RABBITMQ_LOG_BASE": str(directory / "log"),
            "RABBITMQ_PID_FILE": str(directory / "pid"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
        }
        words: dict[str, Any] = {"cwd": directory, "env": environment, "stdin": subprocess.DEVNULL, **run_as}
        # It goes in the background by itself, and ends when it is told to.
        subprocess.run(["epmd", "-daemon", "-relaxed_command_check"], check=True, **words)
        stack.callback(subprocess.run, ["epmd", "-kill"], capture_output=True, **words)
        output = stack.enter_context((directory / "output").open("wb"))
        process = subprocess.Popen(
            [str(BIN / "rabbitmq-server")], stdout=output, stderr=output, start_new_session=True, **words
        )
        stack.callback(_stop, process)
        _wait(process, server)
        yield server


def _wait(process: subprocess.Popen[bytes], server: Server) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if server.ask("GET", "/api/overview")[0] == 200:
                # It listens for clients last.
                socket.create_connection((HOST, server.port), 5).close()
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"RabbitMQ did not start: {(server.directory / 'output').read_text(errors='replace')[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, 9)  # the data is thrown away
    process.wait()
