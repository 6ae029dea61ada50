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
