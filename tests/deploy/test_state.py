"""A stack as CloudFormation has it."""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from msaspec.deploy.aws import state
from msaspec.deploy.aws.state import Deployed, Resource, Standing
from msaspec.template.render import to_json, to_yaml
from tests import template
from tests.deploy.by_hand import refusal
from tests.deploy.recorded import NOON, STACK, STACK_ID, Recorded, aws, described, listed, missing, original, paged

STANDINGS = {
    Standing.ABSENT: {"DELETE_COMPLETE"},
    Standing.PROPOSED: {"REVIEW_IN_PROGRESS"},
    Standing.READY: {
        "CREATE_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
    },
    Standing.BUSY: {
        "CREATE_IN_PROGRESS",
        "DELETE_IN_PROGRESS",
        "IMPORT_IN_PROGRESS",
        "IMPORT_ROLLBACK_IN_PROGRESS",
        "ROLLBACK_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
    },
    Standing.CREATE_FAILED: {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED"},
    Standing.PRESERVED: {"CREATE_FAILED", "UPDATE_FAILED"},
    Standing.STUCK: {"IMPORT_ROLLBACK_FAILED", "UPDATE_ROLLBACK_FAILED"},
    Standing.DELETE_FAILED: {"DELETE_FAILED"},
}


def statuses() -> list[str]:
    """Every status of a stack that botocore knows."""
    shape = Recorded().client.meta.service_model.shape_for("StackStatus")
    return list(shape.enum)


def test_every_status_has_a_standing() -> None:
    """What AWS's own model lists is what is known here, no more and no less."""
    found: dict[Standing, set[str]] = {}
    for status in statuses():
        found.setdefault(state.standing(status), set()).add(status)
    assert found == STANDINGS
    assert state.standing(None) is Standing.ABSENT


def test_what_ends_and_what_does_not() -> None:
    """Of all statuses four are good ends; what is in progress is no end."""
    assert {status for status in statuses() if not state.is_terminal(status)} == (
        STANDINGS[Standing.BUSY] | STANDINGS[Standing.PROPOSED]
    )
    good = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE", "IMPORT_COMPLETE"}
    assert {status for status in statuses() if state.succeeded(status)} == good


def described_as(answer: Any) -> Deployed | None:
    """What `describe` makes of an answer."""
    return state.describe(aws(cloudformation=Recorded(describe_stacks=answer)), STACK)


def test_a_stack_is_described() -> None:
    """Everything that is asked for later."""
    found = described_as(
        described(
            "UPDATE_COMPLETE",
            StackStatusReason="Because.",
            LastUpdatedTime=NOON + timedelta(hours=1),
            EnableTerminationProtection=True,
            Description="What it is.",
            Parameters=[{"ParameterKey": "CartImageTag", "ParameterValue": "1.0"}, {"ParameterKey": "Secret"}],
            Outputs=[
                {"OutputKey": "Url", "OutputValue": "https://x", "Description": "Where it is."},
                {"OutputKey": "Bucket", "OutputValue": "shop-media"},
            ],
        )
    )
    assert found == Deployed(
        STACK,
        STACK_ID,
        "UPDATE_COMPLETE",
        "Because.",
        {"CartImageTag": "1.0", "Secret": ""},
        {"Url": "https://x", "Bucket": "shop-media"},
        {"Url": "Where it is.", "Bucket": ""},
        True,
        NOON + timedelta(hours=1),
        NOON,
        "What it is.",
    )
    assert found.standing is Standing.READY


def test_a_stack_that_was_never_changed() -> None:
    """It has the time it was made, and nothing else."""
    found = described_as(described("CREATE_COMPLETE"))
    assert found == Deployed(STACK, STACK_ID, "CREATE_COMPLETE", changed=NOON, created=NOON)


def test_a_stack_that_is_not_there() -> None:
    """No stack is no error; every other refusal is one, also of the same code."""
    assert described_as(missing()) is None
    for error in (refusal("AccessDenied", "No."), refusal("ValidationError", "1 validation error detected")):
        with pytest.raises(ClientError) as raised:
            described_as(error)
        assert raised.value is error


def test_resources_are_listed_over_pages() -> None:
    """Sorted by logical id, however many there are; one that was not made has no id."""
    rows = listed(*((f"R{number:03}", "AWS::S3::Bucket", "CREATE_COMPLETE") for number in range(250)))
    names = [row["LogicalResourceId"] for row in rows["StackResourceSummaries"]]
    client = Recorded(list_stack_resources=paged("StackResourceSummaries", rows["StackResourceSummaries"][::-1]))
    found = state.resources(aws(cloudformation=client), STACK_ID)
    assert [resource.logical_id for resource in found] == names
    assert len(client.calls) == 3
    failed = listed(("A", "AWS::S3::Bucket", "CREATE_FAILED", "Exists."))
    failed["StackResourceSummaries"][0]["PhysicalResourceId"] = ""
    client = Recorded(list_stack_resources=failed)
    expected = (Resource("A", "AWS::S3::Bucket", "CREATE_FAILED", None, "Exists."),)
    assert state.resources(aws(cloudformation=client), STACK_ID) == expected


def template_of(body: Any) -> Any:
    """What is read of a template."""
    client = Recorded(get_template=original(body))
    found = state.template_of(aws(cloudformation=client), STACK_ID)
    assert client.words("get_template") == [{"StackName": STACK_ID, "TemplateStage": "Original"}]
    return found


def test_the_template_of_a_stack() -> None:
    """As YAML with short intrinsics, and as JSON, which botocore reads by itself."""
    text = "Resources:\n  A:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: !Ref Name}\n"
    data = {"Resources": {"A": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "Name"}}}}}
    assert template_of(text) == data
    assert template_of(OrderedDict(data)) == data


@pytest.mark.parametrize("code", ["ValidationError", "AccessDenied"])
@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "CREATE_COMPLETE"])
def test_a_stack_that_is_only_proposed_has_no_template(status: str, code: str) -> None:
    """AWS may refuse to give one out; for a stack that was made from one, and for other reasons, that is a fault."""
    refused = refusal(code, "Template is not available.", operation="GetTemplate")
    there = aws(cloudformation=Recorded(get_template=refused, describe_stacks=described(status)))
    if (status, code) == ("REVIEW_IN_PROGRESS", "ValidationError"):
        assert state.template_of(there, STACK_ID) == {}
        return
    with pytest.raises(ClientError) as raised:
        state.template_of(there, STACK_ID)
    assert raised.value is refused


def test_the_template_that_msaspec_wrote() -> None:
    """What was deployed is read back as it was."""
    stack = template.compiled("msaspec: 1\nname: shop\nservices: {cart: {image: a}}\n").stack
    assert template_of(to_yaml(stack)) == stack.template
    assert template_of(to_json(stack)) == stack.template


@pytest.mark.parametrize(
    "body",
    ["", "just words", "a: [", "Resources: 5", "Resources: {A: {Properties: {}}}", OrderedDict(a=1), "- a\n- b\n"],
)
def test_a_template_that_nobody_can_read(body: Any) -> None:
    """It is as good as none."""
    assert template_of(body) == {}
