"""What `deploy` looks at before it begins, and `verify` beside secrets and the front door."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from msaspec.deploy.evidence import Ask
from msaspec.deploy.precondition import Needs, missing
from msaspec.deploy.preconditions import images
from msaspec.deploy.preconditions.instance_types import InstanceTypes
from msaspec.deploy.preconditions.permissions import Permissions
from msaspec.sandbox.account import Account as Allowed
from msaspec.template.stack import Stack
from tests.deploy.account import OWNING, SMALL, Account
from tests.deploy.by_hand import Client, context, fake
from tests.deploy.recorded import Heard

SECRET = SMALL.replace("uses: [media]", "uses: [media], secrets: {A: /shop/a}")
ROLE = "arn:aws:iam::123456789012:role/teams/deployer"


def patched(*operations: str) -> str:
    """The small system with patches."""
    return SMALL + "patches:\n" + "".join(f"  - {each}\n" for each in operations)


def test_a_deployment_is_stopped_before_it_begins(account: Account) -> None:
    """On the line of the secret that is missing, with the command that makes it, and without a change set. A dry run
    says the same and goes on."""
    result = account.deploy(SECRET)
    assert (result.exit_code, account.stack()) == (1, None), result.stderr
    assert "error MSA671: There is no parameter `/shop/a`" in result.stderr
    assert "aws ssm put-parameter --name /shop/a" in result.stderr
    rehearsed = account.run("deploy", "--dry-run")
    assert (rehearsed.exit_code, "MSA671" in rehearsed.stderr) == (0, True)
    account.world.client("ssm").put_parameter(Name="/shop/a", Value="x", Type="String")
    assert account.deploy().exit_code == 0
    account.calls.clear()
    assert account.deploy(SECRET.replace("8000", "8001")).exit_code == 0
    assert account.calls["GetParameters"] == 0, "what runs already is not asked for again"


def test_who_may_not_look_deploys_all_the_same(account: Account) -> None:
    """What may not be read is said once, and stops nothing."""
    account.write(SECRET)
    account.world.client("ssm").put_parameter(Name="/shop/a", Value="x", Type="String")
    statements = json.loads(account.run("policy", "--for", "deploy").stdout)["Statement"]
    allowed = frozenset(action for each in statements for action in each["Action"])
    account.world.account = Allowed(allowed=allowed)
    assert "msaspec cannot verify" not in account.run("deploy", "--dry-run").stderr
    account.world.account = Allowed(allowed=allowed - {"ssm:GetParameters", "iam:SimulatePrincipalPolicy"})
    result = account.run("deploy", "--dry-run")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.count("msaspec cannot verify everything") == 2


def test_permissions_are_simulated_before_the_first_deployment(account: Account) -> None:
    """A warning with the actions that are denied, and the command that prints a policy."""
    account.write(SMALL)
    statements = json.loads(account.run("policy", "--for", "verify", "--for", "deploy").stdout)["Statement"]
    allowed = frozenset(action for each in statements for action in each["Action"])
    account.world.account = Allowed(allowed=allowed - {"ec2:CreateVpc"})
    result = account.run("verify")
    assert (result.exit_code, "MSA683" in result.stderr) == (0, True), result.stderr
    assert "may not: ec2:CreateVpc." in result.stderr
    assert "msaspec policy --for deploy" in result.stderr


@pytest.mark.parametrize(
    ("caller", "asked"),
    [
        ("arn:aws:iam::123456789012:user/ada", ["simulate_principal_policy"]),
        ("arn:aws:sts::123456789012:assumed-role/deployer/session", ["get_role", "simulate_principal_policy"]),
        ("arn:aws:iam::123456789012:root", []),
        ("arn:aws:sts::123456789012:federated-user/ada", []),
    ],
)
def test_whose_policies_count(caller: str, asked: list[str]) -> None:
    """Those of the user, or of the role behind a session; the root user may do all."""
    looking, found = Permissions().look(needs(caller=caller)), None
    made = []
    answers: Mapping[str, Any] = {"get_role": {"Role": {"Arn": ROLE}}}
    page = {"EvaluationResults": [{"EvalActionName": "a:B", "EvalDecision": "allowed"}], "IsTruncated": False}
    try:
        ask = next(looking)
        while True:
            made.append(ask)
            ask = looking.send(answers.get(ask.operation, page))
    except StopIteration as end:
        found = end.value
    assert (found, [each.operation for each in made]) == ([], asked)
    if "get_role" in asked:
        assert made[-1].words["PolicySourceArn"] == ROLE


def needs(**more: Any) -> Needs:
    """What is needed of an account, as far as a test says."""
    known: dict[str, Any] = {
        "plan": None,
        "stacks": [],
        "tags": [],
        "context": context(fake(), Heard()),
        "region": "us-east-1",
        "account": "123456789012",
        "caller": "",
        "own": frozenset(),
    }
    return Needs(**(known | more))


def test_what_a_patch_names_has_to_be_there(account: Account) -> None:
    """Snapshots and subnets by their ids, each on the entry that it belongs to."""
    subnet = account.world.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    place = "/Resources/CartLaunchTemplate/Properties/LaunchTemplateData"
    snapshot = f"{{op: add, path: {place}/BlockDeviceMappings/0/Ebs/SnapshotId, value: snap-0123456789abcdef0}}"
    account.write(patched(snapshot))
    result = account.run("verify")
    assert (result.exit_code, "MSA684" in result.stderr) == (1, True), result.stderr
    assert "There is no snapshot snap-0123456789abcdef0" in result.stderr
    assert "aws ec2 describe-snapshots --owner-ids self" in result.stderr
    for id, code in ((subnet, 0), ("subnet-0123456789abcdef0", 1)):
        account.write(patched(f"{{op: replace, path: /Resources/CartInstance/Properties/SubnetId, value: {id}}}"))
        result = account.run("verify")
        assert (result.exit_code, "There is no subnet" in result.stderr) == (code, bool(code)), result.stderr


def test_a_snapshot_of_a_database(account: Account) -> None:
    """One that is not there, and one that is."""
    from tests.deploy.account import STORING

    change = "{op: add, path: /Resources/MainDatabase/Properties/DBSnapshotIdentifier, value: before}"
    account.write(STORING + f"patches:\n  - {change}\n")
    result = account.run("verify")
    assert ("MSA684" in result.stderr, "aws rds describe-db-snapshots" in result.stderr) == (True, True), result.stderr
    rds = account.world.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="old",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        MasterUsername="a",
        MasterUserPassword="secretsecret",
        AllocatedStorage=20,
    )
    rds.create_db_snapshot(DBInstanceIdentifier="old", DBSnapshotIdentifier="before")
    assert "MSA684" not in account.run("verify").stderr


def test_a_snapshot_of_another_engine(account: Account) -> None:
    """RDS would refuse it in the middle of the deployment."""
    from tests.deploy.account import STORING

    rds = account.world.client("rds")
    words = {"DBInstanceClass": "db.t4g.micro", "MasterUsername": "a", "MasterUserPassword": "secretsecret"}
    for engine in ("postgres", "mysql"):
        rds.create_db_instance(DBInstanceIdentifier=engine, Engine=engine, AllocatedStorage=20, **words)
        rds.create_db_snapshot(DBInstanceIdentifier=engine, DBSnapshotIdentifier=f"of-{engine}")
    change = "{op: add, path: /Resources/MainDatabase/Properties/DBSnapshotIdentifier, value: of-mysql}"
    account.write(STORING + f"patches:\n  - {change}\n")
    said = account.run("verify").stderr
    assert "MSA464" in said, said
    assert "The snapshot of-mysql is one of mysql, and `main` is of postgres." in said
    account.write(STORING + f"patches:\n  - {change.replace('of-mysql', 'of-postgres')}\n")
    assert "MSA464" not in account.run("verify").stderr


def test_an_alarm_that_is_named(account: Account) -> None:
    """By the deployment of a service on Fargate."""
    text = SMALL.replace("uses: [media]", "uses: [media], runtime: fargate")
    value = "{AlarmNames: [five-hundreds], Enable: true, Rollback: true}"
    place = "/Resources/CartService/Properties/DeploymentConfiguration/Alarms"
    account.write(f"{text}patches:\n  - {{op: add, path: {place}, value: {value}}}\n")
    result = account.run("verify")
    assert ("There is no alarm five-hundreds" in result.stderr) is True, result.stderr
    account.world.client("cloudwatch").put_metric_alarm(
        AlarmName="five-hundreds",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        MetricName="m",
        Namespace="n",
        Period=60,
        Statistic="Sum",
        Threshold=1,
    )
    assert "five-hundreds" not in account.run("verify").stderr


def led(looking: Any, *answers: Any) -> tuple[list[Ask], list[Any]]:
    """The requests of a generator that gets these answers, and what it returns."""
    asked = []
    try:
        asked.append(next(looking))
        for answer in answers:
            asked.append(looking.send(answer))
    except StopIteration as end:
        return asked, end.value
    raise AssertionError(f"it asks for more: {asked[-1]}")


def test_a_type_that_a_zone_lacks() -> None:
    """A stack keeps its zones, so a new type has to be offered in them; one that it has already is not asked for."""
    template = {
        "Resources": {
            "Host": {
                "Type": "AWS::EC2::LaunchTemplate",
                "Properties": {"LaunchTemplateData": {"InstanceType": "x9.big"}},
            }
        }
    }
    stack = Stack("shop", template, {"Host": ("services", "cart")})
    zones = {"Zones": "us-east-1a,us-east-1b"}
    from msaspec.template.zones import PARAMETER

    known = needs(stacks=[stack], values={PARAMETER: zones["Zones"]}, known='"InstanceType": "t4g.small"')
    offered = {"InstanceTypeOfferings": [{"InstanceType": "x9.big", "Location": "us-east-1b"}]}
    (ask,), (found,) = led(InstanceTypes().look(known), offered)
    assert ask.operation == "describe_instance_type_offerings"
    assert "us-east-1a, in which the stack has subnets, does not offer `x9.big`." in found.message
    again = needs(stacks=[stack], values={PARAMETER: zones["Zones"]}, known='"InstanceType": "x9.big"')
    assert led(InstanceTypes().look(again)) == ([], [])


@contextmanager
def serving(body: bytes) -> Iterator[str]:
    """A server that answers every request alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *ignored: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.parametrize(
    ("body", "found"),
    [(b'{"architecture": "amd64"}', ["amd64"]), (b"{}", []), (b"no json", []), (b"[1]", []), (b"null", [])],
)
def test_what_a_single_image_isbuilt_for(body: bytes, found: list[str]) -> None:
    """Its configuration says so; what cannot be read is no miss."""
    with serving(body) as url:
        assert images.built_for(url) == found
    assert images.built_for("file:///etc/passwd") == []
    assert images.built_for(url) == [], "nobody answers"


def test_an_image_for_another_cpu(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment is stopped that could not start."""
    account.world.images = (("shop/cart", "1.0"),)
    monkeypatch.setattr(images, "built_for", lambda url: ["amd64"])
    result = account.deploy(OWNING)
    assert (result.exit_code, "MSA676" in result.stderr, account.stack()) == (1, True, None), result.stderr
    assert "has amd64, not arm64" in result.stderr
    assert account.deploy(OWNING.replace("port: 8000", "arch: x86_64, port: 8000")).exit_code == 0


def test_what_takes_too_long_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment waits for three seconds, and says what it did not see."""
    from msaspec.deploy import precondition

    held = threading.Event()

    class Slow(precondition.Precondition):
        """Waits."""

        def look(self, needs: Needs) -> precondition.Checking:
            held.wait(20)
            return []
            yield

    monkeypatch.setattr(precondition.discover, "instances", lambda *ignored: [Slow()])
    found, unseen = missing(needs(), fake(ecr=Client()), 0.05)
    held.set()
    assert (found, unseen) == ([], ["AWS did not answer within 0.05 seconds."])
