"""What hosts say of their boot: the log that `aws/boot.sh` writes when it gives up, before it signals that."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime

from msaspec.deploy import causes
from msaspec.deploy.causes import Finding
from msaspec.deploy.evidence import LINES, Answer, Ask, Scene, Subject, log_group

BOOT = "/boot"
"""How the name of the stream of a boot ends; the name of the instance is before it."""
STREAMS = 5


class Boots:
    """The boot logs of hosts, each read once."""

    def __init__(self) -> None:
        self._read: set[str] = set()

    def of(self, subject: Subject, scene: Scene) -> Generator[Ask, Answer, list[Finding]]:
        """Return why hosts of a service gave up in this operation."""
        group = yield from log_group(scene, subject.entry)
        if not group:
            return []
        words = {"logGroupName": group, "orderBy": "LastEventTime", "descending": True, "limit": STREAMS}
        answer = yield Ask("logs", "describe_log_streams", words)
        for stream in (answer or {}).get("logStreams", ()):
            name = str(stream.get("logStreamName", ""))
            alone = not subject.id.startswith("i-") or name == f"{subject.id}{BOOT}"
            if not name.endswith(BOOT) or name in self._read or not alone or _is_older(stream, scene):
                continue
            events = yield Ask("logs", "get_log_events", {"logGroupName": group, "logStreamName": name, "limit": 1})
            text = "\n".join(str(event.get("message", "")) for event in (events or {}).get("events", ()))
            lines = [line for line in text.splitlines() if line.strip()]
            if lines:
                # Only now: a host makes the stream a moment before it writes there.
                self._read.add(name)
                # The first line has the step and its last words, what follows is the end of the log.
                cause = causes.of(lines[0]) or _of_lines(lines[1:]) or causes.BOOT
                facts = {"logs": f"aws logs tail {group}", **_facts(subject, scene)}
                facts["console"] = f"aws logs tail {group} --log-stream-names {name}"
                found = Finding(cause, subject.logical_id, lines[0], named(subject), tuple(lines[1:][-LINES:]), facts)
                return [found]
        return []


def named(subject: Subject) -> str:
    """Name the hosts of a service in a sentence."""
    return f"The host of `{subject.entry[1]}`" if len(subject.entry) > 1 else f"The host `{subject.logical_id}`"


def _of_lines(lines: list[str]) -> causes.CauseCode | None:
    return next(
        (cause for line in reversed(lines) if (cause := causes.of(line)) in (causes.ARCHITECTURE, causes.DISK)), None
    )


def _is_older(stream: dict[str, object], scene: Scene) -> bool:
    """Whether a stream was there before the operation began, by the clocks of AWS."""
    made = stream.get("creationTime")
    if scene.began is None or not isinstance(made, int):
        return False
    return scene.precedes(datetime.fromtimestamp(made / 1000, UTC))


def _facts(subject: Subject, scene: Scene) -> dict[str, str]:
    kind = "autoscaling" if subject.type.endswith("AutoScalingGroup") else "instance"
    return {"runtime": kind, "memory": "instance_type: t4g.medium"}
