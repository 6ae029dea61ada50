"""Jobs are started by something, at times that come, and end in time."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from functools import cache

from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.diagnostics.spelling import suggest
from msaspec.kinds.topics import Topic
from msaspec.language import schedule
from msaspec.language.job import LONGEST_GATE, Job

NOBODY_STARTS = Code(
    "MSA487",
    "A job that nobody starts",
    """
    A job runs on a schedule, by hand, or before each deployment, and says which.

    Wrong: `jobs: {reindex: {image: "search:1.0"}}`
    Right: `schedule: "0 3 * * *"`, `every: 15 min`, `run: by-hand` or `run: before-deploy`
    """,
)
TWO_STARTS = Code(
    "MSA488",
    "A job with two words for what starts it",
    """
    A job has one of `schedule`, `every` and `run`. People can start any job by `msaspec run NAME`; a migration that
    also runs by the clock is a second job with the same image.
    """,
)
MALFORMED = Code(
    "MSA489",
    "A schedule that cannot be read",
    """
    `schedule` has the five fields of cron: minute, hour, day of the month, month, day of the week. Each is `*`,
    numbers, ranges (`1-5`), steps (`*/15`) or a list of them; months and days of the week also have names (`JAN`,
    `MON`). Only one of the two days can be restricted, since EventBridge Scheduler has no word for cron's "either".

    Wrong: `schedule: "0 25 * * *"`
    Right: `schedule: "0 23 * * *"`
    """,
)
NEVER = Code(
    "MSA490",
    "A schedule that never comes",
    """
    No year has such a day.

    Wrong: `schedule: "0 3 30 2 *"`
    Right: `schedule: "0 3 28 2 *"`
    """,
)
UNEVEN = Code(
    "MSA491",
    "An interval that does not divide an hour or a day",
    """
    `every` is a part of an hour in whole minutes or a part of a day in whole hours, so that each day has the same
    times: 1, 2, 3, 4, 5, 6, 10, 12, 15, 20 or 30 minutes; 1, 2, 3, 4, 6, 8 or 12 hours; 1 day.
    """,
)
UNKNOWN_ZONE = Code(
    "MSA492",
    "An unknown time zone",
    "`zone` is a name of the IANA time zone database, such as `Europe/Berlin` or `UTC`.",
)
# fact: custom-resource-timeout
TOO_LONG = Code(
    "MSA493",
    "A job before a deployment that may take too long",
    """
    CloudFormation waits for one hour at most for what runs before a deployment (`ServiceTimeout` of a custom resource).
    All attempts of the job together have 55 minutes, so that the answer comes in time. Migrate large tables in a job
    that people start, `run: by-hand`.

    Wrong: `run: before-deploy`, `timeout: 2 hours`
    Right: `run: before-deploy`, `timeout: 50 min`
    """,
)
NOT_TOLD = Code(
    "MSA500",
    "A notice that reaches nobody",
    """
    `notify` of a job names an entry under `topics`. A FIFO topic takes messages of groups only, and no notices.

    Wrong: `jobs: {report: {notify: alerts, ...}}` without `topics`
    Right: `topics: {alerts: {}}`, `jobs: {report: {notify: alerts, ...}}`
    """,
)
_MINUTES = tuple(number for number in range(1, 60) if 60 % number == 0)
_HOURS = tuple(number for number in range(1, 25) if 24 % number == 0)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Look at each job of the manifest."""
    for name, job in sorted(plan.root.jobs.items()):
        path = ("jobs", name)
        yield from _starts(name, job, path)
        yield from _times(plan, name, job, path)
        yield from _notice(plan, name, job, path)
        if job.gates and job.longest > LONGEST_GATE:
            tries = f"{job.retries + 1} attempts of `{name}` take" if job.retries else f"`{name}` takes"
            message = f"{tries} up to {_long(job.longest)}, and a deployment waits for {LONGEST_GATE // 60} minutes."
            least = LONGEST_GATE // (job.retries + 1) // 60 - 1
            hint = f"Write `timeout: {least} min`, or run it by hand: `run: by-hand`."
            yield TOO_LONG.at((*path, "timeout" if job.timeout else "run"), message, hint=hint)


