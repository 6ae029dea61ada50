"""From the manifest to a login: the deployed Lambda sources make roles and databases on a real PostgreSQL."""

from __future__ import annotations

import json

import psycopg
import pytest

from msaspec import sandbox
from tests.lambdas import postgres
from tests.sandbox.deploying import Deployer, example


def test_the_passwords_of_the_secrets_log_in(server: postgres.Server) -> None:
    """Three databases, each owned by its service, whose generated password opens it and no other."""
    stands_in = sandbox.Postgres(postgres.HOST, server.port, server.ca, server.superuser, server.password)
    with sandbox.start(stands_in) as world:
        deployer = Deployer(world.client("cloudformation"))
        assert deployer.deploy(example()) == "CREATE_COMPLETE", deployer.events()
        assert world.database_calls == []
        ids = deployer.ids()
        secrets = {
            name: json.loads(world.client("secretsmanager").get_secret_value(SecretId=id)["SecretString"])
            for name, id in ids.items()
            if name.endswith("ToMainSecret")
        }
    assert len(secrets) == 3
    for secret in secrets.values():
        with psycopg.connect(server.dsn(secret["name"], secret["username"], secret["password"])) as session:
            assert session.execute("SELECT session_user").fetchone() == (secret["username"],)
            session.execute("CREATE TABLE orders (id int)")
            owner = session.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'orders'").fetchone()
            assert owner == (f"{secret['name']}__owner",)
        others = {other["name"] for other in secrets.values()} - {secret["name"]}
        for other in others:
            with pytest.raises(psycopg.OperationalError, match="permission denied"):
                psycopg.connect(server.dsn(other, secret["username"], secret["password"]))


def test_what_postgresql_refuses_fails_the_deployment(server: postgres.Server) -> None:
    """A wrong master password: the reason of the runner stands in the events, and the stack goes back."""
    wrong = sandbox.Postgres(postgres.HOST, server.port, server.ca, server.superuser, "wrong")
    with sandbox.start(wrong) as world:
        deployer = Deployer(world.client("cloudformation"), "refused")
        text = example().replace("DeletionProtection: true", "DeletionProtection: false")
        assert deployer.deploy(text) == "ROLLBACK_COMPLETE", deployer.events()[-5:]
        assert "PostgreSQL refused to let" in deployer.reason("MainBootstrap")
        hosts = world.client("ec2").describe_instances()["Reservations"]
        assert all(host["Instances"][0]["State"]["Name"] == "terminated" for host in hosts)
