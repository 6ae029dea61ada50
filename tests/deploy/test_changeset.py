"""Change sets: made, awaited, read over pages, and removed again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from msaspec.deploy import changeset
from msaspec.deploy.aws import state
from msaspec.deploy.aws.answers import NotAnAnswer
from msaspec.deploy.aws.fault import Fault
from msaspec.deploy.changeset import ChangeSet, Request
from tests.deploy.by_hand import ACCOUNT, REGION, Waiting, refusal
from tests.deploy.recorded import ITSELF, NOON, STACK, STACK_ID, Recorded, aws, described, missing, paged

ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet/msaspec-1/00000000"
MADE = {"Id": ID, "StackId": STACK_ID}
REQUEST = Request(
    STACK, True, {"TemplateBody": "Resources: {}"}, {"B": "2", "A": "1"}, {"team": "shop"}, ["CAPABILITY_IAM"]
)
NOTHING = [
    "The submitted information didn't contain changes. Submit different information to create a change set.",
    "No updates are to be performed.",
]


def row(name: str, action: str = "Add", kind: str = "AWS::S3::Bucket", **more: Any) -> dict[str, Any]:
    """A change of DescribeChangeSet."""
    change = {"Action": action, "LogicalResourceId": name, "ResourceType": kind, "Scope": [], "Details": [], **more}
    return {"Type": "Resource", "ResourceChange": change}


def answer(
    status: str = "CREATE_COMPLETE", *rows: dict[str, Any], reason: str | None = None, id: str = ID
) -> dict[str, Any]:
    """An answer of DescribeChangeSet."""
    about = {"ChangeSetId": id, "StackId": STACK_ID, "Status": status, "CreationTime": NOON, "Changes": list(rows)}
    return {**about, **({"StatusReason": reason} if reason else {})}


def names(change_set: ChangeSet) -> list[str]:
    """The resources of a change set."""
    return [each["LogicalResourceId"] for each in change_set.rows]


def made(*answers: Any, request: Request = REQUEST, clock: Waiting | None = None) -> tuple[ChangeSet, Recorded]:
    """The change set that DescribeChangeSet tells of so."""
    client = Recorded(
        create_change_set=MADE,
        describe_change_set=list(answers),
        delete_change_set={},
        describe_stacks=described("REVIEW_IN_PROGRESS"),
        delete_stack={},
    )
    return changeset.create(aws((clock or Waiting()).pace, cloudformation=client), request), client


def test_what_is_asked_for() -> None:
    """Every word of the request, in an order that does not hang on anything."""
    _, client = made(answer())
    (words,) = client.words("create_change_set")
    name = words.pop("ChangeSetName")
    assert name.startswith("msaspec-")
    assert words.pop("ClientToken") == name
    assert words == {
        "StackName": STACK,
        "ChangeSetType": "CREATE",
        "Description": "Made by msaspec deploy.",
        "TemplateBody": "Resources: {}",
        "Parameters": [{"ParameterKey": "A", "ParameterValue": "1"}, {"ParameterKey": "B", "ParameterValue": "2"}],
        "Tags": [{"Key": "team", "Value": "shop"}],
        "Capabilities": ["CAPABILITY_IAM"],
        "IncludeNestedStacks": True,
    }
    update = Request(STACK, False, {"TemplateURL": "https://x"}, {}, {}, [], "arn:aws:iam::123456789012:role/deployer")
    (words,) = made(answer(), request=update)[1].words("create_change_set")
    assert (words["ChangeSetType"], words["TemplateURL"], words["RoleARN"]) == ("UPDATE", "https://x", update.role_arn)
    assert not {"TemplateBody", "ImportExistingResources"} & words.keys()
    (words,) = made(answer(), request=replace(update, imports=True))[1].words("create_change_set")
    assert words["ImportExistingResources"] is True
    assert "IncludeNestedStacks" not in words


LOST = EndpointConnectionError(endpoint_url="https://cloudformation")
GONE = refusal("ChangeSetNotFound")
NOTHING_MADE = {"describe_change_set": GONE, "delete_change_set": GONE, "describe_stacks": missing()}
REPEATED = refusal("AlreadyExistsException", "ChangeSet msaspec-1 already exists")


@pytest.mark.parametrize(
    "error", [LOST, REPEATED, NotAnAnswer("CreateChangeSet", "it is empty")], ids=["lost", "repeated", "page"]
)
def test_a_change_set_whose_answer_is_lost_is_found_by_its_name(error: Exception) -> None:
    """It was made all the same, perhaps by a request that botocore repeated."""
    client = Recorded(create_change_set=error, describe_change_set=answer("CREATE_COMPLETE", row("A")))
    change_set = changeset.create(aws(cloudformation=client), REQUEST)
    assert (change_set.id, names(change_set)) == (ID, ["A"])
    asked, created = client.words("describe_change_set")[0], client.words("create_change_set")[0]
    assert asked == {"StackName": STACK, "ChangeSetName": created["ChangeSetName"]}


def test_a_change_set_that_was_not_made() -> None:
    """What kept the request from arriving is raised."""
    client = Recorded(
        create_change_set=LOST, describe_change_set=GONE, delete_change_set=GONE, describe_stacks=missing()
    )
    with pytest.raises(EndpointConnectionError):
        changeset.create(aws(cloudformation=client), REQUEST)


def test_ctrl_c_leaves_no_change_set() -> None:
    """Neither one that was asked for, nor one that is being made; with the empty stack that was made for it."""
    for words in ({"create_change_set": KeyboardInterrupt()}, {"describe_change_set": [KeyboardInterrupt(), answer()]}):
        answers = {"create_change_set": MADE, "describe_change_set": answer(), **words}
        stack = described("REVIEW_IN_PROGRESS")
        client = Recorded(**answers, delete_change_set={}, describe_stacks=stack, delete_stack={})
        with pytest.raises(KeyboardInterrupt):
            changeset.create(aws(cloudformation=client), REQUEST)
        (created,) = client.words("create_change_set")
        assert client.words("delete_change_set") == [{"StackName": STACK, "ChangeSetName": created["ChangeSetName"]}]
        assert client.begun("delete_stack") == [{"StackName": STACK_ID}]


def test_a_lost_look_at_a_change_set_is_waited_out() -> None:
    """For a while; then it is what it is."""
    change_set, _ = made(LOST, LOST, answer("CREATE_COMPLETE", row("A")))
    assert names(change_set) == ["A"]
    with pytest.raises(EndpointConnectionError):
        made(*[LOST] * 60)
    client = Recorded(
        create_change_set=MADE,
        describe_change_set=LOST,
        delete_change_set={},
        describe_stacks=described("REVIEW_IN_PROGRESS"),
        delete_stack={},
    )
    with pytest.raises(EndpointConnectionError):
        changeset.create(aws(Waiting().pace, cloudformation=client), REQUEST)
    assert client.names()[-3:] == ["delete_change_set", "describe_stacks", "delete_stack"], "nothing is left of it"


def test_a_change_set_that_is_never_made() -> None:
    """The waiting ends, and says so."""
    with pytest.raises(Fault) as raised:
        made(answer("CREATE_PENDING"))
    assert raised.value.diagnostics[0].message.startswith(
        "Nothing has happened for 180 minutes while msaspec watched the change set"
    )


def test_two_change_sets_have_two_names() -> None:
    """So that two runs at once do not take each other's for their own."""
    found = {made(answer())[1].words("create_change_set")[0]["ChangeSetName"] for _ in range(2)}
    assert len(found) == 2


