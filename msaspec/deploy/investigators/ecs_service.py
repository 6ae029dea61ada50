"""ECS services: why their tasks stop, or never start, minutes before CloudFormation says that they do.

The task has the reason why it stopped, and the exit code of its container; the service has events about what it cannot
place and what is not healthy; the target group knows why a target is not.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msaspec.deploy import causes
from msaspec.deploy.causes import CauseCode, Finding
from msaspec.deploy.evidence import (
    Answer,
    Ask,
    Investigator,
    Looking,
    Scene,
    Subject,
    groups,
    last_lines,
    log_group,
    referred,
)

AT_ONCE = 10
"""Services that one request tells of (DescribeServices)."""
TASKS = 100
"""Tasks that one request tells of (DescribeTasks)."""
DEEPER = 3
"""Of how many services the tasks are looked at in one round."""
LOGS = 2
"""Of how many stopped tasks of a service the log is read."""
# fact: stopped-task-reasons
_USUAL = re.compile(r"^(Scaling activity initiated by|Service deleted|Task stopped by user|UserInitiated|$)")
"""Reasons with which nothing is wrong."""
_EVENT = re.compile(r"unable to place a task|failed to launch a task|unhealthy in|unable to assume|was unable to")
_WHY = re.compile(r"\(reason (.+?)\)\.?$")
_HEALTH = "ELB health checks"


class EcsServices(Investigator):
    """Looks into services, their tasks and their targets."""

    types = ("AWS::ECS::Service",)

    def __init__(self) -> None:
        self._read: set[str] = set()
        """Tasks that were read."""
        self._unhealthy: dict[str, str] = {}
        """Why a target of a service was not healthy when it was last seen, by the ARN of the service."""
        self._turn = 0

    def look(self, subjects: Sequence[Subject], scene: Scene) -> Looking:
        """Ask about all services of a cluster at once, then about the tasks of those that do not get well."""
        found: list[Finding] = []
        clusters: dict[str, list[Subject]] = {}
        for subject in subjects:
            if cluster := _cluster(subject.id):
                clusters.setdefault(cluster, []).append(subject)
        for cluster, group in clusters.items():
            for first in range(0, len(group), AT_ONCE):
                several = group[first : first + AT_ONCE]
                words = {"cluster": cluster, "services": [each.id for each in several]}
                answer = yield Ask("ecs", "describe_services", words)
                services = {each.get("serviceArn"): each for each in (answer or {}).get("services", ())}
                pairs = [(each, services[each.id]) for each in several if each.id in services]
                for subject, service in pairs:
                    found += self._of_events(subject, service, scene)
                for subject, service in self._chosen(pairs):
                    yield from self._targets(subject, service)
                    found += yield from self._tasks(cluster, subject, service, scene)
        certain = []
        for each in found:
            certain.append((yield from _certain(each, scene)))
        return certain

    def _chosen(self, pairs: Sequence[tuple[Subject, Any]]) -> Sequence[tuple[Subject, Any]]:
        """Return whose tasks are looked at in this round: those that have failed first, the others in turn."""
        self._turn += DEEPER
        turned = [*pairs[self._turn % len(pairs) :], *pairs[: self._turn % len(pairs)]] if pairs else []
        return sorted(turned, key=lambda pair: not (pair[0].failed or _failures(pair[1])))[:DEEPER]

    def _of_events(self, subject: Subject, service: Mapping[str, Any], scene: Scene) -> Iterator[Finding]:
        """Yield what the service itself says about what is under way."""
        for event in service.get("events", ()):
            message = str(event.get("message", ""))
            if _is_older(event, scene) or not _EVENT.search(message):
                continue
            why = _WHY.search(message)
            said = why[1] if why else message
            if "unhealthy in" in message:
                # It becomes well in time, or its task is stopped: only then it is a cause.
                self._unhealthy.setdefault(subject.id, said)
                continue
            yield _finding(causes.of(said) or causes.CAPACITY, subject, said, scene)

    def _targets(self, subject: Subject, service: Mapping[str, Any]) -> Generator[Ask, Answer, None]:
        """Keep in mind why targets are not healthy: a task that is stopped for it is no target any more."""
        if not service.get("runningCount"):
            return
        for arn in _target_groups(service):
            answer = yield Ask("elbv2", "describe_target_health", {"TargetGroupArn": arn})
            for target in (answer or {}).get("TargetHealthDescriptions", ()):
                health = target.get("TargetHealth", {})
                if health.get("State") == "unhealthy":
                    self._unhealthy[subject.id] = str(health.get("Description") or health.get("Reason", ""))

    def _tasks(
        self, cluster: str, subject: Subject, service: Mapping[str, Any], scene: Scene
    ) -> Generator[Ask, Answer, list[Finding]]:
        """Return why tasks of a service stopped, each cause once."""
        if not (subject.failed or _under_way(service)):
            return []
        words = {"cluster": cluster, "serviceName": service["serviceName"], "desiredStatus": "STOPPED"}
        answer = yield Ask("ecs", "list_tasks", words)
        fresh = [arn for arn in (answer or {}).get("taskArns", ()) if arn not in self._read][:TASKS]
        if not fresh:
            return []
        answer = yield Ask("ecs", "describe_tasks", {"cluster": cluster, "tasks": fresh})
        if answer is None:
            return []
        # One that has not stopped yet may still lack its exit code.
        self._read.update(arn for arn in fresh if arn not in _going(answer))
        of_deployments = {each.get("id") for each in _under_way(service)}
        told: dict[CauseCode, Finding] = {}
        logs = 0
        for task in answer.get("tasks", ()):
            if _is_older(task, scene) or (of_deployments and task.get("startedBy") not in of_deployments):
                continue
            found = self._of_task(subject, task, scene)
            if found is None or found.cause in told:
                continue
            if found.cause is causes.EXIT and logs < LOGS:
                logs += 1
                found = yield from _with_log(found, subject, task, scene)
            told.setdefault(found.cause, found)
        return list(told.values())

    def _of_task(self, subject: Subject, task: Mapping[str, Any], scene: Scene) -> Finding | None:
        """Return why a task stopped; None where nothing was wrong."""
        reason = str(task.get("stoppedReason") or "")
        if _USUAL.search(reason) and "interrupted" not in reason:
            return None
        exits = [c["exitCode"] for c in task.get("containers", ()) if c.get("exitCode")]
        words = [str(c["reason"]) for c in task.get("containers", ()) if c.get("reason")]
        if _HEALTH in reason:
            words.insert(0, self._unhealthy.get(subject.id, reason))
        said = " ".join([*words, reason]) if words or reason else str(task.get("stopCode", ""))
        cause = causes.of(" ".join(words)) or causes.of(reason) or causes.EXIT
        if cause is causes.EXIT and exits:
            said = f"{said} (exit code {exits[0]})"
        return _finding(cause, subject, words[0] if _HEALTH in reason else said, scene)


def _going(answer: Mapping[str, Any]) -> set[str]:
    """Return the tasks that stop, and have not stopped yet."""
    ended = ("DEPROVISIONING", "STOPPED")
    return {str(each["taskArn"]) for each in answer.get("tasks", ()) if each.get("lastStatus") not in ended}


def _finding(cause: CauseCode, subject: Subject, said: str, scene: Scene) -> Finding:
    return Finding(cause, subject.logical_id, said, _copies(subject), facts=_facts(subject, scene))


def _copies(subject: Subject) -> str:
    name = subject.entry[1] if len(subject.entry) > 1 else subject.logical_id
    return f"The tasks of `{name}`"


def _facts(subject: Subject, scene: Scene) -> dict[str, str]:
    """Return what the template says of a service: the port of its container, and the path of its health check."""
    facts = {"runtime": "fargate", "memory": "memory: 2 GiB"}
    for entry in scene.properties(subject.logical_id).get("LoadBalancers") or ():
        if isinstance(entry, Mapping):
            facts["port"] = str(entry.get("ContainerPort", ""))
            group = referred(entry.get("TargetGroupArn"))
            path = scene.properties(group).get("HealthCheckPath") if group else None
            if isinstance(path, str):
                facts["path"] = path
    task = referred(scene.properties(subject.logical_id).get("TaskDefinition"))
    definition = scene.properties(task) if task else {}
    if str(definition.get("Memory", "")).isdigit():
        facts["memory"] = f"memory: {max(2 * int(definition['Memory']) // 1024, 1)} GiB"
    return facts


def _with_log(
    found: Finding, subject: Subject, task: Mapping[str, Any], scene: Scene
) -> Generator[Ask, Answer, Finding]:
    """Return a finding with the last lines of its task, which may tell a closer cause."""
    group = yield from log_group(scene, subject.entry)
    containers = sorted(task.get("containers", ()), key=lambda c: not (c.get("exitCode") or c.get("reason")))
    container = next((c["name"] for c in containers if c.get("name")), None)
    if not group or not container:
        return found
    id = str(task.get("taskArn", "")).rpartition("/")[2]
    lines = yield from last_lines(group, f"{container}/{container}/{id}")
    closer = next((cause for line in reversed(lines) if (cause := causes.of(line)) in _IN_LOGS), None)
    return Finding(closer or found.cause, found.logical_id, found.said, found.what, lines, found.facts)


_IN_LOGS = (causes.ARCHITECTURE, causes.DISK, causes.PERMISSION, causes.MEMORY)
"""What the log of a program says of its surroundings. Other words of it can mean anything."""


def _certain(found: Finding, scene: Scene) -> Generator[Ask, Answer, Finding]:
    """Return a finding of health checks that time out as one of a closed port, where no rule opens it."""
    port = found.facts.get("port", "")
    if found.cause is not causes.TIMEOUT or not port.isdigit():
        return found
    network = scene.properties(found.logical_id).get("NetworkConfiguration", {})
    named = network.get("AwsvpcConfiguration", {}).get("SecurityGroups", []) if isinstance(network, Mapping) else []
    rows = yield from _groups(scene, named)
    if not rows:
        return found
    answer = yield Ask("ec2", "describe_security_groups", {"GroupIds": rows})
    groups = (answer or {}).get("SecurityGroups", ())
    if not groups or any(_opens(rule, int(port)) for group in groups for rule in group.get("IpPermissions", ())):
        return found
    return Finding(causes.CLOSED, found.logical_id, found.said, found.what, found.lines, found.facts)


def _groups(scene: Scene, named: Iterable[Any]) -> Generator[Ask, Answer, list[str]]:
    """Return the ids of the security groups that a template names."""
    there = yield from groups(scene)
    names = [referred(each) for each in named]
    return [there[name][1] for name in names if name and name in there and there[name][1]]


def _opens(rule: Mapping[str, Any], port: int) -> bool:
    whole = rule.get("IpProtocol") == "-1" or "FromPort" not in rule
    return whole or int(rule["FromPort"]) <= port <= int(rule.get("ToPort", rule["FromPort"]))


def _cluster(arn: str) -> str | None:
    """Return the name of the cluster in the ARN of a service; None where there is none."""
    parts = arn.partition(":service/")[2].split("/")
    return parts[0] if len(parts) == 2 else None


def _target_groups(service: Mapping[str, Any]) -> Iterator[str]:
    for entry in service.get("loadBalancers", ()):
        other = (entry.get("advancedConfiguration") or {}).get("alternateTargetGroupArn")
        yield from (arn for arn in (entry.get("targetGroupArn"), other) if arn)


def _under_way(service: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the deployments of a service that are not complete."""
    return [each for each in service.get("deployments", ()) if each.get("rolloutState") in ("IN_PROGRESS", "FAILED")]


def _is_older(thing: Mapping[str, Any], scene: Scene) -> bool:
    """Whether a task or an event is of the time before the operation, by the clocks of AWS."""
    made = thing.get("createdAt")
    return scene.precedes(made)


def _failures(service: Mapping[str, Any]) -> bool:
    return any(each.get("failedTasks") for each in _under_way(service))
