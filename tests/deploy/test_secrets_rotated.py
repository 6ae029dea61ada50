"""`msaspec secret rotate`: a new value, and the start of every copy that reads it, on every runtime."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from moto.autoscaling.models import autoscaling_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ecs.models import ecs_backends

from msaspec import sandbox
from msaspec.cli import main
from msaspec.sandbox.account import Account as Allowed
from msaspec.sandbox.world import REGION
from tests import told
from tests.deploy.account import Account
from tests.deploy.test_permissions import actions
from tests.lambdas import postgres

SYSTEM = """\
msaspec: 1
name: shop
network: {placement: public}
secrets: {jwt: {length: 40}, stripe: {keys: [api_key]}, idle: {}, given: {from: /shop/given}}
services:
  one: {image: docker.io/library/nginx:1, port: 8000, uses: [jwt]}
  group: {image: docker.io/library/nginx:1, port: 8000, runtime: autoscaling, uses: [jwt]}
  task: {image: docker.io/library/nginx:1, port: 8000, runtime: fargate, uses: [jwt, stripe]}
  other: {image: docker.io/library/nginx:1, port: 8000, runtime: fargate}
"""
STORING = """\
msaspec: 1
name: shop
network: {placement: public}
audit: {rotation: 30 days, access_logs: false, flow_logs: false, monitoring: false}
databases: {main: {protect: false}}
secrets: {jwt: {}}
services:
  task:
    image: docker.io/library/nginx:1
    port: 8000
    runtime: fargate
    uses: [main, jwt]
    env: {TEXT: "key=${jwt.value}"}
