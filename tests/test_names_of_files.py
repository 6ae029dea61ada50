"""Names that no file can have, wherever a command or a manifest takes a path: a message, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from msaspec.cli import main

LONG = "a" * 300
"""Longer than the name of a file can be: each question for it is answered with an error, not with a no."""
SMALL = "msaspec: 1\nname: shop\nbuckets: {docs: }\nservices: {}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a manifest."""
    monkeypatch.chdir(tmp_path)
    Path("msa.yaml").write_text(SMALL, "utf-8")


@pytest.mark.parametrize("name", [LONG, f"{LONG}/msa.yaml"])
@pytest.mark.parametrize(
    "words",
    [
        ["lint"],
        ["lint", "msa.yaml", "--cfnlintrc"],
        ["compile"],
        ["compile", "msa.yaml", "-o"],
        ["diff"],
        ["diff", "msa.yaml", "--against"],
        ["draw"],
        ["draw", "msa.yaml", "-o"],
        ["explain", "docs"],
        ["export", "compose"],
        ["export", "compose", "msa.yaml", "-o"],
        ["import", "compose"],
        ["import", "copilot"],
        ["init"],
        ["policy"],
        ["push", "--file"],
        ["schema", "-o"],
        ["status"],
        ["deploy", "--yes"],
    ],
)
def test_of_a_command(words: list[str], name: str) -> None:
    """It is refused, with the name or the reason."""
    result = CliRunner().invoke(main, [*words, name])
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (1, 2)
    assert "aaaaaa" in result.output


@pytest.mark.parametrize("name", [LONG, f"{LONG}/site"])
@pytest.mark.parametrize(
    "entry",
    [
        "buckets: {docs: {site: NAME}}\nservices: {}\n",
        "services: {web: {image: 'web:1', files: {/etc/a: NAME}}}\n",
        "services: {web: {build: NAME}}\n",
        "services: {web: {image: 'web:1', build: {secrets: {token: NAME}}}}\n",
    ],
)
@pytest.mark.parametrize("command", ["lint", "compile", "deploy"])
def test_of_a_manifest(entry: str, name: str, command: str) -> None:
    """What is looked for beside the manifest is told as missing, or is not looked for yet."""
    Path("msa.yaml").write_text("msaspec: 1\nname: shop\nregion: us-east-1\n" + entry.replace("NAME", name), "utf-8")
    words = ["deploy", "--sandbox", "--dry-run"] if command == "deploy" else [command]
    result = CliRunner().invoke(main, [*words, "msa.yaml"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (0, 1), result.output
