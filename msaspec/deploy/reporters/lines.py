"""An operation as plain lines: one an event, for logs and pipes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from click import style

from msaspec.deploy.aws.events import Event
from msaspec.deploy.progress import Progress
from msaspec.diagnostics import printable
from msaspec.template.origin import label

COLOURS = {"FAILED": "red", "COMPLETE": "green", "SKIPPED": "yellow"}


def lines(progress: Progress, events: Iterable[Event]) -> Iterator[str]:
    """Yield a line for each event: time, entry, resource, status, reason. Styled; strip that where no terminal is."""
    for event in events:
        what = progress.stack if event.of_stack else f"{label(progress.entry_of(event))}  {event.logical_id}"
        ending = "FAILED" if event.status.endswith("ROLLBACK_COMPLETE") else event.status.rpartition("_")[2]
        colour = COLOURS.get(ending)
        reason = f"  {printable.line(' '.join(event.reason.split()))}" if event.reason else ""
        yield f"{event.at:%H:%M:%S}  {what}  {style(event.status, fg=colour)}{reason}"
