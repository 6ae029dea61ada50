"""The wheel holds all that msaspec needs: what is installed is not the folder that the other tests run in."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import msaspec

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel holds."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_it_holds_the_whole_package(installed: Path) -> None:
    """Every file of it, also those that are no Python, and nothing beside it."""
    files = [path for path in (ROOT / "msaspec").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    there = {path.relative_to(installed) for path in installed.rglob("*") if path.is_file()}
    own = {path for path in there if not path.parts[0].endswith(".dist-info")}
    assert own == {path.relative_to(ROOT) for path in files}
    assert {path.parts[0] for path in there} == {"msaspec", f"msaspec-{msaspec.__version__}.dist-info"}


def test_it_works_by_itself(installed: Path, tmp_path: Path) -> None:
    """The commands that need files of the package's own: the starter, the schema, scripts."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "msaspec", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    where = [sys.executable, "-c", "import msaspec; print(msaspec.__file__)"]
    found = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert found.strip() == str(installed / "msaspec" / "__init__.py")
    run("init")
    assert '"services"' in run("schema")
    assert run("compile", str(ROOT / "examples/msa.yaml")) == (ROOT / "tests/goldens/shop.yaml").read_text("utf-8")
    assert "no findings" in run("lint")