def test_it_is_awaited() -> None:
    """With pauses that grow, by its id."""
    clock = Waiting()
    pending = [answer("CREATE_PENDING"), *[answer("CREATE_IN_PROGRESS")] * 5]
    change_set, client = made(*pending, answer("CREATE_COMPLETE", row("A")), clock=clock)
    assert change_set == ChangeSet(ID, STACK_ID, "CREATE_COMPLETE", None, (row("A")["ResourceChange"],))
    assert clock.pauses == [1, 1.5, 2.25, 3.375, 5, 5]
    assert client.words("describe_change_set") == [{"ChangeSetName": ID}] * 7


@pytest.mark.parametrize("reason", NOTHING)
def test_nothing_is_to_change(reason: str) -> None:
    """CloudFormation fails such a change set, in two ways of saying it."""
    assert made(answer("FAILED", reason=reason))[0].unchanged


def test_a_change_set_that_fails() -> None:
    """It has the reason and no rows, and is not taken for one without changes."""
    change_set, _ = made(answer("FAILED", row("A"), reason="Template error: instance of Fn::GetAtt references B"))
    assert (change_set.status, change_set.unchanged, change_set.rows) == ("FAILED", False, ())
    assert change_set.reason == "Template error: instance of Fn::GetAtt references B"
    assert not made(answer("FAILED"))[0].unchanged
    assert not made(answer("CREATE_COMPLETE", reason=NOTHING[0]))[0].unchanged


def test_hundreds_of_resources() -> None:
    """Every page is read, in its order."""
    rows = [row(f"R{number:03}") for number in range(500)]
    pages = paged("Changes", rows)
    change_set, client = made(lambda ChangeSetName, **words: {**answer(), **pages(**words)})
    assert names(change_set) == [f"R{number:03}" for number in range(500)]
    assert len(client.words("describe_change_set")) == 5


def test_a_page_that_comes_again_is_no_answer() -> None:
    """As a cache would give it: it is not read for ever."""
    page = {**answer("CREATE_COMPLETE", row("A")), "NextToken": "1"}
    with pytest.raises(NotAnAnswer, match="the same page again"):
        made(page)


