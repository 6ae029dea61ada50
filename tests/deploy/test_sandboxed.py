"""How `msaspec deploy --sandbox` goes about it, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from msaspec import lint
from msaspec.cli import deploy, main
from tests.deploy.account import SMALL


def test_another_process_lints_only_where_that_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does while the sandbox starts; not for a verdict that is remembered, nor for one that it would not come to, as
    with another Region or a manifest on standard input."""
    begun: list[str] = []

    @contextmanager
    def linted_meanwhile(file: str, environment: str | None) -> Iterator[Callable[[], object]]:
        begun.append(file)
        yield lambda: None

    def run(*words: str, text: str = "") -> list[str]:
        done = CliRunner().invoke(main, ["deploy", *words, "--sandbox", "--dry-run"], input=text)
        assert done.exit_code == 0, done.output
        return list(begun)

    monkeypatch.setenv("MSASPEC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(deploy, "_linted_meanwhile", linted_meanwhile)
    monkeypatch.setattr(lint, "examine", lambda text, regions=(): ())
    file = tmp_path / "msa.yaml"
    file.write_text(SMALL, "utf-8")
    assert run(str(file)) == [str(file)]
    assert run(str(file)) == [str(file)]
    assert run(str(file), "--region", "eu-central-1") == [str(file)]
    assert run("-", text=SMALL.replace("name: ", "name: x")) == [str(file)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ENDPOINT_URL_CLOUDFORMATION", "http://127.0.0.1:9"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_PROFILE", "nonexist"),
    ],
)
def test_it_stays_in_memory(name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment has been told of another AWS, such as of `msaspec sandbox`."""
    monkeypatch.setenv("MSASPEC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(lint, "examine", lambda text, regions=(): ())
    monkeypatch.setenv(name, value)
    done = CliRunner().invoke(main, ["deploy", "-", "--sandbox"], input=SMALL)
    assert (done.exit_code, done.exception) == (0, None), done.output
