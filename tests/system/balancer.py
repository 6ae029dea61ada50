"""A load balancer as haproxy has it: its configuration, from the listeners, rules and targets that are read back."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

ALL = "-all"
"""The end of the name of the backend with all targets, whether they are healthy or not."""
HASTE = 20
"""How many times as often as at AWS it is asked whether a target is well."""
_HEAD = """\
defaults
  timeout connect 2s
  retries 0
  balance roundrobin
"""
_MODES = {"HTTP": ("http", "60s"), "TCP": ("tcp", "1h")}
"""What a listener of each protocol is to haproxy, and how long its connections may be silent. No certificates here."""

Known = Mapping[str, tuple[str, str]]
"""The name and the address of each target, by what a target group calls it."""


@dataclass(frozen=True)
class Group:
    """A target group, which is two backends: one with the targets that are healthy, and one with all."""

    lines: tuple[str, ...]
    """What both say."""
    asking: tuple[str, ...]
    """How it is asked whether a target is well."""
    check: str
    """How often, and how many answers count."""
    targets: Mapping[str, str]
    """Addresses with ports by name."""


@dataclass(frozen=True)
class Configuration:
    """What haproxy is to do in place of a load balancer."""

    front: str = ""
    """Its listeners with their rules; nothing if it has none."""
    groups: Mapping[str, Group] = field(default_factory=dict)

    @property
    def plan(self) -> object:
        """All of it but the targets, which come and go."""
        return self.front, {name: (group.lines, group.asking, group.check) for name, group in self.groups.items()}

    def text(self, up: Set[tuple[str, str]]) -> str:
        """All of it, with the targets that are up by their groups and names."""
        lines = [self.front]
        for name, group in self.groups.items():
            there = {target: address for target, address in group.targets.items() if (name, target) in up}
            lines += [f"backend {name}", *group.lines, *group.asking]
            lines += [f"  server {target} {address} {group.check}" for target, address in there.items()]
            lines += [f"backend {name}{ALL}", *group.lines]
            lines += [f"  server {target} {address}" for target, address in there.items()]
        return "\n".join([*lines, ""])


def lacking() -> str | None:
    """Why no load balancer can run here."""
    return None if shutil.which("haproxy") else "needs haproxy"


def configuration(elb: Any, arn: str, address: str, known: Known) -> Configuration:
    """What haproxy is to do in place of a load balancer."""
    lines = [_HEAD]
    groups: dict[str, Group] = {}
    listeners = elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    there = {each["TargetGroupArn"]: each for each in elb.describe_target_groups()["TargetGroups"]}
    for listener in listeners:
        port, (mode, idle) = listener["Port"], _MODES[listener["Protocol"]]
        lines += [f"frontend {port}", f"  mode {mode}", f"  timeout client {idle}", f"  bind {address}:{port}"]
        lines += ["  option forwardfor"] if mode == "http" else []
        backends: list[str] = []
        rules = elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
        for number, rule in enumerate(sorted(rules, key=_priority)):
            conditions = list(_conditions(rule["Conditions"]))
            target, more = _action(rule["Actions"][-1], f"{port}-{number}")
            weights = _weights(rule["Actions"][-1])
            if weights:  # with no target healthy, all are asked, as at AWS
                lines.append(_use(f"{target}{ALL}", [*conditions, f"{{ nbsrv({target}) eq 0 }}"]))
            lines.append(_use(target, conditions))
            backends += more
            groups |= {_name(group): _group(elb, there[group], mode, idle, known) for group in sorted(weights)}
        lines += backends
    return Configuration("\n".join(lines), groups) if listeners else Configuration()


def _use(backend: str, conditions: list[str]) -> str:
    return f"  use_backend {backend}" + (f" if {' '.join(conditions)}" if conditions else "")


def _priority(rule: Mapping[str, Any]) -> int:
    return 10**6 if rule["Priority"] == "default" else int(rule["Priority"])


def _conditions(conditions: list[dict[str, Any]]) -> Iterator[str]:
    """Fetches and values, as anonymous ACLs: all conditions have to hold, and one value of each."""
    for condition in conditions:
        match condition["Field"]:
            case "path-pattern":
                fetch, values = "path -m reg", condition["PathPatternConfig"]["Values"]
            case "host-header":
                fetch, values = "req.hdr(host) -i -m reg", condition["HostHeaderConfig"]["Values"]
            case other:
                raise AssertionError(f"{other} is not known here")
        yield "{ " + " ".join([fetch, *map(_pattern, values)]) + " }"


def _pattern(text: str) -> str:
    parts = re.split(r"([*?])", text)
    return "^" + "".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in parts) + "$"


def _weights(action: Mapping[str, Any]) -> dict[str, int]:
    """The target groups of an action, and how much of the traffic each has."""
    if action["Type"] != "forward":
        return {}
    groups = action["ForwardConfig"]["TargetGroups"] if "ForwardConfig" in action else [action]
    return {group["TargetGroupArn"]: int(group.get("Weight", 1)) for group in groups}


def _action(action: Mapping[str, Any], name: str) -> tuple[str, list[str]]:
    """The backend of an action, and what has to be said of it."""
    if action["Type"] == "forward":
        weights = _weights(action)
        (group,) = [arn for arn, weight in weights.items() if weight] if len(weights) > 1 else list(weights)
        return _name(group), []
    assert action["Type"] == "fixed-response", action
    said = action["FixedResponseConfig"]
    text = said.get("MessageBody", "").replace("\\", "\\\\").replace('"', '\\"')
    answer = f'status {said["StatusCode"]} content-type {said["ContentType"]} string "{text}"'
    return f"fixed-{name}", [f"backend fixed-{name}", "  mode http", f"  http-request return {answer}"]


def _name(arn: str) -> str:
    return arn.rpartition("targetgroup/")[2].partition("/")[0]


def _group(elb: Any, found: Mapping[str, Any], mode: str, idle: str, known: Known) -> Group:
    asking = [f"  timeout check {found['HealthCheckTimeoutSeconds']}s"]
    if found["HealthCheckProtocol"] == "HTTP":
        asking.append(f"  option httpchk GET {found['HealthCheckPath']}")
        asking.append(f"  http-check expect status {found['Matcher']['HttpCode']}")
    often = found["HealthCheckIntervalSeconds"] * 1000 // HASTE
    check = f"check inter {often}ms rise {found['HealthyThresholdCount']} fall {found['UnhealthyThresholdCount']}"
    targets = {}
    for each in elb.describe_target_health(TargetGroupArn=found["TargetGroupArn"])["TargetHealthDescriptions"]:
        if each["Target"]["Id"] in known:
            name, address = known[each["Target"]["Id"]]
            targets[name] = f"{address}:{each['Target'].get('Port', found['Port'])}"
    return Group((f"  mode {mode}", f"  timeout server {idle}"), tuple(asking), check, targets)
