"""The hook for https://pre-commit.com, run by the real pre-commit in a repository of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import copy2, copytree, ignore_patterns, which

import pytest

ROOT = Path(__file__).parents[1]
NETWORK = re.compile(
    r"NameResolutionError|NewConnectionError|ConnectTimeout|ProxyError|No matching distribution found for hatchling"
)

MANIFEST = """\
msaspec: 1
name: small
services:
  web:
    image: docker.io/nginx:1.29
    port: 80
"""


def execute(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in a folder, with an identity for git and nothing of the repository that the tests run in."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PYTHONPATH"))}
    environment = {
        **inherited,
        "GIT_AUTHOR_NAME": "Test",
        "GIT_AUTHOR_EMAIL": "test@example.com",
        "GIT_COMMITTER_NAME": "Test",
        "GIT_COMMITTER_EMAIL": "test@example.com",
        "MSASPEC_CACHE_DIR": str(folder.parent / "cache"),
        "PRE_COMMIT_HOME": str(folder.parent / "pre-commit"),
        "PRE_COMMIT_COLOR": "never",
    }
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def commit(folder: Path) -> str:
    """Makes the folder a repository with everything in it, and returns the commit."""
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "All"]):
        assert execute(folder, "git", *command).returncode == 0
    return execute(folder, "git", "rev-parse", "HEAD").stdout.strip()


@pytest.mark.skipif(which("git") is None, reason="needs git")
def test_hook_in_a_repository(tmp_path: Path) -> None:
    """The hook checks every manifest of a repository, whatever its name, names the line of a fault, and passes once it
    is mended. It passes over other YAML files."""
    hook, project = tmp_path / "hook", tmp_path / "project"
    copytree(ROOT / "msaspec", hook / "msaspec", ignore=ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        copy2(ROOT / name, hook / name)
    revision = commit(hook)
    for name, text in (("good", MANIFEST), ("bad", MANIFEST.replace("port:", "prot:"))):
        (project / name).mkdir(parents=True)
        (project / name / "msa.yaml").write_text(text, "utf-8")
    (project / "infra").mkdir()
    (project / "infra" / "prod.yml").write_text(f"# The shop\n---\n{MANIFEST}".replace("small", "other"), "utf-8")
    (project / "other.yaml").write_text("not: a manifest\n", "utf-8")
    (project / "compose.yaml").write_text("services: {web: {image: nginx, ports: ['80:80']}}\n", "utf-8")
    (project / ".pre-commit-config.yaml").write_text(
        f"repos:\n  - repo: {hook.as_posix()}\n    rev: {revision}\n    hooks: [{{id: msaspec-lint}}]\n", "utf-8"
    )
    commit(project)

    command = (sys.executable, "-m", "pre_commit", "run", "--all-files", "--verbose")
    failing = execute(project, *command)
    if NETWORK.search(failing.stdout):
        pytest.skip("the hook's environment cannot be installed without a network")
    assert failing.returncode == 1, failing.stdout + failing.stderr
    assert re.search(r"^bad/msa\.yaml:6:5: error MSA\d+: ", failing.stdout, re.MULTILINE), failing.stdout
    assert "3 files, 2 stacks: 1 error." in failing.stdout

    (project / "bad" / "msa.yaml").write_text(MANIFEST, "utf-8")
    passing = execute(project, *command)
    assert passing.returncode == 0, passing.stdout + passing.stderr
    assert "3 files, 3 stacks: no findings." in passing.stdout

    # What is no manifest is skipped in silence, and a commit of it alone passes.
    alone = execute(project, *command[:-2], "--files", "other.yaml", "compose.yaml", "--verbose")
    assert alone.returncode == 0, alone.stdout + alone.stderr
    assert "file" not in alone.stdout.partition("duration:")[2]
