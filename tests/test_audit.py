"""What independent checkers find in the examples. `scripts/audit` installs them; tests without theirs are skipped."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PEERS = {
    "cdk-nag AwsSolutions": 17,
    "cdk-nag NIST.800.53.R5": 31,
    "cdk-nag PCI.DSS.321": 24,
    "cdk-nag HIPAA.Security": 30,
    "checkov": 16,
    "cfn-guard wa-Security-Pillar": 8,
}
"""Findings of the checkers in the best template of the same shop that other tools make, in November 2026."""


def _module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("scripts_audit", ROOT / "scripts" / "audit.py")
    assert spec
    assert spec.loader
    found = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = found
    spec.loader.exec_module(found)
    return found


AUDIT = _module()
CHECKERS = {each.name: each for each in AUDIT.checkers()}
HELD: Any = json.loads(AUDIT.NUMBERS.read_text("utf-8"))


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The templates of all examples."""
    found: dict[str, Path] = AUDIT.templates(AUDIT.EXAMPLES, tmp_path_factory.mktemp("audit"))
    return found


@pytest.mark.parametrize("name", CHECKERS)
def test_the_findings_are_those_that_are_held(name: str, templates: dict[str, Path]) -> None:
    """Otherwise: `scripts/audit --update`, and read the difference."""
    checker = CHECKERS[name]
    if checker.missing:
        pytest.skip(checker.missing)
    assert AUDIT.audit(templates, [checker])[name] == HELD[name]


@pytest.mark.parametrize("name", PEERS)
def test_what_is_audited_has_a_reason_for_all_that_is_found(name: str) -> None:
    """Where a system is audited no finding is without a reason, whatever kinds, engines and runtimes it has; so
    production has fewer than any other tool's shop."""
    assert HELD[name]["prod"]["open"] == {}
    assert HELD[name]["all"]["open"] == {}


def test_the_table_tells_open_findings_from_explained_ones() -> None:
    """Two numbers a cell: what has no exception, and what has, with the number of rules."""
    finding = AUDIT.Finding
    found = [finding("A", "One", False), finding("B[x]", "One", True), finding("B[y]", "Two", True)]
    numbers = {"checker": {"shop": AUDIT.count(found)}}
    assert numbers["checker"]["shop"] == {"open": {"A": 1}, "explained": {"B": 2}}
    assert "1 +2 in 1" in AUDIT.table(numbers)
