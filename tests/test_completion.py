"""A shell completes commands, options and the names in the manifest."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from msaspec.cli import main

ROOT = Path(__file__).parents[1]
PRODUCTION = "examples/production/msa.yaml"


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "examples")


def completed(line: str) -> list[str]:
    """What can stand in place of the last word of a line."""
    words = line.split(" ")
    return [each.value for each in ShellComplete(main, {}, "msaspec", "_").get_completions(words[:-1], words[-1])]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("logs c", ["cart-service"]),
        ("push user-service p", ["product-service"]),
        ("explain m", ["media", "main"]),
        ("deploy --tag c", ["cart-service="]),
        ("deploy --allow-replace u", ["user-service"]),
        ("destroy --delete-data me", ["media"]),
        ("deploy production/msa.yaml --env p", ["prod"]),
        ("deploy --region eu-west-1 production/msa.yaml --env ", ["dev", "prod"]),
        ("explain cart-service production/msa.yaml --env d", ["dev"]),
        ("push -f production/msa.yaml --env d", ["dev"]),
        ("deploy --env ", []),
        ("deploy --dry", ["--dry-run"]),
        ("compile --format j", ["json"]),
        ("dest", ["destroy"]),
        ("completion ", ["bash", "zsh", "fish"]),
    ],
)
def test_what_can_follow(line: str, expected: list[str]) -> None:
    """Names are those of the manifest that the line names, or of msa.yaml."""
    assert completed(line) == expected


def test_a_file_is_completed_by_the_shell() -> None:
    """Whatever it is called."""
    found = ShellComplete(main, {}, "msaspec", "_").get_completions(["lint"], "produ")
    assert [(each.type, each.value) for each in found] == [("file", "produ")]


@pytest.mark.parametrize(
    "text",
    [None, "", "[]", "services: [a]", "services: {1: {}, ok: {}}", "a: [", "\0", "é: \xff", "&a [*a]", "x: 2026-99-99"],
)
def test_a_manifest_that_cannot_be_read_has_no_names(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And completion says nothing of it, since people are in the middle of a line."""
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / "msa.yaml").write_bytes(text.encode("latin-1"))
    assert completed("logs ") == (["ok"] if text and "ok" in text else [])
    assert completed("deploy --env ") == []


def test_names_of_profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of both files of the AWS CLI, and nothing else that stands in them."""
    (tmp_path / "config").write_text("[default]\n[profile work]\n[sso-session corp]\n", "utf-8")
    (tmp_path / "credentials").write_text("[home]\naws_access_key_id = x\n", "utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    assert completed("deploy --profile ") == ["default", "home", "work"]
    (tmp_path / "config").write_text("no section\n", "utf-8")
    assert completed("deploy --profile w") == []


def test_every_option_for_a_name_in_the_manifest_completes_it() -> None:
    """A new command's too."""
    for name in main.list_commands(None):  # type: ignore[attr-defined, arg-type]
        command = main.get_command(None, name)  # type: ignore[attr-defined]
        for parameter in command.params:
            if parameter.make_metavar(None) in ("NAME", "SERVICE", "[FILE]", "SERVICE=TAG") and name != "init":
                assert parameter._custom_shell_complete, f"{name} {parameter.name}"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_of_its_shell(shell: str, tmp_path: Path) -> None:
    """The shell, where it is here, reads it without complaint."""
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert f"_MSASPEC_COMPLETE={shell}_complete" in result.stdout
    (tmp_path / "script").write_text(result.stdout, "utf-8")
    if shutil.which(shell):
        subprocess.run([shell, "-n", tmp_path / "script"], check=True)


def test_bash_completes(tmp_path: Path) -> None:
    """A real bash, which sources the script and asks the function in it as it does when Tab is pressed."""
    script = CliRunner().invoke(main, ["completion", "bash"]).stdout
    asked = 'COMP_WORDS=(msaspec logs p); COMP_CWORD=2; _msaspec_completion msaspec; echo "${COMPREPLY[@]}"'
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    told = subprocess.run(
        ["bash", "-c", f"{script}\n{asked}"],
        env={**os.environ, "PATH": path},
        cwd=ROOT / "examples",
        capture_output=True,
        text=True,
        check=True,
    )
    assert (told.stdout, told.stderr) == ("product-service\n", "")


def test_all_commands_are_there() -> None:
    """By their names."""
    assert completed("") == main.list_commands(None)  # type: ignore[attr-defined, arg-type]
