"""Scheduled jobs of Copilot: when they run, and how long."""

from __future__ import annotations

import re
from typing import Any

from msaspec.importing.ledger import Ledger
from msaspec.importing.tree import entries, is_number, text_of
from msaspec.language import schedule as schedules

_UNITS = {"minute": "min", "minutes": "min", "hour": "h", "hours": "h", "day": "h", "days": "h"}
_OF_SERVICES = ("port", "paths", "health", "scale", "sticky")


def write(spec: dict[str, Any], tree: dict[str, Any], ledger: Ledger, place: str) -> str | None:
    """Make a job of what was written as a service; return what a person has to decide."""
    for key in _OF_SERVICES:
        spec.pop(key, None)
    if "runtime" in spec:
        spec["runtime"] = {key: value for key, value in spec["runtime"].items() if key in ("cpu", "memory", "disk")}
        if not spec["runtime"]:
            del spec["runtime"]
    said = entries(tree.get("on")).get("schedule")
    when = _when(text_of(said) or "")
    spec |= when or {"run": "by-hand"}
    if when:
        ledger.carried(said, f"{place}.{next(iter(when))}")
    seconds = _seconds(text_of(tree.get("timeout")) or "")
    if seconds and 60 <= seconds <= 604_800:
        spec["timeout"] = f"{-(-seconds // 60)} min"
        ledger.carried(tree.get("timeout"), f"{place}.timeout")
    retries = text_of(tree.get("retries")) or ""
    if is_number(retries) and int(retries) <= 10:
        spec["retries"] = int(retries)
        ledger.carried(tree.get("retries"), f"{place}.retries")
    ledger.lost(tree.get("on"), "the schedule is in no form that is known: write `schedule` or `every`")
    return None if when else "The source has a schedule of another form: write `schedule` or `every`."


def _when(text: str) -> dict[str, Any] | None:
    """Return the fields of a schedule.

    >>> _when("@every 1h"), _when("rate(5 minutes)"), _when("cron(0 3 ? * 2 *)"), _when("none")
    ({'every': '1 h'}, {'every': '5 min'}, {'schedule': '0 3 * * 1'}, {'run': 'by-hand'})
    """
    text = text.strip()
    if text == "none":
        return {"run": "by-hand"}
    if found := re.fullmatch(r"rate\((\d+) (\w+)\)", text):
        unit, number = _UNITS.get(found[2]), int(found[1]) * (24 if found[2].startswith("day") else 1)
        return {"every": f"{number} {unit}"} if unit else None
    if text.startswith("@every "):
        seconds = _seconds(text.removeprefix("@every "))
        if not seconds or seconds % 60:
            return None
        return {"every": f"{seconds // 3600} h" if seconds % 3600 == 0 else f"{seconds // 60} min"}
    if found := re.fullmatch(r"cron\((.*)\)", text):
        words = found[1].split()
        if len(words) != 6 or words[5] != "*":
            return None
        words[4] = re.sub(r"\d", lambda day: str(int(day[0]) - 1), words[4])  # EventBridge counts days from 1.
        text = " ".join(words[:5]).replace("?", "*")
    try:
        schedules.parse(text)
    except schedules.Malformed:
        return None
    return {"schedule": text}


def _seconds(text: str) -> int | None:
    """Return a duration as Go writes it.

    >>> _seconds("1h30m"), _seconds("soon")
    (5400, None)
    """
    parts = re.findall(r"(\d+)(h|m|s)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(int(number) * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in parts)
