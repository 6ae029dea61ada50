"""Deployments of ECS services: their tasks start and stop.

A task counts as up at once, and a deployment is complete when the request for it ends. Where something runs the
containers of tasks (`world.runner`), a task counts as up when its health checks pass, as in ECS. The deployment then
goes on in the background: it registers each new task under its names as soon as its containers are healthy, and stops
the old tasks when all new ones are up.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from moto.core.utils import utcnow
from moto.ecs.models import Task
from moto.moto_api._internal import mock_random

from msaspec.sandbox.controls import Fate
from msaspec.sandbox.on_moto import placed, readiness, traffic
from msaspec.sandbox.world import current

PATIENCE = 3 * 3600
"""Seconds until tasks that do not come up are waited for no longer, as long as CloudFormation waits."""
_SCALING = threading.RLock()
"""Held while it is found out how many tasks are missing, and they are started; and while a deployment begins."""


@dataclass(frozen=True)
class Rollout:
    """A deployment in progress."""

    id: str
    ahead: bool
    """Whether there are tasks that have the traffic until it is shifted."""
    before: Sequence[dict[str, Any]]
    """The deployments before it."""
    was: Sequence[dict[str, Any]] = field(default=())
    """Where the service was registered before."""

    @property
    def reason(self) -> str:
        """What is said of tasks that it stops."""
        return f"Scaling activity initiated by (deployment {self.id})"


def rolling(service: Any) -> Rollout | None:
    """Return the rollout of the newest deployment of a service, while that is in progress."""
    found: Rollout | None = getattr(service, "rollout", None)
    return found if found and service.deployments and service.deployments[0]["id"] == found.id else None


def fails(service: Any) -> bool:
    """Whether the newest deployment of a service has tasks that do not come to run. One that has yet to begin, which
    moto puts down first, has none that failed."""
    newest = service.deployments[0] if service.deployments else {}
    failed = newest.get("rolloutState") in (readiness.IN_PROGRESS, readiness.FAILED) and newest["failedTasks"]
    return bool(failed) and rolling(service) is None


def try_again(backend: Any, service: Any) -> None:
    """Deploy again what failed, where its tasks would come to run by now."""
    with _SCALING:
        going = fails(service) and service.deployments[0]["rolloutState"] == readiness.IN_PROGRESS
        if not going or service.status != "ACTIVE":
            return
        definition = backend.describe_task_definition(service.task_definition)
        newest, *before = service.deployments
        if readiness.why_not(backend, service, definition):
            if readiness.is_seen(service, definition) and readiness.breaks(service)[0]:
                readiness.mark_failing(service, newest, before)
            return
        service.deployments = before  # which only one who asks may try again
    deploy(backend, service)


def scale(backend: Any, service: Any, number: int) -> None:
    """Give a service as many tasks of its deployment as it should have."""
    with _SCALING:
        service.desired_count = number
        if fails(service):
            count(backend, service)  # its tasks do not run, however many there are to be
            return
        there = placed.running(backend, service, service.deployments[0]["id"])
        _start(backend, service, max(number - len(there), 0))
    _leave(backend, service, there[number:], "Scaling activity initiated by the service.")
    count(backend, service)


def deploy(backend: Any, service: Any, was: Iterable[dict[str, Any]] = ()) -> None:
    """Begin a deployment: new tasks first, then the old ones go, or the other way round."""
    with _SCALING:
        rollout = _begin(backend, service, was)
    if rollout and current().runner:
        current().launch(lambda: _roll(backend, service, rollout))
    elif rollout:
        _roll(backend, service, rollout)


def _begin(backend: Any, service: Any, was: Iterable[dict[str, Any]]) -> Rollout | None:
    """Make a deployment the newest of a service; return None for one whose tasks do not come to run."""
    before = [*service.deployments]
    definition = backend.describe_task_definition(service.task_definition) if service.task_definition else None
    why = readiness.why_not(backend, service, definition) if definition else None
    begun, id = utcnow(), f"ecs-svc/{mock_random.randint(0, 32**12)}"
    newest = {
        "id": id,
        "status": "PRIMARY",
        "taskDefinition": service.task_definition,
        "createdAt": begun,
        "updatedAt": begun,
        "failedTasks": 0,
        "platformVersion": service.platform_version,
        "platformFamily": "Linux",
        "networkConfiguration": service.network_configuration or None,
        "capacityProviderStrategy": getattr(service, "capacity_provider_strategy", None),
        "launchType": service.launch_type,
        "rolloutState": readiness.IN_PROGRESS,
        "rolloutStateReason": f"ECS deployment {id} in progress.",
    }
    if why:
        service.deployments = [newest]
        if why.starts:
            _start(backend, service, 1, why)
        _tell(service, why)
        readiness.mark_failing(service, newest, before, seen=readiness.is_seen(service, definition))
        count(backend, service)
        return None
    rollout = service.rollout = Rollout(id, bool(placed.running(backend, service)), before, [*was])
    service.deployments = [newest, *(each | {"status": "ACTIVE"} for each in before[:1])]
    return rollout


def _roll(backend: Any, service: Any, rollout: Rollout) -> None:
    """Go through a deployment, until it is complete, its circuit breaker ends it, or another one begins."""
    limits = getattr(service, "deployment_configuration", None) or {}
    if (limits.get("maximumPercent"), limits.get("minimumHealthyPercent")) == (100, 0):
        _leave(backend, service, _others(backend, service, rollout), rollout.reason, rollout.was)
    scale(backend, service, service.desired_count)
    current().controls.wait(lambda: _is_decided(backend, service, rollout), time.monotonic() + PATIENCE)
    if service.rollout is not rollout or service.status != "ACTIVE":
        return
    stopped, newest = rolling(service) is None, service.deployments[0]
    if stopped or _is_broken(service):
        _leave(backend, service, placed.running(backend, service, rollout.id), rollout.reason)
        if not stopped:
            readiness.mark_failing(service, newest, [*rollout.before])
        service.rollout = None
    else:
        if rollout.ahead:
            traffic.shift(backend, service)
        _leave(backend, service, _others(backend, service, rollout), rollout.reason, rollout.was)
        if rolling(service) is not rollout:
            return  # stopped, or followed by another one, while that took its time
        service.rollout = None
        done = f"ECS deployment {rollout.id} completed."
        newest |= {"rolloutState": readiness.COMPLETED, "rolloutStateReason": done, "updatedAt": utcnow()}
        service.deployments = [newest]
    count(backend, service)
    current().controls.wake()


def _others(backend: Any, service: Any, rollout: Rollout) -> list[Any]:
    """Return the tasks of a service that are of other deployments, also those that one before it started meanwhile."""
    return [task for task in placed.running(backend, service) if task.started_by != rollout.id]


def _is_decided(backend: Any, service: Any, rollout: Rollout) -> bool:
    """Whether all tasks of a deployment are up, or there is no use in waiting for that."""
    if rolling(service) is not rollout or service.status != "ACTIVE" or _is_broken(service):
        return True
    fresh = placed.running(backend, service, rollout.id)
    enough = len(fresh) >= service.desired_count or not service.network_configuration
    return enough and all(_is_up(task) and task.introduced for task in fresh)


def _is_up(task: Any) -> bool:
    runner = current().runner
    return runner is None or runner.up(task.task_arn)


def _is_broken(service: Any) -> bool:
    """Whether the circuit breaker of a service ends the deployment in progress."""
    return service.deployments[0]["failedTasks"] >= readiness.TRIES and readiness.breaks(service)[0]


def replace(backend: Any, service: Any, task: Any, reason: str) -> None:
    """Stop a task, and start another one in its place, unless too many have failed before."""
    up = _is_up(task)
    stop(backend, service, task, reason)
    if (rollout := rolling(service)) and task.started_by == rollout.id and not up:
        service.deployments[0]["failedTasks"] += 1
        current().controls.wake()
        if _is_broken(service):
            return
    scale(backend, service, service.desired_count)


def _tell(service: Any, fate: Fate) -> None:
    """Put what a service says of its tasks into its events, the newest first."""
    if fate.event:
        event = {"id": str(mock_random.uuid4()), "createdAt": utcnow(), "message": fate.event}
        event["message"] = fate.event.replace("{service}", service.name)
        service.events.insert(0, event)


def _start(backend: Any, service: Any, number: int, why: Fate | None = None) -> None:
    """Start tasks; with a fate, they end so before anything knows of them."""
    if not number or not service.network_configuration:
        return
    cluster = backend._get_cluster(service.cluster_name)
    definition = backend.describe_task_definition(service.task_definition)
    interface = service.network_configuration["awsvpcConfiguration"]
    strategy = getattr(service, "capacity_provider_strategy", None)
    rollout = rolling(service)
    ahead = bool(rollout and rollout.ahead)
    for _ in range(number):
        used = Counter(placed.detail(task, "subnetId") for task in placed.running(backend, service))
        subnet = min(interface["subnets"], key=lambda subnet: used[subnet])
        tags = definition.tags if service.propagate_tags == "TASK_DEFINITION" else service.tags
        task = Task(
            cluster=cluster,
            task_definition=definition,
            container_instance_arn=None,
            resource_requirements=None,
            backend=backend,
            group=f"service:{service.name}",
            launch_type="FARGATE",
            started_by=service.deployments[0]["id"],
            tags=list(tags) if service.propagate_tags != "NONE" else [],
            networking_configuration={"awsvpcConfiguration": {**interface, "subnets": [subnet]}},
            platform_version=service.platform_version,
            capacity_provider_name=strategy[0]["capacityProvider"] if strategy else None,
        )
        task._transitions = []  # moto's tasks end by being looked at
        task.introduced = False
        task.enable_execute_command = bool(getattr(service, "enable_execute_command", False))
        task.cpu, task.memory = definition.cpu, definition.memory
        if not why:
            placed.register(backend, service, task, ahead=ahead)  # before anyone sees it, and asks where it is
        backend.tasks.setdefault(cluster.name, {})[task.task_arn] = task
        if why:
            _end(backend, service, task, definition, why)
        else:
            _introduce(backend, service, task, definition)


def _introduce(backend: Any, service: Any, task: Any, definition: Any) -> None:
    """Register a task under its names: at once, or as soon as it is healthy, where its containers are asked."""

    def announce() -> None:
        placed.announce(backend, service, task, definition)
        task.introduced = True
        current().controls.wake()

    def wait() -> None:
        waited = time.monotonic() + PATIENCE
        current().controls.wait(lambda: task.last_status != "RUNNING" or _is_up(task), waited)
        if task.last_status == "RUNNING":
            announce()

    if current().runner and any(each.get("healthCheck") for each in definition.container_definitions):
        current().launch(wait)
    else:
        announce()


def stop(backend: Any, service: Any, task: Any, reason: str, was: Iterable[dict[str, Any]] = ()) -> None:
    """End a task, and take it out of wherever it is registered, also where the service was registered before."""
    if task.last_status == "RUNNING":
        placed.withdraw(backend, service, task, was)
        backend.stop_task(service.cluster_name, task.task_arn, reason)
        placed.vacate(backend, task)


def _leave(backend: Any, service: Any, tasks: Sequence[Any], reason: str, was: Sequence[dict[str, Any]] = ()) -> None:
    """End tasks that are not wanted any more: what they have begun is done first."""
    if tasks and (runner := current().runner):
        for task in tasks:
            placed.withdraw(backend, service, task, was)
        runner.let_go([task.task_arn for task in tasks])
    for task in tasks:
        stop(backend, service, task, reason, was)


def _end(backend: Any, service: Any, task: Any, definition: Any, fate: Fate) -> None:
    """End a task in its own way, and write what its program said into its log."""
    stop(backend, service, task, fate.reason)
    task.stop_code = "TaskFailedToStart" if fate.exit_code is None else "EssentialContainerExited"
    for container in task.containers:
        container.last_status, container.reason = "STOPPED", fate.container
        container.exitCode = fate.exit_code
    options = (definition.container_definitions[0].get("logConfiguration") or {}).get("options") or {}
    if fate.log and "awslogs-group" in options:
        logs = current().client("logs", backend.region_name)
        name = f"{options['awslogs-stream-prefix']}/{task.containers[0].name}/{task.id}"
        where = {"logGroupName": options["awslogs-group"], "logStreamName": name}
        logs.create_log_stream(**where)
        now = int(utcnow().timestamp() * 1000)
        logs.put_log_events(**where, logEvents=[{"timestamp": now, "message": line} for line in fate.log])


def count(backend: Any, service: Any) -> None:
    """Bring all counts in line with the tasks that run."""
    service.running_count, service.pending_count = len(placed.running(backend, service)), 0
    for deployment in service.deployments:
        there = len(placed.running(backend, service, deployment["id"]))
        deployment |= {"desiredCount": service.desired_count, "runningCount": there, "pendingCount": 0}
    cluster = backend._get_cluster(service.cluster_name)
    within = [there for there in backend.services.values() if there.cluster_name == cluster.name]
    cluster.active_services_count = sum(there.status == "ACTIVE" for there in within)
    tasks = backend.tasks.get(cluster.name, {}).values()
    cluster.running_tasks_count = sum(task.last_status == "RUNNING" for task in list(tasks))
    cluster.pending_tasks_count = 0
