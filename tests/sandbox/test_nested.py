"""Stacks in stacks: made, changed, rolled back and removed with the stack that they are in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from msaspec.sandbox.world import World
from tests.sandbox.deploying import Deployer, small

Put = Callable[[str, str], str]

NEST = "AWS::CloudFormation::Stack"
GROUP = "{Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 30}}"
INNER = f"""\
Parameters: {{Days: {{Type: String}}}}
Resources:
  Logs: {{Type: AWS::Logs::LogGroup, Properties: {{RetentionInDays: !Ref Days}}}}
  Old: {GROUP}
Outputs: {{Name: {{Value: !Ref Logs}}}}
"""
OTHER = f"""\
Parameters: {{Name: {{Type: String}}}}
Resources:
  Topic: {{Type: AWS::SNS::Topic, Properties: {{DisplayName: !Ref Name}}}}
  Gone: {GROUP}
"""


@pytest.fixture
def put(world: World, deployer: Deployer) -> Put:
    """Puts the template of a nested stack where CloudFormation reads it; returns its address."""
    s3 = world.client("s3")
    s3.create_bucket(Bucket="nested")

    def upload(name: str, text: str) -> str:
        s3.put_object(Bucket="nested", Key=f"{deployer.name}/{name}", Body=text)
        return f"https://nested.s3.amazonaws.com/{deployer.name}/{name}"

    return upload


def root(inner: str, other: str, days: int = 30, more: str = "") -> str:
    """A stack with two nested ones, of which one takes what the other gives."""
    return small(
        f"  Own: {GROUP}\n"
        f"  Inner: {{Type: {NEST}, Properties: {{TemplateURL: '{inner}', Parameters: {{Days: {days}}}}}}}\n"
        f"  Other: {{Type: {NEST}, Properties: {{TemplateURL: '{other}', "
        f"Parameters: {{Name: !GetAtt Inner.Outputs.Name}}}}}}\n{more}"
    )


def of(deployer: Deployer, name: str) -> list[tuple[str, str]]:
    """What happened in a nested stack, the oldest first; its own events are under `.`."""
    id = deployer.ids()[name]
    told = [(e["LogicalResourceId"], e["ResourceStatus"], e["PhysicalResourceId"]) for e in deployer.told(id)[::-1]]
    return [("." if physical == id else logical, status) for logical, status, physical in told]


def groups(world: World) -> set[str]:
    """The names of all log groups."""
    return {group["logGroupName"] for group in world.client("logs").describe_log_groups()["logGroups"]}


def test_nested_stacks_are_made_with_their_parent(world: World, deployer: Deployer, put: Put) -> None:
    """One after what it needs of another, by outputs and parameters; each a stack of its own that knows its parent, has
    the tags of the root, and is named for both."""
    assert deployer.deploy(root(put("inner", INNER), put("other", OTHER))) == "CREATE_COMPLETE"
    ids = deployer.ids()
    inner, other = (deployer.client.describe_stacks(StackName=ids[name])["Stacks"][0] for name in ("Inner", "Other"))
    own = deployer.stack()
    assert inner["ParentId"] == inner["RootId"] == own["StackId"]
    assert "ParentId" not in own
    assert inner["StackName"].startswith(f"{deployer.name}-Inner-")
    assert inner["StackStatus"] == other["StackStatus"] == "CREATE_COMPLETE"
    assert inner["Tags"] == [{"Key": "team", "Value": "shop"}]
    assert {p["ParameterKey"]: p["ParameterValue"] for p in other["Parameters"]} == {
        "Name": inner["Outputs"][0]["OutputValue"]
    }
    (topic,) = (row["PhysicalResourceId"] for row in deployer.rows(ids["Other"]) if row["LogicalResourceId"] == "Topic")
    shown = world.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"]
    assert shown == inner["Outputs"][0]["OutputValue"]
    # The id of a nested stack is told before it is complete, so that its events can be followed.
    begun = [e for e in deployer.told() if e["LogicalResourceId"] == "Inner"][::-1]
    assert [e["ResourceStatus"] for e in begun] == ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    assert begun[1]["PhysicalResourceId"] == ids["Inner"]


def test_a_change_set_looks_into_nested_stacks(deployer: Deployer, put: Put) -> None:
    """What is listed of a nested stack is in a change set of its own, whose stack waits for the execution; that is
    executed and deleted from the root."""
    text = root(put("inner", INNER), put("other", OTHER))
    described = deployer.propose(text, IncludeNestedStacks=True)
    rows = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"] for c in described["Changes"]}
    inside = deployer.client.describe_change_set(ChangeSetName=rows["Other"]["ChangeSetId"])
    assert [c["ResourceChange"]["LogicalResourceId"] for c in inside["Changes"]] == ["Topic", "Gone"]
    assert inside["RootChangeSetId"] == inside["ParentChangeSetId"] == described["ChangeSetId"]
    waiting = deployer.client.describe_stacks(StackName=inside["StackId"])["Stacks"][0]
    assert waiting["StackStatus"] == "REVIEW_IN_PROGRESS"
    for refused in (deployer.client.execute_change_set, deployer.client.delete_change_set):
        with pytest.raises(deployer.client.exceptions.ClientError, match="root change set"):
            refused(ChangeSetName=inside["ChangeSetId"])
    assert deployer.execute(described) == "CREATE_COMPLETE"
    assert deployer.ids()["Other"] == inside["StackId"]
    # A change set that is deleted takes along what was proposed with it.
    more = f"  Third: {{Type: {NEST}, Properties: {{TemplateURL: '{put('third', small(f'  L: {GROUP}'))}'}}}}\n"
    grown = deployer.propose(root(put("inner", INNER), put("other", OTHER), more=more), IncludeNestedStacks=True)
    rows = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"] for c in grown["Changes"]}
    assert {name: row["Action"] for name, row in rows.items()} == {"Inner": "Modify", "Other": "Modify", "Third": "Add"}
    assert {d["ChangeSource"] for d in rows["Inner"]["Details"]} == {"Automatic"}
    proposed = deployer.client.describe_change_set(ChangeSetName=rows["Third"]["ChangeSetId"])["StackId"]
    deployer.client.delete_change_set(ChangeSetName=grown["ChangeSetId"])
    gone = deployer.client.describe_stacks(StackName=proposed)["Stacks"][0]
    assert gone["StackStatus"] == "DELETE_COMPLETE"


def test_a_change_set_in_which_no_nested_stack_changes_fails(deployer: Deployer, put: Put) -> None:
    """Nested stacks are looked into, and nothing is found: there is nothing to execute, as without nested stacks."""
    text = small(
        f"  Inner: {{Type: {NEST}, Properties: {{TemplateURL: '{put('inner', INNER)}', Parameters: {{Days: 7}}}}}}"
    )
    deployer.deploy(text)
    again = deployer.propose(text, IncludeNestedStacks=True)
    assert again["Status"] == "FAILED"
    assert "didn't contain changes" in again["StatusReason"]


def test_values_of_a_sibling_are_not_known_before(deployer: Deployer, put: Put) -> None:
    """What takes the output of another nested stack may change, which is `Dynamic`: what changed inside of that one is
    known only afterwards."""
    deployer.deploy(root(put("inner", INNER), put("other", OTHER)))
    text = root(put("inner", INNER), put("other", OTHER), days=90)
    described = deployer.propose(text, IncludeNestedStacks=True)
    rows = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"] for c in described["Changes"]}
    inside = deployer.client.describe_change_set(ChangeSetName=rows["Other"]["ChangeSetId"])
    (topic,) = (c["ResourceChange"] for c in inside["Changes"])
    assert {(d["Evaluation"], d["ChangeSource"]) for d in topic["Details"]} == {("Dynamic", "ParameterReference")}


def test_nothing_is_removed_until_all_stacks_are_there(world: World, deployer: Deployer, put: Put) -> None:
    """While the last nested stack is still updated, the first has what it no longer is to have; then all clean up."""
    deployer.deploy(root(put("inner", INNER), put("other", OTHER)))
    leaner = "\n".join(line for line in INNER.splitlines() if "Old" not in line)
    wider = OTHER.replace("Gone:", f"New: {GROUP}\n  Gone:")
    text = root(put("inner2", leaner), put("other2", wider))
    before = groups(world)
    with world.hold("New") as held:
        deployer.client.execute_change_set(ChangeSetName=deployer.propose(text)["ChangeSetId"])
        assert held.reached.wait(10)
        assert groups(world) >= before
        inner = deployer.client.describe_stacks(StackName=deployer.ids()["Inner"])["Stacks"][0]
        assert inner["StackStatus"] == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    assert deployer.ended() == "UPDATE_COMPLETE"
    assert len(before - groups(world)) == 1
    assert of(deployer, "Inner")[-4:] == [
        (".", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("Old", "DELETE_IN_PROGRESS"),
        ("Old", "DELETE_COMPLETE"),
        (".", "UPDATE_COMPLETE"),
    ]


def test_a_failure_in_one_takes_all_back(world: World, deployer: Deployer, put: Put) -> None:
    """The first, which was updated, is changed back, what was new in it goes at the very end, its outputs are those
    from before, and the root says in which stack it was."""
    deployer.deploy(root(put("inner", INNER), put("other", OTHER)))
    before = groups(world), deployer.client.describe_stacks(StackName=deployer.ids()["Inner"])["Stacks"][0]["Outputs"]
    grown = INNER.replace("  Old:", f"  Fresh: {GROUP}\n  Old:").replace("!Ref Logs", "!Ref Fresh")
    text = root(put("inner3", grown), put("other3", OTHER.replace("Gone:", f"New: {GROUP}\n  Gone:")), days=90)
    world.refuse("New", "There is no room.")
    assert deployer.deploy(text) == "UPDATE_ROLLBACK_COMPLETE"
    assert groups(world) == before[0]
    inner = deployer.client.describe_stacks(StackName=deployer.ids()["Inner"])["Stacks"][0]
    assert (inner["StackStatus"], inner["Outputs"]) == ("UPDATE_ROLLBACK_COMPLETE", before[1])
    assert inner["Parameters"] == [{"ParameterKey": "Days", "ParameterValue": "30"}]
    assert "Embedded stack" in deployer.reason("Other")
    assert "[New]" in deployer.reason("Other")
    assert "Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason" in deployer.reason("Other")
    days = {g["logGroupName"]: g["retentionInDays"] for g in world.client("logs").describe_log_groups()["logGroups"]}
    assert days[inner["Outputs"][0]["OutputValue"]] == 30
    # And forth again, without the fault.
    assert deployer.deploy(text) == "UPDATE_COMPLETE"


def test_a_creation_that_fails_in_a_nested_stack_leaves_nothing(world: World, deployer: Deployer, put: Put) -> None:
    """The root is rolled back, the nested stacks are removed with all that they made."""
    before = groups(world)
    world.refuse("Gone", "There is no room.")
    assert deployer.deploy(root(put("inner", INNER), put("other", OTHER))) == "ROLLBACK_COMPLETE"
    assert groups(world) == before
    assert "was not successfully created: The following resource(s) failed to create: [Gone]" in deployer.reason(
        "Other"
    )
    listed = deployer.client.list_stacks()["StackSummaries"]
    nested = [each for each in listed if each.get("ParentId") == deployer.stack()["StackId"]]
    assert [each["StackStatus"] for each in nested] == ["DELETE_COMPLETE"] * 2


def test_nested_stacks_go_with_their_parent(world: World, deployer: Deployer, put: Put) -> None:
    """Deleted with all that is in them; where something would not go, the root says in which stack it is, and the next
    deletion goes on from there."""
    before = groups(world)
    deployer.deploy(root(put("inner", INNER), put("other", OTHER)))
    world.refuse("Old", "It is still in use.", "DELETE")
    assert deployer.delete() == "DELETE_FAILED"
    assert "was not successfully deleted" in deployer.reason("Inner")
    assert "[Old]" in deployer.reason("Inner")
    assert deployer.delete() == "DELETE_COMPLETE"
    assert groups(world) == before


def test_a_nested_stack_that_left_the_template_is_removed_last(world: World, deployer: Deployer, put: Put) -> None:
    """What a root no longer has goes in its cleanup, a whole stack as well."""
    before = groups(world)
    deployer.deploy(root(put("inner", INNER), put("other", OTHER)))
    assert deployer.deploy(small(f"  Own: {GROUP}\n")) == "UPDATE_COMPLETE"
    assert len(groups(world) - before) == 1
    assert deployer.statuses() == {"Own": "CREATE_COMPLETE"}


def test_an_update_is_cancelled_inside_of_a_nested_stack(world: World, deployer: Deployer, put: Put) -> None:
    """The cancellation is the root's; the nested stack stops where it is, and goes back with the rest."""
    deployer.deploy(root(put("inner", INNER), put("other", OTHER)))
    before = groups(world)
    grown = INNER.replace("  Old:", f"  Fresh: {GROUP}\n  Old:")
    with world.hold("Fresh") as held:
        described = deployer.propose(root(put("inner4", grown), put("other", OTHER)))
        deployer.client.execute_change_set(ChangeSetName=described["ChangeSetId"])
        assert held.reached.wait(10)
        deployer.client.cancel_update_stack(StackName=deployer.name)
    assert deployer.ended() == "UPDATE_ROLLBACK_COMPLETE"
    assert groups(world) == before
    assert of(deployer, "Inner")[-1] == (".", "UPDATE_ROLLBACK_COMPLETE")