"""


def given(account: Account, value: bytes, *words: str) -> Result:
    """A command with something on its standard input."""
    return CliRunner().invoke(main, list(words), input=value, obj=account.app(), catch_exceptions=False)


def said(result: Result) -> str:
    """What a command says, on one line."""
    return " ".join(result.stderr.split())


def id_of(account: Account, name: str) -> str:
    """The physical id of a resource."""
    found = account.cloudformation.describe_stack_resource(StackName="shop", LogicalResourceId=name)
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def value(account: Account, name: str) -> str:
    """What a secret of the stack holds."""
    found = account.world.client("secretsmanager").get_secret_value(SecretId=id_of(account, name))
    return str(found["SecretString"])


def deployment(account: Account, service: str) -> str:
    """The newest deployment of an ECS service."""
    words = {"cluster": id_of(account, "Cluster"), "services": [id_of(account, service)]}
    (found,) = account.world.client("ecs").describe_services(**words)["services"]
    return str(found["deployments"][0]["id"])


def hosts(account: Account) -> set[str]:
    """The hosts of the group."""
    groups = account.world.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    return {host["InstanceId"] for group in groups for host in group["Instances"]}


@pytest.fixture
def shop(account: Account) -> Account:
    """An account with the system of all runtimes."""
    account.write(SYSTEM)
    assert given(account, b"one", "secret", "set", "stripe", "api_key").exit_code == 0
    account.world.client("ssm").put_parameter(Name="/shop/given", Value="x", Type="SecureString")
    assert account.deploy(SYSTEM).exit_code == 0
    return account


def test_a_generated_secret_changes_and_its_readers_start_anew(shop: Account) -> None:
    """On every runtime those that read it, and nobody else; each is named, and the value is never shown."""
    old, before = value(shop, "JwtSharedSecret"), (deployment(shop, "TaskService"), deployment(shop, "OtherService"))
    there = hosts(shop)
    result = shop.run("secret", "rotate", "jwt")
    assert result.exit_code == 0, result.stderr
    new = value(shop, "JwtSharedSecret")
    assert (len(new), new.isalnum()) == (40, True)
    assert new != old
    assert deployment(shop, "TaskService") != before[0]
    assert deployment(shop, "OtherService") == before[1]
    assert hosts(shop)
    assert there.isdisjoint(hosts(shop))
    assert shop.calls["RebootInstances"] == 1
    told_of = said(result)
    assert "jwt has a new value. group, one and task read it at the start." in told_of
    assert "task starts anew, by a deployment." in told_of
    assert "group starts anew, by an instance refresh." in told_of
    assert "one starts anew, by a reboot." in told_of
    assert "task is up with it." in told_of
    assert "group is up with it." in told_of
    assert "The host of one is up again. What its container says: msaspec logs one" in told_of
    assert new not in result.output
    assert old not in result.output


def test_a_key_that_people_set_changes(shop: Account) -> None:
    """Its value comes from standard input, and the one service that reads it starts anew."""
    before = deployment(shop, "TaskService"), hosts(shop)
    result = given(shop, b"two\n", "secret", "rotate", "stripe", "api_key", "msa.yaml")
    assert result.exit_code == 0, result.stderr
    kept = shop.world.client("ssm").get_parameter(Name="/msaspec/shop/stripe/api_key", WithDecryption=True)
    assert kept["Parameter"]["Value"] == "two"
    assert deployment(shop, "TaskService") != before[0]
    assert hosts(shop) == before[1]
    assert "stripe api_key has a new value. task reads it at the start." in said(result)


def test_what_nobody_reads_changes_alone(shop: Account) -> None:
    """No service reads it, so none starts; the words of JSON say the same."""
    old, before = value(shop, "IdleSharedSecret"), deployment(shop, "TaskService")
    result = shop.run("secret", "rotate", "idle", "--format", "json")
    assert result.exit_code == 0
    (row,) = told.rows(result.stdout, "secret-changed") or told.rows(result.stderr, "secret-changed")
    assert row["what"] == "idle"
    assert value(shop, "IdleSharedSecret") != old
    assert deployment(shop, "TaskService") == before


@pytest.mark.parametrize("words", [("jwt",), ("stripe", "api_key")])
def test_the_policy_of_the_command_is_enough(shop: Account, words: tuple[str, ...]) -> None:
    """What `msaspec policy --for secret` prints lets it change a secret and start all runtimes anew."""
    shop.world.account = Allowed(allowed=actions(shop, "--for", "secret"))
    result = given(shop, b"two", "secret", "rotate", *words)
    assert (result.exit_code, "MSA603" in result.stderr) == (0, False), result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rotate"], "rotate NAME [KEY] [FILE]"),
        (["rotate", "jwt", "value", "msa.yaml", "x"], "rotate NAME [KEY] [FILE]"),
        (["rotate", "jtw"], "Did you mean `jwt`?"),
        (["rotate", "given"], "There are: stripe api_key, idle, jwt."),
        (["rotate", "stripe"], "Did you mean `stripe api_key`?"),
        (["rotate", "stripe", "api_key", "-"], "cannot be the manifest and the value"),
    ],
)
def test_what_cannot_change(account: Account, words: list[str], message: str) -> None:
    """A usage error says what can; nothing is asked of AWS."""
    account.write(SYSTEM)
    result = given(account, SYSTEM.encode() if "-" in words else b"x", "secret", *words)
    assert result.exit_code == 2
    assert message in said(result)
    assert not account.calls


def test_a_password_that_does_not_rotate_says_what_to_write(account: Account) -> None:
    """Without `rotation`, the password of a database stays, and the line is named."""
    account.write(STORING.replace("rotation: 30 days, ", ""))
    result = account.run("secret", "rotate", "main", "task")
    assert result.exit_code == 2
    assert "`audit: {rotation: 30 days}`" in said(result)


def test_a_secret_that_is_not_deployed_is_refused(account: Account) -> None:
    """There is nothing to change yet: the command to run first is named."""
    before = STORING.replace("uses: [main, jwt]", "uses: [main]").replace("${jwt.value}", "${main.password}")
    assert account.deploy(before.replace("secrets: {jwt: {}}\n", "")).exit_code == 0
    account.write(STORING)
    result = account.run("secret", "rotate", "jwt")
    assert result.exit_code == 3
    assert "MSA641" in said(result)
    assert "msaspec deploy" in said(result)


def deployment_fails(shop: Account) -> None:
    """The tasks of every service stop, and its circuit breaker sees it."""
    for service in ecs_backends[DEFAULT_ACCOUNT_ID][REGION].services.values():
        service.deployments[0] |= {"rolloutState": "FAILED", "rolloutStateReason": "tasks failed to start."}


def refresh_fails(shop: Account) -> None:
    """No host of the group becomes healthy."""
    for group in autoscaling_backends[DEFAULT_ACCOUNT_ID][REGION].autoscaling_groups.values():
        group.refreshes[0] |= {"Status": "Failed", "StatusReason": "no host became healthy"}


def boot_fails(shop: Account) -> None:
    """The host gives up, and its boot log says why."""
    logs, words = shop.world.client("logs"), {"logGroupName": id_of(shop, "OneLogGroup")}
    words["logStreamName"] = f"{id_of(shop, 'OneInstance')}/boot"
    logs.create_log_stream(**words)
    event = {"timestamp": int(time.time() * 1000) + 1000, "message": "secrets: no key value in arn\nmore"}
    logs.put_log_events(**words, logEvents=[event])


@pytest.mark.parametrize(
    ("fails", "at", "service", "why"),
    [
        (deployment_fails, "ListServiceDeployments", "task", "its deployment is ROLLBACK_SUCCESSFUL: tasks failed"),
        (refresh_fails, "DescribeInstanceRefreshes", "group", "its instance refresh is Failed: no host became healthy"),
        (boot_fails, "DescribeLogStreams", "one", "its host does not boot: secrets: no key value in arn"),
    ],
)
def test_copies_that_do_not_come_up_are_told(
    shop: Account, fails: Callable[[Account], None], at: str, service: str, why: str
) -> None:
    """On each runtime the service is named, with what AWS says, and the command that shows its log."""
    shop.at(at, lambda: fails(shop), lambda: shop.calls["RebootInstances"] == 1)
    result = shop.run("secret", "rotate", "jwt")
    assert result.exit_code == 3
    assert f"MSA644: `{service}` does not come up: {why}" in said(result)
    assert f"msaspec logs {service}" in said(result)


def test_a_text_that_only_a_deployment_writes_stops_it(account: Account) -> None:
    """Without `rotation`, nothing writes the longer text anew, so nothing changes."""
    plain = STORING.replace("audit: {rotation: 30 days, access_logs: false, flow_logs: false, monitoring: false}\n", "")
    assert account.deploy(plain).exit_code == 0
    before = value(account, "JwtSharedSecret")
    result = account.run("secret", "rotate", "jwt")
    assert result.exit_code == 3
    assert "MSA642" in said(result)
    assert value(account, "JwtSharedSecret") == before


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A PostgreSQL server; skipped with the reason where there is none."""
    try:
        with postgres.serve(postgres.installation("18")) as running:
            yield running
    except postgres.Unavailable as reason:
        pytest.skip(str(reason))


