"""Rotation in the sandbox: schedules read back, and rotations that run the deployed functions on a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from msaspec import pipeline, sandbox
from msaspec.sandbox.world import World
from msaspec.template import render
from tests.lambdas import postgres
from tests.sandbox.deploying import Deployer

SYSTEM = """\
msaspec: 1
name: shop
region: eu-west-1
network: {placement: public}
audit: {rotation: 30 days, access_logs: false, flow_logs: false}
databases: {main: {protect: false}}
services:
  one: {image: "public.ecr.aws/x/web:1", port: 8080, uses: [main]}
  group:
    image: public.ecr.aws/x/web:1
    port: 8080
    runtime: autoscaling
    uses: {main: {database: one, access: read-only}}
  task:
    image: public.ecr.aws/x/web:1
    port: 8080
    runtime: fargate
    uses: [main]
    env: {DSN: "user=${main.username} password=${main.password}"}
"""


def template(text: str = SYSTEM) -> str:
    """The template of the system."""
    return render.to_yaml(pipeline.compile_main(pipeline.load(text, "msa.yaml")).stack)


class Shop:
    """The system, deployed, with its databases on a real server."""

    def __init__(self, world: World, deployer: Deployer, server: postgres.Server) -> None:
        self.world, self.deployer, self.server = world, deployer, server
        self.ids = deployer.ids()

    def secret(self, name: str, stage: str = "AWSCURRENT") -> dict[str, Any]:
        """A secret's value."""
        found = self.world.client("secretsmanager").get_secret_value(SecretId=self.ids[name], VersionStage=stage)
        value = json.loads(found["SecretString"])
        assert isinstance(value, dict)
        return value

    def rotate(self, name: str) -> None:
        """Rotate a secret now."""
        self.world.client("secretsmanager").rotate_secret(SecretId=self.ids[name])

    def session(self, secret: dict[str, Any]) -> psycopg.Connection[Any]:
        """A connection with what a secret says."""
        dsn = self.server.dsn(secret["name"], secret["username"], secret["password"])
        return psycopg.connect(dsn, autocommit=True)

    def hosts(self) -> set[str]:
        """The hosts of the group."""
        groups = self.world.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
        return {host["InstanceId"] for group in groups for host in group["Instances"]}

    def deployment(self) -> str:
        """The newest deployment of the ECS service."""
        ecs = self.world.client("ecs")
        (found,) = ecs.describe_services(cluster=self.ids["Cluster"], services=[self.ids["TaskService"]])["services"]
        return str(found["deployments"][0]["id"])


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """The system of all runtimes on the newest PostgreSQL."""
    try:
        server = postgres.serve(postgres.installation("18"))
        with server as running:
            there = sandbox.Postgres(postgres.HOST, running.port, running.ca, running.superuser, running.password)
            with sandbox.start(there) as world:
                deployer = Deployer(world.client("cloudformation"), s3=world.client("s3"))
                assert deployer.deploy(template()) == "CREATE_COMPLETE", deployer.events()
                yield Shop(world, deployer, running)
    except postgres.Unavailable as reason:
        pytest.skip(str(reason))


def test_schedules_are_read_back_and_a_deployment_rotates_nothing(shop: Shop) -> None:
    """Each secret of a service has its function and its days; the function was tried, and no password changed."""
    for name in "OneToMainSecret", "GroupToMainSecret", "TaskToMainSecret":
        found = shop.world.client("secretsmanager").describe_secret(SecretId=shop.ids[name])
        assert found["RotationEnabled"]
        assert found["RotationRules"] == {"AutomaticallyAfterDays": 30}
        function = shop.world.client("lambda").get_function(FunctionName=shop.ids["DatabaseBootstrapRotation"])
        assert found["RotationLambdaARN"] == function["Configuration"]["FunctionArn"]
        assert [labels for labels in found["VersionIdsToStages"].values() if "AWSPENDING" in labels] == []
        assert not shop.secret(name)["username"].endswith("__b")
    assert shop.world.rotations == {}