def test_nested_stacks() -> None:
    """What changes inside of a nested stack is listed below it, over pages too."""
    deep, deeper = ID.replace("00000000", "1"), ID.replace("00000000", "2")
    sets = {
        ID: [row("Inner", "Modify", ITSELF, ChangeSetId=deep), row("Bare", "Add", ITSELF), row("Z")],
        deep: [row("A"), row("Deeper", "Modify", ITSELF, ChangeSetId=deeper), row("B")],
        deeper: [row("C", "Remove")],
    }

    def describe(ChangeSetName: str, **words: Any) -> dict[str, Any]:
        return {**answer(id=ChangeSetName), **paged("Changes", sets[ChangeSetName], 2)(**words)}

    change_set, _ = made(describe)
    assert names(change_set) == ["Inner", "Inner.A", "Inner.Deeper", "Inner.Deeper.C", "Inner.B", "Bare", "Z"]


def test_what_is_no_resource_is_left_out() -> None:
    """Such as the hooks that are invoked."""
    change_set, _ = made(answer("CREATE_COMPLETE", {"Type": "Resource"}, row("A")))
    assert names(change_set) == ["A"]


CHANGE_SET = ChangeSet(ID, STACK_ID, "CREATE_COMPLETE", None)


def removed(delete: Any, describe: Any = None, *, with_stack: bool = False) -> list[tuple[str, dict[str, Any]]]:
    """What is done to take back a change set."""
    client = Recorded(delete_change_set=delete, delete_stack={}, describe_stacks=describe)
    changeset.remove(aws(cloudformation=client), CHANGE_SET, with_stack=with_stack)
    return [call for call in client.calls if call[0].startswith("delete")]


DELETED = ("delete_change_set", {"ChangeSetName": ID})


def test_a_change_set_is_taken_back() -> None:
    """And the stack stays, unless it is to go."""
    assert removed({}) == [DELETED]


def test_a_change_set_that_is_gone() -> None:
    """Somebody else removed it: so much the better. Every other refusal is raised."""
    assert removed(refusal("ChangeSetNotFound", status=404)) == [DELETED]
    with pytest.raises(ClientError):
        removed(refusal("AccessDenied", status=403))


def test_the_empty_stack_goes_with_it() -> None:
    """The stack that was made for the change set."""
    deleted, (name, words) = removed({}, described("REVIEW_IN_PROGRESS"), with_stack=True)
    assert (deleted, name, words["StackName"]) == (DELETED, "delete_stack", STACK_ID)


@pytest.mark.parametrize("answer", [described("CREATE_IN_PROGRESS"), described("CREATE_COMPLETE"), missing()])
def test_a_stack_that_is_not_empty_stays(answer: Any) -> None:
    """Somebody else executed a change set meanwhile: what they made is not deleted."""
    assert removed({}, answer, with_stack=True) == [DELETED]
    assert removed(refusal("InvalidChangeSetStatus"), answer, with_stack=True) == [DELETED]


def summary(name: str, execution: str = "AVAILABLE", status: str = "CREATE_COMPLETE") -> dict[str, Any]:
    """A row of ListChangeSets."""
    return {"ChangeSetName": name, "ChangeSetId": f"arn:{name}", "Status": status, "ExecutionStatus": execution}


def swept(*summaries: dict[str, Any], delete: Any = None, but: str | None = None) -> tuple[int, list[str]]:
    """How many change sets are removed of those that are there, and the ids of which it was tried."""
    client = Recorded(list_change_sets=paged("Summaries", summaries, 2), delete_change_set=delete or {})
    count = changeset.remove_stale(aws(cloudformation=client), STACK, but)
    return count, [words["ChangeSetName"] for words in client.words("delete_change_set")]


def test_what_earlier_runs_left_is_removed() -> None:
    """Those of ours, over pages: not of others, not those that are executed, not the one that is spared."""
    found = swept(
        summary("msaspec-1"),
        summary("by-hand"),
        summary("msaspec-2", "UNAVAILABLE", "FAILED"),
        summary("msaspec-3", "EXECUTE_IN_PROGRESS"),
        summary("msaspec-4", "EXECUTE_COMPLETE"),
        summary("msaspec-5", "OBSOLETE"),
        summary("msaspec-6"),
        but="arn:msaspec-6",
    )
    assert found == (3, ["arn:msaspec-1", "arn:msaspec-2", "arn:msaspec-5"])


def test_another_run_removes_it_first() -> None:
    """What is gone, or executed at this moment, is left to whoever did that."""
    races = [refusal(code) for code in ("ChangeSetNotFound", "ChangeSetNotFoundException", "InvalidChangeSetStatus")]
    four = [summary(f"msaspec-{number}") for number in range(4)]
    assert swept(*four, delete=[*races, {}]) == (1, [f"arn:msaspec-{number}" for number in range(4)])
    with pytest.raises(ClientError):
        swept(*four, delete=refusal("AccessDenied"))


def test_the_first_change_set_of_a_stack() -> None:
    """It makes the stack where there is none, or only an empty one."""
    client = Recorded(describe_stacks=[missing(), described("REVIEW_IN_PROGRESS"), described("CREATE_COMPLETE")])
    there = aws(cloudformation=client)
    assert [changeset.is_first(state.describe(there, STACK)) for _ in range(3)] == [True, True, False]
