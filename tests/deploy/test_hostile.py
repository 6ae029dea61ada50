"""Nothing that a command prints of an account steers a terminal or a CI system."""

from __future__ import annotations

import pytest
import yaml

from tests import hostile
from tests.deploy.account import SMALL, Account

OUTPUT = {"op": "add", "path": "/Outputs/Own", "value": {"Value": hostile.XML, "Description": hostile.XML}}
PARAMETER = {"op": "add", "path": "/Parameters/Own", "value": {"Type": "String", "Default": hostile.XML}}
COMMANDS = [
    ["deploy", "--yes", "--format", "json"],
    ["deploy", "--dry-run"],
    ["deploy", "--yes", "--tag", hostile.ALL],
    ["deploy", "--yes", "--allow-replace", hostile.ALL],
    ["deploy", "--yes", "--role-arn", hostile.ALL],
    ["status"],
    ["status", "--format", "json"],
    ["verify"],
    ["verify", "--format", "json"],
    ["verify", "--env", hostile.ALL],
    ["secret", "list"],
    ["secret", "set", hostile.ALL, hostile.ALL],
    ["clean", "--yes"],
    ["clean", "--yes", "--format", "json"],
    ["deploy", "--yes", "--redeploy", hostile.ALL],
    ["outputs"],
    ["outputs", "--format", "json"],
    ["outputs", "--format", "env"],
    ["logs", "cart"],
    ["logs", "cart", "--format", "json"],
    ["logs", hostile.ALL],
    ["logs", "cart", "--since", hostile.ALL],
    ["diff", "--against", "stack"],
    ["diff", "--against", "stack", "--format", "json"],
    ["cancel"],
    ["cancel", "--env", hostile.ALL],
    ["continue-rollback"],
    ["continue-rollback", "--skip", hostile.ALL],
    ["push", hostile.ALL, "--file"],
    ["push", "--tag", hostile.ALL, "--file"],
    ["destroy", "--delete-data", hostile.ALL, "--yes"],
    ["destroy", "--yes"],
]
QUOTING = ("logs", "outputs", "push", "status")
"""Each of these shows some of the hostile text, made harmless."""


def test_no_command_prints_what_is_obeyed(account: Account) -> None:
    """Neither arguments nor what the stack and its logs hold."""
    account.write(yaml.safe_dump(yaml.safe_load(SMALL) | {"patches": [OUTPUT, PARAMETER]}), hostile.NAME)
    hostile.check(hostile.run("deploy", "--yes", hostile.NAME, app=account.app()), 0)
    write_log(account)
    for words in COMMANDS:
        result = hostile.run(*words, hostile.NAME, app=account.app())
        hostile.check(result)
        assert "pwned" in result.output or words[0] not in QUOTING, words


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_failure_is_told_harmlessly(form: str, account: Account) -> None:
    """What a service gives as its reason, and what the log ends with."""
    account.write(SMALL, hostile.NAME)
    account.world.refuse("CartInstance", hostile.XML)
    account.at("DescribeLogStreams", lambda: write_log(account))
    result = hostile.run("deploy", "--yes", "--format", form, hostile.NAME, app=account.app())
    hostile.check(result, 3)
    assert result.output.count("pwned") > 10
    hostile.check(hostile.run("status", "--format", form, hostile.NAME, app=account.app()))


def write_log(account: Account) -> None:
    """A line of a container that would steer whoever reads it."""
    logs = account.world.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        name = group["logGroupName"]
        if not logs.describe_log_streams(logGroupName=name)["logStreams"]:
            logs.create_log_stream(logGroupName=name, logStreamName="one")
        now = int(account.pace.now() * 1000)
        events = [{"timestamp": now, "message": text} for text in hostile.LINES]
        logs.put_log_events(logGroupName=name, logStreamName="one", logEvents=events)
