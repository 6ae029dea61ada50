"""When a job runs: five fields of cron, read into sets, and written as EventBridge Scheduler takes them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_DAYS_OF = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
WORDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_DAY = 86_400
HORIZON = 366 * 9
"""Days that are looked at for the next run: 29 February may be eight years away."""


class Malformed(Exception):
    """What is wrong with a schedule, and where in its text."""

    def __init__(self, message: str, start: int, text: str) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        """How many characters come before it."""
        self.text = text


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    names: Sequence[str] = ()
    """Names of its values, from the lowest."""


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, MONTHS),
    _Field("day of the week", 0, 7, WEEKDAYS),
)


@dataclass(frozen=True)
class Cron:
    """The minutes, hours, days of the month, months and days of the week (0 is Sunday) of a schedule."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    @property
    def comes(self) -> bool:
        """Whether there is ever such a day: not on 30 February."""
        return any(day <= _DAYS_OF[month - 1] for month in self.months for day in self.days)

    @property
    def expression(self) -> str:
        """Return it as EventBridge Scheduler takes it: six fields, one of the two kinds of days a question mark.

        >>> parse("0 3 * * 1-5").expression, parse("*/20 0,12 1 jan *").expression
        ('cron(0 3 ? * MON-FRI *)', 'cron(0,20,40 0,12 1 1 ? *)')
        """
        # fact: scheduler-cron
        every_day = len(self.weekdays) == 7
        days = _written(self.days, 1, 31) if every_day else "?"
        weekdays = "?" if every_day else _written(self.weekdays, 0, 6, WEEKDAYS)
        minutes, hours = _written(self.minutes, 0, 59), _written(self.hours, 0, 23)
        return f"cron({minutes} {hours} {days} {_written(self.months, 1, 12)} {weekdays} *)"

    def after(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """Return the next time after a moment, in UTC; None where none comes.

        What a change of the clocks skips is skipped, and what it repeats comes once, as EventBridge Scheduler does it.
        """
        first = moment.astimezone(zone).date()
        for number in range(HORIZON):
            day = first + timedelta(days=number)
            if not self._is_on(day):
                continue
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
                    there = local.astimezone(UTC)
                    exists = there.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None)
                    if there > moment and exists:
                        return there
        return None

    def _is_on(self, day: date) -> bool:
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays


def parse(text: str) -> Cron:
    """Return a schedule of five fields. Raise Malformed where it is none."""
    word = text.strip().lower()
    if word.startswith("@"):
        if word not in WORDS:
            raise Malformed(f"`{text.strip()}` is none of {', '.join(sorted(WORDS))}", 0, text)
        return parse(WORDS[word])
    parts = list(_parts(text))
    if len(parts) != len(_FIELDS):
        names = ", ".join(field.name for field in _FIELDS)
        start, extra = parts[len(_FIELDS)] if len(parts) > len(_FIELDS) else (0, text)
        raise Malformed(f"a schedule has five fields ({names}), and this has {len(parts)}", start, extra)
    sets = [_set(field, start, part) for field, (start, part) in zip(_FIELDS, parts, strict=True)]
    weekdays = frozenset(day % 7 for day in sets[4])
    if len(sets[2]) < 31 and len(weekdays) < 7:
        start, part = parts[4]
        raise Malformed(
            "the day of the month and the day of the week are both restricted, which cron reads as either and"
            " EventBridge Scheduler cannot; write two jobs",
            start,
            part,
        )
    return Cron(sets[0], sets[1], sets[2], sets[3], weekdays)


def every(seconds: int) -> Cron | None:
    """Return the schedule of a span of time; None for one that does not divide the hour or the day.

    >>> every(300).expression, every(21600).expression, every(420)
    ('cron(0,5,10,15,20,25,30,35,40,45,50,55 * * * ? *)', 'cron(0 0,6,12,18 * * ? *)', None)
    """
    if seconds % 60 or seconds > _DAY:
        return None
    if seconds < 3600:
        return parse(f"*/{seconds // 60} * * * *") if 3600 % seconds == 0 else None
    return parse(f"0 */{seconds // 3600} * * *") if seconds % 3600 == 0 and _DAY % seconds == 0 else None


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Yield the fields of a text, each with where it begins."""
    at = 0
    for part in text.split():
        at = text.index(part, at)
        yield at, part
        at += len(part)


def _set(field: _Field, start: int, part: str) -> frozenset[int]:
    found: set[int] = set()
    at = start
    for item in part.split(","):
        found |= set(_items(field, at, item))
        at += len(item) + 1
    return frozenset(found)


def _items(field: _Field, at: int, item: str) -> Iterator[int]:
    """Yield the values of `*`, `5`, `1-5`, `*/10`, `10-50/5` or `5/10`."""
    span, slash, step = item.partition("/")
    if slash and not (_is_number(step) and int(step) > 0):
        raise Malformed(f"`{item}` has no step; write it like `*/10`", at, item)
    first, dash, last = span.partition("-")
    if span == "*":
        low, high = field.low, min(field.high, 6) if field.names is WEEKDAYS else field.high
    else:
        low = _number(field, at, first, item)
        high = _number(field, at + len(first) + 1, last, item) if dash else field.high if slash else low
    if low > high:
        if field.names is not WEEKDAYS:
            raise Malformed(f"`{span}` goes backwards; write `{first}-{field.high},{field.low}-{last}`", at, item)
        high += 7  # from Friday to Monday
    for value in range(low, high + 1, int(step) if slash else 1):
        yield value % 7 if field.names is WEEKDAYS else value


def _number(field: _Field, at: int, written: str, item: str) -> int:
    if written.upper() in field.names:
        return field.names.index(written.upper()) + (0 if field.names is WEEKDAYS else field.low)
    if not _is_number(written):
        also = f", or {field.names[0]} to {field.names[-1]}" if field.names else ""
        says = f"the {field.name} is a number from {field.low} to {field.high}{also}, and `{item}` is not"
        raise Malformed(says, at, written or item)
    if not field.low <= int(written) <= field.high:
        raise Malformed(f"the {field.name} is from {field.low} to {field.high}, and `{written}` is not", at, written)
    return int(written)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 5


def _written(values: Collection[int], low: int, high: int, names: Sequence[str] = ()) -> str:
    """Return values as a list in which three and more in a row are a range."""
    if len(values) == high - low + 1:
        return "*"

    def word(value: int) -> str:
        return names[value] if names else str(value)

    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and runs[-1][-1] == value - 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    told = [f"{word(run[0])}-{word(run[-1])}" if len(run) > 2 else ",".join(map(word, run)) for run in runs]
    return ",".join(told)
