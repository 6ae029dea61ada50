"""The files of the example services: what holds of them without running them."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from tests.shop.programs import PREFIXES, SERVICES, SHOP

MANIFEST: dict[str, Any] = yaml.safe_load((SHOP.parent / "msa.yaml").read_text("utf-8"))


def test_there_is_a_directory_for_each_service_of_the_example() -> None:
    """And no other."""
    assert {path.name for path in SHOP.iterdir() if path.is_dir()} == set(MANIFEST["services"]) == set(SERVICES)


def test_what_is_shared_is_the_same_everywhere() -> None:
    """Each image is built from its own directory, so each has the file: one text."""
    assert len({(SHOP / service / "service.py").read_bytes() for service in SERVICES}) == 1


@pytest.mark.parametrize("service", SERVICES)
def test_programs_are_short(service: str) -> None:
    """A person reads a service at one sitting."""
    assert len((SHOP / service / "app.py").read_text("utf-8").splitlines()) < 200


def instructions(directory: Path) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile."""
    lines = (directory / "Dockerfile").read_text("utf-8").splitlines()
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("service", SERVICES)
def test_the_image_fits_the_manifest(service: str) -> None:
    """The port of the manifest, a base that every CPU has, no shell, no root, and all files that the program needs."""
    directory = SHOP / service
    found = instructions(directory)
    told = dict(found)
    assert told["FROM"] == "python:3.13-slim"
    assert told["EXPOSE"] == str(MANIFEST["services"][service]["port"])
    assert json.loads(told["ENTRYPOINT"]) == ["python", "app.py"]
    assert all(isinstance(json.loads(words), list) for name, words in found if name == "RUN")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", told["USER"])
    copied = {file for name, words in found if name == "COPY" for file in words.split()[:-1]}
    assert (
        copied
        == {"app.py", "service.py", "requirements.txt"}
        == {path.name for path in directory.iterdir() if path.is_file()} - {"Dockerfile"}
    )
    assert MANIFEST["services"][service]["paths"] == [PREFIXES[service]]
    assert MANIFEST["services"][service]["health"] == f"{PREFIXES[service]}/health_check"
    program = (directory / "app.py").read_text("utf-8")
    assert f'PREFIX = "{PREFIXES[service]}"' in program
    assert f"run(app, DATABASE, {told['EXPOSE']})" in program


@pytest.mark.parametrize("service", SERVICES)
def test_requirements_are_ranges_that_the_tests_ran_with(service: str) -> None:
    """Each has a lower and an upper end, and what is installed here lies between them."""
    for line in (SHOP / service / "requirements.txt").read_text("utf-8").splitlines():
        requirement = Requirement(line)
        assert {clause.operator for clause in requirement.specifier} == {">=", "<"}
        assert requirement.specifier.contains(version(requirement.name)), line


def test_the_readme_tells_how_to_push_each_service() -> None:
    """With directories that are there."""
    readme = (SHOP / "README.md").read_text("utf-8")
    assert re.findall(r"msaspec push (\S+) .*--build examples/shop/(\S+)", readme) == [(s, s) for s in SERVICES]
    assert re.findall(r"build: (?:\./)?shop/(\S+)", readme)
