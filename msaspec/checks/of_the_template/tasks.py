"""ECS services and their tasks, as a patch can leave them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.template.references import is_intrinsic
from msaspec.template.resources import Resource, inner, items, numbered, whole
from msaspec.template.stack import Stack

NOT_REACHED = Code(
    "MSA421",
    "A load balancer that does not reach its container",
    """
    `LoadBalancers` of an ECS service must name a container of its task definition and a port that the container maps.
    The target type of the target group must be `ip`, because Fargate tasks have no instance.
    """,
)
TOO_EARLY = Code(
    "MSA422",
    "An ECS service whose target group has no load balancer yet",
    """
    ECS accepts a target group only if it is associated with a load balancer ("does not have an associated load
    balancer"). A listener or rule must forward to the target group, and the service must name it under `DependsOn`.
    """,
)
TOO_MUCH_MEMORY = Code(
    "MSA423",
    "Containers with more memory than their task",
    "The memory of the containers of a task, alone and together, is at most that of the task.",
)
NO_EXECUTION_ROLE = Code(
    "MSA424",
    "A task without an execution role",
    """
    On Fargate, the log driver `awslogs` and secrets need an execution role (`ExecutionRoleArn`).
    """,
)
STUCK = Code(
    "MSA425",
    "A deployment that cannot start (MinimumHealthyPercent)",
    """
    With `MinimumHealthyPercent: 100` and `MaximumPercent: 100`, ECS can neither stop an old task nor start a new one,
    and refuses the combination. Set `MaximumPercent` to 200, or lower `MinimumHealthyPercent`.
    """,
)

_BALANCING = "AWS::ElasticLoadBalancingV2"


def check(stack: Stack) -> Iterator[Diagnostic]:
    """Tasks can be started, reached and replaced."""
    services = stack.resources.of("AWS::ECS::Service")
    senders = _senders(stack) if services else {}
    for service in services:
        task = stack.resources.referenced(service.get("TaskDefinition"), "AWS::ECS::TaskDefinition")
        for number, balanced in numbered(service.get("LoadBalancers")):
            yield from _container(service, number, balanced, task, stack)
            yield from _order(service, number, balanced, senders, stack)
        yield from _deployment(service, stack)
    for task in stack.resources.of("AWS::ECS::TaskDefinition"):
        yield from _memory(task, stack)
        yield from _logs(task, stack)


def _container(
    service: Resource, number: int, balanced: Mapping[str, Any], task: Resource | None, stack: Stack
) -> Iterator[Diagnostic]:
    group = stack.resources.referenced(balanced.get("TargetGroupArn"), f"{_BALANCING}::TargetGroup")
    awsvpc = service.get("LaunchType") == "FARGATE" or (task is not None and task.get("NetworkMode") == "awsvpc")
    if group and awsvpc and group.get("TargetType") in (None, "instance"):
        message = (
            f"The target group `{group.name}` has the target type `instance`, "
            f"which the tasks of `{service.name}` cannot join."
        )
        paths = group.at("TargetType"), service.at("LoadBalancers", number), service.at("LaunchType")
        yield stack.fault(NOT_REACHED, message, "Set its `TargetType` to `ip`.", *paths)
    if task is None:
        return
    name, port = balanced.get("ContainerName"), whole(balanced.get("ContainerPort"))
    here, there = service.at("LoadBalancers", number), task.at("ContainerDefinitions")
    defined = items(task.get("ContainerDefinitions"))
    names = [inner(container, "Name") for container in defined]
    if not isinstance(name, str) or not names or not all(isinstance(each, str) for each in names):
        return
    if name not in names:
        message = f"`{service.name}` sends requests to a container `{name}` that `{task.name}` does not have."
        yield stack.fault(NOT_REACHED, message, "Name a container of the task.", (*here, "ContainerName"), there)
        return
    mappings = inner(defined[names.index(name)], "PortMappings")
    ports = [whole(inner(mapping, "ContainerPort")) for mapping in items(mappings)]
    if (
        port is not None
        and (mappings is None or isinstance(mappings, list))
        and port not in ports
        and None not in ports
    ):
        message = f"`{service.name}` sends requests to port {port} of `{name}`, which `{task.name}` does not map."
        yield stack.fault(NOT_REACHED, message, "Name a port of the container.", (*here, "ContainerPort"), there)


def _senders(stack: Stack) -> dict[str | None, set[str]]:
    """Return the listeners and rules that send to each target group of the template; under None those that may send to
    any."""
    found: dict[str | None, set[str]] = {}
    for kind, key in (("Listener", "DefaultActions"), ("ListenerRule", "Actions")):
        for sender in stack.resources.of(f"{_BALANCING}::{kind}"):
            actions = sender.get(key)
            for arn in [each for action in actions for each in _arns(action)] if isinstance(actions, list) else [None]:
                group = stack.resources.referenced(arn, f"{_BALANCING}::TargetGroup")
                found.setdefault(group.name if group else None, set()).add(sender.name)
    return found


def _arns(action: Any) -> Iterator[Any]:
    """Yield what an action sends to; None for what is unknown."""
    groups = inner(action, "ForwardConfig", "TargetGroups")
    weighted = groups if isinstance(groups, list) else [groups]
    if is_intrinsic(action) or inner(action, "ForwardConfig", "Fn::If") or any(map(is_intrinsic, weighted)):
        yield None
    values = [inner(action, "TargetGroupArn"), *(inner(each, "TargetGroupArn") for each in weighted)]
    yield from (value for value in values if value is not None)


def _order(
    service: Resource, number: int, balanced: Mapping[str, Any], senders: Mapping[str | None, set[str]], stack: Stack
) -> Iterator[Diagnostic]:
    group = stack.resources.referenced(balanced.get("TargetGroupArn"), f"{_BALANCING}::TargetGroup")
    waited = senders.get(group.name, set()) if group else set()
    if group is None or not stack.resources.complete or (not waited and None in senders):
        return
    if waited & set(service.after) or stack.resources.waits_for(service, waited):
        return
    reason = (
        "is created before a load balancer forwards to"
        if waited
        else ("waits for a load balancer that never forwards to")
    )
    message = f"The service `{service.name}` {reason} its target group `{group.name}`."
    hint = (
        f"Name {' or '.join(f'`{each}`' for each in sorted(waited))} under its `DependsOn`."
        if waited
        else ("Add a listener or a rule that forwards to it.")
    )
    after = ("Resources", service.name, "DependsOn")
    actions = [("Resources", each) for each in sorted(waited)]
    yield stack.fault(TOO_EARLY, message, hint, after, service.at("LoadBalancers", number), *actions)


def _deployment(service: Resource, stack: Stack) -> Iterator[Diagnostic]:
    least = service.get("DeploymentConfiguration", "MinimumHealthyPercent")
    most = whole(service.get("DeploymentConfiguration", "MaximumPercent"))
    daemon = service.get("SchedulingStrategy") == "DAEMON"
    if not daemon and most == 100 and (least is None or whole(least) == 100):
        message = f"A deployment of `{service.name}` can neither stop an old task nor start a new one."
        paths = [service.at("DeploymentConfiguration", key) for key in ("MaximumPercent", "MinimumHealthyPercent")]
        yield stack.fault(STUCK, message, "Set `MaximumPercent` to 200, or a lower `MinimumHealthyPercent`.", *paths)


def _memory(task: Resource, stack: Stack) -> Iterator[Diagnostic]:
    most = _mebibytes(task.get("Memory"))
    if most is None:
        return
    reserved = 0
    for number, container in numbered(task.get("ContainerDefinitions")):
        hard, soft = whole(container.get("Memory")), whole(container.get("MemoryReservation"))
        reserved += hard or 0 if soft is None else soft
        if hard is not None and hard > most:
            message = f"A container of `{task.name}` has {hard} MiB of memory, but the task has only {most}."
            path = task.at("ContainerDefinitions", number, "Memory")
            yield stack.fault(
                TOO_MUCH_MEMORY, message, "Give the task more, or the container less.", path, task.at("Memory")
            )
            return
    if reserved > most:
        message = (
            f"The containers of `{task.name}` have {reserved} MiB of memory together, but the task has only {most}."
        )
        paths = task.at("ContainerDefinitions"), task.at("Memory")
        yield stack.fault(TOO_MUCH_MEMORY, message, "Give the task more, or a container less.", *paths)


def _mebibytes(value: Any) -> int | None:
    """
    >>> _mebibytes("1024"), _mebibytes("2 GB"), _mebibytes("1.5GB"), _mebibytes("much")
    (1024, 2048, None, None)
    """
    if isinstance(value, str) and value.strip().upper().endswith("GB"):
        gibibytes = whole(value.strip()[:-2].strip())
        return None if gibibytes is None else gibibytes * 1024
    return whole(value)


def _logs(task: Resource, stack: Stack) -> Iterator[Diagnostic]:
    if "FARGATE" not in items(task.get("RequiresCompatibilities")) or task.get("ExecutionRoleArn") is not None:
        return
    for _, container in numbered(task.get("ContainerDefinitions")):
        if inner(container, "LogConfiguration", "LogDriver") == "awslogs" or items(container.get("Secrets")):
            message = f"The task `{task.name}` writes logs or reads secrets, but has no execution role."
            paths = task.at("ExecutionRoleArn"), task.at("ContainerDefinitions"), task.at("RequiresCompatibilities")
            yield stack.fault(NO_EXECUTION_ROLE, message, "Name a role under its `ExecutionRoleArn`.", *paths)
            return
