"""Listeners and target groups of load balancers, as a patch can leave them."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.template.resources import Resource, inner, numbered, same, whole
from msaspec.template.stack import Stack

SAME_PORT = Code(
    "MSA416",
    "Two listeners on one port",
    """
    A load balancer has one listener for each port. Add a rule to the existing listener, or use another port.
    """,
)
NO_TARGET = Code(
    "MSA417",
    "A forward action without a target",
    """
    The action `forward` of a listener or of a rule names where it sends requests: `TargetGroupArn`, or target groups
    with weights under `ForwardConfig`.
    """,
)
HEALTH_CHECK = Code(
    "MSA418",
    "A health check that Elastic Load Balancing refuses",
    """
    The timeout of a health check by HTTP is shorter than its interval (without their own values 5 and 30 seconds), and
    its `Matcher` holds status codes from 200 to 499, such as `200`, `200,302` or `200-299`.
    """,
)

# fact: target-group-defaults
_INTERVAL, _TIMEOUT = 30, 5
"""Seconds, for targets that speak HTTP (Elastic Load Balancing API, CreateTargetGroup)."""
_LOWEST_CODE, _HIGHEST_CODE, _HIGHEST_OF_NETWORKS = 200, 499, 599


def check(stack: Stack) -> Iterator[Diagnostic]:
    """One listener a port, forwards with a target, health checks that can be asked."""
    first: dict[tuple[str, str], Resource] = {}
    for listener in stack.resources.of("AWS::ElasticLoadBalancingV2::Listener"):
        yield from _forwards(listener, "DefaultActions", stack)
        if listener.conditional or listener.get("Port") is None:
            continue
        key = same(listener.get("LoadBalancerArn")), same(listener.get("Port"))
        other = first.setdefault(key, listener)
        if other is not listener:
            message = f"`{other.name}` and `{listener.name}` listen on one port of one load balancer."
            hint = "Take another port, or make a rule of one of them."
            paths = [each.at(key) for each in (listener, other) for key in ("Port", "LoadBalancerArn")]
            yield stack.fault(SAME_PORT, message, hint, *paths)
    for rule in stack.resources.of("AWS::ElasticLoadBalancingV2::ListenerRule"):
        yield from _forwards(rule, "Actions", stack)
    for group in stack.resources.of("AWS::ElasticLoadBalancingV2::TargetGroup"):
        yield from _health(group, stack)


def _forwards(resource: Resource, key: str, stack: Stack) -> Iterator[Diagnostic]:
    for number, action in numbered(resource.get(key)):
        weighted = inner(action, "ForwardConfig", "TargetGroups")
        nowhere = inner(action, "TargetGroupArn") is None and (weighted is None or weighted == [])
        if action.get("Type") == "forward" and nowhere and not inner(action, "ForwardConfig", "Fn::If"):
            message = f"`{resource.name}` forwards requests to no target group."
            hint = "Name one under `TargetGroupArn`."
            yield stack.fault(NO_TARGET, message, hint, resource.at(key, number))


def _health(group: Resource, stack: Stack) -> Iterator[Diagnostic]:
    interval, timeout = group.get("HealthCheckIntervalSeconds"), group.get("HealthCheckTimeoutSeconds")
    seconds = whole(_INTERVAL if interval is None else interval), whole(_TIMEOUT if timeout is None else timeout)
    if group.get("Protocol") in ("HTTP", "HTTPS") and None not in seconds and seconds[1] >= seconds[0]:  # type: ignore[operator]
        message = (
            f"The health check of `{group.name}` has a timeout of {seconds[1]} s and an interval of {seconds[0]} s."
        )
        paths = group.at("HealthCheckTimeoutSeconds"), group.at("HealthCheckIntervalSeconds")
        yield stack.fault(HEALTH_CHECK, message, "Set a timeout below the interval.", *paths)
    codes = group.get("Matcher", "HttpCode")
    highest = _HIGHEST_CODE if group.get("Protocol") in ("HTTP", "HTTPS") else _HIGHEST_OF_NETWORKS
    if isinstance(codes, str | int) and not _are_codes(str(codes), highest):
        message = f"The health check of `{group.name}` has the success codes `{codes}`."
        hint = f"Write codes from {_LOWEST_CODE} to {highest}, such as `200` or `200-299`."
        yield stack.fault(HEALTH_CHECK, message, hint, group.at("Matcher", "HttpCode"))


def _are_codes(written: str, highest: int) -> bool:
    """
    >>> _are_codes("200,302", 499), _are_codes("200-299", 499), _are_codes("99", 499), _are_codes("503", 499)
    (True, True, False, False)
    """
    for part in written.split(","):
        ends = [whole(end.strip()) for end in part.split("-")]
        if len(ends) > 2 or not all(end is not None and _LOWEST_CODE <= end <= highest for end in ends):
            return False
    return True
