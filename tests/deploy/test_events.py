"""What happens in a stack: read in pages, put in order, and the first of it that went wrong."""

from __future__ import annotations

from typing import Any

import pytest

from msaspec.deploy.aws import events
from msaspec.deploy.aws.events import Feed, cause, first_cause, read
from tests.deploy.by_hand import ACCOUNT, REGION, refusal
from tests.deploy.recorded import ITSELF, NOON, STACK_ID, History, Recorded, aws, event

INNER = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/shop-Inner-1ABC/77"
CANCELLED = "Resource creation cancelled"


def ids(found: list[events.Event]) -> list[str]:
    """What events are called."""
    return [each.id for each in found]


def past(count: int, begin: float = -1000) -> list[dict[str, Any]]:
    """An update of so many events."""
    middle = [event("UPDATE_COMPLETE", f"R{number}", begin + number) for number in range(count - 2)]
    return [event("UPDATE_IN_PROGRESS", at=begin - 1), *middle, event("UPDATE_COMPLETE", at=begin + count)]


def looked(history: History) -> tuple[Recorded, Feed]:
    """A client of a stack with a history, and what will happen in it."""
    client = Recorded(describe_stack_events=history)
    feed = Feed.from_now(aws(cloudformation=client), STACK_ID)
    return client, feed


def pages(client: Recorded) -> int:
    """How many pages were read since the last time."""
    count = len(client.calls)
    client.calls.clear()
    return count


def test_an_event_as_aws_tells_it() -> None:
    """Every field; the stack itself is known by its id, and an event of a hook is none of a resource."""
    hook = {key: value for key, value in event("X", "Bucket").items() if key != "ResourceStatus"}
    rows = [
        event("CREATE_FAILED", "Bucket", 1, reason="No."),
        event("CREATE_IN_PROGRESS"),
        {**hook, "HookType": "a::b::c"},
    ]
    rows.append(event("CREATE_IN_PROGRESS", "New", physical=""))
    bucket, itself, new = read(rows)
    assert bucket == events.Event(
        "Bucket-CREATE_FAILED-1",
        rows[0]["Timestamp"],
        "Bucket",
        "AWS::S3::Bucket",
        "CREATE_FAILED",
        "No.",
        "shop-bucket",
    )
    assert (bucket.failed, bucket.of_stack, itself.failed, itself.of_stack) == (True, False, False, True)
    assert (new.physical_id, new.reason, new.of_stack) == (None, None, False)


def test_only_what_is_new_is_read() -> None:
    """Of a long history one page is looked at, and of news as many pages as they fill."""
    history = History(past(330)[::-1])
    client, feed = looked(history)
    assert pages(client) == 1
    assert (feed.news(), pages(client)) == ([], 1)
    history.happens(event("UPDATE_IN_PROGRESS", at=1), event("UPDATE_IN_PROGRESS", "A", 2))
    assert (ids(feed.news()), pages(client)) == (["shop-UPDATE_IN_PROGRESS-1", "A-UPDATE_IN_PROGRESS-2"], 1)
    many = [event("UPDATE_IN_PROGRESS", f"N{number}", 10 + number) for number in range(230)]
    history.happens(*many)
    assert (ids(feed.news()), pages(client)) == ([row["EventId"] for row in many], 3)
    assert (feed.news(), pages(client)) == ([], 1)


def test_a_whole_page_of_news() -> None:
    """Where every event of a page is new, the next page tells whether there is more."""
    history = History(past(330)[::-1])
    client, feed = looked(history)
    history.happens(*(event("UPDATE_IN_PROGRESS", f"N{number}", number) for number in range(100)))
    pages(client)
    assert (len(feed.news()), pages(client)) == (100, 2)


def test_each_event_once() -> None:
    """What comes late, between older events, is news like any other."""
    history = History()
    _, feed = looked(history)
    history.happens(event("CREATE_IN_PROGRESS", at=1), event("CREATE_COMPLETE", "A", 5))
    assert len(feed.news()) == 2
    history.rows.insert(1, event("CREATE_IN_PROGRESS", "A", 3))
    assert ids(feed.news()) == ["A-CREATE_IN_PROGRESS-3"]
    assert feed.news() == []


