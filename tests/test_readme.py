"""What the README claims is shown: its error, its commands, its scripts, its links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from msaspec.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def test_the_error_of_the_readme_is_what_msaspec_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The diagnostic that the README shows comes out to the letter, for the example with that line at its end."""
    shown = next(block for block in README.split("```") if "MSA221" in block).strip("\n")
    written = re.findall(r"^ +\d+ \| (.*)$", shown, re.MULTILINE)[0]
    example = (ROOT / "examples" / "msa.yaml").read_text("utf-8")
    (tmp_path / "msa.yaml").write_text(f"{example}    env:\n{written}\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["compile"])
    assert result.exit_code == 1
    assert shown in result.stderr


def test_commands_of_the_readme_exist() -> None:
    """Every `msaspec COMMAND` of the README is a command, and every command is in its table."""
    commands = set(main.list_commands(None))  # type: ignore[arg-type]
    named = set(re.findall(r"msaspec ([a-z][a-z-]*)", README))
    assert named & commands == commands
    assert set(re.findall(r"^\| `msaspec ([a-z-]+)", README, re.MULTILINE)) == commands


def test_links_and_scripts_of_the_readme_exist() -> None:
    """Every file that the README and the guides link to is there, and the scripts can be run."""
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
            if not target.startswith("https://"):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
    for script in ("demo", "test"):
        assert f"scripts/{script}" in README
        assert (ROOT / "scripts" / script).stat().st_mode & 0o111


def test_ci_runs_what_the_readme_names() -> None:
    """`.ci/run` calls the README's test command and no other program of ours."""
    run = (ROOT / ".ci" / "run").read_text("utf-8")
    commands = [line for line in run.splitlines() if line and not line.startswith(("#", "set ", "cd ", "export "))]
    assert commands == ["scripts/test"]


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "guides").glob("*.md")), ids=lambda page: page.stem)
def test_manifests_of_the_guides_compile(page: Path, tmp_path: Path) -> None:
    """Every YAML of a guide, laid on a small system, compiles."""
    import yaml

    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)):
        manifest = {"msaspec": 1, "name": "guide", "databases": {"main": {}}, "buckets": {"media": {}}, "services": {}}
        written = yaml.safe_load(block)
        manifest |= {key: value for key, value in written.items() if key != "services"}
        manifest["services"] = {"report-service": {"image": "r:1"}, "web": {"image": "w:1"}}
        for name, service in (written.get("services") or {}).items():
            manifest["services"][name] = {"image": f"{name}:1", **service}
        for name in re.findall(r"\./([\w-]+\.sql)", block):
            (tmp_path / name).write_text("select 1;\n", "utf-8")
        file = tmp_path / f"{page.stem}-{number}.yaml"
        file.write_text(yaml.safe_dump(manifest), "utf-8")
        environments = [[], *(["--env", name] for name in manifest.get("environments", {}))]
        for environment in environments:
            result = CliRunner().invoke(main, ["compile", str(file), *environment])
            assert result.exit_code == 0, result.stderr
