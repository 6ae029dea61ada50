"""Which target group of an ECS service has the traffic, by a load balancer's rule, and how a deployment shifts it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto.elbv2.models import elbv2_backends

SHIFTING = "BLUE_GREEN", "CANARY", "LINEAR"
"""Strategies that bring up the new tasks in the other target group, and shift the traffic there."""


def target_groups(entry: dict[str, Any]) -> list[str]:
    """Return the target groups of a load balancer entry: the one to begin with, and the other if traffic shifts."""
    other = (entry.get("advancedConfiguration") or {}).get("alternateTargetGroupArn")
    return [arn for arn in (entry.get("targetGroupArn"), other) if arn]


def _strategy(service: Any) -> str:
    return str((getattr(service, "deployment_configuration", None) or {}).get("strategy", "ROLLING"))


def _production(backend: Any, entry: dict[str, Any]) -> Any:
    """Return the forward action by which ECS shifts the traffic of a load balancer entry: of a rule, or of the listener
    of a Network Load Balancer."""
    arn = (entry.get("advancedConfiguration") or {}).get("productionListenerRule")
    elb = elbv2_backends[backend.account_id][backend.region_name]
    if not arn:
        return None
    if ":listener/" in arn:
        actions = elb.describe_listeners(load_balancer_arn=None, listener_arns=[arn])[0].default_actions
    else:
        actions = elb.describe_rules(listener_arn=None, rule_arns=[arn])[0].actions
    return next(action for action in actions if action.type == "forward")


def _weights(action: Any) -> dict[str, int]:
    groups = action.data.get("ForwardConfig", {}).get("TargetGroups", [])
    return {group["TargetGroupArn"]: int(group.get("Weight", 1)) for group in groups}


def shift(backend: Any, service: Any) -> None:
    """Put the weight on the other target group of each rule, where the deployments of a service shift traffic."""
    if _strategy(service) not in SHIFTING:
        return
    for entry in service.load_balancers:
        action = _production(backend, entry)
        pair = target_groups(entry)
        if action is not None and len(pair) == 2 and set(_weights(action)) == set(pair):
            heavy = _heaviest(pair, _weights(action))
            for group in action.data["ForwardConfig"]["TargetGroups"]:
                group["Weight"] = 0 if group["TargetGroupArn"] == heavy else 100


def _heaviest(pair: list[str], weights: dict[str, int]) -> str:
    return max(pair, key=lambda arn: weights.get(arn, 0))


def serving(backend: Any, service: Any, *, ahead: bool) -> Iterable[tuple[str, int]]:
    """Where the tasks of the deployment are targets, and the port: in the target group that has the traffic, or `ahead`
    of a shift in the other one."""
    for entry in service.load_balancers:
        action, pair = _production(backend, entry), target_groups(entry)
        chosen = _heaviest(pair, _weights(action)) if action is not None else pair[0]
        if ahead and action is not None and _strategy(service) in SHIFTING and set(_weights(action)) == set(pair):
            (chosen,) = set(pair) - {chosen} or {chosen}
        yield chosen, int(entry["containerPort"])
