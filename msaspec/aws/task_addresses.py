"""The address of a service on Fargate that stays while its tasks are replaced: a listener of the internal Network Load
Balancer for each port that it is called on, and the balancer under its name in the place of its tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msaspec.aws import discovery, network_balancer, security_groups
from msaspec.language.base import Model
from msaspec.language.health import Probe
from msaspec.language.part import Door, Part
from msaspec.language.runtime import Workload
from msaspec.language.service import Service
from msaspec.language.value import Token
from msaspec.template import names

Targets = Mapping[str | None, Sequence[str]]
"""Logical ids of target groups by the port that they lead to: one, or the two between which a deployment shifts."""


def chosen(service: Service) -> bool:
    """Whether a service is called through the balancer."""
    return service.address == "balanced"


def targets(workload: Workload[Model], *, shifts: bool) -> Targets:
    """Return the target groups of the ports that a service is called on through the balancer."""
    if not (workload.called and chosen(workload.spec)):
        return {}
    ports = [port for port, _, _ in network_balancer.called_ports(workload.spec, workload.opened)]
    first = {port: network_balancer.target_id(workload.name, port) for port in ports}
    return {port: [target, f"{target}Green"] if shifts else [target] for port, target in first.items()}


def listeners(workload: Workload[Model]) -> Mapping[str | None, str]:
    """Return the logical ids of its listeners, by the port that they lead to."""
    called = network_balancer.called_ports(workload.spec, workload.opened)
    return {port: network_balancer.listener_id(number) for port, _, number in called}


def build(workload: Workload[Model], targets: Targets, number: int) -> Part:
    """Return target groups and listeners, the balancer's way to the tasks, and its registration under the name, which
    follows when tasks are behind it. `number` is the port of targets that name none."""
    name, probe = workload.name, workload.health
    assert probe is not None
    made: list[Any] = []
    for port, found, at in network_balancer.called_ports(workload.spec, workload.opened):
        asked = probe if port is None else Probe("tcp", probe.says)
        made += [network_balancer.target_group(target, number, asked, "ip") for target in targets[port]]
        tasks = Door(Token(names.logical(name, "SecurityGroup")), found.number)
        rule, about = network_balancer.rule_id(name, port), f"internal load balancer to {name}"
        made.append(security_groups.edge(rule, network_balancer.NETWORK_GROUP, tasks, about))
        made.append(network_balancer.listener(at, targets[port]))
    after = (*listeners(workload).values(), names.logical(name, "Service"))
    made.append(discovery.of_balancer(name, network_balancer.NETWORK, after))
    return Part(tuple(made))
