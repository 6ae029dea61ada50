"""Single hosts: whether they run, and whether EC2's own checks of them succeed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msaspec.deploy import hosted
from msaspec.deploy.condition import Condition, Examiner, Examining, gone, unknown
from msaspec.deploy.evidence import Ask, Scene, Subject


class Instances(Examiner):
    """Tells how hosts are."""

    types: ClassVar[tuple[str, ...]] = ("AWS::EC2::Instance",)

    def look(self, subjects: Sequence[Subject], scene: Scene) -> Examining:
        """Ask for each host, and for the checks of all. One that is gone would refuse the whole request."""
        found = []
        words = {"Filters": [{"Name": "instance-id", "Values": [each.id for each in subjects]}]}
        answer = yield Ask("ec2", "describe_instances", words)
        hosts = {
            host["InstanceId"]: host
            for reservation in (answer or {}).get("Reservations", ())
            for host in reservation.get("Instances", ())
        }
        checked = yield Ask("ec2", "describe_instance_status", {**words, "IncludeAllInstances": True})
        checks = {
            each["InstanceId"]: [str(each.get(of, {}).get("Status", "")) for of in ("SystemStatus", "InstanceStatus")]
            for each in (checked or {}).get("InstanceStatuses", ())
        }
        for subject in subjects:
            host = hosts.get(subject.id)
            if host is None:
                found.append(unknown(subject) if answer is None else gone(subject))
                continue
            state = str(host.get("State", {}).get("Name", "unknown"))
            faults = [] if state in ("running", "pending") else [f"its host is {state}"]
            if "impaired" in checks.get(subject.id, ()):
                faults.append("EC2 says that its host is impaired")
            runs = int(state == "running")
            service = subject.entry[:1] == ("services",)
            found.append(
                Condition(
                    subject.entry,
                    subject.type,
                    subject.id,
                    state,
                    tuple(faults),
                    wanted=1 if service else None,
                    running=runs if service else None,
                    healthy=None if not service or checked is None else int(runs and not faults),
                    version=hosted.image(scene, subject.entry) if service else None,
                    since=host.get("LaunchTime"),
                )
            )
        return found
