"""The start of copies anew, so that they read their secrets: what starts those of each runtime, and when they are up.

What was there before is looked at first, so that the newest deployment or refresh afterwards is known to be another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from msaspec.aws.readers import NEW_FIRST, Readers
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.boots import BOOT
from msaspec.diagnostics.printable import line as on_one_line

_GOING_ON = ("PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")
_REFRESHING = ("Pending", "InProgress", "Baking", "Cancelling", "RollbackInProgress")
_WELL = {"ok", "not-applicable"}


class NotUp(Exception):
    """Why copies did not come up, as a clause."""


@dataclass(frozen=True)
class Restart:
    """The start of one service's copies."""

    resource: str
    """Logical id of what runs them."""
    how: str
    """What it is, as AWS calls it."""
    start: Callable[[], object]
    is_up: Callable[[], bool | None]
    """Whether the new copies are up; None where that is not over. Raises NotUp."""


def of(aws: Aws, found: Readers, ids: Mapping[str, str], groups: Callable[[str], list[str]]) -> Iterator[Restart]:
    """Yield what starts each reader anew, of those that are there. `ids` are physical ones; `groups` gives the log
    groups beside a resource."""
    for name, cluster in found.services.items():
        if name in ids and cluster in ids:
            yield _deployment(aws, name, ids[cluster], ids[name])
    for name, says in found.groups.items():
        if name in ids:
            yield _refresh(aws, name, ids[name], {} if says else {"Preferences": dict(NEW_FIRST)})
    for name in found.instances:
        if name in ids:
            yield _reboot(aws, name, ids[name], groups(name))


def _deployment(aws: Aws, name: str, cluster: str, service: str) -> Restart:
    client = aws.client("ecs")

    def newest() -> Mapping[str, Any]:
        listed = client.list_service_deployments(cluster=cluster, service=service)["serviceDeployments"]
        found: Mapping[str, Any] = max(listed, key=lambda each: each["createdAt"], default={})
        return found

    before = newest().get("serviceDeploymentArn")

    def is_up() -> bool | None:
        found = newest()
        if not found or found["serviceDeploymentArn"] == before or found["status"] in _GOING_ON:
            return None
        if found["status"] != "SUCCESSFUL":
            raise NotUp(f"its deployment is {found['status']}: {found.get('statusReason') or 'ECS gives no reason'}")
        return True

    def start() -> object:
        return client.update_service(cluster=cluster, service=service, forceNewDeployment=True)

    return Restart(name, "deployment", start, is_up)


def _refresh(aws: Aws, name: str, group: str, words: Mapping[str, Any]) -> Restart:
    client = aws.client("autoscaling")

    def newest() -> Mapping[str, Any]:
        listed = client.describe_instance_refreshes(AutoScalingGroupName=group, MaxRecords=1)["InstanceRefreshes"]
        found: Mapping[str, Any] = listed[0] if listed else {}
        return found

    before = newest().get("InstanceRefreshId")

    def is_up() -> bool | None:
        found = newest()
        if not found or found["InstanceRefreshId"] == before or found["Status"] in _REFRESHING:
            return None
        if found["Status"] != "Successful":
            said = found.get("StatusReason") or "Auto Scaling gives no reason"
            raise NotUp(f"its instance refresh is {found['Status']}: {said}")
        return True

    return Restart(
        name, "instance refresh", lambda: client.start_instance_refresh(AutoScalingGroupName=group, **words), is_up
    )


def _reboot(aws: Aws, name: str, id: str, groups: list[str]) -> Restart:
    """Nothing outside of a host tells that its container is up, but its boot log says where it gave up."""
    client, began = aws.client("ec2"), aws.pace.now()

    def is_up() -> bool | None:
        for group in groups:
            if said := _given_up(aws.client("logs"), group, f"{id}{BOOT}", began):
                raise NotUp(f"its host does not boot: {said}")
        asked = client.describe_instance_status(InstanceIds=[id], IncludeAllInstances=True)["InstanceStatuses"]
        checks = {each[check]["Status"] for each in asked for check in ("InstanceStatus", "SystemStatus")}
        runs = [each["InstanceState"]["Name"] for each in asked] == ["running"]
        return True if runs and checks <= _WELL else None

    return Restart(name, "reboot", lambda: client.reboot_instances(InstanceIds=[id]), is_up)


def _given_up(logs: Any, group: str, stream: str, since: float) -> str | None:
    """Return what a host said when it gave up since some moment."""
    for each in logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)["logStreams"]:
        if each.get("lastEventTimestamp", 0) >= since * 1000:
            told = logs.get_log_events(logGroupName=group, logStreamName=each["logStreamName"], limit=1)["events"]
            lines = str(told[0]["message"]).splitlines() if told else []
            return on_one_line(lines[0]) if lines else None
    return None