def test_a_rotation_changes_user_and_password_and_starts_the_copies_anew(shop: Shop) -> None:
    """On every runtime: what ran keeps its login, what starts has the new one, and the readers are started anew."""
    old = {name: shop.secret(name) for name in ("OneToMainSecret", "GroupToMainSecret", "TaskToMainSecret")}
    before = shop.hosts(), shop.deployment()
    for name, secret in old.items():
        with shop.session(secret):
            shop.rotate(name)
        new = shop.secret(name)
        assert new["username"] == f"{secret['username']}__b"
        for each in secret, new:
            with shop.session(each) as session:
                assert session.execute("SELECT session_user").fetchone() == (each["username"],)
    assert shop.world.rotations == {}
    assert len(before[0]) == len(shop.hosts()) > 0
    assert before[0].isdisjoint(shop.hosts())
    assert before[1] != shop.deployment()
    new = shop.secret("TaskToMainSecret")
    texts = shop.secret("TaskTextsSecret")
    (text,) = (value for key, value in texts.items() if key.startswith("DSN_"))
    assert text == f"user={new['username']} password={new['password']}"


def test_a_deployment_after_a_rotation_leaves_all_as_it_is(shop: Shop) -> None:
    """A new version of the services keeps the user whose turn it is, and its password."""
    before = shop.secret("OneToMainSecret")
    assert shop.deployer.deploy(template(SYSTEM.replace("x/web:1", "x/web:2"))) == "UPDATE_COMPLETE"
    assert shop.secret("OneToMainSecret") == before
    shop.session(before).close()


def test_a_rotation_that_fails_is_pending_and_changes_nothing(shop: Shop) -> None:
    """Somebody is logged in as the user whose turn it is: the secret stays, and the next rotation is refused."""
    before, other = shop.secret("TaskToMainSecret"), shop.secret("TaskToMainSecret", "AWSPREVIOUS")
    with shop.session(other):
        shop.rotate("TaskToMainSecret")
    assert shop.secret("TaskToMainSecret") == before
    assert "sessions" in shop.world.rotations[shop.ids["TaskToMainSecret"]]
    with pytest.raises(ClientError, match="isn't complete"):
        shop.rotate("TaskToMainSecret")


def test_turning_it_on_and_off_changes_no_password(shop: Shop) -> None:
    """A system that is deployed keeps its passwords when rotation comes, and the one of the secret when it goes."""
    text = SYSTEM.replace("name: shop", "name: later").partition("services:")[0]
    text += "services:\n  solo: {image: 'public.ecr.aws/x/web:1', port: 8080, runtime: fargate, uses: [main]}\n"
    deployer = Deployer(shop.world.client("cloudformation"), "later", s3=shop.world.client("s3"))
    assert deployer.deploy(template(text.replace("rotation: 30 days, ", ""))) == "CREATE_COMPLETE", deployer.events()
    later = Shop(shop.world, deployer, shop.server)
    first = later.secret("SoloToMainSecret")
    assert deployer.deploy(template(text)) == "UPDATE_COMPLETE", deployer.events()
    assert later.secret("SoloToMainSecret") == first
    later.rotate("SoloToMainSecret")
    second = later.secret("SoloToMainSecret")
    assert second["username"] == "solo__b"
    assert deployer.deploy(template(text.replace("rotation: 30 days, ", ""))) == "UPDATE_COMPLETE", deployer.events()
    found = shop.world.client("secretsmanager").describe_secret(SecretId=later.ids["SoloToMainSecret"])
    assert not found["RotationEnabled"]
    for user in "solo", "solo__b":
        with later.session({**second, "username": user}) as session:
            assert session.execute("SELECT session_user").fetchone() == (user,)


def test_a_function_with_more_behind_its_source_does_not_run(shop: Shop) -> None:
    """The table is the only line that the sandbox takes behind msaspec's own source."""
    text = template().replace("${Script}TABLE = json.loads('", "${Script}import os\n          TABLE = json.loads('")
    assert "import os\n" in text
    deployer = Deployer(shop.world.client("cloudformation"), "other", s3=shop.world.client("s3"))
    deployer.deploy(text)
    ids = deployer.ids()
    shop.world.client("secretsmanager").rotate_secret(SecretId=ids["OneToMainSecret"])
    assert "runs only msaspec's own functions" in shop.world.rotations[ids["OneToMainSecret"]]
