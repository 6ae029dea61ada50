"""The parity exam: the sandbox answers like AWS did in recorded scenarios.

A sample of it runs here, where the recordings and their programs are; the whole of it is `scripts/parity`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.parity.answers import Comparison
from tests.parity.explained import APART, REASONS, Place, apart, explained
from tests.parity.replay import VARIABLE, Scenario, place, programs, replay, told

SAMPLE = "test_change_set_fn_join.py", "test_list_stacks.py", "test_stack_policies.py"


def test_the_sandbox_answers_like_aws() -> None:
    """In each scenario of the sample, without a difference that has no reason."""
    folder = place()
    files = [file for file in programs(folder) if file.name in SAMPLE] if folder else []
    if folder is None or not files:
        pytest.skip(f"{VARIABLE} names no checkout with programs of recorded scenarios.")
    found = replay(folder, files, processes=1)
    assert len([each for each in found if each.apart is None and each.answers]) >= 15
    assert not [fault for each in found for fault in each.faults], told(found)


def differences(recorded: Any, answered: Any) -> list[str]:
    """Where two answers differ."""
    return [str(each) for each in Comparison().differences(recorded, answered, "answer")]


@pytest.mark.parametrize(
    ("recorded", "answered"),
    [
        ({"Status": "A"}, {"Status": "B"}),
        ({"Status": "A"}, {}),
        ({}, {"Status": "A"}),
        ([{"a": 1}], []),
        ([1, 2], [2, 1]),
        ({"Id": "<id:1>x"}, {"Id": "anything"}),
        ({"At": "datetime"}, {"At": "yesterday"}),
        ({"On": False}, {"On": "false"}),
        ({"Reason": "No updates are to be performed."}, {"Reason": "No updates."}),
    ],
)
def test_a_difference_is_found(recorded: Any, answered: Any) -> None:
    """The exam can be failed."""
    assert differences(recorded, answered)


@pytest.mark.parametrize(
    ("recorded", "answered"),
    [
        ({"Id": "<id:1>", "At": "datetime"}, {"Id": "abc", "At": datetime(2026, 1, 1, tzinfo=UTC)}),
        ({"Arn": "arn:<partition>:sns:<region>:111111111111:t"}, {"Arn": "arn:aws:sns:us-east-1:123456789012:t"}),
        ({"ResourceStatusReason": "resource-status-reason"}, {"ResourceStatusReason": "whatever it was"}),
        ({"Capabilities": ["A", "B"]}, {"Capabilities": ["B", "A"]}),
        ({"<name>": 1}, {"shop": 1}),
    ],
)
def test_what_varies_is_no_difference(recorded: Any, answered: Any) -> None:
    """Names, times, ids, and lists without an order."""
    assert not differences(recorded, answered)


def test_only_what_stands_in_the_tables_is_explained() -> None:
    """By its place, its scenario and its values."""
    (found,) = Comparison().differences({"Replacement": "True"}, {}, "x.Changes[0].ResourceChange")
    assert explained(Place("any", "cloudformation"), found) == REASONS[0].text
    (other,) = Comparison().differences(
        {"Replacement": "True"}, {"Replacement": "False"}, "x.Changes[0].ResourceChange"
    )
    assert explained(Place("any", "cloudformation"), other) is None
    assert "(sns)" in str(explained(Place("any", "sns"), other))
    assert apart("any", ["The sandbox has no AWS::AppSync::Resolver."])
    assert apart("any", ["Internal Failure: KeyError"]) is None
    assert all(each.text.endswith(".") for each in (*REASONS, *APART))


def test_the_count_tells_each_reason_and_each_fault() -> None:
    """And what is not replayed is not counted as replayed."""
    text = told(
        [
            Scenario("a", 3, None, (), (("x", "Because."),)),
            Scenario("b", 2, "Out of reach.", (), ()),
            Scenario("c", 1, None, ("answer: 1 at AWS, 2 here",), ()),
        ]
    )
    assert text.startswith("2 recorded scenarios replayed with 4 answers of AWS; 1 apart.")
    assert "    1 Out of reach." in text
    assert "    1 Because." in text
    assert "1 scenarios with an unexplained difference.\n  c\n      answer: 1 at AWS, 2 here" in text
