"""`export compose` of a site: the configuration runs in a real nginx and leads paths as the function of CloudFront."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from msaspec.cli import main
from msaspec.exporting import site
from msaspec.exporting.site import Route

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="needs nginx, which scripts/test installs")
FILES = {
    "index.html": "home",
    "app.js": "program",
    "docs/index.html": "docs",
    "docs/a b.html": "spaced",
    "start$here.html": "dollar",
    ".well-known/proof": "proof",
}


class Service(BaseHTTPRequestHandler):
    """Says what it is asked for."""

    def do_GET(self) -> None:
        """Answer with the path and the headers."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}}).encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(tmp_path: Path, pages: dict[str, str], *routes: Route) -> Iterator[http.client.HTTPConnection]:
    """Run the server of a site at a socket, until it ends."""
    folder = tmp_path / "dist"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    own = site.config(pages, routes, str(folder), f"unix:{tmp_path}/socket")
    (tmp_path / "site.conf").write_text(own, "utf-8")
    logs = "".join(
        f" {kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if Path("/").owner() == Path.home().owner() else ""
    (tmp_path / "nginx.conf").write_text(
        f"{user} daemon off; pid {tmp_path}/pid; error_log {tmp_path}/errors; events {{}}\n"
        f"http {{ access_log off;{logs} include {tmp_path}/site.conf; }}\n",
        "utf-8",
    )
    assert NGINX
    words = [NGINX, "-c", str(tmp_path / "nginx.conf"), "-e", str(tmp_path / "errors")]
    checked = subprocess.run([*words, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    server = subprocess.Popen(words)
    try:
        connection = http.client.HTTPConnection("site")
        while True:
            connection.sock = socket.socket(socket.AF_UNIX)
            try:
                connection.sock.connect(f"{tmp_path}/socket")
                break
            except OSError:
                connection.sock.close()
                assert server.poll() is None, (tmp_path / "errors").read_text("utf-8")
        connection.sock.close()
        yield connection
    finally:
        server.terminate()
        server.wait()


def asked(tmp_path: Path, connection: http.client.HTTPConnection, path: str) -> tuple[int, str]:
    """The status, and the text or where it leads."""
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(f"{tmp_path}/socket")
    connection.request("GET", path, headers={"Host": "localhost:8080", "Connection": "close"})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers.get("Location") or (text if answer.status == 200 else "")


@needs_nginx
def test_pages_of_folders(tmp_path: Path) -> None:
    """Without a fallback each folder has its index, and a path without a slash at its end leads there."""
    with serving(tmp_path, {"index": "index.html"}) as connection:
        answers = {
            "/": (200, "home"),
            "/app.js": (200, "program"),
            "/docs/": (200, "docs"),
            "/docs": (301, "/docs/"),
            "/docs?a=1": (301, "/docs/?a=1"),
            "/docs/a%20b.html": (200, "spaced"),
            "/gone.js": (404, ""),
            "/gone/": (404, ""),
            "/.well-known/proof": (200, "proof"),
            "/.well-known/none": (404, ""),
        }
        assert {path: asked(tmp_path, connection, path) for path in answers} == answers


@needs_nginx
def test_an_application_that_routes_by_itself(tmp_path: Path) -> None:
    """Every path whose last part has no dot is the fallback, whatever its name has in it."""
    with serving(tmp_path, {"index": "index.html", "fallback": "start$here.html"}) as connection:
        answers = {
            "/": (200, "home"),
            "/orders/7": (200, "dollar"),
            "/docs/": (200, "dollar"),
            "/app.js": (200, "program"),
            "/gone.css": (404, ""),
        }
        assert {path: asked(tmp_path, connection, path) for path in answers} == answers


@needs_nginx
def test_services_behind_the_same_name(tmp_path: Path) -> None:
    """Their paths, and what is below; with `strip` without the prefix. What only begins alike is a page."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        address = f"127.0.0.1:{server.server_port}"
        routes = Route("/api/$a'b", address), Route("/api/orders", address), Route("/users", address, strip=True)
        with serving(tmp_path, {"index": "index.html", "fallback": "index.html"}, *routes) as connection:
            for path, seen in {
                "/api/orders": "/api/orders",
                "/api/orders/7?b=c%20d": "/api/orders/7?b=c%20d",
                "/api/$a'b/x": "/api/$a'b/x",
                "/users": "/",
                "/users/7": "/7",
                "/users/7?q=1": "/7?q=1",
            }.items():
                status, text = asked(tmp_path, connection, path)
                assert status == 200
                answer = json.loads(text)
                assert answer["path"] == seen
                assert answer["host"] == "localhost:8080"
            assert asked(tmp_path, connection, "/api/orders-of-mine") == (200, "home")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_file_has_the_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a port that no service has, from the folder beside the manifest, in front of the services; without a bucket in
    the emulator where no service uses it."""
    monkeypatch.chdir(tmp_path)
    Path("msa.yaml").write_text(
        """
msaspec: 1
name: shop
region: us-east-1
ingress: {cdn: true, domain: origin.shop.example.com, hosted_zone: Z0123456789ABC}
buckets: {frontend: {site: {files: web/dist, fallback: index.html}}}
services: {orders: {build: ./orders, port: 8080, paths: [/api/orders], runtime: fargate}}
""",
        "utf-8",
    )
    result = CliRunner().invoke(main, ["export", "compose", "-o", "local/compose.yaml"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = yaml.safe_load(Path("local/compose.yaml").read_text("utf-8"))
    assert found["services"].keys() == {"orders", "frontend"}
    frontend = found["services"]["frontend"]
    assert frontend["ports"] == ["127.0.0.1:8081:80"]
    assert frontend["volumes"][0]["source"] == "../web/dist"
    config = found["configs"]["frontend-site"]["content"].replace("$$", "$")
    assert config == site.config(
        {"index": "index.html", "fallback": "index.html"}, [Route("/api/orders", "orders:8080")]
    )
