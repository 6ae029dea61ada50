"""How a host checks what answers no HTTP path: real connections, a real HTTP/2 server, a command in the container."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from msaspec.aws.user_data import Boot, Health
from tests.aws.test_user_data import INSTANCE, WORKER, Machine, machine, port

__all__ = ["machine", "port"]

HAPROXY = """\
defaults
  mode http
  timeout client 5s
  timeout connect 5s
  timeout server 5s
frontend grpc
  bind 127.0.0.1:{port} proto h2
  acl asked path /grpc.health.v1.Health/Check
  acl framed req.hdr(content-type) application/grpc
  http-request return status 200 content-type application/grpc file {answer} if METH_POST asked framed
  http-request return status 200 content-type application/grpc hdr grpc-status 12
"""


def checked(grace: float = 0, timeout: float = 30, **check: Any) -> Boot:
    """A service with a check, asked often. An answer has time, however busy the machine is."""
    return replace(WORKER, health=Health(interval=0.02, timeout=timeout, healthy=2, grace=grace, **check))


@contextmanager
def listening(port: int, close: bool) -> Iterator[None]:
    """Accept connections, and hold them or close them at once, as Docker's proxy does before the container listens."""
    held: list[socket.socket] = []

    def serve(server: socket.socket) -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            held.append(peer)
            if close:
                peer.close()

    with closing(socket.create_server(("127.0.0.1", port))) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield
    for peer in held:
        peer.close()


def test_a_port_that_takes_connections(machine: Machine, port: int) -> None:
    """A connection that is held is a service that is up; nothing has to be said on it."""
    with listening(port, close=False):
        assert machine.launch(checked(30, timeout=0.3, connect=port)).returncode == 0, machine.log
    assert machine.signals == [("SUCCESS", INSTANCE)]


def test_a_port_that_only_the_proxy_takes(machine: Machine, port: int) -> None:
    """Docker's proxy listens before the container does, and closes what it cannot pass on."""
    with listening(port, close=True):
        machine.launch(checked(connect=port))
    machine.fails_with(f"health: port {port} closes connections, running, exit 0, 0 restarts")


def test_a_port_where_nobody_listens(machine: Machine, port: int) -> None:
    """The reason is in the log of the boot."""
    machine.launch(checked(connect=port))
    machine.fails_with("health: [Errno 111] Connection refused, running, exit 0, 0 restarts")


@contextmanager
def haproxy(folder: Path, port: int, answer: bytes) -> Iterator[None]:
    """A real HTTP/2 server without TLS, which answers the gRPC health service."""
    program = shutil.which("haproxy")
    if program is None:
        pytest.skip("needs haproxy")
    (folder / "answer").write_bytes(answer)
    (folder / "haproxy.cfg").write_text(HAPROXY.format(port=port, answer=folder / "answer"))
    server = subprocess.Popen([program, "-db", "-f", str(folder / "haproxy.cfg")], stderr=subprocess.PIPE)
    try:
        while True:
            assert server.poll() is None, server.stderr and server.stderr.read()
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.01)
        yield
    finally:
        server.terminate()
        server.communicate()


def test_a_grpc_server_that_serves(machine: Machine, port: int, tmp_path: Path) -> None:
    """SERVING in the answer of grpc.health.v1 is a service that is up."""
    with haproxy(tmp_path, port, b"\0\0\0\0\2\x08\1"):
        assert machine.launch(checked(30, grpc=port)).returncode == 0, machine.log
    assert machine.signals == [("SUCCESS", INSTANCE)]


def test_a_grpc_server_that_does_not_serve(machine: Machine, port: int, tmp_path: Path) -> None:
    """NOT_SERVING is a service that is not up yet."""
    with haproxy(tmp_path, port, b"\0\0\0\0\2\x08\2"):
        machine.launch(checked(timeout=0.3, grpc=port))
    machine.fails_with(f"health: grpc.health.v1.Health on port {port} is not SERVING, running, exit 0, 0 restarts")


def test_a_command_in_the_container(machine: Machine) -> None:
    """It is run until it succeeds twice in a row; its words are arguments, never shell."""
    machine.behaviour["exec"] = [1, 0, 1, 0, 0]
    command = ("redis-cli", "-a", "$(touch /var/log/canary) ' \" ${x}", "ping")
    assert machine.launch(checked(30, command=command)).returncode == 0, machine.log
    assert machine.called("docker", "exec") == [["docker", "exec", "users", *command]] * 5


def test_a_command_that_fails(machine: Machine) -> None:
    """Its exit code and its last words are in the log of the boot."""
    machine.behaviour["exec"] = [3]
    machine.launch(checked(command=("redis-cli", "ping")))
    machine.fails_with("health: redis-cli: exit 3 not yet, running, exit 0, 0 restarts")
