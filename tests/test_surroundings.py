"""Commands where the machine lacks what is usually there: a home folder, a cache, a folder for temporary files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

MANIFEST = """\
msaspec: 1
name: shop
region: us-east-1
network: {placement: public}
services:
  web: {image: 'docker.io/library/nginx:1', port: 8080, paths: [/web]}
"""
NOBODY = """\
import pwd, sys

def unknown(number):
    raise KeyError(number)

pwd.getpwuid = unknown
from msaspec.__main__ import run
run()
"""
"""msaspec for a user whom the machine does not know, as in a container with a number for a user."""
READ_ONLY = "mount -o remount,ro,bind / && cd {folder} && exec {python} -m msaspec {words}"
COMMANDS = (
    ("lint", 0),
    ("compile", 0),
    ("explain E3012", 0),
    ("deploy --sandbox --yes", 0),
    ("status --profile nobody", 3),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the manifest."""
    (tmp_path / "msa.yaml").write_text(MANIFEST, "utf-8")
    return tmp_path


def run(folder: Path, words: str, *, python: tuple[str, ...] = ("-m", "msaspec"), **variables: str | None) -> str:
    """What a command says on stderr, with its exit code before. A variable that is None is not there."""
    environment: Mapping[str, str | None] = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_EC2_METADATA_DISABLED": "true",
        "MSASPEC_CACHE_DIR": None,
        "XDG_CACHE_HOME": None,
        "XDG_STATE_HOME": None,
        "AWS_MAX_ATTEMPTS": "1",
        **variables,
    }
    done = subprocess.run(
        [sys.executable, *python, *words.split()],
        cwd=folder,
        env={name: value for name, value in environment.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return f"{done.returncode} {done.stderr}"


@pytest.mark.parametrize(("words", "code"), COMMANDS)
def test_a_user_without_a_home(folder: Path, words: str, code: int) -> None:
    """Neither HOME nor the list of users names one: nothing is cached, and no folder called `~` is made."""
    said = run(folder, words, python=("-c", NOBODY), HOME=None)
    assert said.startswith(f"{code} "), said
    assert {path.name for path in folder.iterdir()} == {"msa.yaml"}


@pytest.mark.parametrize("home", ["", "/nonexistent", "/dev/null", "relative"])
def test_a_home_that_is_none(folder: Path, home: str) -> None:
    """It is no obstacle."""
    assert run(folder, "lint", HOME=home).startswith("0 ")


@pytest.mark.parametrize("cache", ["/proc/none", "/dev/full", "msa.yaml", "/dev/null"])
def test_a_cache_that_cannot_be_written(folder: Path, cache: str) -> None:
    """It is as good as an empty one."""
    assert run(folder, "lint", MSASPEC_CACHE_DIR=cache).startswith("0 ")
    assert (folder / "msa.yaml").read_text("utf-8") == MANIFEST


def test_a_folder_for_temporary_files_that_is_not_there(folder: Path) -> None:
    """Python looks for another."""
    assert run(folder, "deploy --sandbox --yes", TMPDIR="/nonexistent").startswith("0 ")


@pytest.mark.parametrize(("words", "code"), [*COMMANDS[:3], COMMANDS[4], ("compile -o written.yaml", 2)])
def test_a_disk_that_is_read_only(folder: Path, words: str, code: int) -> None:
    """Nothing is written that nobody asked for; what was asked for is a usage error."""
    said = run_read_only(folder, words)
    assert said.startswith(f"{code} "), said
    if "-o" in words:
        assert "written.yaml cannot be written: Read-only file system." in said


def test_a_sandbox_on_a_disk_that_is_read_only(folder: Path) -> None:
    """It needs a folder, and says which variable names one."""
    said = run_read_only(folder, "deploy --sandbox --yes")
    assert said.startswith("2 ")
    assert "The sandbox needs a folder for temporary files: No usable temporary directory found" in said
    assert "Name one by the variable TMPDIR." in said


def run_read_only(folder: Path, words: str) -> str:
    """The same where no folder can be written."""
    mounted = READ_ONLY.format(folder=folder, python=sys.executable, words=words)
    inside = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    try:
        able = subprocess.run([*inside, "mount -o remount,ro,bind /"], capture_output=True, check=False).returncode == 0
    except OSError:
        able = False
    if not able or os.stat(folder).st_dev != os.stat("/").st_dev:
        pytest.skip("the disk cannot be made read-only here")
    done = subprocess.run(
        [*inside, mounted],
        env={**os.environ, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_MAX_ATTEMPTS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return f"{done.returncode} {done.stderr}"
