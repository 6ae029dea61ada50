"""The commands as processes of their own: into the sandbox in memory, and over HTTP as into AWS."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from msaspec import sandbox
from msaspec.sandbox.world import World
from tests import goldens, told
from tests.deploy.account import OWNING, SMALL

EXAMPLE = goldens.EXAMPLES / "msa.yaml"


def msaspec(
    folder: Path, *words: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A command of msaspec in a process of its own, without any credentials but those given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    shared = {name: str(folder / "nothing") for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")}
    return subprocess.run(
        [sys.executable, "-m", "msaspec", *words],
        cwd=folder,
        env={**kept, **shared, "AWS_EC2_METADATA_DISABLED": "true", **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


KEYS = {"AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox"}


@pytest.fixture
def served() -> Iterator[World]:
    """A sandbox that answers over HTTP only."""
    with sandbox.serve() as world:
        yield world


def test_the_sandbox_is_in_memory_whatever_is_set(tmp_path: Path) -> None:
    """Neither an endpoint of the environment nor a profile that is not there, nor files that nobody can read, have a
    say: what loads the sandbox asks boto3, too."""
    (tmp_path / "nothing").write_text("[default")
    (tmp_path / "msa.yaml").write_text(SMALL)
    settings = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_USE_FIPS_ENDPOINT": "true", "AWS_PROFILE": "nonexist"}
    done = msaspec(tmp_path, "deploy", "--sandbox", "--yes", environment=settings)
    assert done.returncode == 0, done.stderr


def test_the_example_into_the_sandbox(tmp_path: Path) -> None:
    """`deploy --sandbox` needs no account: repositories, change set, every resource, addresses first, and a clear word
    that it was an emulation."""
    done = msaspec(tmp_path, "deploy", str(EXAMPLE), "--sandbox", "--yes")
    assert done.returncode == 0, done.stderr
    assert "\nSandbox: an emulated AWS in memory." in done.stderr
    assert done.stderr.rstrip().endswith("nothing is left afterwards.")
    rows = [line for line in done.stderr.splitlines() if line.endswith("_COMPLETE")]
    assert sum(" CREATE_COMPLETE" in line for line in rows) > 70
    addresses = [line.split()[1] for line in done.stdout.splitlines()[:3]]
    assert all(re.fullmatch(r"http://[\d.]+/api/\w+", address) for address in addresses)


def test_a_system_over_http(served: World, tmp_path: Path) -> None:
    """The same code against an endpoint on this machine, which gets an image without layers: deployed, read, updated,
    destroyed."""
    (tmp_path / "msa.yaml").write_text(OWNING, "utf-8")
    target = ("--endpoint-url", served.endpoint, "--region", "eu-west-1")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return msaspec(tmp_path, *words, *target, environment=served.key.variables)

    deployed = run("deploy", "--yes")
    assert deployed.returncode == 0, deployed.stderr
    pushed = served.client("ecr", "eu-west-1").list_images(repositoryName="shop/cart")["imageIds"]
    assert [each["imageTag"] for each in pushed] == ["1.0"]
    outputs = run("outputs", "--format", "json")
    assert set(told.outputs(outputs.stdout)) == {"MediaBucket"}
    status = run("status")
    assert "shop   CREATE_COMPLETE" in status.stdout
    assert "CartImageTag = 1.0" in status.stdout
    assert run("diff", "--against", "stack").returncode == 0
    (tmp_path / "msa.yaml").write_text(OWNING.replace("8000", "8001"), "utf-8")
    changed = run("diff", "--against", "stack")
    assert changed.returncode == 1
    assert re.search(r"± CartInstance +replaced +LaunchTemplate", changed.stdout)
    assert run("deploy", "--yes").returncode == 0
    destroyed = run("destroy", "--yes")
    assert destroyed.returncode == 0, destroyed.stderr
    assert run("status", "--stack", "main").returncode == 3


@contextmanager
def webserver() -> Iterator[str]:
    """The address of a plain web server, which takes nothing but GET and refuses with a page."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_nothing_can_be_reached(tmp_path: Path) -> None:
    """Without credentials, without a Region, and with somebody else at the endpoint: exit code 3 and what to do."""
    (tmp_path / "msa.yaml").write_text(SMALL, "utf-8")
    without = msaspec(tmp_path, "deploy", "--yes", "--region", "eu-west-1")
    assert without.returncode == 3
    assert "error MSA601: There are no AWS credentials here." in without.stderr
    nowhere = msaspec(tmp_path, "deploy", "--yes", environment=KEYS)
    assert nowhere.returncode == 3
    assert "MSA607" in nowhere.stderr
    nobody = msaspec(tmp_path, "status", "--region", "eu-west-1", "--profile", "nobody", environment=KEYS)
    assert nobody.returncode == 3
    assert "MSA608" in nobody.stderr
    with webserver() as address:
        target = ("--region", "eu-west-1", "--endpoint-url", address)
        stranger = msaspec(tmp_path, "status", *target, environment=KEYS)
    assert stranger.returncode == 3
    assert "error MSA604: AWS cannot be reached: what answers is not AWS" in stranger.stderr
    for each in (without, nowhere, nobody, stranger):
        assert "Traceback" not in each.stderr
