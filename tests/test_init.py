"""`msaspec init`: a starter that teaches and works."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import msaspec
from msaspec.cli import main

STARTER = Path(msaspec.cli.__file__).with_name("starter.yaml")


def uncommented(text: str) -> str:
    """The starter with its proposals made real: comments that hold a line of a manifest."""
    lines = []
    for line in text.splitlines():
        bare = line.lstrip()
        key = bare.removeprefix("# ").lstrip().partition(":")[0]
        proposal = bare.startswith("# ") and key.replace("_", "").isalnum() and ":" in bare and "`" not in key
        lines.append(line.replace("# ", "", 1) if proposal else line)
    return "\n".join(lines) + "\n"


def test_the_starter_compiles_without_a_warning() -> None:
    """Both stacks come of it as it is."""
    document = msaspec.load(STARTER.read_bytes(), "msa.yaml")
    assert msaspec.compile_main(document).warnings == ()
    system = msaspec.compile_system(document)
    assert [stack.name for stack in system.stacks] == ["shop-registry", "shop"]
    assert system.warnings == ()


def test_the_starter_is_lint_clean() -> None:
    """cfn-lint has nothing to say against what it compiles to."""
    from cfnlint import api

    document = msaspec.load(STARTER.read_bytes(), "msa.yaml")
    for stack in msaspec.compile_system(document).stacks:
        config = api.ManualArgs(regions=["us-east-1"])
        assert [str(match) for match in api.lint(msaspec.to_yaml(stack), config=config)] == []


def test_what_the_starter_proposes_compiles() -> None:
    """Its commented lines are right where they stand, once the `#` is gone."""
    text = uncommented(STARTER.read_text("utf-8"))
    document = msaspec.load(text, "msa.yaml")
    assert {"region", "bastion", "environments"} <= document.data().keys()
    assert document.data()["buckets"] == {"media": {"cdn": True}}
    for environment in (None, "prod"):
        assert msaspec.compile_main(document, environment).warnings == ()


def test_init_writes_the_starter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To msa.yaml in the working directory, and names the next command."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["init"])
    assert result.exit_code == 0
    assert (tmp_path / "msa.yaml").read_bytes() == STARTER.read_bytes()
    assert "msaspec lint msa.yaml" in result.stderr
    assert result.stdout == ""


def test_init_refuses_to_overwrite(tmp_path: Path) -> None:
    """A file that exists stays as it is, unless --force is given."""
    file = tmp_path / "mine.yaml"
    file.write_text("mine")
    refused = CliRunner().invoke(main, ["init", str(file)])
    assert refused.exit_code == 2
    assert "already exists" in refused.stderr
    assert file.read_text() == "mine"
    assert CliRunner().invoke(main, ["init", str(file), "--force"]).exit_code == 0
    assert file.read_bytes() == STARTER.read_bytes()


def test_init_prints_to_standard_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` writes no file."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["init", "-"])
    assert result.exit_code == 0
    assert result.stdout_bytes == STARTER.read_bytes()
    assert list(tmp_path.iterdir()) == []
