"""Why something does not start: found out while it is waited for, and told on its manifest line."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from msaspec.deploy import causes, evidence, permissions
from msaspec.deploy.aws.pace import Pace
from msaspec.sandbox.account import Account as Allowed
from tests import told
from tests.deploy.account import SMALL, Account

FARGATE = SMALL.replace("uses: [media]", "uses: [media], paths: [/], health: /up, runtime: fargate")
ENDED = "Essential container in task exited"
INITIAL = "ResourceInitializationError: unable to pull secrets or registry auth:"
UNWELL = "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/a/b)"


def unhealthy(reason: str) -> dict[str, Any]:
    """A task that the load balancer does not take, for a reason."""
    said = f"(service {{service}}) (port 8000) is unhealthy in (target-group arn:aws:x) due to (reason {reason})."
    return {"reason": UNWELL, "event": said}


CASES: dict[str, tuple[causes.CauseCode, dict[str, Any], str]] = {
    "pull": (
        causes.PULL,
        {"reason": "CannotPullContainerError: pull image manifest has been retried 1 time(s): not found"},
        "msa.yaml:7:",
    ),
    "secret": (
        causes.SECRET,
        {"reason": f"{INITIAL} ResourceNotFoundException: Secrets Manager can't find the specified secret."},
        "aws secretsmanager list-secrets",
    ),
    "exit code": (
        causes.EXIT,
        {"reason": ENDED, "exit_code": 3, "log": ("KeyError: 'DATABASE_URL'",)},
        "KeyError: 'DATABASE_URL'",
    ),
    "memory": (
        causes.MEMORY,
        {"reason": ENDED, "exit_code": 137, "container": "OutOfMemoryError: Container killed due to memory usage"},
        "memory: 2 GiB",
    ),
    "path": (causes.STATUS_CODE, unhealthy("Health checks failed with these codes: [404]"), "answer /up with 200"),
    "port": (causes.PORT, unhealthy("Health checks failed"), "0.0.0.0:8000"),
    "timeout": (causes.TIMEOUT, unhealthy("Request timed out"), "whether the program answers /up"),
    "architecture": (
        causes.ARCHITECTURE,
        {"reason": ENDED, "exit_code": 1, "log": ("exec /usr/bin/app: exec format error",)},
        "msaspec push cart",
    ),
    "permission": (
        causes.PERMISSION,
        {
            "reason": f"{INITIAL} AccessDeniedException: User: arn:aws:sts::1:assumed-role/r/s is not authorized to"
            " perform: kms:Decrypt on resource: arn:aws:kms:us-east-1:1:key/k"
        },
        "kms:Decrypt",
    ),
    "quota": (
        causes.QUOTA,
        {
            "reason": "",
            "starts": False,
            "event": "(service {service}) was unable to place a task. Reason: You've reached the limit on the number"
            " of vCPUs you can run concurrently.",
        },
        "L-3032A538",
    ),
    "capacity": (
        causes.CAPACITY,
        {
            "reason": "",
            "starts": False,
            "event": "(service {service}) was unable to place a task. Reason: Capacity is unavailable at this time."
            " Please try again later or in a different availability zone.",
        },
        "AWS tries again",
    ),
    "disk": (
        causes.DISK,
        {"reason": "CannotPullContainerError: failed to extract layer: write /usr/lib/a: no space left on device"},
        "Make the image smaller",
    ),
    "network": (
        causes.NETWORK,
        {"reason": f"{INITIAL} RequestError: send request failed caused by: dial tcp 10.0.0.1:443: i/o timeout"},
        "network.placement",
    ),
    "command": (
        causes.COMMAND,
        {"reason": 'CannotStartContainerError: exec: "serve": executable file not found in $PATH', "exit_code": 127},
        "Correct `command`",
    ),
}


def version(number: int) -> str:
    """The system with another version of its image."""
    return FARGATE.replace("nginx:1", f"nginx:{number}")


def test_each_cause_is_told(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed update says why in the words of ECS, on the line of the service, with what to do, before it says what
    CloudFormation says."""
    # One failure follows another within seconds here, and all clocks are one.
    monkeypatch.setattr(evidence, "SKEW", timedelta(0))
    assert account.deploy(FARGATE).exit_code == 0
    for number, (name, (cause, fate, expected)) in enumerate(CASES.items()):
        with account.world.fail_tasks("CartService", **fate):
            result = account.deploy(version(number + 2))
        assert result.exit_code == 3, name
        told = re.findall(r"^msa\.yaml:\d+:\d+: error (MSA\d+)", result.stderr, re.MULTILINE)
        assert told == [cause.id, "MSA620"], (name, result.stderr)
        assert expected in " ".join(result.stderr.split()), (name, result.stderr)
        assert account.status() == "UPDATE_ROLLBACK_COMPLETE", name


