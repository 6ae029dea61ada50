"""Groups of hosts: how many are in service, and how many of them their load balancer takes for healthy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msaspec.deploy import hosted
from msaspec.deploy.condition import Condition, Examiner, Examining, gone, unknown
from msaspec.deploy.evidence import Ask, Scene, Subject
from msaspec.deploy.targets import targets

AT_ONCE = 50
"""Groups that one request tells of."""


class AutoScalingGroups(Examiner):
    """Tells how groups are."""

    types: ClassVar[tuple[str, ...]] = ("AWS::AutoScaling::AutoScalingGroup",)

    def look(self, subjects: Sequence[Subject], scene: Scene) -> Examining:
        """Ask for all groups, then for the targets of each."""
        found = []
        for first in range(0, len(subjects), AT_ONCE):
            several = subjects[first : first + AT_ONCE]
            words = {"AutoScalingGroupNames": [each.id for each in several]}
            answer = yield Ask("autoscaling", "describe_auto_scaling_groups", words)
            groups = {each["AutoScalingGroupName"]: each for each in (answer or {}).get("AutoScalingGroups", ())}
            for subject in several:
                group = groups.get(subject.id)
                if group is None:
                    found.append(unknown(subject) if answer is None else gone(subject))
                    continue
                hosts = group.get("Instances", ())
                serving = [each for each in hosts if each.get("LifecycleState") == "InService"]
                healthy = sum(each.get("HealthStatus", "").lower() == "healthy" for each in serving)
                behind = yield from targets(group.get("TargetGroupARNs", ()))
                wanted = int(group.get("DesiredCapacity", 0))
                faults = [f"{len(serving)} of {wanted} copies run"] if len(serving) < wanted else []
                faults += behind.faults
                found.append(
                    Condition(
                        subject.entry,
                        subject.type,
                        subject.id,
                        "running" if serving else "stopped",
                        tuple(faults),
                        wanted=wanted,
                        running=len(serving),
                        healthy=behind.healthy if behind.states or not behind.known else healthy,
                        version=hosted.image(scene, subject.entry),
                        targets=behind.states,
                    )
                )
        return found
