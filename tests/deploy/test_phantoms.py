"""Which rows of a change set happen, where an attribute of another resource is all that they are listed for."""

from __future__ import annotations

from typing import Any

import pytest

from msaspec.deploy.phantoms import happening
from msaspec.update.changes import between

PARAMETER, TOPIC, TEMPLATE = "AWS::SSM::Parameter", "AWS::SNS::Topic", "AWS::EC2::LaunchTemplate"
ROLE, UNKNOWN = "AWS::IAM::Role", "AWS::MSK::Configuration"


def row(name: str, kind: str, *details: Any, action: str = "Modify", replacement: str | None = "False") -> Any:
    """A row of a change set."""
    return {
        "Action": action,
        "LogicalResourceId": name,
        "ResourceType": kind,
        "Replacement": replacement,
        "Details": details,
    }


def changes(name: str) -> dict[str, Any]:
    """That the template says something else of a property."""
    return {"ChangeSource": "DirectModification", "Target": {"Attribute": "Properties", "Name": name}}


def follows(cause: str) -> dict[str, Any]:
    """That an attribute of another resource may have changed."""
    target = {"Attribute": "Properties", "Name": "Value"}
    return {"ChangeSource": "ResourceAttribute", "CausingEntity": cause, "Target": target}


def templates(kind: str, old: dict[str, Any], new: dict[str, Any], attribute: str) -> list[dict[str, Any]]:
    """A template before and after, in which a parameter takes an attribute of a resource."""
    user = {"Type": PARAMETER, "Properties": {"Type": "String", "Value": {"Fn::GetAtt": ["Cause", attribute]}}}
    return [{"Resources": {"Cause": {"Type": kind, "Properties": each}, "User": user}} for each in (old, new)]


CASES = {
    "the attribute changes": (TOPIC, {"DisplayName": "a"}, {"DisplayName": "b"}, "DisplayName", "False", True),
    "another property changes": (
        PARAMETER,
        {"Value": "v", "Description": "a"},
        {"Value": "v", "Description": "b"},
        "Value",
        "False",
        False,
    ),
    "another property replaces it": (
        PARAMETER,
        {"Value": "v", "Name": "a"},
        {"Value": "v", "Name": "b"},
        "Value",
        "True",
        False,
    ),
    "the attribute replaces it": (TOPIC, {"TopicName": "a"}, {"TopicName": "b"}, "TopicName", "True", True),
    "AWS gives another one with a replacement": (
        TOPIC,
        {"TopicName": "a"},
        {"TopicName": "b"},
        "TopicArn",
        "True",
        True,
    ),
    "what identifies it stays": (ROLE, {"Description": "a"}, {"Description": "b"}, "Arn", "False", False),
    "a new version of a launch template": (
        TEMPLATE,
        {"LaunchTemplateData": {"ImageId": "ami-1"}},
        {"LaunchTemplateData": {"ImageId": "ami-2"}},
        "LatestVersionNumber",
        "False",
        True,
    ),
    "a function answers": (
        "Custom::Thing",
        {"Value": "v", "Word": "a"},
        {"Value": "v", "Word": "b"},
        "Value",
        "False",
        True,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_row_happens_if_its_attribute_changes(case: str) -> None:
    """`deploy` shows it then, and `diff` says the same of the two templates."""
    kind, old, new, attribute, replacement, expected = CASES[case]
    before, after = templates(kind, old, new, attribute)
    (changed,) = {key for key in old if old[key] != new[key]}
    rows = [
        row("Cause", kind, changes(changed), replacement=replacement),
        row("User", PARAMETER, follows(f"Cause.{attribute}")),
    ]
    assert ("User" in {each["LogicalResourceId"] for each in happening(rows, before, after)}) is expected
    assert ("User" in {each.logical_id for each in between(before, after)}) is expected


def test_a_phantom_causes_nothing() -> None:
    """What follows from a row that does not happen does not happen either, and what happens is passed on."""
    before, after = templates(
        PARAMETER, {"Value": "v", "Description": "a"}, {"Value": "v", "Description": "b"}, "Value"
    )
    third = {"Type": PARAMETER, "Properties": {"Type": "String", "Value": {"Fn::GetAtt": ["User", "Value"]}}}
    for template in (before, after):
        template["Resources"]["Third"] = third
    rows = [
        row("Cause", PARAMETER, changes("Description")),
        row("Third", PARAMETER, follows("User.Value")),
        row("User", PARAMETER, follows("Cause.Value")),
    ]
    assert [each["LogicalResourceId"] for each in happening(rows, before, after)] == ["Cause"]
    rows[0] = row("Cause", PARAMETER, changes("Value"))
    assert len(happening(rows, before, after)) == 3


@pytest.mark.parametrize(
    "rows",
    [
        [row("User", PARAMETER, follows("Gone.Value"))],
        [row("Cause", TOPIC, action="Add", replacement=None), row("User", PARAMETER, follows("Cause.TopicArn"))],
        [row("Cause", UNKNOWN, changes("ServerProperties")), row("User", PARAMETER, follows("Cause.LatestRevision"))],
        [
            row("Cause", TOPIC, changes("DisplayName")),
            row("User", PARAMETER, follows("Cause.TopicArn"), changes("Value")),
        ],
        [row("Cause", TOPIC, changes("Tags")), row("Nested.User", PARAMETER, follows("Cause.TopicArn"))],
        [row("Cause", TOPIC, changes("Tags")), row("User", PARAMETER)],
        [row("Cause", TOPIC, changes("Tags")), row("User", PARAMETER, follows(""))],
    ],
    ids=["unknown cause", "new cause", "unknown type", "own change", "nested", "no details", "no cause"],
)
def test_what_cannot_be_told_is_shown(rows: list[Any]) -> None:
    """Too much is shown rather than too little."""
    assert happening(rows, {}, {}) == rows
