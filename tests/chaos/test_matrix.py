"""The matrix: each operation of a command meets each fault, and each case has a name."""

from __future__ import annotations

import pytest

from tests.chaos import matrix
from tests.chaos.cases import Case
from tests.chaos.faults import FAULTS
from tests.chaos.plans import EVER, TIMES, Kill, Moment, Plan, Rule
from tests.chaos.scenarios import SCENARIOS


@pytest.mark.parametrize("name", SCENARIOS)
def test_cases_have_names(name: str) -> None:
    """By which the script runs one, and a failure becomes a test."""
    rule = Rule("DescribeStacks", 2, "page-200", "thrice")
    kill = Kill("ExecuteChangeSet", 1, "SIGINT", Moment.AFTER)
    for plan in (Plan((rule,)), Plan((rule, Rule("*", 1, "late", "ever"))), Plan(kill=kill), Plan((rule,), kill)):
        assert Case.named(str(Case(name, plan))) == Case(name, plan)


def test_the_matrix_has_every_fault() -> None:
    """Each operation of a command meets each fault, at its first and at its last call, and what begins something at all
    of them, as often as a rule can."""
    found = list(matrix.rules(["DescribeStacks", "ExecuteChangeSet", *["DescribeStacks"] * 5]))
    assert {rule.fault for rule in found} == set(FAULTS)
    assert {rule.nth for rule in found if rule.operation == "DescribeStacks"} == {1, 2, 3}
    assert {rule.nth for rule in found if rule.operation == "*"} == {1, 2, 3}
    assert {rule.times for rule in found} == set(TIMES)
    assert Rule("*", 1, "expired", "ever").hits(EVER)