class Played:
    """A pace whose seconds pass at once, and which does something after each."""

    def __init__(self, account: Account) -> None:
        self.account, self.time = account, 1_700_000_000.0
        self.calls: list[tuple[float, str]] = []
        account.before = lambda operation: self.calls.append((self.time, operation))
        account.pace = Pace(sleep=self.sleep, now=lambda: self.time)
        self.act = lambda: None

    def sleep(self, seconds: float) -> None:
        """Let seconds pass."""
        self.time += seconds
        self.act()


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_cause_is_told_while_it_is_waited_for(account: Account, form: str) -> None:
    """Within ten seconds of the first task that failed, long before the circuit breaker sees it, and with no more than
    a request a second."""
    assert account.deploy(FARGATE).exit_code == 0
    played = Played(account)
    service = account.ids()["CartService"]
    failed: list[float] = []
    ecs = account.world.client("ecs")
    with account.world.fail_tasks("CartService", "CannotPullContainerError: not found", lasting=True) as ailing:

        def act() -> None:
            cluster = service.split("/")[1]
            if not failed and ecs.list_tasks(cluster=cluster, desiredStatus="STOPPED")["taskArns"]:
                failed.append(played.time)
            if failed and played.time > failed[0] + 10:
                ailing.give_up()

        played.act = act
        result = account.deploy(version(2), "--format", form)
    assert result.exit_code == 3, result.stderr
    begun = next(at for at, name in played.calls if name == "ExecuteChangeSet")
    watching = [(at, name) for at, name in played.calls if begun < at <= failed[0] + 10]
    asked = [at for at, name in watching if name == "DescribeTasks"]
    assert asked, watching
    assert asked[0] <= failed[0] + 10
    assert len(watching) <= failed[0] + 10 - begun, watching
    if form == "json":
        found = [(row["code"], row["severity"]) for row in told.rows(result.stdout, "diagnostic")]
        assert found.count((causes.PULL.id, "warning")) == 1
    else:
        assert result.stderr.count(f"warning {causes.PULL.id}") == 1
        assert result.stderr.index("warning MSA655") < result.stderr.index("CartService  UPDATE_FAILED")


def test_who_may_not_look_deploys_all_the_same(account: Account) -> None:
    """What cannot be looked at is said once; the failure is told as CloudFormation has it."""
    assert account.deploy(FARGATE).exit_code == 0
    account.write(version(2))
    looking = {"ecs:DescribeServices", "ecs:ListTasks", "ecs:DescribeTasks"}
    allowed = frozenset(
        action
        for each in json.loads(account.run("policy").stdout)["Statement"]
        for action in each["Action"]
        if action not in looking
    )
    account.world.account = Allowed(allowed=allowed, allowed_to_role=allowed | looking)
    with account.world.fail_tasks("CartService", "CannotPullContainerError: not found"):
        result = account.deploy()
    assert result.exit_code == 3
    assert "MSA620" in result.stderr
    assert result.stderr.count("msaspec cannot look for the cause everywhere.") == 1
    assert "ecs:DescribeServices" in result.stderr


def test_what_is_quoted_is_harmless(account: Account) -> None:
    """Neither secrets nor characters that steer a terminal, whoever wrote them into a reason or a log."""
    said = "Essential container in task exited\x1b[2J\n::error::x postgres://app:hunter2@db/app DB_PASSWORD=hunter2"
    log = ("API_KEY=9fJ2kQ7vXb1LmZ8TqR4w failed\x1b]0;x\x07",)
    assert account.deploy(FARGATE).exit_code == 0
    with account.world.fail_tasks("CartService", said, exit_code=1, log=log):
        result = account.deploy(version(2))
    assert causes.EXIT.id in result.stderr
    for word in ("hunter2", "9fJ2kQ7v", "\x1b", "\x07", "\n::error"):
        assert word not in result.stderr, word


def test_hosts_that_are_not_launched(account: Account) -> None:
    """A group of hosts tells what EC2 could not launch while it waits for their signals."""
    groups = SMALL.replace("uses: [media]", "uses: [media], paths: [/], runtime: autoscaling")
    account.world.signals = True
    played = Played(account)
    said = "We currently do not have sufficient t4g.small capacity in the Availability Zone you requested."
    with account.world.fail_launches("CartGroup", said):

        def act() -> None:
            asked = [at for at, name in played.calls if name == "DescribeScalingActivities"]
            if asked and played.time > asked[0] + 15:  # The whole round has its turn, at a request a second.
                account.cloudformation.signal_resource(
                    StackName="shop", LogicalResourceId="CartGroup", UniqueId="i-1", Status="FAILURE"
                )
                played.act = lambda: None

        played.act = act
        result = account.deploy(groups)
    assert result.exit_code == 3, result.stderr
    assert f"warning {causes.CAPACITY.id}" in result.stderr
    assert f"error {causes.CAPACITY.id}" in result.stderr


def test_whoever_deploys_may_look(account: Account) -> None:
    """The policy of `deploy` and `status` has every request that investigators make."""
    account.write(FARGATE)
    for command in ("deploy", "status"):
        policy = json.loads(account.run("policy", "--for", command).stdout)
        actions = {action for each in policy["Statement"] for action in each["Action"]}
        assert {"ecs:DescribeServices", "ecs:ListTasks", "ecs:DescribeTasks", "logs:GetLogEvents"} <= actions
        assert "elasticloadbalancing:DescribeTargetHealth" in actions
    assert permissions.CALLS


def test_status_tells_what_does_not_run(account: Account) -> None:
    """What a deployed service runs, with its copies, targets and address; and that it is gone, once it is."""
    assert account.deploy(FARGATE).exit_code == 0
    result = account.run("status", "--format", "json")
    assert result.exit_code == 0, result.stderr
    found = {row["entry"]: row for row in told.rows(result.stdout, "status")[0]["conditions"]}
    cart = found["services.cart"]
    copies = cart["wanted"], cart["running"], cart["healthy"]
    assert (copies, cart["version"], cart["deployment"]) == ((1, 1, 1), "library/nginx:1", "completed")
    assert cart["addresses"][0].startswith("http://")
    assert cart["targets"] == {"healthy": 1}
    assert found["buckets.media"]["protections"]["public access blocked"] is True
    service = account.ids()["CartService"]
    account.world.client("ecs").delete_service(cluster=service.split("/")[1], service=service, force=True)
    result = account.run("status")
    assert result.exit_code == 3
    assert "services.cart   NOT WELL   somebody deleted it" in result.stdout
