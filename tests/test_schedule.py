"""Schedules of jobs: what five fields of cron mean, and when they come."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from msaspec.language import schedule


@pytest.mark.parametrize(
    ("written", "expression"),
    [
        ("0 3 * * *", "cron(0 3 * * ? *)"),
        ("*/15 8-18 * * MON-FRI", "cron(0,15,30,45 8-18 ? * MON-FRI *)"),
        ("0 0 * * 0", "cron(0 0 ? * SUN *)"),
        ("0 0 * * 7", "cron(0 0 ? * SUN *)"),
        ("0 0 * * 5-7", "cron(0 0 ? * SUN,FRI,SAT *)"),
        ("0 0 * * FRI-MON", "cron(0 0 ? * SUN,MON,FRI,SAT *)"),
        ("0 0 * * */2", "cron(0 0 ? * SUN,TUE,THU,SAT *)"),
        ("10-50/20 5 1,15 jan,6-8 *", "cron(10,30,50 5 1,15 1,6-8 ? *)"),
        ("5/20 * * * *", "cron(5,25,45 * * * ? *)"),
        ("0 0 1-31 * MON", "cron(0 0 ? * MON *)"),
        (" @daily ", "cron(0 0 * * ? *)"),
        ("@weekly", "cron(0 0 ? * SUN *)"),
    ],
)
def test_cron_as_eventbridge_scheduler_takes_it(written: str, expression: str) -> None:
    """Days of the week count from Sunday as 0 here and as names there; one kind of days is a question mark."""
    assert schedule.parse(written).expression == expression


@pytest.mark.parametrize(
    ("written", "start", "text"),
    [
        ("0 24 * * *", 2, "24"),
        ("60 * * * *", 0, "60"),
        ("0 3 0 * *", 4, "0"),
        ("0 3 * 13 *", 6, "13"),
        ("0 3 * * 8", 8, "8"),
        ("0 3 * * 1,9", 10, "9"),
        ("1-70 * * * *", 2, "70"),
        ("* * * * FRY", 8, "FRY"),
        ("a * * * *", 0, "a"),
        ("*/x * * * *", 0, "*/x"),
        ("9-5 * * * *", 0, "9-5"),
        ("1- * * * *", 2, "1-"),
        ("0 3 * *", 0, "0 3 * *"),
        ("0 3 * * * 2026", 10, "2026"),
        ("0 3 1 * 1", 8, "1"),
        ("", 0, ""),
    ],
)
def test_where_a_schedule_is_wrong(written: str, start: int, text: str) -> None:
    """The place is that of the word that is to blame."""
    with pytest.raises(schedule.Malformed) as found:
        schedule.parse(written)
    assert (found.value.start, found.value.text) == (start, text)


@pytest.mark.parametrize(
    ("written", "comes"), [("0 0 30 2 *", False), ("0 0 29 2 *", True), ("0 0 31 4,6,9,11 *", False)]
)
def test_a_day_that_no_year_has(written: str, comes: bool) -> None:
    """30 February never comes; 29 February does."""
    assert schedule.parse(written).comes is comes


def after(written: str, moment: str, zone: str = "UTC") -> str | None:
    """The next time after a moment, both in UTC."""
    found = schedule.parse(written).after(datetime.fromisoformat(moment).replace(tzinfo=UTC), ZoneInfo(zone))
    return found.strftime("%Y-%m-%d %H:%M") if found else None


def test_the_next_time() -> None:
    """It is after the moment, in the time zone of the schedule."""
    assert after("0 3 * * *", "2026-07-01T03:00") == "2026-07-02 03:00"
    assert after("0 3 * * *", "2026-07-01T17:00", "Asia/Seoul") == "2026-07-01 18:00"
    assert after("0 0 29 2 *", "2096-03-01T00:00") == "2104-02-29 00:00"
    assert after("0 0 30 2 *", "2026-01-01T00:00") is None


def test_a_change_of_the_clocks() -> None:
    """What it skips does not come on that day; what it repeats comes once."""
    assert after("30 2 * * *", "2026-03-28T12:00", "Europe/Berlin") == "2026-03-30 00:30"
    first = after("30 2 * * *", "2026-10-24T12:00", "Europe/Berlin")
    assert first == "2026-10-25 00:30"
    assert after("30 2 * * *", "2026-10-25T00:30", "Europe/Berlin") == "2026-10-26 01:30"


@pytest.mark.parametrize(
    ("seconds", "expression"),
    [
        (60, "cron(* * * * ? *)"),
        (1200, "cron(0,20,40 * * * ? *)"),
        (3600, "cron(0 * * * ? *)"),
        (86_400, "cron(0 0 * * ? *)"),
    ],
)
def test_intervals(seconds: int, expression: str) -> None:
    """They are schedules that begin at the full hour or at midnight."""
    found = schedule.every(seconds)
    assert found is not None
    assert found.expression == expression


@pytest.mark.parametrize("seconds", [90, 420, 5400, 18_000, 172_800])
def test_intervals_that_divide_nothing(seconds: int) -> None:
    """They would come at other times each day."""
    assert schedule.every(seconds) is None
