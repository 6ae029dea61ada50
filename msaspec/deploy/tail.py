"""The log of a service: its group, and the last lines in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msaspec.deploy.target import Aws

STREAMS, LINES = 2, 15
"""How many streams are looked into, and how many lines of each are shown."""


def last_lines(aws: Aws, group: str) -> list[str]:
    """The last lines of a log group, each stream under its name; nothing where there is none or it cannot be read."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return list(_lines(aws.client("logs"), group))
    except (BotoCoreError, ClientError):
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
            yield from (f"  {printable(event['message'])}" for event in events)


def printable(message: str) -> str:
    """A line without what would steer the terminal."""
    return "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in message.rstrip("\r\n"))
