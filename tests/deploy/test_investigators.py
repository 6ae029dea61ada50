"""What investigators make of the answers of AWS, each on its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from msaspec import discover
from msaspec.deploy import causes
from msaspec.deploy.causes import Finding
from msaspec.deploy.evidence import Ask, Investigator, Looking, Scene, Subject
from msaspec.deploy.investigation import LONGEST, quoted
from tests import template

FARGATE = """\
msaspec: 1
name: shop
databases: {main: }
services:
  cart: {image: 'docker.io/library/nginx:1', port: 8000, paths: [/], uses: [main], runtime: fargate}
  user: {image: 'docker.io/library/nginx:1', port: 8001, runtime: instance}
"""
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
COMPILED = template.compiled(FARGATE)
SERVICE = "arn:aws:ecs:us-east-1:123456789012:service/shop/cart"
ROWS = [
    {"LogicalResourceId": name, "ResourceType": resource["Type"], "PhysicalResourceId": f"id-{name}"}
    for name, resource in COMPILED.stack.template["Resources"].items()
]
RESOURCES = {"StackResourceSummaries": ROWS}


def scene() -> Scene:
    """The stack of the manifest, whose operation began at noon."""
    return Scene("stack", COMPILED.stack.template, lambda name: COMPILED.stack.origins.get(name, ()), NOON)


def subject(name: str, id: str, *, failed: bool = False) -> Subject:
    """A resource of the stack."""
    kind = COMPILED.stack.template["Resources"][name]["Type"]
    return Subject(name, kind, id, COMPILED.stack.origins[name], failed)


def of(kind: str) -> Investigator:
    """The investigator of a type."""
    found = discover.instances("msaspec.deploy.investigators", Investigator)
    return type(next(each for each in found if kind in each.types))()


def led(looking: Looking, answers: Mapping[str, Any]) -> tuple[list[Finding], list[str]]:
    """What was found out with answers by operation, and which operations were asked for."""
    asked = []
    try:
        ask = next(looking)
        while True:
            assert isinstance(ask, Ask)
            asked.append(ask.operation)
            ask = looking.send(answers.get(ask.operation))
    except StopIteration as end:
        return end.value, asked


def service(**more: Any) -> dict[str, Any]:
    """An answer of DescribeServices about a service that is being deployed."""
    deployment = {"id": "ecs-svc/1", "rolloutState": "IN_PROGRESS", "createdAt": NOON, "failedTasks": 1}
    balancer = {"targetGroupArn": "arn:tg", "containerName": "cart", "containerPort": 8000}
    known = {"serviceArn": SERVICE, "serviceName": "cart", "deployments": [deployment], "runningCount": 1}
    return {"services": [{**known, "loadBalancers": [balancer], "events": [], **more}]}


def stopped(reason: str, **more: Any) -> dict[str, Any]:
    """An answer of DescribeTasks about a task that stopped."""
    task = {"taskArn": "arn:task/1", "startedBy": "ecs-svc/1", "stoppedReason": reason, "lastStatus": "STOPPED"}
    container = {"name": "cart", "lastStatus": "STOPPED"}
    return {"tasks": [{**task, "createdAt": NOON + timedelta(seconds=9), "containers": [container], **more}]}


def health(reason: str) -> dict[str, Any]:
    """An answer of DescribeTargetHealth about a target that is not well."""
    return {"TargetHealthDescriptions": [{"TargetHealth": {"State": "unhealthy", "Description": reason}}]}


UNWELL = "Task failed ELB health checks in (target-group arn:tg)"
TASKS = {"list_tasks": {"taskArns": ["arn:task/1"]}, "list_stack_resources": RESOURCES}


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("Health checks failed", causes.PORT),
        ("Health checks failed with these codes: [503]", causes.STATUS_CODE),
        ("Request timed out", causes.CLOSED),
    ],
)
def test_a_target_says_why_its_task_was_stopped(reason: str, cause: causes.CauseCode) -> None:
    """Its words are kept until the task is stopped for it. A check that times out is one of a closed port, where no
    rule of the group opens it."""
    closed = {"SecurityGroups": [{"IpPermissions": [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}]}]}
    answers = {
        "describe_services": service(),
        "describe_target_health": health(reason),
        "describe_tasks": stopped(UNWELL),
        "describe_security_groups": closed,
        **TASKS,
    }
    (found,), _ = led(of("AWS::ECS::Service").look([subject("CartService", SERVICE)], scene()), answers)
    assert (found.cause, found.said) == (cause, reason)
    assert "8000" in found.says or cause is not causes.CLOSED


def test_a_port_that_is_open_is_not_closed() -> None:
    """Then the program is slow, or a firewall is in between."""
    for rule in ({"IpProtocol": "-1"}, {"IpProtocol": "tcp", "FromPort": 8000, "ToPort": 8000}):
        answers = {
            "describe_services": service(),
            "describe_target_health": health("Request timed out"),
            "describe_tasks": stopped(UNWELL),
            "describe_security_groups": {"SecurityGroups": [{"IpPermissions": [rule]}]},
            **TASKS,
        }
        (found,), _ = led(of("AWS::ECS::Service").look([subject("CartService", SERVICE)], scene()), answers)
        assert found.cause is causes.TIMEOUT


@pytest.mark.parametrize(
    "task",
    [
        stopped("Scaling activity initiated by (deployment ecs-svc/1)"),
        stopped("CannotPullContainerError: x", startedBy="ecs-svc/0"),
        stopped("CannotPullContainerError: x", createdAt=NOON - timedelta(minutes=1)),
        {"tasks": [], "failures": [{"arn": "arn:task/1", "reason": "MISSING"}]},
        None,
    ],
    ids=["scaled", "of another deployment", "older", "gone", "refused"],
)
def test_what_tells_nothing_is_no_cause(task: Any) -> None:
    """Tasks that were to stop, of other deployments, from before; and what is gone or may not be read."""
    answers = {"describe_services": service(), "describe_tasks": task, **TASKS}
    found, _ = led(of("AWS::ECS::Service").look([subject("CartService", SERVICE)], scene()), answers)
    assert found == []


def test_clocks_of_services_may_differ() -> None:
    """A task that seems to be some seconds older than the operation is one of it."""
    task = stopped("CannotPullContainerError: x", createdAt=NOON - timedelta(seconds=4))
    answers = {"describe_services": service(), "describe_tasks": task, **TASKS}
    (found,), _ = led(of("AWS::ECS::Service").look([subject("CartService", SERVICE)], scene()), answers)
    assert found.cause is causes.PULL


def test_what_nobody_knows_is_looked_at_by_nobody() -> None:
    """A service that a patch runs in another way than msaspec's runtimes has no investigator, and costs no request."""
    investigators = discover.instances("msaspec.deploy.investigators", Investigator)
    known = {kind for each in investigators for kind in each.types}
    assert known.isdisjoint({"AWS::AppRunner::Service", "AWS::EKS::Nodegroup", "AWS::Lambda::Function"})
    assert {"AWS::ECS::Service", "AWS::AutoScaling::AutoScalingGroup", "AWS::EC2::Instance"} <= known