def test_the_order_within_a_moment() -> None:
    """By time; of one moment what begins comes before what ends, what has a reason or an id after what has none."""
    rows = [
        event("CREATE_COMPLETE", "A", 2),
        event("CREATE_IN_PROGRESS", "A", 2, physical="", id="first"),
        event("CREATE_IN_PROGRESS", "A", 2, physical="a", reason="Resource creation Initiated", id="second"),
        event("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", at=1),
        event("UPDATE_ROLLBACK_IN_PROGRESS", at=1),
        event("UPDATE_IN_PROGRESS", at=1),
    ]
    expected = [
        "shop-UPDATE_IN_PROGRESS-1",
        "shop-UPDATE_ROLLBACK_IN_PROGRESS-1",
        "shop-UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS-1",
        "first",
        "second",
        "A-CREATE_COMPLETE-2",
    ]
    for delivered in (rows, rows[::-1], rows[3:] + rows[:3]):
        assert ids(events.ordered(read(delivered))) == expected


def test_the_last_operation_begins_after_the_one_before() -> None:
    """What is in progress is read back to its beginning, over pages, and no further."""
    history = History(past(150)[::-1])
    now = [event("UPDATE_IN_PROGRESS", at=1), *(event("UPDATE_IN_PROGRESS", f"N{n}", 2 + n) for n in range(120))]
    history.happens(*now)
    client = Recorded(describe_stack_events=history)
    feed, found = Feed.of_the_last_operation(aws(cloudformation=client), STACK_ID)
    assert ids(found) == [row["EventId"] for row in now]
    assert pages(client) == 2
    assert feed.news() == [], "what is older is no news"
    history.happens(event("UPDATE_COMPLETE", at=500))
    assert ids(feed.news()) == ["shop-UPDATE_COMPLETE-500"]


def test_what_was_before_the_last_operation_is_no_news() -> None:
    """Also where it stands on the page that was read."""
    history = History(past(5)[::-1])
    history.happens(event("UPDATE_IN_PROGRESS", at=1))
    feed, found = Feed.of_the_last_operation(aws(cloudformation=Recorded(describe_stack_events=history)), STACK_ID)
    history.happens(event("UPDATE_IN_PROGRESS", "A", 2))
    assert (ids(found), ids(feed.news())) == (["shop-UPDATE_IN_PROGRESS-1"], ["A-UPDATE_IN_PROGRESS-2"])


def test_a_way_back_belongs_to_its_operation() -> None:
    """The cleanup and the way back are stages of one operation, which ends with them."""
    statuses = ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"]
    history = History(past(3)[::-1])
    now = [event(status, at=number) for number, status in enumerate([*statuses, "UPDATE_ROLLBACK_COMPLETE"])]
    history.happens(*now)
    _, found = Feed.of_the_last_operation(aws(cloudformation=Recorded(describe_stack_events=history)), STACK_ID)
    assert ids(found) == [row["EventId"] for row in now]


def test_a_first_creation_begins_after_its_change_set() -> None:
    """REVIEW_IN_PROGRESS is what stands before the operation."""
    history = History()
    history.happens(
        event("REVIEW_IN_PROGRESS", at=-60), event("CREATE_IN_PROGRESS", at=0), event("CREATE_COMPLETE", at=9)
    )
    _, found = Feed.of_the_last_operation(aws(cloudformation=Recorded(describe_stack_events=history)), STACK_ID)
    assert ids(found) == ["shop-CREATE_IN_PROGRESS-0", "shop-CREATE_COMPLETE-9"]


def test_a_stack_whose_history_is_one_operation() -> None:
    """Without anything before it, all of it is the operation."""
    history = History()
    history.happens(event("CREATE_IN_PROGRESS", at=0), event("CREATE_COMPLETE", "A", 5))
    _, found = Feed.of_the_last_operation(aws(cloudformation=Recorded(describe_stack_events=history)), STACK_ID)
    assert ids(found) == ["shop-CREATE_IN_PROGRESS-0", "A-CREATE_COMPLETE-5"]


