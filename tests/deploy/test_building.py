"""`msaspec deploy` builds and pushes the images that are missing, by a program that stands in for docker."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from msaspec import sandbox
from msaspec.cli import main
from tests.deploy.account import OWNING, Account

PLACE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop"
BUILDING = OWNING.replace("image: cart:1.0", "image: cart:1.0, build: ./the cart")
BUILDER = f"""\
#!{sys.executable} -IS
import json, os, sys
if "--password-stdin" in sys.argv:
    sys.stdin.read()
with open(os.environ["BUILDER_LOG"], "a") as log:
    print(json.dumps(sys.argv[1:]), file=log)
print("what the builder says\\n::error::of", sys.argv[1])
if sys.argv[1] == os.environ.get("BUILDER_FAILS"):
    sys.exit(7)
"""


@pytest.fixture
def log(account: Account, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[list[str]]]:
    """What the builder was asked for. An image that it pushes is in the repository."""
    programs = account.folder / "bin"
    programs.mkdir()
    (programs / "docker").write_text(BUILDER, "utf-8")
    (programs / "docker").chmod(0o755)
    path = account.folder / "builder.log"
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("BUILDER_LOG", str(path))

    def read() -> list[list[str]]:
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    return read


def test_a_first_deployment_is_one_command(account: Account, log: Callable[[], list[list[str]]]) -> None:
    """The repositories are made, the image is built for the service's architecture and pushed, and the stack comes to
    be; the builder's output is not shown. A second deployment builds nothing."""
    result = account.deploy(BUILDING)
    assert result.exit_code == 0, result.stderr
    build = ["build", "--platform", "linux/arm64", "--tag", f"{PLACE}/cart:1.0", "the cart"]
    assert log()[1:] == [build, ["push", f"{PLACE}/cart:1.0"]]
    assert log()[0][:3] == ["login", "--username", "AWS"]
    assert f"Building {PLACE}/cart:1.0 from the cart for linux/arm64" in result.stderr
    assert "what the builder says" not in result.output
    assert account.status() == "CREATE_COMPLETE"
    account.push("cart", "1.0")  # which the stand-in did not
    assert account.deploy(None).exit_code == 0
    assert len(log()) == 3


def test_building_is_asked_for(account: Account, log: Callable[[], list[list[str]]]) -> None:
    """Without --yes there is a question of its own; a no leaves everything but the repositories."""
    account.write(BUILDING)
    no = account.run("deploy", answer="y\nn\n")
    assert (no.exit_code, log()) == (1, []), no.stderr
    assert "Build and push this image: cart:1.0? [y/N]" in no.stderr
    assert account.stack() is None
    yes = account.run("deploy", answer="y\ny\n")
    assert yes.exit_code == 0, yes.stderr
    assert len(log()) == 3


@pytest.mark.parametrize(("fails", "runs"), [("login", 1), ("build", 2), ("push", 3)])
def test_what_failed_is_shown(
    account: Account, log: Callable[[], list[list[str]]], monkeypatch: pytest.MonkeyPatch, fails: str, runs: int
) -> None:
    """The end of what the builder said, as data; nothing but the repositories is deployed."""
    monkeypatch.setenv("BUILDER_FAILS", fails)
    result = account.deploy(BUILDING)
    assert (result.exit_code, len(log())) == (3, runs)
    assert "MSA625" in result.stderr
    assert "what the builder says" in result.stderr
    assert "\n::error" not in result.stderr
    assert "\n  ::error" not in result.stderr
    assert account.stack() is None


def test_an_image_without_build_is_named_before_anything_is_built(
    account: Account, log: Callable[[], list[list[str]]]
) -> None:
    """The deployment could not go on anyway, so nobody waits for a build."""
    result = account.deploy(BUILDING + "  user: {image: user:1.0, port: 8001}\n")
    assert (result.exit_code, log()) == (1, [])
    assert "MSA522: The image of `user`" in result.stderr
    assert "The image of `cart`" not in result.stderr


def test_a_dry_run_builds_nothing(account: Account, log: Callable[[], list[list[str]]]) -> None:
    """It says what a deployment would build."""
    account.write(BUILDING)
    result = account.run("deploy", "--dry-run")
    assert (result.exit_code, log()) == (0, [])
    assert "1 of 1 images are not in their repositories yet. The deployment builds and pushes 1 of them." in " ".join(
        result.stderr.split()
    )


def test_a_shared_image_is_built_once(account: Account, log: Callable[[], list[list[str]]]) -> None:
    """The service that says how it is built speaks for the others that run it."""
    result = account.deploy(BUILDING + "  user: {image: cart:1.0, port: 8001}\n")
    assert result.exit_code == 0, result.stderr
    assert [words[0] for words in log()] == ["login", "build", "push"]


def test_without_a_builder(account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The message names the programs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    result = account.deploy(BUILDING)
    assert (result.exit_code, "MSA624" in result.stderr) == (3, True)


def test_the_starter_is_deployed_into_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`msaspec sandbox` has no registry, so `deploy` and `push` put stand-ins, and no program logs in anywhere; by
    --endpoint-url, and by the variable that the sandbox prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MSASPEC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, list(words), catch_exceptions=False)

    assert run("init").exit_code == 0
    with sandbox.serve(0) as world:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", world.key.id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", world.key.secret)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        result = run("deploy", "--yes", "--endpoint-url", world.endpoint)
        assert result.exit_code == 0, result.stderr
        assert "shop/shop-api:1.0" in result.stderr
        monkeypatch.setenv("AWS_ENDPOINT_URL", world.endpoint)
        result = run("push", "clean-up", "--tag", "clean-up=2.0")
        assert result.exit_code == 0, result.stderr
        found = world.client("ecr").list_images(repositoryName="shop/clean-up")["imageIds"]
        assert sorted(each["imageTag"] for each in found) == ["1.0", "2.0"]
