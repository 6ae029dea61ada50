"""Single hosts: what their boot log says, or their console where they did not get so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msaspec.deploy import causes
from msaspec.deploy.boots import Boots, named
from msaspec.deploy.causes import Finding
from msaspec.deploy.evidence import LINES, Ask, Investigator, Looking, Scene, Subject


class Instances(Investigator):
    """Looks into hosts."""

    types: ClassVar[tuple[str, ...]] = ("AWS::EC2::Instance",)

    def __init__(self) -> None:
        self._boots = Boots()

    def look(self, subjects: Sequence[Subject], scene: Scene) -> Looking:
        """Ask for the log of the boot; for the console, where a host failed without one."""
        found: list[Finding] = []
        for subject in subjects:
            told = yield from self._boots.of(subject, scene)
            found += told
            if told or not subject.failed or not subject.id.startswith("i-"):
                continue
            answer = yield Ask("ec2", "get_console_output", {"InstanceId": subject.id})
            lines = [line for line in str((answer or {}).get("Output", "")).splitlines() if line.strip()][-LINES:]
            telling = next((line for line in reversed(lines) if causes.of(line)), None)
            if lines:
                said = telling or lines[-1]
                cause = causes.of(telling or "") or causes.BOOT
                facts = {"console": f"aws ec2 get-console-output --instance-id {subject.id} --output text"}
                found.append(Finding(cause, subject.logical_id, said, named(subject), tuple(lines), facts))
        return found
