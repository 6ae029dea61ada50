"""ECS services: how many tasks run, what they run, and how their last deployment went."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, ClassVar

from msaspec.deploy.condition import Condition, Examiner, Examining, gone, unknown
from msaspec.deploy.condition import version as short
from msaspec.deploy.evidence import Answer, Ask, Scene, Subject
from msaspec.deploy.targets import targets

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
    groups = [each.get("targetGroupArn", "") for each in service.get("loadBalancers", ())]
    found = yield from targets(groups)
    faults = []
    if running < wanted and (state != "IN_PROGRESS" or newest.get("failedTasks")):
        faults.append(f"{running} of {wanted} copies run")
    if failed:
        faults.append(f"the last deployment failed: {failed.get('rolloutStateReason') or 'no reason given'}")
    elif state == "IN_PROGRESS" and newest.get("failedTasks"):
        faults.append(f"{newest['failedTasks']} tasks of the deployment failed")
    faults += found.faults
    version = yield from _image(str(newest.get("taskDefinition") or service.get("taskDefinition", "")))
    return Condition(
        subject.entry,
        subject.type,
        subject.id,
        "running" if running else "stopped",
        tuple(faults),
        wanted=wanted,
        running=running,
        healthy=found.healthy if groups else running,
        version=version,
        deployment="failed" if failed else state.lower().replace("_", " "),
        since=newest.get("updatedAt") or newest.get("createdAt"),
        targets=found.states,
    )


def _image(definition: str) -> Generator[Ask, Answer, str | None]:
    """Return the image of a task definition, without its registry."""
    answer = yield Ask("ecs", "describe_task_definition", {"taskDefinition": definition})
    containers = (answer or {}).get("taskDefinition", {}).get("containerDefinitions", ())
    return short(str(containers[0].get("image", ""))) if containers else None
