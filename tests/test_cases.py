"""Goldens: every folder of tests/cases, and every example. `python -m tests.update` rewrites what they expect."""

from __future__ import annotations

from pathlib import Path

import pytest

from msaspec import pipeline
from msaspec.linting import cfn_lint
from tests import goldens, template


def check(golden: goldens.Golden) -> None:
    """The file holds exactly what msaspec writes today."""
    assert golden.text == golden.found, f"{golden.path} differs; `python -m tests.update` rewrites it"


@pytest.mark.parametrize("folder", goldens.cases(), ids=lambda folder: folder.name)
def test_a_case_yields_exactly_the_files_beside_it(folder: Path) -> None:
    """The template and the diagnostics of a case are its `expected.yaml` and `expected.txt`, byte for byte."""
    for golden in goldens.of_case(folder):
        check(golden)


BROKEN_BY_PATCHES = {"patch-of-a-rule-is-odd", "patch-of-policies-is-a-number"}
"""They show that msaspec goes on with a template that cfn-lint, as the next, refuses."""
COMPILING = [folder for folder in goldens.cases() if (folder / "expected.yaml").exists()]


@pytest.mark.parametrize("folder", COMPILING, ids=lambda folder: folder.name)
def test_cfn_lint_finds_nothing_in_a_case_that_compiles(folder: Path) -> None:
    """Every success is clean, in every environment, but where the user's own patch is to blame."""
    document = pipeline.load((folder / "msa.yaml").read_bytes(), "msa.yaml")
    for environment in (None, *pipeline.environments(document)):
        compiled = pipeline.compile_main(document, environment)
        found = cfn_lint.lint(compiled.stack, compiled.plan.manifest.document)
        assert bool(found) == (folder.name in BROKEN_BY_PATCHES), found
        assert all(diagnostic.path[0] == "patches" for diagnostic in found)


@pytest.mark.parametrize("folder", goldens.cases(), ids=lambda folder: folder.name)
def test_a_case_holds_nothing_else(folder: Path) -> None:
    """No stray file stands in a case, and a case expects something."""
    files = {path.name for path in folder.iterdir()}
    assert files <= {"msa.yaml", "args", "expected.yaml", "expected.txt", "site"}
    assert files & {"expected.yaml", "expected.txt"}


def test_a_third_of_the_cases_are_errors() -> None:
    """What people get wrong is tested as thoroughly as what they get right."""
    folders = goldens.cases()
    wrong = [folder for folder in folders if not (folder / "expected.yaml").exists()]
    assert len(wrong) * 3 >= len(folders)


@pytest.mark.parametrize("example", goldens.examples(), ids=goldens.name_of)
def test_an_example_compiles_into_its_golden_templates(example: Path) -> None:
    """The whole template of every example, in every environment, is as it was last read by a person."""
    for golden in goldens.of_example(example):
        check(golden)


def test_every_golden_template_belongs_to_an_example() -> None:
    """No golden is left of an example or an environment that is gone, and each reads back as a template."""
    expected = {golden.path for example in goldens.examples() for golden in goldens.of_example(example)}
    for path in goldens.GOLDENS.glob("*.yaml"):
        assert path in expected
        assert template.load(path.read_text("utf-8"))["Resources"]
