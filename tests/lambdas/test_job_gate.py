"""The function of the gate before deployments, between stand-ins of AWS's clients and a real web server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from msaspec.aws.lambdas import job_gate
from tests.lambdas.test_database_handler import Web, serve_web
from tests.lambdas.world import Context

TASK = "arn:aws:ecs:eu-west-1:123456789012:task/shop/abc"


class Account:
    """What the function asks AWS for."""

    def __init__(self) -> None:
        self.status = "UPDATE_IN_PROGRESS"
        self.started: list[dict[str, Any]] = []
        self.refusal: Exception | None = None
        self.log: list[str] = []

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        return {"Stacks": [{"StackStatus": self.status}]}

    def start_execution(self, **words: Any) -> None:
        self.started.append(words)
        if self.refusal:
            raise self.refusal

    def get_log_events(self, logGroupName: str, logStreamName: str, **words: Any) -> dict[str, Any]:
        if logStreamName != "migrate/migrate/abc" or not self.log:
            raise LookupError("ResourceNotFoundException")
        return {"events": [{"message": line} for line in self.log]}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Account:
    """An account in which a stack is updated."""
    found = Account()
    monkeypatch.setattr(boto3, "client", lambda service: found)
    monkeypatch.setattr(job_gate, "time", SimpleNamespace(sleep=lambda seconds: None))
    return found


@pytest.fixture
def web() -> Iterator[Web]:
    """Where CloudFormation takes the answer."""
    with serve_web() as server:
        yield server


def asked(web: Web, kind: str = "Update", **more: Any) -> dict[str, Any]:
    """What CloudFormation sends."""
    return {
        "RequestType": kind,
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "MigrateGate",
        "ResponseURL": f"{web.url}/answer",
        "ResourceProperties": {"Machine": "machine", "Job": "migrate", "LogGroup": "group", "Task": "task:2"},
        **more,
    }


def ended(aws: Account, web: Web, **failed: str) -> dict[str, Any]:
    """What is answered when the job has ended, from the request that was handed on."""
    job_gate.handler(asked(web), Context(60))
    request = json.loads(aws.started[-1]["input"])["request"]
    job_gate.handler({"request": request, **({"failed": failed} if failed else {})}, Context(60))
    return answered(web)


def answered(web: Web) -> dict[str, Any]:
    """The last answer."""
    found: dict[str, Any] = json.loads(web.puts[-1][1])
    return found


def test_it_starts_the_job_and_does_not_answer(aws: Account, web: Web) -> None:
    """The execution has the name of the request, so that a repeated call starts nothing."""
    job_gate.handler(asked(web), Context(60))
    assert [(each["stateMachineArn"], each["name"]) for each in aws.started] == [("machine", "request")]
    aws.refusal = RuntimeError("ExecutionAlreadyExists")
    job_gate.handler(asked(web), Context(60))
    assert web.puts == []


def test_it_answers_when_the_job_has_ended_well(aws: Account, web: Web) -> None:
    """With an id that never changes, so that CloudFormation deletes nothing."""
    found = ended(aws, web)
    assert (found["Status"], found["PhysicalResourceId"]) == ("SUCCESS", "msaspec-gate-MigrateGate")


def test_it_tells_the_exit_code_and_the_end_of_the_log(aws: Account, web: Web) -> None:
    """Without passwords in addresses."""
    aws.log = ["step 1", "cannot connect to postgres://cart:hunter2@db/shop"]
    cause = json.dumps({"TaskArn": TASK, "Containers": [{"ExitCode": 9}]})
    found = ended(aws, web, Error="States.TaskFailed", Cause=cause)
    assert found["Status"] == "FAILED"
    assert (
        "exit code 9. The last lines of its log: step 1 | cannot connect to postgres://cart:***@db/shop"
        in found["Reason"]
    )


@pytest.mark.parametrize(
    ("failed", "said"),
    [
        ({"Error": "States.Timeout", "Cause": ""}, "longer than its timeout"),
        (
            {"Error": "States.TaskFailed", "Cause": json.dumps({"Containers": [], "StoppedReason": "no image"})},
            "no image",
        ),
        (
            {"Error": "States.TaskFailed", "Cause": json.dumps({"TaskArn": TASK, "Containers": [{"ExitCode": 1}]})},
            "could not be read",
        ),
        ({"Error": "AmazonECS.Unknown", "Cause": "Capacity is unavailable"}, "Capacity is unavailable"),
        ({"Error": "States.Runtime", "Cause": "[]"}, "[]"),
    ],
)
def test_why_a_job_failed(aws: Account, web: Web, failed: dict[str, str], said: str) -> None:
    """Whatever Step Functions says, there is an answer."""
    assert said in ended(aws, web, **failed)["Reason"]


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"])
def test_nothing_runs_while_an_update_is_taken_back(aws: Account, web: Web, status: str) -> None:
    """CloudFormation sends an update with the properties of before, and the job of before must not run."""
    aws.status = status
    job_gate.handler(asked(web, PhysicalResourceId="there"), Context(60))
    assert aws.started == []
    assert (answered(web)["Status"], answered(web)["PhysicalResourceId"]) == ("SUCCESS", "there")


def test_nothing_is_taken_back_by_a_deletion(aws: Account, web: Web) -> None:
    """What a migration did stays done."""
    job_gate.handler(asked(web, "Delete", PhysicalResourceId="there"), Context(60))
    assert (aws.started, answered(web)["Status"]) == ([], "SUCCESS")


def test_a_job_that_cannot_be_started_is_a_failure(aws: Account, web: Web) -> None:
    """A permission that does not count yet is waited for."""
    aws.refusal = RuntimeError("StateMachineDoesNotExist")
    job_gate.handler(asked(web), Context(60))
    assert "StateMachineDoesNotExist" in answered(web)["Reason"]
    aws.refusal = RuntimeError("AccessDeniedException")
    job_gate.handler(asked(web), Context(10))
    assert answered(web)["Status"] == "FAILED"


def test_a_job_that_somebody_stops_ends_the_deployment_at_once(aws: Account, web: Web) -> None:
    """EventBridge tells of it, with the input of the execution; a run by hand waits for nobody."""
    job_gate.handler(asked(web), Context(60))
    told = {"detail-type": "Step Functions Execution Status Change", "detail": {"input": aws.started[-1]["input"]}}
    job_gate.handler(told, Context(60))
    assert answered(web)["Status"] == "FAILED"
    assert answered(web)["Reason"] == "The job migrate failed. Somebody stopped its execution."
    answers = len(web.puts)
    for written in ("{}", None):
        job_gate.handler({"detail": {"input": written}}, Context(60))
    assert len(web.puts) == answers
