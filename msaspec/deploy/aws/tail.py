"""The log of a service: its group, and the last lines in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msaspec.deploy.aws import fault
from msaspec.deploy.aws.target import Aws
from msaspec.diagnostics import printable

STREAMS, LINES = 2, 15
"""How many streams are looked into, and how many lines of each are shown."""


def last_lines(aws: Aws, group: str) -> list[str]:
    """Return the last lines of a log group, each stream under its name; nothing where there is none or it cannot be
    read."""
    with fault.tolerated():
        return list(_lines(aws.client("logs"), group))
    return []


def _lines(logs: Any, group: str) -> Iterator[str]:
    streams = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True, limit=STREAMS)[
        "logStreams"
    ]
    for stream in streams:
        name = stream["logStreamName"]
        events = logs.get_log_events(logGroupName=group, logStreamName=name, limit=LINES, startFromHead=False)["events"]
        if events:
            yield f"Log group {group}, stream {name}:"
            yield from (f"  {readable(event['message'])}" for event in events)


def readable(message: str) -> str:
    """Return a line of a log without its line break and without what would steer a terminal or a CI system; tabs
    stay."""
    return "\t".join(map(printable.line, message.rstrip("\r\n").split("\t")))
