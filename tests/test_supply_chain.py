"""Dependencies are locked, with hashes, for every Python that msaspec runs on."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
PINNED = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[\w,-]+\])?==(?P<version>\S+)(?: ; (?P<marker>[^\\]+))? \\$", re.MULTILINE
)


def pinned(lock: Path) -> dict[str, list[str]]:
    """The versions of each dependency of a lock file."""
    found: dict[str, list[str]] = {}
    for match in PINNED.finditer(lock.read_text("utf-8")):
        found.setdefault(canonicalize_name(match["name"]), []).append(match["version"])
    return found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_has_hashes_and_names_no_place(lock: Path) -> None:
    """pip takes it with --require-hashes, from whichever index it is set to."""
    text = lock.read_text("utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    assert len(entries) == len(PINNED.findall(text)) > 10
    assert all(re.search(r"\n    --hash=sha256:[0-9a-f]{64}", entry) for entry in entries)
    assert not re.search(r"https?:|file:|index|find-links|trusted-host|/", text)


@pytest.mark.parametrize("extra", ["sandbox", "dev"])
def test_the_lock_fits_pyproject(extra: str) -> None:
    """Each dependency is in the lock, in a version that is allowed. `scripts/lock` writes it anew."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found = pinned(ROOT / "requirements" / f"{extra}.lock")
    build = [
        line
        for line in (ROOT / "requirements" / "build.in").read_text("utf-8").split("\n")
        if line[:1] not in ("", "#")
    ]
    for line in [*project["dependencies"], *project["optional-dependencies"][extra], *build]:
        wanted = Requirement(line)
        versions = found.get(canonicalize_name(wanted.name), [])
        assert versions, f"{line} is not locked. Run scripts/lock."
        assert all(wanted.specifier.contains(version, prereleases=True) for version in versions), line


def test_what_is_installed_for_the_tests_is_what_is_locked() -> None:
    """The scripts install from the lock, and nothing else."""
    text = (ROOT / "scripts" / "environment").read_text("utf-8")
    assert '--require-hashes \\\n        --requirement "requirements/$extra.lock"' in text
    for script in ("demo", "test"):
        assert "pip install" not in (ROOT / "scripts" / script).read_text("utf-8")


def test_the_scripts_are_sound_bash() -> None:
    """bash reads each of those that are its."""
    files = [file for file in (ROOT / "scripts").iterdir() if file.suffix == "" and file.is_file()]
    scripts = [file for file in files if "python" not in file.read_text("utf-8").partition("\n")[0]]
    assert scripts
    for script in scripts:
        subprocess.run(["bash", "-n", str(script)], check=True)
