"""Runs the shop's services as processes, and doors that can be shut between them and what they need."""

from __future__ import annotations

import base64
import json
import os
import queue
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from msaspec.sandbox.world import World

SHOP = Path(__file__).parent.parent.parent / "examples" / "shop"
SERVICES = ("user-service", "product-service", "cart-service")
PREFIXES = {"user-service": "/api/users", "product-service": "/api/products", "cart-service": "/api/carts"}


class Caller(httpx.Client):
    """A client whose paths begin behind `root`: "" is the root itself, without a slash at its end."""

    def __init__(self, root: str, **words: Any) -> None:
        super().__init__(timeout=30, trust_env=False, **words)
        self.root = root

    def request(self, method: str, url: httpx.URL | str, **words: Any) -> httpx.Response:
        """Sends a request, waits for the answer."""
        return super().request(method, f"{self.root}{url}", **words)


def made(answer: httpx.Response) -> dict[str, Any]:
    """What was created."""
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


class Program:
    """A copy of a service in a process of its own, on a free port, and what it writes to stdout."""

    def __init__(self, service: str, environment: Mapping[str, str], home: Path) -> None:
        self.service = service
        self.secrets = [value for name, value in environment.items() if "password" in name.lower()]
        self.lines: list[str] = []
        self._arrived: queue.Queue[str | None] = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=SHOP / service,
            env={"PATH": os.environ["PATH"], "HOME": str(home), **_CONTAINER, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line)
                self._arrived.put(line)
        self._arrived.put(None)

    def says(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        """Waits for a line in which the pattern is found."""
        while (line := self._arrived.get(timeout=seconds)) is not None:
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"{self.service} ended without /{pattern}/:\n{''.join(self.lines)}")

    def serving(self) -> Self:
        """Waits until it accepts requests."""
        self.port = int(self.says(r"Uvicorn running on http://[0-9.]+:(\d+)")[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = Caller(self.url + PREFIXES[self.service])
        return self

    def ended(self) -> int:
        """Waits for its end; returns the exit code."""
        code = self.process.wait(30)
        self._reader.join(30)
        return code

    def told(self) -> list[dict[str, Any]]:
        """All its lines, each of which has to be a JSON object."""
        return [json.loads(line) for line in self.lines]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Stops it, and looks whether all that it wrote may be read by anyone."""
        if hasattr(self, "http"):
            self.http.close()
        self.process.terminate()
        try:
            self.ended()
        finally:
            self.process.kill()
            self.ended()
            self.process.wait()
            assert self.process.stdout
            self._reader.join(30)
            self.process.stdout.close()
        if kind is None:
            assert all({"time", "level", "service"} <= line.keys() for line in self.told())
            assert not [secret for secret in self.secrets if secret in "".join(self.lines)]


_CONTAINER = {
    "PORT": "0",
    "PYTHONUNBUFFERED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    # What the instance's profile gives on AWS.
    "AWS_ACCESS_KEY_ID": "sandbox",
    "AWS_SECRET_ACCESS_KEY": "sandbox",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Door:
    """A port in front of another one: it relays while it is open; shut, it cuts what there is and refuses the rest.

    `requests` are the first lines of the HTTP requests that came through, in their order.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.requests: list[str] = []
        self._ends: list[socket.socket] = []
        self._lock = threading.Lock()
        self.open()

    def open(self) -> None:
        """Relays from now on."""
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        with self._lock:
            self._ends = [listener]
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def shut(self) -> None:
        """Cuts every connection and refuses new ones."""
        with self._lock:
            ends, self._ends = self._ends, []
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        ends[0].close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                with self._lock:
                    shut = not self._ends
                    self._ends += [] if shut else [client, server]
                if shut:
                    client.close()
                    server.close()
                    return
                threading.Thread(target=self._relay, args=(client, server), daemon=True).start()

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
        back.start()
        self._pump(client, server, listening=True)
        back.join()
        client.close()
        server.close()

    def _pump(self, source: socket.socket, sink: socket.socket, *, listening: bool = False) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if listening and (line := re.match(rb"([A-Z]+ \S+) HTTP/1", data)):
                    self.requests.append(line[1].decode())
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def door(target: int) -> Iterator[Door]:
    """A door for as long as the block lasts."""
    made = Door(target)
    try:
        yield made
    finally:
        with suppress(IndexError):
            made.shut()


def environments(world: World, region: str) -> dict[str, dict[str, str]]:
    """What the deployment left for each container: its variables by the user data, with the secrets read."""
    ec2, secrets = world.client("ec2", region), world.client("secretsmanager", region)

    def piece(part: str | list[str]) -> str:
        if isinstance(part, str):
            return part
        _, id, key = part
        return str(json.loads(secrets.get_secret_value(SecretId=id)["SecretString"])[key])

    found = {}
    for template in ec2.describe_launch_templates()["LaunchTemplates"]:
        id = template["LaunchTemplateId"]
        version = ec2.describe_launch_template_versions(LaunchTemplateId=id)["LaunchTemplateVersions"][0]
        script = base64.b64decode(version["LaunchTemplateData"].get("UserData", "")).decode()
        service = re.search(r"SERVICE=(\S+)", script)
        settings = re.search(r"<<'MSASPEC'\n(.*?)\nMSASPEC\n", script, re.DOTALL)
        if service and settings:
            variables = json.loads(settings[1])["environment"]
            found[service[1]] = {name: "".join(map(piece, value)) for name, value in variables.items()}
    return found
