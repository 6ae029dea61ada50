"""The catalogue of diagnostics: complete, and every page of it worth reading."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from msaspec.diagnostics.diagnostic import Code
from msaspec.explain import catalogue

SOURCES = sorted((Path(__file__).resolve().parents[1] / "msaspec").rglob("*.py"))


def test_titles_tell_codes_apart() -> None:
    """No two codes have one title."""
    titles = [code.title for code in catalogue.codes().values()]
    assert len(titles) == len(set(titles))


def test_no_code_is_defined_twice() -> None:
    """An id stands in one `Code(...)` of the sources."""
    defined = [found for source in SOURCES for found in re.findall(r'Code\(\s*"(MSA\d+)"', source.read_text("utf-8"))]
    assert sorted(defined) == list(catalogue.codes())


def test_every_code_that_the_sources_name_is_known() -> None:
    """A code in a docstring or a comment is one that there is."""
    named = {found for source in SOURCES for found in re.findall(r"MSA\d{3}", source.read_text("utf-8"))}
    assert named == set(catalogue.codes())


@pytest.mark.parametrize("code", catalogue.codes().values(), ids=lambda code: code.id)
def test_every_code_has_a_manual(code: Code) -> None:
    """An id of three digits, a title without a full stop, and a manual that says more than the title."""
    assert re.fullmatch(r"MSA\d{3}", code.id)
    assert code.title.strip() == code.title
    assert code.title
    assert not code.title.endswith(".")
    assert len(code.manual) > 20
    assert code.manual == code.manual.strip()


def test_walking_the_package_imports_no_command_and_nothing_heavy() -> None:
    """Neither cfn-lint nor boto3 is loaded to know the codes."""
    program = "import sys; from msaspec.explain import catalogue; catalogue.codes(); print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"cfnlint", "boto3", "moto", "msaspec.cli"} & set(loaded)
