"""From the manifest to a login on a real MariaDB, also for the engines that it stands in for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from msaspec import sandbox
from msaspec.template import render
from tests.lambdas import postgres
from tests.sandbox.deploying import Deployer
from tests.template import compiled

mariadb = pytest.importorskip("tests.lambdas.mariadb")
runner_tests: Any = pytest.importorskip("tests.lambdas.test_mysql_runner")
SHOP = """
msaspec: 1
name: shop
region: us-east-1
network: {placement: public}
databases: {main: {engine: ENGINE}}
services:
  cart: {image: "docker.io/library/cart:1", uses: {main: {database: books}}}
  web: {image: "docker.io/library/web:1", uses: {main: {database: books, access: read-only}}}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A running server; skipped with the reason where there is none."""
    try:
        with mariadb.serve() as running:
            yield running
    except mariadb.Unavailable as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("engine", ["mariadb", "mysql", "aurora-mysql"])
def test_the_passwords_of_the_secrets_log_in(server: Any, engine: str) -> None:
    """The owner makes tables and who reads is refused. MySQL's own kind of password is not tried here: the function
    asks which of both servers it speaks to."""
    import pymysql

    master = runner_tests.World(server).master_password
    stands_in = sandbox.MariaDb(postgres.HOST, server.port, server.ca, runner_tests.MASTER, master)
    with sandbox.start(mariadb=stands_in) as world:
        deployer = Deployer(world.client("cloudformation"))
        text = render.to_yaml(compiled(SHOP.replace("ENGINE", engine)).stack)
        assert deployer.deploy(text) == "CREATE_COMPLETE", deployer.events()
        assert world.database_calls == []
        ids, api = deployer.ids(), world.client("secretsmanager")
        cart, web = (
            json.loads(api.get_secret_value(SecretId=ids[f"{name}ToMainSecret"])["SecretString"])
            for name in ("Cart", "Web")
        )
    with server.connect(cart["username"], cart["password"], "books") as session, session.cursor() as cursor:
        cursor.execute("CREATE TABLE item (id int)")
    with server.connect(web["username"], web["password"], "books") as session, session.cursor() as cursor:
        cursor.execute("SELECT * FROM item")
        with pytest.raises(pymysql.err.OperationalError, match="1142"):
            cursor.execute("INSERT INTO item VALUES (1)")


def test_what_mariadb_refuses_fails_the_deployment(server: Any) -> None:
    """A wrong password of the master: the reason of the runner stands in the events, and the stack goes back."""
    wrong = sandbox.MariaDb(postgres.HOST, server.port, server.ca, server.superuser, "wrong")
    with sandbox.start(mariadb=wrong) as world:
        deployer = Deployer(world.client("cloudformation"))
        text = SHOP.replace("ENGINE", "mariadb, protect: false")
        assert deployer.deploy(render.to_yaml(compiled(text).stack)) == "ROLLBACK_COMPLETE", deployer.events()[-5:]
        assert "1045" in deployer.reason("MainBootstrap")