def test_a_rollback_that_fails_in_a_nested_stack_can_go_on(world: World, deployer: Deployer, put: Put) -> None:
    """The root waits in UPDATE_ROLLBACK_FAILED until the way back succeeds, or passes over what is named with the
    name of the nested stack."""
    deployer.deploy(root(put("inner", INNER), put("other", OTHER)))
    text = root(put("inner", INNER), put("other5", OTHER.replace("Gone:", f"New: {GROUP}\n  Gone:")), days=90)
    world.refuse("New", "There is no room.")
    described = deployer.propose(text)
    with world.hold("New") as held:
        deployer.client.execute_change_set(ChangeSetName=described["ChangeSetId"])
        assert held.reached.wait(10)
        world.refuse("Logs", "It is locked.", "UPDATE")
    assert deployer.ended() == "UPDATE_ROLLBACK_FAILED"
    name = deployer.ids()["Inner"].split("/")[1]
    words: dict[str, Any] = {"StackName": deployer.name, "ResourcesToSkip": [f"{name}.Logs"]}
    deployer.client.continue_update_rollback(**words)
    assert deployer.ended() == "UPDATE_ROLLBACK_COMPLETE"


def test_the_template_of_a_nested_stack_is_checked(deployer: Deployer, put: Put) -> None:
    """A change set that looks into nested stacks is refused where one of them cannot be; a parameter that a template
    does not have is such a fault."""
    with pytest.raises(deployer.client.exceptions.ClientError, match=r"Parameters: \[Days\] do not exist"):
        deployer.propose(root(put("bare", small(f"  L: {GROUP}")), put("other", OTHER)), IncludeNestedStacks=True)
