"""Custom resources: the last words of the function that makes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from msaspec.deploy import causes
from msaspec.deploy.causes import Finding
from msaspec.deploy.evidence import LINES, Ask, Investigator, Looking, Scene, Subject, log_group, physical, referred

GATE = "Custom::JobGate"
_TELLING = re.compile(r"error|exception|refused|denied|timed out|failed", re.IGNORECASE)
_FRAME = re.compile(r"^\s|^Traceback|^(START|END|REPORT|INIT_START) ")


class CustomResources(Investigator):
    """Looks into custom resources of any name."""

    types: ClassVar[tuple[str, ...]] = ("Custom::*", "AWS::CloudFormation::CustomResource")

    def look(self, subjects: Sequence[Subject], scene: Scene) -> Looking:
        """Ask for the end of the log of the function behind each."""
        found = []
        for subject in subjects:
            if subject.type == GATE:
                continue  # Its reason and its own log say more than the log of its function.
            function = referred(scene.properties(subject.logical_id).get("ServiceToken"))
            if not function:
                continue
            logging = scene.properties(function).get("LoggingConfig")
            named = referred(logging.get("LogGroup")) if isinstance(logging, dict) else None
            there = yield from physical(scene)
            group = there.get(named or "", ("", ""))[1] or (yield from log_group(scene, scene.entry_of(function)))
            if not group and there.get(function, ("", ""))[1]:
                group = f"/aws/lambda/{there[function][1]}"
            if not group:
                continue
            words = {"logGroupName": group, "orderBy": "LastEventTime", "descending": True, "limit": 1}
            streams = ((yield Ask("logs", "describe_log_streams", words)) or {}).get("logStreams", ())
            for stream in streams:
                events = yield Ask(
                    "logs",
                    "get_log_events",
                    {"logGroupName": group, "logStreamName": stream["logStreamName"], "limit": 4 * LINES},
                )
                lines = [
                    line
                    for event in (events or {}).get("events", ())
                    for line in str(event.get("message", "")).splitlines()
                    if line.strip() and not _FRAME.search(line)
                ]
                if telling := next((line for line in reversed(lines) if _TELLING.search(line)), None):
                    cause = causes.of(telling)
                    cause = cause if cause in (causes.PERMISSION, causes.SECRET) else causes.FUNCTION
                    facts = {"logs": f"aws logs tail {group}"}
                    what = f"The custom resource `{subject.logical_id}`"
                    shown = tuple(lines[-LINES:])
                    found.append(Finding(cause, subject.logical_id, telling, what, shown, facts))
        return found
