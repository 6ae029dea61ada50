"""What happens in a stack, as CloudFormation tells it, and what of it was the first to go wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from msaspec.deploy.aws import fault
from msaspec.deploy.aws.nested import each as side_by_side
from msaspec.deploy.aws.state import is_terminal
from msaspec.deploy.aws.target import Aws
from msaspec.template.nesting import NESTED, is_home

# fact: cancelled-echoes
_ECHO = re.compile(
    r"^Resource (creation|update|deletion) cancelled|^(Create|Update) operation cancelled", re.IGNORECASE
)
"""What CloudFormation says of resources that were merely at work when another failed."""


@dataclass(frozen=True)
class Event:
    """Something that happened to a resource, or to the stack itself."""

    id: str
    at: datetime
    logical_id: str
    type: str
    status: str
    reason: str | None = None
    physical_id: str | None = None
    of_stack: bool = False
    """Whether it is about the stack itself."""
    token: str | None = None
    """The token of the request that began the operation which it belongs to."""
    hook: str | None = None
    """What a CloudFormation Hook says that failed, with its name."""

    @property
    def failed(self) -> bool:
        """Whether something went wrong."""
        return self.status.endswith("_FAILED")


def read(answer: Iterable[dict[str, Any]]) -> list[Event]:
    """Return the events of an answer of DescribeStackEvents."""
    return [
        Event(
            row["EventId"],
            row["Timestamp"],
            row["LogicalResourceId"],
            row["ResourceType"],
            row["ResourceStatus"],
            row.get("ResourceStatusReason") or None,
            row.get("PhysicalResourceId") or None,
            row.get("PhysicalResourceId") == row["StackId"],
            row.get("ClientRequestToken") or None,
            _hook(row),
        )
        for row in answer
        if "ResourceStatus" in row
    ]


def _hook(row: dict[str, Any]) -> str | None:
    if not str(row.get("HookStatus", "")).endswith("FAILED"):
        return None
    return f"{row.get('HookType', 'A hook')}: {row.get('HookStatusReason') or row['HookStatus']}"


def moment(event: Event) -> tuple[datetime, bool, int, bool, bool, str]:
    """Return what events are ordered by. Of what has one time, what begins comes before what ends, and a way back or a
    cleanup after what it follows: CloudFormation does not promise the order within a moment."""
    stage = ("ROLLBACK" in event.status) + ("CLEANUP" in event.status)
    return event.at, is_terminal(event.status), stage, bool(event.physical_id), bool(event.reason), event.id


def ordered(events: Iterable[Event]) -> list[Event]:
    """By time, in the same order whatever the order they came in."""
    return sorted(events, key=moment)


def operation_of(events: Iterable[Event], token: str | None, ended: Callable[[str], bool] = is_terminal) -> list[Event]:
    """Return the events of one operation, by time: from the stack's own event that began it to the one that ended it.

    A stack does one thing at a time, so what lies between is of the same operation, whatever token it has: that of a
    cancellation, for one, is another. `token` is that of the request which began it, None for the first operation that
    there is. Where CloudFormation gives no tokens, every operation is taken for the one.
    """
    listed = ordered(events)
    begins = (
        number
        for number, event in enumerate(listed)
        if event.of_stack
        and not is_terminal(event.status)
        and event.status != "REVIEW_IN_PROGRESS"
        and (token is None or event.token in (token, None))
    )
    first = next(begins, None)
    if first is None:
        return []
    own = listed[first:]
    last = next((number for number, event in enumerate(own) if event.of_stack and ended(event.status)), len(own))
    return own[: last + 1]


NESTED_A_LOOK = 4
"""Nested stacks that are asked in one look at an operation."""


@dataclass
class _Inner:
    """A nested stack that is followed."""

    id: str
    since: datetime
    """When the operation came to it."""
    seen: set[str] = field(default_factory=set)
    looks: int = 0
    ended: bool = False
    """Whether its part of the operation has ended."""
    done: bool = False
    """Whether all of that was read."""


class Feed:
    """The events of a stack from a moment on, each once."""

    def __init__(self, aws: Aws, stack_id: str, seen: Iterable[str] = (), still: Collection[str] = ()) -> None:
        self._aws = aws
        self._id = stack_id
        self._seen = set(seen)
        self._still = frozenset(still)
        """Nested stacks in which nothing is to happen: they are read only where they fail."""
        self._inner: dict[str, _Inner] = {}
        """The nested stacks that the operation has come to, by id."""

    @classmethod
    def from_now(cls, aws: Aws, stack_id: str, still: Collection[str] = ()) -> Feed:
        """Return what will happen. The newest page tells what has happened: everything older lies behind it."""
        rows = aws.client("cloudformation").describe_stack_events(StackName=stack_id)["StackEvents"]
        return cls(aws, stack_id, (row["EventId"] for row in rows), still)

    @classmethod
    def of_the_last_operation(cls, aws: Aws, stack_id: str) -> tuple[Feed, list[Event]]:
        """Return what will happen, and what has happened since the last operation began."""
        feed = cls(aws, stack_id)
        found: list[Event] = []
        for page in feed._pages():
            feed._seen.update(event.id for event in page)
            for event in page:
                if found and event.of_stack and _ends_before(event, found):
                    return feed, ordered([*found, *feed._inside(found, all_of_them=True)])
                found.append(event)
        return feed, ordered([*found, *feed._inside(found, all_of_them=True)])

    def news(self) -> list[Event]:
        """Return what happened since the last call, by time. A call reads one page, unless more than a page is new."""
        new: list[Event] = []
        for page in self._pages():
            fresh = [event for event in page if event.id not in self._seen]
            new += fresh
            if len(fresh) < len(page):
                break  # What lies on older pages was seen.
        self._seen.update(event.id for event in new)
        over = any(event.of_stack and is_terminal(event.status) for event in new)
        return ordered([*new, *self._inside(new, all_of_them=over)])

    def _inside(self, news: Iterable[Event], *, all_of_them: bool) -> list[Event]:
        """Return what is new in nested stacks of ours: in some of those at work, those that ended first; in all of them
        at the end of the operation."""
        for event in ordered(news):
            if event.of_stack or not event.physical_id or not is_home(event.logical_id, event.type):
                continue
            if event.logical_id in self._still and not event.failed:
                continue
            inner = self._inner.setdefault(event.physical_id, _Inner(event.physical_id, event.at))
            inner.ended = is_terminal(event.status)
            inner.done = False
        open_ = [each for each in self._inner.values() if all_of_them or not each.done]
        open_.sort(key=lambda each: (not each.ended, each.looks))
        asked = open_ if all_of_them else open_[:NESTED_A_LOOK]
        found = side_by_side(self._news_of, asked)
        return [event for each in found for event in each]

    def _news_of(self, inner: _Inner) -> list[Event]:
        """Return what happened in a nested stack since the last look, and since the operation came to it. Where it
        cannot be read now, it is read again later."""
        inner.looks += 1
        new: list[Event] = []
        with fault.tolerated():
            paginator = self._aws.client("cloudformation").get_paginator("describe_stack_events")
            for page in paginator.paginate(StackName=inner.id):
                events = read(page["StackEvents"])
                fresh = [event for event in events if event.id not in inner.seen and event.at >= inner.since]
                new += fresh
                if len(fresh) < len(events):
                    break
            inner.done = inner.ended
        inner.seen.update(event.id for event in new)
        return [event for event in new if not event.of_stack]

    def _pages(self) -> Iterator[list[Event]]:
        paginator = self._aws.client("cloudformation").get_paginator("describe_stack_events")
        for page in paginator.paginate(StackName=self._id):
            yield read(page["StackEvents"])


STABLE = (
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
)
"""The statuses to which CloudFormation can roll a stack back."""


def was_stable(aws: Aws, stack_id: str) -> bool:
    """Return whether a stack has ever been in a status to which it could be rolled back.

    CloudFormation forgets events after 90 days. Where those of the creation are forgotten, it counts as having been.
    """
    created = False
    for page in Feed(aws, stack_id)._pages():
        of_stack = [event.status for event in page if event.of_stack]
        if any(status in STABLE for status in of_stack):
            return True
        created = created or "CREATE_IN_PROGRESS" in of_stack
    return not created


def _ends_before(event: Event, newer: Sequence[Event]) -> bool:
    """Whether an event of the stack itself is the end of the operation before the one that newer events tell of."""
    begun = any(each.of_stack and not is_terminal(each.status) for each in newer)
    return begun and (is_terminal(event.status) or event.status == "REVIEW_IN_PROGRESS")


def first_cause(events: Iterable[Event]) -> Event | None:
    """Return the first failure that is no echo of another; where there is none, what the stack itself says of its way
    back."""
    failures = [event for event in ordered(events) if event.failed]
    of_resources = [event for event in failures if not event.of_stack]
    own = [event for event in of_resources if not (event.reason and _ECHO.match(event.reason))]
    told = [event for event in ordered(events) if event.of_stack and event.reason and "ROLLBACK" in event.status]
    return next(iter(own or told or of_resources or failures), None)


def cause(aws: Aws, events: Iterable[Event], depth: int = 5) -> Event | None:
    """Return the first cause, looked for inside of nested stacks too, as far as they can be looked into. What is inside
    of one is called `NESTED.CHILD`, by which its entry is that of the nested stack."""
    found = first_cause(events)
    if found is None or found.type != NESTED or found.of_stack or not found.physical_id or depth == 0:
        return found
    inner: list[Event] = []  # Where it never came to be, or may not be looked into, its own event has to do.
    with fault.tolerated():
        _, inner = Feed.of_the_last_operation(aws, found.physical_id)
    deeper = cause(aws, inner, depth - 1)
    if deeper is None or deeper.of_stack:
        return deeper or found
    if is_home(found.logical_id, found.type):
        return deeper
    return replace(deeper, logical_id=f"{found.logical_id}.{deeper.logical_id}")
