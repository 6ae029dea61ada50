"""Groups of hosts: what EC2 Auto Scaling could not launch, and what their hosts say of their boot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msaspec.deploy import causes
from msaspec.deploy.boots import Boots, named
from msaspec.deploy.causes import Finding
from msaspec.deploy.evidence import Ask, Investigator, Looking, Scene, Subject

ACTIVITIES = 20


class AutoScalingGroups(Investigator):
    """Looks into groups and the boot logs of their hosts."""

    types: ClassVar[tuple[str, ...]] = ("AWS::AutoScaling::AutoScalingGroup",)

    def __init__(self) -> None:
        self._boots = Boots()

    def look(self, subjects: Sequence[Subject], scene: Scene) -> Looking:
        """Ask for the last activities, then for the log of a host that gave up."""
        found: list[Finding] = []
        for subject in subjects:
            words = {"AutoScalingGroupName": subject.id, "MaxRecords": ACTIVITIES}
            answer = yield Ask("autoscaling", "describe_scaling_activities", words)
            for activity in (answer or {}).get("Activities", ()):
                if activity.get("StatusCode") not in ("Failed", "Cancelled") or not activity.get("StatusMessage"):
                    continue
                said = str(activity["StatusMessage"])
                found.append(Finding(causes.of(said) or causes.BOOT, subject.logical_id, said, named(subject)))
                break
            found += yield from self._boots.of(subject, scene)
        return found
