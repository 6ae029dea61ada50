"""A real browser with a page of another origin: nothing of it reaches the sandbox."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from msaspec import sandbox
from msaspec.sandbox.world import World
from tests.sandbox.test_trust import WRITES, calling

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs a headless Chromium (Debian's package chromium)")

PAGE = Path(__file__).with_name("evil.html").read_text("utf-8")
LEAVES = {"opaque", "beacon", "frame", "form"}
"""What a browser sends without telling the page what came of it."""


class Evil:
    """A web server with a page, which hears what came of it."""

    def __init__(self, endpoint: str, body: str) -> None:
        self.results: dict[str, str] = {}
        self.heard = threading.Event()
        page = PAGE.replace("ENDPOINT", json.dumps(endpoint)).replace("BODY", json.dumps(body)).encode()
        evil = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(page if self.path == "/" else b"", 200 if self.path == "/" else 404)

            def do_POST(self) -> None:
                evil.results = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer(b"", 200)
                evil.heard.set()

            def _answer(self, body: bytes, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *ignored: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @contextmanager
    def serving(self) -> Iterator[int]:
        """Answers until the block ends."""
        thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self.server.server_port
        finally:
            self.server.shutdown()
            thread.join()
            self.server.server_close()


def visited(url: str, evil: Evil, folder: Path, *options: str) -> dict[str, str]:
    """What a page reports that a browser with an empty profile shows."""
    assert BROWSER
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    # Chromium asks before a page reaches into the local network; a user may have said yes.
    words += ["--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"]
    command = [BROWSER, *words, *options, f"--user-data-dir={folder / 'profile'}", url]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            assert evil.heard.wait(60), "The page did not report."
        finally:
            process.terminate()
    return evil.results


def attack(place: Path) -> str:
    """The body of a request that makes a stack whose function writes a file."""
    from urllib.parse import urlencode

    template = calling(WRITES.format(place=str(place)))
    words = {"Action": "CreateStack", "Version": "2010-05-15", "StackName": "evil", "TemplateBody": template}
    return urlencode({**words, "Capabilities.member.1": "CAPABILITY_IAM"})


def state(world: World) -> list[str]:
    """What the sandbox has."""
    return [stack["StackName"] for stack in world.client("cloudformation").describe_stacks()["Stacks"]]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_page_of_another_origin_reaches_nothing(host: str, tmp_path: Path) -> None:
    """Requests of every kind that a page can send; even where any code may run, none does."""
    with sandbox.serve(run_any_code=True) as world:
        world.client("cloudformation").create_stack(
            StackName="mine", TemplateBody='{"Resources": {"A": {"Type": "AWS::SNS::Topic"}}}'
        )
        evil = Evil(world.endpoint.replace("127.0.0.1", host), attack(tmp_path / "ran"))
        with evil.serving() as port:
            results = visited(f"http://127.0.0.1:{port}/", evil, tmp_path)
        assert {name for name, result in results.items() if result != "refused"} <= LEAVES, results
        assert not [result for name, result in results.items() if "answered: 2" in result or "CreateStackR" in result]
        assert len(world.door.refused) >= 8
        assert state(world) == ["mine"]
    assert not (tmp_path / "ran").exists()


def test_a_name_that_is_led_here_reaches_nothing(tmp_path: Path) -> None:
    """DNS rebinding: the page's own name points to this machine, so the browser takes the sandbox for its origin."""
    with sandbox.serve(run_any_code=True) as world:
        port = int(world.endpoint.rpartition(":")[2])
        evil = Evil(f"http://evil.example:{port}", attack(tmp_path / "ran"))
        with evil.serving() as own:
            # First the page is loaded from its server, later the same name is the sandbox's address.
            rules = (
                f"--host-resolver-rules=MAP evil.example:{own} 127.0.0.1:{own},MAP evil.example:{port} 127.0.0.1:{port}"
            )
            results = visited(f"http://evil.example:{own}/", evil, tmp_path, rules)
        assert {name for name, result in results.items() if result != "refused"} <= LEAVES, results
        assert world.door.refused
        assert state(world) == []
        # The same origin, as after the change of the name: no header of another origin, only the foreign name.
        with socket.create_connection(("127.0.0.1", port)) as connection:
            request = f"GET /moto-api/data.json HTTP/1.1\r\nHost: evil.example:{port}\r\nConnection: close\r\n\r\n"
            connection.sendall(request.encode())
            answer = connection.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 403")
    assert not (tmp_path / "ran").exists()


def test_the_page_does_reach_a_server_without_a_door(tmp_path: Path) -> None:
    """The browser lets it through: what stops it is the sandbox."""
    heard: list[str] = []

    class Open(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
            self.send_response(200)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *ignored: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Open) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        evil = Evil(f"http://127.0.0.1:{server.server_port}", attack(tmp_path / "ran"))
        with evil.serving() as port:
            results = visited(f"http://127.0.0.1:{port}/", evil, tmp_path)
        server.shutdown()
        thread.join()
    assert results["simple"] == "answered: 200"
    assert any("CreateStack" in body for body in heard)
