"""`msaspec run` and `msaspec jobs`, and what becomes of jobs in an account."""

from __future__ import annotations

import json
from typing import Any

import pytest

from msaspec.deploy import runs
from tests.deploy.account import SMALL, Account

JOBS = f"""{SMALL}\
jobs:
  report:
    image: docker.io/library/busybox:1
    command: [report]
    schedule: "0 3 * * 1-5"
    zone: Asia/Seoul
    retries: 2
    uses: [media]
  reindex: {{image: "docker.io/library/busybox:1", run: by-hand, uses: [cart]}}
"""


@pytest.fixture
def system(account: Account) -> Account:
    """An account with a system that has two jobs."""
    result = account.deploy(JOBS)
    assert result.exit_code == 0, result.output
    return account


def test_a_schedule_is_what_the_manifest_says(system: Account) -> None:
    """EventBridge Scheduler has the expression, the time zone, and the state machine as what it starts."""
    ids = system.ids()
    found = system.world.client("scheduler").get_schedule(Name=ids["ReportSchedule"])
    assert found["ScheduleExpression"] == "cron(0 3 ? * MON-FRI *)"
    assert found["ScheduleExpressionTimezone"] == "Asia/Seoul"
    assert found["Target"]["Arn"] == ids["ReportMachine"]
    assert "ReindexSchedule" not in ids


def test_a_run_ends_with_its_exit_code_and_shows_its_log(system: Account) -> None:
    """What its own task wrote is shown, and what another run wrote before is not."""
    with system.world.fail_tasks("ReindexMachine", exit_code=0, log=("of another run",)):
        done = system.run("run", "reindex")
        assert done.exit_code == 0, done.output
    with system.world.fail_tasks("ReindexMachine", exit_code=0, log=("12 documents",)):
        done = system.run("run", "reindex")
    assert (done.exit_code, "12 documents" in done.stdout, "another" in done.stdout) == (0, True, False)


def test_a_run_that_fails_ends_with_the_exit_code_of_its_container(system: Account) -> None:
    """The diagnostic names the job's line; a failed container was tried as often as the job says."""
    with system.world.fail_tasks("ReportMachine", exit_code=7, log=("no such table",)):
        failed = system.run("run", "report")
    assert failed.exit_code == 7
    assert failed.stdout.count("no such table") == 3
    assert "msa.yaml:9:3: error MSA495" in failed.stderr
    assert "exit code 7" in failed.stderr


def test_a_failure_is_told_to_a_topic(account: Account) -> None:
    """Once, after the last try, with what went wrong; a run that ends well tells nobody."""
    told = JOBS.replace("    retries: 2\n", "    retries: 2\n    notify: alerts\n")
    wanted = "topics: {alerts: {}}\nqueues: {mail: {from: [alerts]}}\n"
    result = account.deploy(told.replace("services:\n", f"{wanted}services:\n"))
    assert result.exit_code == 0, result.output
    assert account.run("run", "report").exit_code == 0
    with account.world.fail_tasks("ReportMachine", exit_code=7, log=("no such table",)):
        assert account.run("run", "report").exit_code == 7
    received = account.world.client("sqs").receive_message(QueueUrl=account.ids()["MailQueue"], MaxNumberOfMessages=10)
    (message,) = (json.loads(each["Body"]) for each in received["Messages"])
    assert (message["job"], message["stack"], message["error"]) == ("report", "shop", "States.TaskFailed")
    assert json.loads(message["cause"])["Containers"][0]["ExitCode"] == 7
    assert ":execution:" in message["execution"]


def test_a_run_that_could_not_start_ends_with_3(system: Account) -> None:
    """The reason is that of ECS."""
    reason = "CannotPullContainerError: manifest unknown"
    with system.world.fail_tasks("ReindexMachine", reason):
        failed = system.run("run", "reindex")
    assert failed.exit_code == 3
    assert reason in failed.stderr


