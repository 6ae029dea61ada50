"""A load balancer as haproxy has it: its configuration, from the listeners, rules and targets that are read back."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.system.network import Namespace, dying_with_us

ALL = "-all"
"""The end of the name of the backend with all targets, whether they are healthy or not."""
_HEAD = """\
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  option forwardfor
"""


def lacking() -> str | None:
    """Why no load balancer can run here."""
    return None if shutil.which("haproxy") else "needs haproxy"


def configuration(elb: Any, arn: str, address: str, hosts: Mapping[str, str]) -> str:
    """What haproxy is to do in place of a load balancer. `hosts` are the addresses of instances by their ids."""
    lines = [_HEAD]
    groups: set[str] = set()
    for listener in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]:
        assert listener["Protocol"] == "HTTP", "no certificates here"
        port = listener["Port"]
        lines += [f"frontend {port}", f"  bind {address}:{port}"]
        backends: list[str] = []
        rules = elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
        for number, rule in enumerate(sorted(rules, key=_priority)):
            conditions = list(_conditions(rule["Conditions"]))
            target, more = _action(rule["Actions"][-1], f"{port}-{number}")
            forwarded = _forwarded(rule["Actions"][-1])
            if forwarded:  # with no target healthy, all are asked, as at AWS
                lines.append(_use(f"{target}{ALL}", [*conditions, f"{{ nbsrv({target}) eq 0 }}"]))
            lines.append(_use(target, conditions))
            backends += more
            groups |= forwarded
        lines += backends
    for group in sorted(groups):
        lines += _backend(elb, group, hosts)
    return "\n".join([*lines, ""])


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


def _forwarded(action: Mapping[str, Any]) -> set[str]:
    """The target group that has the traffic."""
    if action["Type"] != "forward":
        return set()
    groups = action["ForwardConfig"]["TargetGroups"] if "ForwardConfig" in action else [action]
    weights = {group["TargetGroupArn"]: int(group.get("Weight", 1)) for group in groups}
    (heavy,) = [arn for arn, weight in weights.items() if weight] if len(weights) > 1 else list(weights)
    return {heavy}


def _action(action: Mapping[str, Any], name: str) -> tuple[str, list[str]]:
    """The backend of an action, and what has to be said of it."""
    if action["Type"] == "forward":
        (group,) = _forwarded(action)
        return _name(group), []
    assert action["Type"] == "fixed-response", action
    said = action["FixedResponseConfig"]
    text = said.get("MessageBody", "").replace("\\", "\\\\").replace('"', '\\"')
    answer = f'status {said["StatusCode"]} content-type {said["ContentType"]} string "{text}"'
    return f"fixed-{name}", [f"backend fixed-{name}", f"  http-request return {answer}"]


def _name(arn: str) -> str:
    return arn.rpartition("targetgroup/")[2].partition("/")[0]


def _backend(elb: Any, arn: str, hosts: Mapping[str, str]) -> list[str]:
    (group,) = elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    lines = [
        f"backend {_name(arn)}",
        f"  option httpchk GET {group['HealthCheckPath']}",
        f"  http-check expect status {group['Matcher']['HttpCode']}",
        f"  timeout check {group['HealthCheckTimeoutSeconds']}s",
        f"  default-server check inter {group['HealthCheckIntervalSeconds']}s"
        f" rise {group['HealthyThresholdCount']} fall {group['UnhealthyThresholdCount']}",
    ]
    servers = []
    for target in elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]:
        id = target["Target"]["Id"]
        if address := hosts.get(id, "" if id.startswith("i-") else id):
            servers.append(f"  server {id} {address}:{target['Target'].get('Port', group['Port'])}")
    return [*lines, *servers, f"backend {_name(arn)}{ALL}", *servers]


class Proxy:
    """haproxy on its host, until it ends."""

    def __init__(self, namespace: Namespace, file: Path) -> None:
        self._namespace, self._file = namespace, file
        self._process: subprocess.Popen[bytes] | None = None
        self._before: list[subprocess.Popen[bytes]] = []
        """Those that only answer what they have begun."""
        self._text = ""

    def configure(self, text: str) -> None:
        """Has it work by a configuration; connections that are open go on with the one before."""
        if text == self._text:
            return
        self._text = text
        if "\nfrontend " not in text:  # of which haproxy says that there is nothing to do, and ends
            self.end()
            self._process = None
            return
        self._file.write_text(text)
        self._before = [process for process in (*self._before, self._process) if process and process.poll() is None]
        command = dying_with_us(["haproxy", "-db", "-f", str(self._file)])
        finishing = ["-sf", *(str(process.pid) for process in self._before)]
        with self._namespace.entered(), self._file.with_suffix(".log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *(finishing if self._before else [])],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself, which it never should."""
        return self._process is not None and self._process.poll() is not None

    def told(self) -> str:
        """What haproxy has to say."""
        log = self._file.with_suffix(".log")
        return log.read_text(errors="replace") if log.exists() else ""

    def end(self) -> None:
        """Ends it."""
        for process in (*self._before, self._process):
            if process:
                process.kill()
                process.wait()