@pytest.mark.parametrize(
    "echo",
    [CANCELLED, "Resource update cancelled", "Resource deletion cancelled", "Create operation cancelled by user"],
)
def test_echoes_are_not_the_cause(echo: str) -> None:
    """What was merely at work when another failed is skipped, even if it was told first."""
    found = first_cause(
        read(
            [
                event("ROLLBACK_IN_PROGRESS", at=3, reason="The following resource(s) failed to create: [A, B]."),
                event("DELETE_FAILED", "D", 5, reason="A consequence"),
                event("CREATE_FAILED", "B", 2, reason="Access denied"),
                event("CREATE_FAILED", "A", 1, reason=echo),
            ]
        )
    )
    assert found
    assert (found.logical_id, found.reason) == ("B", "Access denied")


def test_a_failure_without_a_reason_is_a_cause() -> None:
    """CloudFormation sometimes says nothing."""
    found = first_cause(read([event("CREATE_FAILED", "A", 1), event("CREATE_FAILED", "B", 2, reason="No.")]))
    assert found
    assert found.logical_id == "A"


def test_a_stack_that_failed_by_itself() -> None:
    """Where no resource failed, what the stack says of its way back is the cause."""
    rows = [event("ROLLBACK_IN_PROGRESS", at=2, reason="Rollback requested by user."), event("ROLLBACK_COMPLETE", at=9)]
    found = first_cause(read(rows))
    assert found
    assert (found.of_stack, found.reason) == (True, "Rollback requested by user.")
    deletion = first_cause(read([event("DELETE_FAILED", at=2, reason="Export Shop-Vpc cannot be deleted.")]))
    assert deletion
    assert deletion.reason == "Export Shop-Vpc cannot be deleted."


def test_where_all_are_echoes_the_stack_knows_more() -> None:
    """An update that a user cancelled has failures that are echoes only; the stack says who did it."""
    rows = [event("UPDATE_FAILED", "A", 1, reason="Resource update cancelled")]
    rows.append(event("UPDATE_ROLLBACK_IN_PROGRESS", at=2, reason="User Initiated"))
    found = first_cause(read(rows))
    assert found
    assert found.reason == "User Initiated"
    alone = first_cause(read(rows[:1]))
    assert alone
    assert alone.logical_id == "A", "an echo is better than nothing"


def test_nothing_failed() -> None:
    """No failure, no cause."""
    assert first_cause(read([event("CREATE_COMPLETE", "A"), event("CREATE_COMPLETE")])) is None


NESTED = event("CREATE_FAILED", "Inner", 4, kind=ITSELF, physical=INNER, reason="Embedded stack was not created")


def test_nested_stacks_are_looked_into() -> None:
    """The cause lies in the stack that failed, however deep, and is called by it: its entry is the nested stack's."""
    inner = [
        event("CREATE_FAILED", "Bucket", 3, stack=INNER, reason="my-bucket already exists"),
        event("CREATE_FAILED", "Other", 3.5, stack=INNER, reason=CANCELLED),
    ]
    client = Recorded(describe_stack_events=History(inner[::-1]))
    found = cause(aws(cloudformation=client), read([NESTED]))
    assert found
    assert (found.logical_id, found.reason) == ("Inner.Bucket", "my-bucket already exists")
    assert client.words("describe_stack_events") == [{"StackName": INNER}]


def test_a_nested_stack_that_cannot_be_looked_into() -> None:
    """Its own event has to do where it has no stack, where nothing is in it, or where AWS will not say."""
    for answer in (History(), refusal("ValidationError", f"Stack [{INNER}] does not exist"), refusal("AccessDenied")):
        found = cause(aws(cloudformation=Recorded(describe_stack_events=answer)), read([NESTED]))
        assert found
        assert found.logical_id == "Inner"
    stillborn = {**NESTED, "PhysicalResourceId": ""}
    found = cause(aws(cloudformation=Recorded()), read([stillborn]))
    assert found
    assert found.reason == "Embedded stack was not created"


def test_nested_without_end() -> None:
    """A stack that names itself as its cause does not keep the search going."""
    client = Recorded(describe_stack_events=History([{**NESTED, "StackId": "arn:other"}]))
    found = cause(aws(cloudformation=client), read([NESTED]))
    assert found
    assert (found.logical_id, len(client.calls), found.at > NOON) == ("Inner" + 5 * ".Inner", 5, True)
