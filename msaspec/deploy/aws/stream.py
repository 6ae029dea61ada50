"""The log of a service as it grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from msaspec.deploy.aws import fault, state
from msaspec.deploy.aws.pace import Rhythm
from msaspec.deploy.aws.tail import readable
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.context import Context
from msaspec.deploy.overview import entries, required
from msaspec.diagnostics.diagnostic import Code, Invalid
from msaspec.diagnostics.spelling import suggest
from msaspec.template.origin import workload

NO_LOG = Code(
    "MSA523",
    "No log with that name",
    "Each deployed service and job has a log group. Use its name in the manifest.",
)

LATE = 30_000
"""Milliseconds by which CloudWatch may deliver a line late: so far back is looked again."""


@dataclass(frozen=True)
class Line:
    """A line of a log."""

    id: str
    at: int
    """Milliseconds since 1970."""
    stream: str
    message: str

    @property
    def time(self) -> str:
        """When it was written, in UTC."""
        return datetime.fromtimestamp(self.at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def group(context: Context, stack: str, service: str) -> str:
    """Return the log group of a service or a job. Raises Fault where there is no stack, Invalid where there is none."""
    aws = context.aws
    deployed = required(context, stack)
    entry_of = entries(state.template_of(aws, deployed.id))
    groups = {}
    for resource in state.resources(aws, deployed.id):
        name = workload(entry_of(resource.logical_id))
        if resource.type == "AWS::Logs::LogGroup" and name and resource.id:
            groups[name] = resource.id
    if service not in groups:
        message = f"The stack {stack} has no log of a service or a job `{service}`."
        hint = suggest(service, groups, f"There are logs of {', '.join(sorted(groups))}." if groups else "")
        raise Invalid([NO_LOG.at((), message, hint=hint or None)])
    return groups[service]


def lines(
    aws: Aws, group: str, since: float, *, grow: bool, go_on: Callable[[], bool] = lambda: True
) -> Iterator[Line]:
    """Yield the lines of a log group since a time (seconds since 1970), by time; with `grow` for as long as `go_on`
    says.

    Once it has begun, a lost connection and throttling only lengthen the pause.
    """
    start = max(0, int(since * 1000))
    seen: dict[str, int] = {}
    rhythm, begun, answered = Rhythm(aws.pace), False, aws.pace.now()
    while True:
        try:
            new = [line for line in _read(aws, group, start) if line.id not in seen]
        except Exception as error:
            if not (begun and fault.is_passing(error)) or aws.pace.now() - answered > aws.pace.deaf:
                raise
            new = []
        else:
            begun, answered = True, aws.pace.now()
        for line in sorted(new, key=lambda line: line.at):
            seen[line.id] = line.at
            yield line
        if not grow or not go_on():
            return
        # What a clock wrote that is ahead does not hide what the others write.
        newest = min(max(seen.values(), default=0), int(aws.pace.now() * 1000))
        start = max(start, newest - LATE)
        seen = {id: at for id, at in seen.items() if at >= start}
        if new:
            rhythm.again()
        rhythm.rest()


def _read(aws: Aws, group: str, start: int) -> Iterator[Line]:
    from botocore.exceptions import ClientError

    pages = aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group, startTime=start)
    try:
        for page in pages:
            for event in page["events"]:
                stream, message = readable(event["logStreamName"]), readable(event["message"])
                yield Line(event["eventId"], event["timestamp"], stream, message)
    except ClientError as error:
        if fault.code_of(error) == "ResourceNotFoundException":
            raise fault.new(fault.REFUSED, f"The log group {group} no longer exists.", None) from None
        raise
