"""What independent checkers find in the examples. `scripts/audit` installs them; tests without theirs are skipped."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import Counter
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
CHOICES = {"cdk-nag AwsSolutions": {"troposphere": 6, "CDK": 6}, "checkov": {"troposphere": 11, "CDK": 3}}
"""Those that are a choice. cdk-nag, both: EC23 1, RDS11 1, SMG4 4. checkov, both: CKV_AWS_2 1, CKV_AWS_103 1,
CKV_AWS_260 1; troposphere's also CKV_AWS_23 8."""
MOST_RULES = 8
"""Of findings with a reason that production may have: a rule has one reason, however many services there are."""
_PREFIX = {"cdk-nag AwsSolutions": "AwsSolutions-", "checkov": ""}


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


@pytest.mark.parametrize("name", CHOICES)
def test_production_has_few_reasons(name: str) -> None:
    """What production does in another way than a checker wants is in at most eight of its rules."""
    assert len(HELD[name]["prod"]["explained"]) <= MOST_RULES


@pytest.mark.parametrize("name", CHOICES)
def test_the_guide_says_why_each_finding_of_the_plain_shop_is_there(name: str) -> None:
    """Its table has each rule as often as it is found. Money and false alarms aside, no other tool leaves fewer."""
    text = (ROOT / "docs" / "guides" / "auditing.md").read_text("utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    column = {"cdk-nag AwsSolutions": 1, "checkov": 2}[name]
    counted: Counter[str] = Counter()
    choices = 0
    for row in (row for row in rows if len(row) == 4 and ":" in row[3]):
        for cell in filter(None, row[column].split(", ")):
            rule, number = cell.split()
            why = row[3].partition(":")[0]
            assert why in ("Money", "Choice", "False alarm")
            counted[_PREFIX[name] + rule] += int(number)
            choices += int(number) if why == "Choice" else 0
    assert counted == HELD[name]["shop"]["open"]
    assert choices <= min(CHOICES[name].values())
    assert f"{sum(counted.values())}" in text.partition("## What is found without `audit`")[2].partition("|")[0]


def test_the_table_tells_open_findings_from_explained_ones() -> None:
    """Two numbers a cell: what has no exception, and what has, with the number of rules."""
    finding = AUDIT.Finding
    found = [finding("A", "One", False), finding("B[x]", "One", True), finding("B[y]", "Two", True)]
    numbers = {"checker": {"shop": AUDIT.count(found)}}
    assert numbers["checker"]["shop"] == {"open": {"A": 1}, "explained": {"B": 2}}
    assert "1 +2 in 1" in AUDIT.table(numbers)