def _starts(name: str, job: Job, path: Path) -> Iterator[Diagnostic]:
    if not job.started:
        hint = 'Add `schedule: "0 3 * * *"`, `every: 15 min`, `run: by-hand` or `run: before-deploy`.'
        yield NOBODY_STARTS.at(path, f"Nothing starts the job `{name}`.", hint=hint, key=True)
    words = {"schedule": job.schedule, "every": job.every, "run": job.run}
    said = [field for field, value in words.items() if value is not None]
    if len(said) > 1:
        message = f"The job `{name}` has `{said[0]}` and `{said[1]}`."
        hint = f"Remove one of the two; `msaspec run {name}` starts it at any time."
        yield TWO_STARTS.at((*path, said[1]), message, hint=hint, key=True)


def _notice(plan: Plan, name: str, job: Job, path: Path) -> Iterator[Diagnostic]:
    if job.notify is None:
        return
    topics = {
        entry.name: entry.spec for _, entries in plan.entries for entry, _ in entries if isinstance(entry.spec, Topic)
    }
    if job.notify not in topics:
        taken = {entry.name for _, entries in plan.entries for entry, _ in entries}
        taken |= {workload.name for _, workload in plan.workloads}
        add = "Name a topic, such as `topics: {alerts: {}}`." if job.notify in taken else ""
        hint = suggest(job.notify, sorted(topics), add or f"Add `topics: {{{job.notify}: {{}}}}`.")
        message = f"`{name}` notifies `{job.notify}`, which is not a topic."
        yield NOT_TOLD.at((*path, "notify"), message, hint=hint)
    elif topics[job.notify].fifo:
        message = f"`{name}` notifies `{job.notify}`, which is a FIFO topic."
        hint = "Name one without `fifo`, such as `topics: {alerts: {}}`."
        yield NOT_TOLD.at((*path, "notify"), message, hint=hint)


def _times(plan: Plan, name: str, job: Job, path: Path) -> Iterator[Diagnostic]:
    if job.schedule is not None:
        try:
            cron = schedule.parse(job.schedule)
        except schedule.Malformed as wrong:
            where = (*path, "schedule")
            span = plan.manifest.document.inside(where, wrong.text, wrong.start)
            message = f"`{job.schedule}` is no schedule: {wrong.message}."
            hint = 'Write the five fields of cron, such as `schedule: "0 3 * * MON-FRI"`.'
            yield MALFORMED.at(where, message, hint=hint, span=span)
        else:
            if not cron.comes:
                message = f"`{job.schedule}` never comes: there is no such day."
                yield NEVER.at((*path, "schedule"), message, hint="Write a day of one of its months, or `*`.")
    elif job.every and schedule.every(job.every) is None:
        parts = _MINUTES if job.every < 3600 else _HOURS
        unit, size = ("min", 60) if job.every < 3600 else ("hours", 3600)
        near = min(parts, key=lambda number: abs(number * size - job.every))  # type: ignore[operator]
        message = f"An interval of {_long(job.every)} divides neither an hour nor a day."
        yield UNEVEN.at((*path, "every"), message, hint=f"Write `every: {near} {unit}`.")
    known = _zones()
    if known and job.zone not in known:
        hint = suggest(job.zone, sorted(known), "Write one such as `Europe/Berlin`, or `UTC`.")
        yield UNKNOWN_ZONE.at((*path, "zone"), f"There is no time zone `{job.zone}`.", hint=hint)


def _long(seconds: int) -> str:
    """Return a span of time in its largest whole unit.

    >>> _long(7200), _long(420), _long(3630)
    ('2 hours', '7 minutes', '3630 seconds')
    """
    for size, unit in ((3600, "hour"), (60, "minute")):
        if seconds % size == 0:
            number = seconds // size
            return f"{number} {unit}{'s' if number > 1 else ''}"
    return f"{seconds} seconds"


@cache
def _zones() -> frozenset[str]:
    """Return the names of all time zones that this machine knows. A search reads hundreds of files."""
    return frozenset(zoneinfo.available_timezones())
