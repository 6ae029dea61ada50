"""What the system tests stand on: rules that close, permissions that refuse, rules of load balancers."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.rcode
import pytest

from tests.system import balancer, calls, groups
from tests.system.gateway import Gateway
from tests.system.names import Resolver
from tests.system.network import dying_with_us, network
from tests.system.permissions import Permissions
from tests.system.proxy import Proxy

OPEN = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
ACCOUNT = "123456789012"


def group(**words: Any) -> dict[str, Any]:
    """A security group that lets everything out."""
    return {"IpPermissions": [], "IpPermissionsEgress": [OPEN], **words}


def tcp(port: int, *sources: str) -> dict[str, Any]:
    """A rule for a port, from groups."""
    pairs = [{"GroupId": source} for source in sources]
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": pairs}


def test_only_members_of_the_source_group_pass_and_only_on_its_port() -> None:
    """Three hosts: the one in the named group reaches the port, the other does not; rules out hold as well as rules in;
    and what is answered needs no rule."""
    members = {"a": ["10.0.0.1"], "b": ["10.0.0.2"], "target": ["10.0.0.3"]}
    silent = group(IpPermissionsEgress=[])
    with network() as net:
        hosts = {name: net.connect(name, addresses[0], ["10.0.0.0/16"]) for name, addresses in members.items()}
        listeners = [hosts["target"].listen("10.0.0.3", port) for port in (80, 81)]
        for name in ("a", "b"):
            hosts[name].filter(groups.rules([group()], members, "10.0.0.9"))
            assert hosts[name].reaches("10.0.0.3", 80), "before there are rules"
        target = group(IpPermissions=[tcp(80, "a")], IpPermissionsEgress=[])
        hosts["target"].filter(groups.rules([target], members, "10.0.0.9"))
        assert hosts["a"].reaches("10.0.0.3", 80)
        assert not hosts["a"].reaches("10.0.0.3", 81, 0.3)
        assert not hosts["b"].reaches("10.0.0.3", 80, 0.3)
        hosts["a"].filter(groups.rules([silent], members, "10.0.0.9"))
        assert not hosts["a"].reaches("10.0.0.3", 80, 0.3), "nothing goes out"
        for listener in listeners:
            listener.close()


def test_a_group_that_is_not_known_opens_nothing() -> None:
    """A rule for a group without members, or for an address of nobody, is no rule for everybody."""
    rules = groups.rules([group(IpPermissions=[tcp(80, "gone")])], {}, "10.0.0.9")
    assert "dport" not in rules
    with pytest.raises(AssertionError, match="prefix lists"):
        groups.rules([group(IpPermissions=[{**tcp(80), "PrefixListIds": [{"PrefixListId": "pl-1"}]}])], {}, "10.0.0.9")


def test_a_lookup_that_fails_is_told_and_the_next_is_answered() -> None:
    """The resolver says that it failed, the test hears why, and other names are still found."""
    faults: list[str] = []

    def lookup(name: str) -> list[str] | None:
        return {"here.internal": ["10.0.0.7"]}[name]

    bound = socket.socket(type=socket.SOCK_DGRAM)
    bound.bind(("127.0.0.1", 0))
    host, port = bound.getsockname()
    resolver = Resolver(bound, lookup, faults)
    found = []
    for name in ("nowhere.internal", "here.internal"):
        answer = dns.query.udp(dns.message.make_query(name, "A"), host, timeout=30, port=port)
        found.append((answer.rcode(), [record.to_text() for rrset in answer.answer for record in rrset]))
    resolver.end()
    assert found == [(dns.rcode.SERVFAIL, []), (dns.rcode.NOERROR, ["10.0.0.7"])]
    assert len(faults) == 1
    assert "KeyError: 'nowhere.internal'" in faults[0]


def test_what_runs_on_a_host_ends_with_whoever_started_it() -> None:
    """A worker of the tests that is killed leaves no process behind."""
    inner = dying_with_us(["sleep", "600"])
    text = f"import subprocess, time; print(subprocess.Popen({inner!r}).pid, flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout
        pid = int(worker.stdout.readline())
        for runs in (True, False):
            deadline = time.monotonic() + 60
            while _runs(pid, "sleep") is not runs:
                assert time.monotonic() < deadline, f"{pid} runs: {not runs}"
                time.sleep(0.05)
            worker.kill()


def _runs(pid: int, program: str) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(program.encode())
    except OSError:
        return False


def test_a_host_has_the_way_that_it_was_given_last() -> None:
    """Routes are replaced, so that who had only its network reaches the world and the other way round."""
    with network() as net:
        host, outside = net.connect("host", "10.0.0.1"), net.connect("outside", "192.0.2.1", ["0.0.0.0/0"])
        listener = outside.listen("192.0.2.1", 80)
        found = []
        for routes in ([], ["0.0.0.0/0"], ["10.0.0.0/16"], ["10.0.0.0/16", "192.0.2.0/24"]):
            net.lead(host, routes)
            found.append(host.reaches("192.0.2.1", 80))
        assert found == [False, True, False, True]
        listener.close()


class Roles:
    """IAM with one role."""

    def __init__(self, *statements: dict[str, Any]) -> None:
        self._statements = list(statements)

    def list_role_policies(self, RoleName: str) -> dict[str, Any]:
        """Its one policy."""
        return {"PolicyNames": ["edges"]}

    def get_role_policy(self, RoleName: str, PolicyName: str) -> dict[str, Any]:
        """What it says."""
        return {"PolicyDocument": {"Statement": self._statements}}

    def list_attached_role_policies(self, RoleName: str) -> dict[str, Any]:
        """Nothing else."""
        return {"AttachedPolicies": []}


READ = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "arn:mine"}


def test_a_role_may_do_what_a_statement_says_and_wildcards_are_the_only_signs() -> None:
    """Action and resource have to fit one statement; what was of use and what was refused is kept."""
    puts = {"Effect": "Allow", "Action": ["s3:PutObject", "s3:Get*"], "Resource": ["arn:bucket/*", "arn:b.c"]}
    permissions = Permissions(Roles(READ, puts))
    assert permissions.allows("role", "s3:PutObject", "arn:bucket/a/b")
    assert permissions.allows("role", "s3:GetObject", "arn:b.c")
    for action, resource in (
        ("s3:PutObject", "arn:bucket"),
        ("s3:PutObjectAcl", "arn:bucket/a"),
        ("s3:GetObject", "arn:bXc"),
        ("secretsmanager:GetSecretValue", "arn:bucket/a"),
        ("s3:PutObject", "arn:mine"),
    ):
        assert not permissions.allows("role", action, resource)
        assert permissions.denied[-1] == ("role", action, resource)
    assert permissions.used["role"] == {("s3:PutObject", "arn:bucket/*"), ("s3:Get*", "arn:b.c")}
    with pytest.raises(AssertionError):
        Permissions(Roles({**READ, "Effect": "Deny"})).granted("role")


def asking(key: str, token: str, body: bytes = b'{"SecretId": "arn:mine"}') -> calls.Request:
    """A request for a secret."""
    headers = {
        "authorization": f"AWS4-HMAC-SHA256 Credential={key}/20260101/eu-west-1/secretsmanager/aws4_request",
        "x-amz-target": "secretsmanager.GetSecretValue",
        "x-amz-security-token": token,
    }
    return calls.Request("POST", "/", headers, body)


def test_the_door_knows_sessions_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that nobody was given, or of another session, are refused; so is what the role may not do."""
    permissions = Permissions(Roles(READ))
    door = Gateway("http://nowhere", ACCOUNT, permissions, None, [])
    monkeypatch.setattr(door, "forward", lambda request: "forwarded")
    one, other = permissions.session("role"), permissions.session("role")
    assert door.answer(asking(one.key, one.token), "") == "forwarded"
    for request in (asking("AKIASANDBOX", ""), asking(one.key, other.token), asking(one.key, "")):
        assert b"UnrecognizedClientException" in door.answer(request, "").body
    assert b"AccessDenied" in door.answer(asking(one.key, one.token, b'{"SecretId": "arn:other"}'), "").body


