"""ECS services: how many tasks run, what they run, and how their last deployment went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from typing import Any, ClassVar

from msaspec.deploy.condition import Condition, Examiner, Examining, gone, unknown
from msaspec.deploy.evidence import Answer, Ask, Scene, Subject

AT_ONCE = 10
"""Services that one request tells of."""


class EcsServices(Examiner):
    """Tells how services are."""

    types: ClassVar[tuple[str, ...]] = ("AWS::ECS::Service",)

    def look(self, subjects: Sequence[Subject], scene: Scene) -> Examining:
        """Ask for ten services at once, then for the image and the targets of each."""
        found = []
        clusters: dict[str, list[Subject]] = {}
        for subject in subjects:
            clusters.setdefault(subject.id.partition(":service/")[2].split("/")[0], []).append(subject)
        for cluster, group in clusters.items():
            for first in range(0, len(group), AT_ONCE):
                several = group[first : first + AT_ONCE]
                words = {"cluster": cluster, "services": [each.id for each in several]}
                answer = yield Ask("ecs", "describe_services", words)
                services = {each.get("serviceArn"): each for each in (answer or {}).get("services", ())}
                for subject in several:
                    if answer is None:
                        found.append(unknown(subject))
                    elif services.get(subject.id, {}).get("status") != "ACTIVE":
                        found.append(gone(subject))
                    else:
                        found.append((yield from _condition(subject, services[subject.id])))
        return found


def _condition(subject: Subject, service: Mapping[str, Any]) -> Generator[Ask, Answer, Condition]:
    deployments = service.get("deployments", ())
    newest: Mapping[str, Any] = deployments[0] if deployments else {}
    state = str(newest.get("rolloutState") or "COMPLETED")
    failed = next((each for each in deployments if each.get("rolloutState") == "FAILED"), None)
    wanted, running = int(service.get("desiredCount", 0)), int(service.get("runningCount", 0))
    targets: Counter[str] = Counter()
    reasons: list[str] = []
    for entry in service.get("loadBalancers", ()):
        answer = yield Ask("elbv2", "describe_target_health", {"TargetGroupArn": entry.get("targetGroupArn", "")})
        for target in (answer or {}).get("TargetHealthDescriptions", ()):
            health = target.get("TargetHealth", {})
            targets[str(health.get("State", "unknown"))] += 1
            if health.get("State") == "unhealthy":
                reasons.append(str(health.get("Description") or health.get("Reason") or "no reason given"))
    faults = []
    if running < wanted and (state != "IN_PROGRESS" or newest.get("failedTasks")):
        faults.append(f"{running} of {wanted} copies run")
    if failed:
        faults.append(f"the last deployment failed: {failed.get('rolloutStateReason') or 'no reason given'}")
    elif state == "IN_PROGRESS" and newest.get("failedTasks"):
        faults.append(f"{newest['failedTasks']} tasks of the deployment failed")
    if reasons:
        faults.append(f"{len(reasons)} unhealthy: {reasons[0]}")
    version = yield from _image(str(newest.get("taskDefinition") or service.get("taskDefinition", "")))
    return Condition(
        subject.entry,
        subject.type,
        subject.id,
        "running" if running else "stopped",
        tuple(faults),
        wanted=wanted,
        running=running,
        healthy=targets["healthy"] if service.get("loadBalancers") else running,
        version=version,
        deployment="failed" if failed else state.lower().replace("_", " "),
        since=newest.get("updatedAt") or newest.get("createdAt"),
        targets=dict(targets),
    )


def _image(definition: str) -> Generator[Ask, Answer, str | None]:
    """Return the image of a task definition, without its registry."""
    answer = yield Ask("ecs", "describe_task_definition", {"taskDefinition": definition})
    containers = (answer or {}).get("taskDefinition", {}).get("containerDefinitions", ())
    return (
        str(containers[0].get("image", "")).partition("/")[2] or str(containers[0].get("image")) if containers else None
    )
