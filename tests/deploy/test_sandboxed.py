"""How `msaspec deploy --sandbox` goes about it, in this process."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from msaspec.cli import main
from msaspec.cli.app import App
from msaspec.linting import cfn_lint
from tests.deploy.account import SMALL


@pytest.fixture(autouse=True)
def unlinted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """cfn-lint finds nothing, at once, and its verdicts are the test's own."""
    monkeypatch.setenv("MSASPEC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(cfn_lint, "examine", lambda *arguments: ())


def test_another_process_lints_only_where_that_helps(tmp_path: Path) -> None:
    """It does while the sandbox starts; not for a verdict that is remembered, nor for one that it would not come to, as
    with another Region or a manifest on standard input."""
    begun: list[str] = []

    @contextmanager
    def beside(words: Sequence[str]) -> Iterator[Callable[[], object]]:
        begun.append(shlex.join(words))
        yield lambda: None

    def run(*words: str, text: str = "") -> list[str]:
        app = App(beside=beside)
        done = CliRunner().invoke(main, ["deploy", *words, "--sandbox", "--dry-run"], input=text, obj=app)
        assert done.exit_code == 0, done.output
        return list(begun)

    file = tmp_path / "msa.yaml"
    file.write_text(SMALL, "utf-8")
    assert run(str(file)) == [f"lint {file} --env -"]
    assert run(str(file)) == [f"lint {file} --env -"]
    assert run(str(file), "--region", "eu-central-1") == [f"lint {file} --env -"]
    assert run("-", text=SMALL.replace("name: ", "name: x")) == [f"lint {file} --env -"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ENDPOINT_URL_CLOUDFORMATION", "http://127.0.0.1:9"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_PROFILE", "nonexist"),
    ],
)
def test_it_stays_in_memory(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment has been told of another AWS, such as of `msaspec sandbox`."""
    monkeypatch.setenv(name, value)
    done = CliRunner().invoke(main, ["deploy", "-", "--sandbox"], input=SMALL)
    assert (done.exit_code, done.exception) == (0, None), done.output


def refused(manifest: str, *words: str) -> str:
    """What is told of a deployment into the sandbox that ends with 1, after it has said that it checks."""
    done = CliRunner().invoke(main, ["deploy", "-", "--sandbox", *words], input=manifest)
    assert done.exit_code == 1, done.output
    assert isinstance(done.exception, SystemExit)
    return done.output.removeprefix("Checking <stdin> ...\n")


@pytest.mark.parametrize("region", ["nowhere-1", "us-west-9", "cn-north-1", "us-gov-west-1", "eusc-de-east-1"])
def test_a_region_that_it_does_not_play(region: str) -> None:
    """The sandbox has the Regions of the partition `aws`, and says so of any other before it does anything."""
    message = f"The sandbox does not have the Region {region}: it has only those of the partition `aws`."
    hint = "Use another, such as --region us-east-1."
    assert refused(SMALL, "--region", region).splitlines()[:2] == [f"error MSA640: {message}", f"   = hint: {hint}"]


def test_a_region_of_the_manifest_that_it_does_not_play() -> None:
    """It is told on its line; a word on the command line comes before it."""
    manifest = f"{SMALL}region: us-west-9\n"
    said = refused(manifest)
    assert said.startswith("<stdin>:8:9: error MSA640: The sandbox does not have the Region us-west-9: ")
    done = CliRunner().invoke(main, ["deploy", "-", "--sandbox", "--region", "us-west-1"], input=manifest)
    assert done.exit_code == 0, done.output


def test_a_region_younger_than_the_lists_of_moto() -> None:
    """It has Amazon Linux as every Region has."""
    done = CliRunner().invoke(main, ["deploy", "-", "--sandbox", "--region", "mx-central-1"], input=SMALL)
    assert done.exit_code == 0, done.output
