"""Elastic Load Balancing on top of moto's: what it refuses, and what a target group knows of its load balancers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto.elbv2.exceptions import (
    DuplicateListenerError,
    DuplicateLoadBalancerName,
    DuplicatePriorityError,
    ELBClientError,
    PriorityInUseError,
)
from moto.elbv2.models import ELBv2Backend

from msaspec.sandbox.on_moto.accounts import may_balance

_BACKEND = ELBv2Backend
_create_load_balancer = _BACKEND.create_load_balancer
_delete_load_balancer = _BACKEND.delete_load_balancer
_create_listener = _BACKEND.create_listener
_modify_listener = _BACKEND.modify_listener
_create_rule = _BACKEND.create_rule
_modify_rule = _BACKEND.modify_rule
_describe_target_groups = _BACKEND.describe_target_groups


class _Refused(ELBClientError):  # type: ignore[misc]
    """Something that Elastic Load Balancing does not do."""


def listeners(backend: Any) -> Iterable[tuple[Any, Any]]:
    """All load balancers with each of their listeners."""
    return [(balancer, there) for balancer in backend.load_balancers.values() for there in balancer.listeners.values()]


def balancers_of(backend: Any, target_group: str) -> set[str]:
    """Return the load balancers that send requests to a target group."""
    return {
        balancer.arn
        for balancer, listener in listeners(backend)
        for rule in listener.rules.values()
        for action in rule.actions
        if target_group in backend._get_target_group_arns_from(action_data=action.data)
    }


def _create_balancer(self: Any, name: str, *words: Any, **options: Any) -> Any:
    if any(balancer.name == name for balancer in self.load_balancers.values()):
        raise DuplicateLoadBalancerName
    may_balance(self)
    return _create_load_balancer(self, name, *words, **options)


def _delete_balancer(self: Any, arn: str) -> None:
    balancer = self.load_balancers.get(arn)
    if balancer is not None and str(balancer.attrs.get("deletion_protection.enabled")).lower() == "true":
        message = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        raise _Refused("OperationNotPermitted", message)
    _delete_load_balancer(self, arn)


def _free_port(balancer: Any, port: Any, but: str | None = None) -> None:
    if any(str(there.port) == str(port) and there.arn != but for there in balancer.listeners.values()):
        raise DuplicateListenerError


def _open(self: Any, load_balancer_arn: str, protocol: str, port: Any, *words: Any, **options: Any) -> Any:
    balancer = self.load_balancers.get(load_balancer_arn)
    if balancer is not None:
        _free_port(balancer, port)
        _unshared(self, load_balancer_arn, options.get("actions") or words[2])
    return _create_listener(self, load_balancer_arn, protocol, port, *words, **options)


def _modify(self: Any, arn: str, port: Any = None, *words: Any, **options: Any) -> Any:
    for balancer, listener in listeners(self):
        if listener.arn == arn and port is not None:
            _free_port(balancer, port, but=arn)
    return _modify_listener(self, arn, port, *words, **options)


def _unshared(self: Any, load_balancer_arn: str, actions: list[dict[str, Any]]) -> None:
    """Raise where a target group is another load balancer's already: one has it to itself."""
    for action in actions:
        for target_group in self._get_target_group_arns_from(action_data=action):
            if balancers_of(self, target_group) - {load_balancer_arn}:
                message = (
                    f"The following target groups cannot be associated with more than one load balancer: {target_group}"
                )
                raise _Refused("TargetGroupAssociationLimit", message)


def _rule(
    self: Any, listener_arn: str, conditions: Any, priority: Any, actions: list[dict[str, Any]], **options: Any
) -> Any:
    _unshared(self, _balancer(listener_arn), actions)
    return _create_rule(self, listener_arn, conditions, priority, actions, **options)


def _balancer(listener_arn: str) -> str:
    return listener_arn.replace(":listener/", ":loadbalancer/").rpartition("/")[0]


def _changed_rule(self: Any, rule_arn: str, conditions: Any, actions: list[dict[str, Any]]) -> Any:
    listener = rule_arn.replace(":listener-rule/", ":listener/").rpartition("/")[0]
    _unshared(self, _balancer(listener), actions)
    return _modify_rule(self, rule_arn, conditions, actions)


def _priorities(self: Any, rule_priorities: list[dict[str, Any]]) -> list[Any]:
    """Give rules their priorities. A rule may keep its own or take one that another leaves, which moto refuses."""
    wanted = {item["RuleArn"]: item["Priority"] for item in rule_priorities}
    for priority in wanted.values():
        if list(wanted.values()).count(priority) > 1:
            raise DuplicatePriorityError(priority)
    rules: list[Any] = self.describe_rules(listener_arn=None, rule_arns=list(wanted))
    for rule in rules:
        for other in self.describe_rules(listener_arn=rule.listener_arn, rule_arns=None):
            if other.arn not in wanted and other.priority == wanted[rule.arn]:
                raise PriorityInUseError
    for rule in rules:
        rule.priority = wanted[rule.arn]
    return rules


def _target_groups(self: Any, *words: Any, **options: Any) -> Any:
    for target_group in self.target_groups.values():  # which moto never takes from a load balancer again
        target_group.load_balancer_arns = sorted(balancers_of(self, target_group.arn))
    return _describe_target_groups(self, *words, **options)


PATCHED: tuple[tuple[Any, str, Any], ...] = (
    (_BACKEND, "create_load_balancer", _create_balancer),
    (_BACKEND, "delete_load_balancer", _delete_balancer),
    (_BACKEND, "create_listener", _open),
    (_BACKEND, "modify_listener", _modify),
    (_BACKEND, "create_rule", _rule),
    (_BACKEND, "modify_rule", _changed_rule),
    (_BACKEND, "set_rule_priorities", _priorities),
    (_BACKEND, "describe_target_groups", _target_groups),
)
"""What of moto is replaced: owner, name, replacement."""
