"""Runs of jobs: executions of their state machines, each with the tasks that it started and what they wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msaspec.aws.jobs import MACHINE, SCHEDULE
from msaspec.deploy.aws import fault, state, stream
from msaspec.deploy.aws.pace import Rhythm
from msaspec.deploy.aws.stream import Line
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.context import Context
from msaspec.deploy.overview import entries, required
from msaspec.diagnostics.diagnostic import Code, Invalid
from msaspec.diagnostics.printable import line as on_one_line
from msaspec.diagnostics.spelling import suggest
from msaspec.language import schedule

NO_JOB = Code(
    "MSA494",
    "No job with that name",
    """
    `msaspec run NAME` starts a job that is deployed: an entry of `jobs`. A job that was added to the manifest can be
    run after the next `msaspec deploy`.
    """,
)
RUN_FAILED = Code(
    "MSA495",
    "A run of a job failed",
    """
    The container of the job ended with another exit code than 0, could not start, or took longer than `timeout`. The
    message has what Step Functions says of it; the log of the run is above, and `msaspec logs NAME` shows it again.
    """,
)
RUNNING = "RUNNING"
LATE_LOOKS = 2
"""How often the log is looked at once more after the end: CloudWatch delivers lines late."""
SHOWN = 3
"""How many runs of each job are listed."""
_GATE = "Custom::JobGate"
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) \S+\)")


@dataclass(frozen=True)
class Deployed:
    """A job of a deployed stack."""

    name: str
    machine: str
    """ARN of its state machine."""
    group: str | None
    """Its log group."""
    starts: str
    """What starts it, in words."""
    cron: schedule.Cron | None
    zone: str

    def next(self, now: float) -> datetime | None:
        """Return when it runs next, in UTC; None where no schedule starts it, or its time zone is not known here."""
        if self.cron is None:
            return None
        try:
            return self.cron.after(datetime.fromtimestamp(now, UTC), ZoneInfo(self.zone))
        except (ZoneInfoNotFoundError, ValueError):
            return None


@dataclass(frozen=True)
class Run:
    """One execution."""

    arn: str
    status: str
    began: datetime
    ended: datetime | None


def deployed(context: Context, stack: str) -> list[Deployed]:
    """Return the jobs of a stack, by name. Raises Fault where there is no such stack."""
    aws = context.aws
    there = required(context, stack)
    template = state.template_of(aws, there.id)
    entry_of = entries(template)
    parts: dict[str, dict[str, Any]] = {}
    for resource in state.resources(aws, there.id):
        entry = entry_of(resource.logical_id)
        if entry[:1] == ("jobs",) and len(entry) > 1 and resource.id and resource.made:
            words = template.get("Resources", {}).get(resource.logical_id, {}).get("Properties", {})
            parts.setdefault(str(entry[1]), {}).setdefault(resource.type, (resource.id, words))
    return [_job(name, own) for name, own in sorted(parts.items()) if MACHINE in own]


def _job(name: str, own: Mapping[str, Any]) -> Deployed:
    group = own.get("AWS::Logs::LogGroup", (None,))[0]
    words = own.get(SCHEDULE, (None, {}))[1]
    expression, zone = str(words.get("ScheduleExpression", "")), str(words.get("ScheduleExpressionTimezone", "UTC"))
    found = _CRON.fullmatch(expression)
    cron = None
    if found:
        try:
            cron = schedule.parse(" ".join(found.groups()).replace("?", "*"))
        except schedule.Malformed:  # which a patch wrote
            cron = None
    starts = f"{expression} {zone}" if expression else "before a deployment" if _GATE in own else "by hand"
    return Deployed(name, own[MACHINE][0], group, starts, cron, zone)


def chosen(jobs: Sequence[Deployed], stack: str, name: str) -> Deployed:
    """Return a job by its name. Raises Invalid where there is none."""
    for each in jobs:
        if each.name == name:
            return each
    known = [each.name for each in jobs]
    message = f"The stack {stack} has no job `{name}`."
    otherwise = f"It has: {', '.join(known)}." if known else "It has no jobs; deploy them first."
    raise Invalid([NO_JOB.at(("jobs",), message, hint=suggest(name, known, otherwise))])


def last(aws: Aws, job: Deployed) -> list[Run]:
    """Return the last runs of a job, the newest first."""
    answer = aws.client("stepfunctions").list_executions(stateMachineArn=job.machine, maxResults=SHOWN)
    return [_run(each) for each in answer["executions"]]


def _run(said: Mapping[str, Any]) -> Run:
    return Run(said["executionArn"], said["status"], said["startDate"], said.get("stopDate"))


def start(aws: Aws, job: Deployed, command: Sequence[str]) -> str:
    """Start a job, with another command where one is given. Return the ARN of the execution."""
    words = json.dumps({"command": list(command)} if command else {})
    return str(aws.client("stepfunctions").start_execution(stateMachineArn=job.machine, input=words)["executionArn"])


def follow(aws: Aws, job: Deployed, arn: str, began: float, show: Callable[[Line], object]) -> Mapping[str, Any]:
    """Show what the tasks of an execution write until it ends. Return how Step Functions describes it then.

    Other runs of the job write into the same log group; those are left out.
    """
    states, rhythm = aws.client("stepfunctions"), Rhythm(aws.pace)
    seen: set[str] = set()
    late, answered = LATE_LOOKS, aws.pace.now()
    while True:
        try:
            found: Mapping[str, Any] = states.describe_execution(executionArn=arn)
            tasks = set(_tasks(states, arn)) if job.group else set()
            new = [each for each in _lines(aws, job.group, began) if each.id not in seen and _task(each) in tasks]
        except Exception as error:
            if not fault.is_passing(error) or aws.pace.now() - answered > aws.pace.deaf:
                raise
            rhythm.rest()
            continue
        answered = aws.pace.now()
        for each in new:
            seen.add(each.id)
            show(each)
        if found["status"] != RUNNING:
            if not tasks or not late:
                return found
            late -= 1
        if new:
            rhythm.again()
        rhythm.rest()


def _lines(aws: Aws, group: str | None, since: float) -> Iterator[Line]:
    if group:
        yield from stream.lines(aws, group, since, grow=False)


def _task(line: Line) -> str:
    """Return the id of the task that wrote a line."""
    return line.stream.rpartition("/")[2]


def _tasks(states: Any, arn: str) -> Iterator[str]:
    """Yield the ids of the tasks that an execution started."""
    for page in states.get_paginator("get_execution_history").paginate(executionArn=arn):
        for event in page["events"]:
            said = event.get("taskSubmittedEventDetails", {}).get("output")
            for task in (_read(said).get("Tasks") or [_read(said)]) if said else ():
                if arn_of_task := str(task.get("TaskArn", "")):
                    yield arn_of_task.rpartition("/")[2]


def exit_code(found: Mapping[str, Any]) -> int | None:
    """Return the exit code of the container of an execution that ended; None where none ran."""
    task = _read(found.get("output") or found.get("cause"))
    task = task["ended"] if isinstance(task.get("ended"), Mapping) else task
    codes = [each.get("ExitCode") for each in task.get("Containers", ()) if isinstance(each, Mapping)]
    return next((code for code in codes if isinstance(code, int)), None)


def why(found: Mapping[str, Any]) -> str:
    """Return why an execution failed, as a clause."""
    code, cause = exit_code(found), str(found.get("cause") or "")
    if found["status"] == "ABORTED":
        return "somebody stopped it"
    if found["status"] == "TIMED_OUT" or found.get("error") == "States.Timeout":
        return "it took longer than its `timeout`"
    if code is not None:
        return f"its container ended with exit code {code}"
    said = str(_read(cause).get("StoppedReason") or cause or found.get("error") or "Step Functions gives no reason")
    return on_one_line(" ".join(said.split()))


def _read(text: Any) -> Mapping[str, Any]:
    """Return an object of JSON; an empty one for what is none."""
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def failed(context: Context, job: Deployed, found: Mapping[str, Any]) -> fault.Fault:
    """Return the fault of a run that failed, on the line of the job."""
    hint = f"Its log: {context.command('logs', job.name, '--since', '1h')}. Its runs: {context.command('jobs')}"
    message = f"The job `{job.name}` is {found['status']}: {why(found)}."
    return fault.Fault(context.placed(RUN_FAILED.at(("jobs", job.name), message, hint=hint, key=True)))
