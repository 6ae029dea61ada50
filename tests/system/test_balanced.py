"""An address that stays, on Fargate: nginx, which resolves the name of what it calls once, in front of two copies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.lambdas import postgres
from tests.system.booted import ENVIRONMENT, asking, tasks
from tests.system.shop import Outside, Shop, deployed

STAND_INS = Path(__file__).parent / "stand_ins"
MANIFEST = """\
msaspec: 1
name: front
region: eu-west-1
defaults:
  runtime: {type: fargate, cpu: 0.25 vCPU, memory: 512 MiB}
services:
  web:
    image: proxy:1
    port: 8080
    health: {path: /health}
    paths: [/]
    uses: [balanced, direct]
  balanced:
    image: callee:1
    port: 8081
    health: {path: /}
    scale: 2
    address: balanced
    env: {PORT: 8081}
  direct:
    image: callee:1
    port: 8082
    health: {command: [curl, -sf, "http://127.0.0.1:8082/"], interval: 10 s}
    scale: 2
    env: {PORT: 8082}
"""
NGINX = """\
daemon off;
worker_processes 1;
pid FOLDER/nginx.pid;
error_log stderr warn;
events {}
http {
  access_log off;
  client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy; fastcgi_temp_path FOLDER/fastcgi;
  uwsgi_temp_path FOLDER/uwsgi; scgi_temp_path FOLDER/scgi;
  upstream balanced { server balanced:8081 max_fails=0; server balanced:8081 max_fails=0; }
  server {
    listen 8080;
    location / { proxy_pass http://balanced; }
    location /health { return 200; }
  }
}
"""
"""nginx as most write it: it looks the name up when it starts, and asks a second time where it got no answer."""


@pytest.fixture(scope="module")
def system(server: postgres.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The system, deployed and running."""
    directory = tmp_path_factory.mktemp("balanced")
    (directory / "nginx").mkdir()
    (directory / "nginx.conf").write_text(NGINX.replace("FOLDER", str(directory / "nginx")))
    nginx = ["nginx", "-e", "stderr", "-c", str(directory / "nginx.conf")]
    callee = {"command": ["python", "callee.py"], "directory": str(STAND_INS)}
    images: dict[str, Any] = {"proxy": {"command": nginx, "directory": "/", "environment": ENVIRONMENT}}
    images |= {f"callee:{tag}": callee | {"environment": ENVIRONMENT | {"VERSION": f"v{tag}"}} for tag in (1, 2)}
    pushed = [("front/proxy", "1"), ("front/callee", "1"), ("front/callee", "2")]
    with deployed(server, directory, MANIFEST, pushed, images, "eu-west-1") as system:
        yield system


@pytest.fixture
def nginx(system: Shop) -> Outside:
    """Somebody's connection to nginx."""
    return system.http("web")


def complaints(system: Shop) -> list[str]:
    """What nginx has said of calls that came to nothing."""
    (front,) = tasks(system, "web")
    return [line for line in system.site.tasks[front].lines if "[error]" in line]


def test_whoever_resolved_once_goes_on_through_a_deployment(system: Shop, nginx: Outside) -> None:
    """Each request is answered at the first attempt, by copies of the old version and then by those of the new one.
    nginx has the address from before."""
    front, before = tasks(system, "web"), tasks(system, "balanced")
    with asking(lambda: nginx.get("/")) as somebody:
        system.site.until(somebody.more(), "it answers")
        system.run("deploy", "--yes", "--tag", "balanced=2")
        assert len(tasks(system, "balanced") - before) == 2
        system.site.until(somebody.more(), "it answers")
    versions = [text for _, text in somebody.answers]
    assert (versions[0], set(versions), set(versions[-5:])) == ("v1", {"v1", "v2"}, {"v2"})
    assert tasks(system, "web") == front
    assert complaints(system) == []


def test_a_copy_that_ends_is_missed_by_nobody(system: Shop, nginx: Outside) -> None:
    """nginx asks a second time, and gets the other copy, until the balancer knows."""
    before = tasks(system, "balanced")
    victim = min(before)
    with asking(lambda: nginx.get("/")) as somebody:
        system.site.tasks[victim].crash()
        system.site.until(lambda: len(tasks(system, "balanced") - {victim}) == 2, "another copy")
        system.site.until(somebody.more(), "it answers")


def test_a_name_leads_to_copies_whose_check_passes(system: Shop) -> None:
    """Copies that are called directly are under their name as soon as their container is healthy: whichever address
    it has, the first who asks there is answered, although a copy needs a second until it listens."""
    (front,) = tasks(system, "web")
    before, seen = tasks(system, "direct"), set()

    def ask() -> httpx.Response:
        found = set(system.site.lookup("direct.front.internal") or [])
        fresh = found - seen
        seen.update(fresh)
        with system.site.namespaces[front].entered():
            answers = [httpx.get(f"http://{each}:8082/", timeout=30, trust_env=False) for each in sorted(fresh)]
        return answers[0] if answers else httpx.Response(200 if found else 404)

    with asking(ask) as somebody:
        system.site.until(somebody.more(), "it answers")
        system.run("deploy", "--yes", "--tag", "direct=2")
        system.site.until(somebody.more(), "it answers")
    assert len(tasks(system, "direct") - before) == 2
    assert len(seen) == 4
    first, *later = [text for _, text in somebody.answers if text]
    assert (first, set(later)) == ("v1", {"v2"})