def stored(server: Any, folder: Path) -> Iterator[Account]:
    """An account whose database is a real one, with a system whose passwords rotate."""
    there = sandbox.Postgres(postgres.HOST, server.port, server.ca, server.superuser, server.password)
    with sandbox.start(there) as world:
        account = Account(world, folder)
        assert account.deploy(STORING).exit_code == 0
        yield account


def test_a_password_on_a_database_rotates_at_once(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function of the stack changes it and starts the copies, and the command waits. Texts are written anew."""
    monkeypatch.chdir(tmp_path)
    for account in stored(server, tmp_path):
        before = deployment(account, "TaskService")
        result = account.run("secret", "rotate", "main", "task")
        assert result.exit_code == 0, result.stderr
        assert json.loads(value(account, "TaskToMainSecret"))["username"] == "task__b"
        assert deployment(account, "TaskService") != before
        assert "main task has a new value. task reads it at the start." in said(result)
        assert "task is up with it." in said(result)

        result = account.run("secret", "rotate", "jwt")
        assert result.exit_code == 0, result.stderr
        texts = json.loads(value(account, "TaskTextsSecret"))
        assert f"key={value(account, 'JwtSharedSecret')}" in texts.values()

        function = id_of(account, "DatabaseBootstrapRotation")
        account.world.client("lambda").update_function_configuration(
            FunctionName=function, Environment={"Variables": {"RUNNER": "nothing"}}
        )
        account.pace = type(account.pace)(first=0.05, most=0.1, patience=0.5)
        result = account.run("secret", "rotate", "main", "task")
        assert result.exit_code == 3
        assert "MSA643" in said(result)
        assert "aws logs tail" in said(result)
        again = account.run("secret", "rotate", "main", "task")
        assert "An earlier rotation of `main task` is not over." in said(again)


LENDER = """\
msaspec: 1
name: payments
network: {placement: public}
shares: {main: [shop]}
databases: {main: {protect: false}}
services: {ledger: {image: docker.io/library/nginx:1, port: 8000, runtime: fargate, uses: [main]}}
"""
GUEST = """\
msaspec: 1
name: shop
network: {system: payments, placement: public}
systems: {payments: }
audit: {rotation: 30 days, access_logs: false, flow_logs: false, monitoring: false}
services:
  task:
    image: docker.io/library/nginx:1
    port: 8000
    runtime: fargate
    uses: {payments/main: {database: }}
"""


def test_a_password_on_a_database_of_another_system_rotates(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the name of the use, through the function of the user's own stack; the owner's users keep theirs."""
    monkeypatch.chdir(tmp_path)
    there = sandbox.Postgres(postgres.HOST, server.port, server.ca, server.superuser, server.password)
    with sandbox.start(there) as world:
        account = Account(world, tmp_path)
        account.write(LENDER, "payments.yaml")
        account.write(GUEST)
        for words in (("payments.yaml",), ()):
            result = account.run("deploy", "--yes", *words)
            assert result.exit_code == 0, result.stderr
        assert "MSA484" not in account.run("lint").stdout
        result = account.run("secret", "rotate", "payments/main", "task")
        assert result.exit_code == 0, result.stderr
        assert json.loads(value(account, "TaskToMainOfPaymentsSecret"))["username"] == "shop_task__b"
        assert "payments/main task has a new value. task reads it at the start." in said(result)
        found = world.client("cloudformation").describe_stack_resource(
            StackName="payments", LogicalResourceId="LedgerToMainSecret"
        )["StackResourceDetail"]["PhysicalResourceId"]
        kept = world.client("secretsmanager").get_secret_value(SecretId=found)["SecretString"]
        assert json.loads(kept)["username"] == "ledger"