def test_a_target_that_starts_is_no_cause() -> None:
    """Only a task that is stopped for it tells that a service does not get well."""
    answers = {"describe_services": service(), "describe_target_health": health("Request timed out")}
    found, _ = led(of("AWS::ECS::Service").look([subject("CartService", SERVICE)], scene()), answers)
    assert found == []


def test_many_services_cost_few_requests() -> None:
    """Forty services with hundreds of tasks: one request for ten of them, and the tasks of three in a round."""
    base = subject("CartService", SERVICE)
    subjects = [Subject(f"S{n}", base.type, f"{SERVICE}{n}", base.entry) for n in range(40)]
    rows = [service()["services"][0] | {"serviceArn": each.id, "serviceName": each.logical_id} for each in subjects]
    arns = [f"arn:task/{n}" for n in range(300)]
    answers = {"describe_services": {"services": rows}, "list_tasks": {"taskArns": arns}}
    found, asked = led(of(base.type).look(subjects, scene()), answers)
    assert found == []
    assert asked.count("describe_services") == 4
    assert len(asked) <= 4 + 4 * 3 * 3


BOOTED = int((NOON + timedelta(minutes=3)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("pull: Error response from daemon: manifest for nginx:9 not found: manifest unknown", causes.PULL),
        ("secrets: (ResourceNotFoundException) Secrets Manager can't find the specified secret.", causes.SECRET),
        ("health: no answer on http://127.0.0.1:8001/, running, exit 0, 0 restarts", causes.PORT),
        ("health: 404 on http://127.0.0.1:8001/up, running, exit 0, 0 restarts", causes.STATUS_CODE),
        ("health: exited, exit 1, 4 restarts", causes.EXIT),
        ("docker: failed", causes.BOOT),
    ],
)
def test_a_host_says_why_it_gave_up(said: str, cause: causes.CauseCode) -> None:
    """The first line of its boot log, which has the step and its last words."""
    answers = {
        "describe_log_streams": {"logStreams": [{"logStreamName": "i-1/boot", "creationTime": BOOTED}]},
        "get_log_events": {"events": [{"message": f"{said}\n-- step\nlast line"}]},
        "list_stack_resources": RESOURCES,
    }
    (found,), _ = led(of("AWS::EC2::Instance").look([subject("UserInstance", "i-1")], scene()), answers)
    assert (found.cause, found.said, found.lines[-1]) == (cause, said, "last line")
    older = answers | {"describe_log_streams": {"logStreams": [{"logStreamName": "i-1/boot", "creationTime": 1}]}}
    assert led(of("AWS::EC2::Instance").look([subject("UserInstance", "i-1")], scene()), older)[0] == []