@pytest.mark.parametrize(
    ("request_", "asked"),
    [
        (("PUT", "/bucket/a%20b?x=1", "s3", "", b""), ("s3:PutObject", "arn:aws:s3:::bucket/a b")),
        (("GET", "/bucket?list-type=2", "s3", "", b""), ("s3:ListBucket", "arn:aws:s3:::bucket")),
        (
            ("POST", "/2020-05-31/distribution/E1/invalidation", "cloudfront", "", b""),
            ("cloudfront:CreateInvalidation", f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1"),
        ),
        (
            ("POST", "/", "cloudformation", "", b"Action=SignalResource&StackName=arn%3Astack"),
            ("cloudformation:SignalResource", "arn:stack"),
        ),
        (
            ("POST", "/", "ssm", "AmazonSSM.GetParameter", b'{"Name": "/shop/key"}'),
            ("ssm:GetParameter", f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/shop/key"),
        ),
    ],
)
def test_what_a_request_asks_for(request_: tuple[str, str, str, str, bytes], asked: tuple[str, str]) -> None:
    """Actions and resources as the service authorization reference has them."""
    method, path, service, target, body = request_
    credential = f"Credential=ASIA/20260101/eu-west-1/{service}/aws4_request"
    headers = {"authorization": credential, **({"x-amz-target": target} if target else {})}
    assert calls.asked(calls.Request(method, path, headers, body), ACCOUNT) == asked


def test_a_call_that_nobody_thought_of_is_no_silent_pass() -> None:
    """It fails loudly, for whoever adds it to say what it takes."""
    permissions = Permissions(Roles(READ))
    session = permissions.session("role")
    request = asking(session.key, session.token, b"{}")
    request.headers["x-amz-target"] = "secretsmanager.DeleteSecret"  # type: ignore[index]
    with pytest.raises(calls.Unknown, match="DeleteSecret"):
        calls.asked(request, ACCOUNT)
    faults: list[str] = []
    assert Gateway("http://nowhere", ACCOUNT, permissions, None, faults).answer(request, "").status == 500
    assert "DeleteSecret" in faults[0]


class Balancers:
    """ELBv2 with one listener, two rules of it, and a target group."""

    def describe_listeners(self, LoadBalancerArn: str) -> dict[str, Any]:
        """On port 80."""
        return {"Listeners": [{"Protocol": "HTTP", "Port": 80, "ListenerArn": "listener"}]}

    def describe_rules(self, ListenerArn: str) -> dict[str, Any]:
        """The default one and another."""
        path = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/a", "/api/a/*", "/x.?"]}}
        host = {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.example.com"]}}
        refused = {"StatusCode": "404", "ContentType": "application/json", "MessageBody": '{"message": "no"}'}
        return {
            "Rules": [
                {
                    "Priority": "default",
                    "Conditions": [],
                    "Actions": [{"Type": "fixed-response", "FixedResponseConfig": refused}],
                },
                {
                    "Priority": "7",
                    "Conditions": [path, host],
                    "Actions": [{"Type": "forward", "TargetGroupArn": "arn:targetgroup/web/1"}],
                },
            ]
        }

    def describe_target_groups(self) -> dict[str, Any]:
        """Its health check."""
        words = {
            "HealthCheckProtocol": "HTTP",
            "HealthCheckPath": "/up",
            "HealthCheckTimeoutSeconds": 5,
            "HealthCheckIntervalSeconds": 10,
        }
        counts = {"HealthyThresholdCount": 2, "UnhealthyThresholdCount": 3}
        found = {"TargetGroupArn": "arn:targetgroup/web/1", "Matcher": {"HttpCode": "200-399"}, "Port": 8000}
        return {"TargetGroups": [{**words, **counts, **found}]}

    def describe_target_health(self, TargetGroupArn: str) -> dict[str, Any]:
        """A host and an address."""
        return {"TargetHealthDescriptions": [{"Target": {"Id": "i-1"}}, {"Target": {"Id": "10.0.0.7", "Port": 81}}]}


def test_a_load_balancer_as_haproxy_has_it(tmp_path: Path) -> None:
    """Rules by priority, patterns as patterns, all conditions at once; haproxy itself takes the configuration."""
    known = {"i-1": ("i-1", "10.0.0.5"), "10.0.0.7": ("task", "10.0.0.7")}
    wanted = balancer.configuration(Balancers(), "arn", "127.0.0.1", known)
    assert {name: group.targets for name, group in wanted.groups.items()} == {
        "web": {"i-1": "10.0.0.5:8000", "task": "10.0.0.7:81"}
    }
    text = wanted.text({("web", "i-1")})
    lines = [line.strip() for line in text.splitlines()]
    path, host = r"{ path -m reg ^/api/a$ ^/api/a/.*$ ^/x\..$ }", r"{ req.hdr(host) -i -m reg ^.*\.example\.com$ }"
    uses = [line for line in lines if line.startswith("use_backend")]
    assert uses == [
        f"use_backend web-all if {path} {host} {{ nbsrv(web) eq 0 }}",
        f"use_backend web if {path} {host}",
        "use_backend fixed-80-1",
    ]
    assert [line for line in lines if line.startswith("server")] == [
        "server i-1 10.0.0.5:8000 check inter 500ms rise 2 fall 3",
        "server i-1 10.0.0.5:8000",
    ]
    (tmp_path / "haproxy.cfg").write_text(text)
    haproxy = shutil.which("haproxy")
    assert haproxy
    done = subprocess.run([haproxy, "-c", "-f", tmp_path / "haproxy.cfg"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class Bare(Balancers):
    """ELBv2 with a load balancer whose listeners are still to come."""

    def describe_listeners(self, LoadBalancerArn: str) -> dict[str, Any]:
        """None."""
        return {"Listeners": []}


def test_a_load_balancer_without_listeners_is_no_fault(tmp_path: Path) -> None:
    """A stack makes the balancer first. haproxy would end at once; it starts with the first listener, and goes on."""
    with network() as net:
        host, caller = net.connect("balancer", "10.0.0.1"), net.connect("caller", "10.0.0.2", ["10.0.0.0/16"])
        net.lead(host, ["10.0.0.0/16"])
        proxy = Proxy(host, tmp_path / "haproxy.cfg")
        bare = balancer.configuration(Bare(), "arn", host.address, {})
        assert proxy.follow(bare)
        assert not proxy.ended
        followed(proxy, balancer.configuration(Balancers(), "arn", host.address, {}))
        assert caller.reaches(host.address, 80)
        assert proxy.follow(bare)
        assert not caller.reaches(host.address, 80, 0.3)
        proxy.end()


def followed(proxy: Proxy, wanted: balancer.Configuration) -> None:
    """Waits until haproxy works by a configuration."""
    deadline = time.monotonic() + 60
    while not proxy.follow(wanted):
        assert time.monotonic() < deadline, proxy.told()
        time.sleep(0.05)
    assert not proxy.ended, proxy.told()


class Tcp(Balancers):
    """A Network Load Balancer."""

    def __init__(self, *targets: str) -> None:
        self._targets = targets

    def describe_listeners(self, LoadBalancerArn: str) -> dict[str, Any]:
        """On port 80."""
        return {"Listeners": [{"Protocol": "TCP", "Port": 80, "ListenerArn": "listener"}]}

    def describe_rules(self, ListenerArn: str) -> dict[str, Any]:
        """The default one."""
        action = {"Type": "forward", "TargetGroupArn": "arn:targetgroup/web/1"}
        return {"Rules": [{"Priority": "default", "Conditions": [], "Actions": [action]}]}

    def describe_target_groups(self) -> dict[str, Any]:
        """It connects to its targets to see whether they are well."""
        ((found,),) = super().describe_target_groups().values()
        return {"TargetGroups": [found | {"HealthCheckProtocol": "TCP"}]}

    def describe_target_health(self, TargetGroupArn: str) -> dict[str, Any]:
        """Some addresses."""
        return {"TargetHealthDescriptions": [{"Target": {"Id": each, "Port": 81}} for each in self._targets]}


def test_targets_come_and_go_and_no_connection_is_cut(tmp_path: Path) -> None:
    """One gets connections as soon as it is well, and none when it is taken away; those that it has go on, also while
    other listeners come."""
    with network() as net:
        names = {"balancer": "10.0.0.1", "caller": "10.0.0.2", "one": "10.0.0.3", "two": "10.0.0.4"}
        hosts = {name: net.connect(name, address, ["10.0.0.0/16"]) for name, address in names.items()}
        known = {address: (name, address) for name, address in names.items()}
        at = hosts["balancer"]
        proxy = Proxy(at, tmp_path / "haproxy.cfg")

        def until(balancers: Any, *up: str) -> None:
            deadline = time.monotonic() + 60
            while not proxy.follow(balancer.configuration(balancers, "arn", at.address, known)) or proxy.up != {
                ("web", name) for name in up
            }:
                assert time.monotonic() < deadline, (proxy.up, proxy.told())
                time.sleep(0.05)

        first = hosts["one"].listen(names["one"], 81)
        until(Tcp(names["one"], names["two"]), "one")
        with hosts["caller"].entered():
            caller = socket.create_connection((at.address, 80), 30)
        taken = accepted(first)
        second = hosts["two"].listen(names["two"], 81)
        until(Tcp(names["one"], names["two"]), "one", "two")
        until(Tcp(names["two"]), "two")
        assert not proxy.is_idle("one")
        with hosts["caller"].entered():
            other = socket.create_connection((at.address, 80), 30)
        other.sendall(b"to the second")
        reached = accepted(second)
        assert reached.recv(99) == b"to the second"

        class More(Tcp):
            def describe_listeners(self, LoadBalancerArn: str) -> dict[str, Any]:
                (found,) = super().describe_listeners(LoadBalancerArn)["Listeners"]
                return {"Listeners": [found, found | {"Port": 90}]}

        until(More(names["two"]), "two")
        assert hosts["caller"].reaches(at.address, 90)
        caller.sendall(b"still here")
        assert taken.recv(99) == b"still here"
        proxy.end()
        for each in (first, second, caller, other, taken, reached):
            each.close()


def accepted(listener: socket.socket) -> socket.socket:
    """The next connection that says something or stays; checks of the balancer go at once."""
    listener.settimeout(30)
    while True:
        found, _ = listener.accept()
        found.settimeout(1)
        try:
            if found.recv(1, socket.MSG_PEEK):
                return found
        except TimeoutError:
            found.settimeout(30)
            return found
        except OSError:
            pass
        found.close()