def test_words_behind_two_dashes_are_the_command_of_a_run(system: Account) -> None:
    """They reach the container as they are, also those that look like options."""
    assert system.run("run", "reindex", "--", "reindex", "--all", "$HOME;").exit_code == 0
    [execution] = executions(system, "ReindexMachine")
    assert json.loads(execution["input"]) == {"command": ["reindex", "--all", "$HOME;"]}
    ecs = system.world.client("ecs")
    listed = ecs.list_tasks(cluster=system.ids()["Cluster"], desiredStatus="STOPPED")["taskArns"]
    [task] = ecs.describe_tasks(cluster=system.ids()["Cluster"], tasks=listed)["tasks"]
    assert task["overrides"]["containerOverrides"][0]["command"] == ["reindex", "--all", "$HOME;"]


def executions(account: Account, machine: str) -> list[dict[str, Any]]:
    """The executions of a machine, by its logical id, as Step Functions describes them."""
    states = account.world.client("stepfunctions")
    listed = states.list_executions(stateMachineArn=account.ids()[machine])["executions"]
    return [states.describe_execution(executionArn=each["executionArn"]) for each in listed]


def test_jobs_tells_the_next_run_and_the_last_ones(system: Account) -> None:
    """The next run is in UTC; a job that nobody scheduled has none."""
    system.run("run", "reindex")
    shown = json.loads(system.run("jobs", "--format", "json").stdout.splitlines()[1])
    assert (shown["name"], shown["starts"]) == ("report", "cron(0 3 ? * MON-FRI *) Asia/Seoul")
    assert shown["next"].endswith("18:00 UTC")  # 3 o'clock in Seoul
    text = system.run("jobs").stdout
    assert "reindex   by hand\n  SUCCEEDED began" in text
    assert "no run yet" in text


def test_a_job_that_is_not_there_is_named(system: Account) -> None:
    """With the one that was meant."""
    unknown = system.run("run", "reindx")
    assert (unknown.exit_code, "Did you mean `reindex`?" in unknown.stderr) == (1, True)


def test_a_system_without_jobs_says_so(account: Account) -> None:
    """And ends well."""
    account.deploy(SMALL)
    told = account.run("jobs")
    assert (told.exit_code, "has no jobs" in told.stderr) == (0, True)


def test_a_run_without_waiting(system: Account) -> None:
    """It begins, and the command ends."""
    begun = system.run("run", "report", "--detach")
    assert (begun.exit_code, begun.stdout) == (0, "")
    assert len(executions(system, "ReportMachine")) == 1


def test_a_machine_whose_role_lacks_a_right_runs_nothing(system: Account) -> None:
    """The sandbox holds the role of the machine to what it may do."""
    role = system.ids()["ReindexMachineRole"]
    system.world.client("iam").delete_role_policy(RoleName=role, PolicyName="edges")
    failed = system.run("run", "reindex")
    assert (failed.exit_code, "ecs:RunTask" in failed.stderr) == (3, True)


def test_logs_of_a_job(system: Account) -> None:
    """`logs` knows jobs as it knows services."""
    with system.world.fail_tasks("ReindexMachine", exit_code=0, log=("12 documents",)):
        system.run("run", "reindex")
    assert "12 documents" in system.run("logs", "reindex").stdout


def test_a_job_is_destroyed_with_its_system(system: Account) -> None:
    """Nothing of it is left but its log."""
    assert system.run("destroy", "--yes", "--delete-data", "media").exit_code == 0
    assert system.world.client("scheduler").list_schedules()["Schedules"] == []
    assert system.world.client("stepfunctions").list_state_machines()["stateMachines"] == []


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ({"status": "ABORTED"}, "somebody stopped it"),
        ({"status": "TIMED_OUT"}, "it took longer than its `timeout`"),
        ({"status": "FAILED", "error": "States.Timeout"}, "it took longer than its `timeout`"),
        ({"status": "FAILED", "cause": json.dumps({"Containers": [{"ExitCode": 3}]})}, "ended with exit code 3"),
        ({"status": "FAILED", "cause": "no JSON"}, "no JSON"),
        ({"status": "FAILED", "cause": "[1]", "error": "E"}, "[1]"),
        ({"status": "FAILED"}, "gives no reason"),
    ],
)
def test_why_a_run_failed(found: dict[str, Any], why: str) -> None:
    """In a clause, whatever Step Functions says."""
    assert why in runs.why(found)
