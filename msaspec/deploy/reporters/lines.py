"""An operation as plain lines, for logs and pipes: one where something begins, and one where it ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from click import style

from msaspec.deploy.aws.events import Event
from msaspec.deploy.progress import Progress
from msaspec.diagnostics import printable
from msaspec.template.origin import label

USUAL = "Resource creation Initiated"
"""The reason of an event that only says that a resource which began goes on."""
COLOURS = {"FAILED": "red", "COMPLETE": "green", "SKIPPED": "yellow"}


def lines(progress: Progress, events: Iterable[Event]) -> Iterator[str]:
    """Yield a line for each event that says something: time, entry, resource, status, reason. Styled; strip that where
    no terminal is."""
    for event in events:
        if event.reason == USUAL:
            continue
        what = progress.stack if event.of_stack else f"{label(progress.entry_of(event))}  {event.logical_id}"
        ending = "FAILED" if event.status.endswith("ROLLBACK_COMPLETE") else event.status.rpartition("_")[2]
        colour = COLOURS.get(ending)
        reason = f"  {printable.line(' '.join(event.reason.split()))}" if event.reason else ""
        yield f"{event.at:%H:%M:%S}  {what}  {style(event.status, fg=colour)}{reason}"