@pytest.mark.parametrize("early", [{"events": []}, None], ids=["empty", "no answer"])
def test_a_stream_that_is_empty_is_read_again(early: Any) -> None:
    """A host makes the stream of its boot a moment before it writes there: who looks in between has read nothing."""
    answers = {
        "describe_log_streams": {"logStreams": [{"logStreamName": "i-1/boot", "creationTime": BOOTED}]},
        "get_log_events": early,
        "list_stack_resources": RESOURCES,
    }
    investigator = of("AWS::EC2::Instance")
    assert led(investigator.look([subject("UserInstance", "i-1")], scene()), answers)[0] == []
    answers["get_log_events"] = {"events": [{"message": "pull: manifest unknown"}]}
    (found,), _ = led(investigator.look([subject("UserInstance", "i-1")], scene()), answers)
    assert found.said == "pull: manifest unknown"
    assert led(investigator.look([subject("UserInstance", "i-1")], scene()), answers)[0] == [], "once is enough"


def test_tasks_that_nobody_described_are_asked_for_again() -> None:
    """An answer that did not come is not one without a cause."""
    investigator = of("AWS::ECS::Service")
    answers = {"describe_services": service(), "describe_tasks": None, **TASKS}
    assert led(investigator.look([subject("CartService", SERVICE)], scene()), answers)[0] == []
    answers["describe_tasks"] = stopped("CannotPullContainerError: x")
    (found,), _ = led(investigator.look([subject("CartService", SERVICE)], scene()), answers)
    assert found.cause is causes.PULL


def test_a_log_group_that_is_made_meanwhile_is_found() -> None:
    """The list of the stack's resources is kept, and asked for again where it lacks the log group."""
    look = of("AWS::EC2::Instance").look([subject("UserInstance", "i-1")], scene())
    first = next(look)
    assert (first.operation, first.once) == ("list_stack_resources", True)
    second = look.send({"StackResourceSummaries": []})
    assert (second.operation, second.once) == ("list_stack_resources", False)
    assert look.send(RESOURCES).words["logGroupName"] == "id-UserLogGroup"


def test_a_host_without_a_log_has_a_console() -> None:
    """Asked for once it failed: it did not get as far as its log."""
    console = {"get_console_output": {"Output": "booting\ncloud-init: No space left on device\n"}}
    answers = {"list_stack_resources": RESOURCES, **console}
    look = of("AWS::EC2::Instance").look
    assert led(look([subject("UserInstance", "i-1")], scene()), answers)[0] == []
    (found,), _ = led(look([subject("UserInstance", "i-1", failed=True)], scene()), answers)
    assert (found.cause, found.said) == (causes.DISK, "cloud-init: No space left on device")


def test_a_database_has_events() -> None:
    """Those of failures count."""
    events = [
        {"Message": "DB instance created", "EventCategories": ["creation"]},
        {"Message": "The DB instance cannot be created: insufficient storage", "EventCategories": ["failure"]},
    ]
    for kind in ("AWS::RDS::DBInstance", "AWS::DocDB::DBInstance"):
        look = of(kind).look([subject("MainDatabase", "main")], scene())
        (found,), _ = led(look, {"describe_events": {"Events": events}})
        assert (found.cause, found.said) == (causes.DATABASE, events[1]["Message"])


def test_a_custom_resource_has_the_log_of_its_function() -> None:
    """The last line of it that tells of an error."""
    name = next(row["LogicalResourceId"] for row in ROWS if row["ResourceType"].startswith("Custom::"))
    lines = "START RequestId: 1\n[ERROR] OperationalError: connection refused\nEND RequestId: 1\nREPORT x"
    answers = {
        "describe_log_streams": {"logStreams": [{"logStreamName": "2026/11/01/[1]x"}]},
        "get_log_events": {"events": [{"message": lines}]},
        "list_stack_resources": RESOURCES,
    }
    look = of("Custom::*").look([subject(name, "x")], scene())
    (found,), asked = led(look, answers)
    assert (found.cause, found.said) == (causes.FUNCTION, "[ERROR] OperationalError: connection refused")
    assert asked[-2:] == ["describe_log_streams", "get_log_events"]


def test_what_is_quoted_is_short() -> None:
    """One line, with a full stop, and no more than fits a screen."""
    assert quoted("a\n  b") == "a b."
    assert len(quoted("x" * 5000)) == LONGEST + 3
