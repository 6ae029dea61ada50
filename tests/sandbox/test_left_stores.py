"""The last service that uses a store goes: by an update of its stack, its user on the real server is locked out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from msaspec import sandbox
from msaspec.template import render
from tests.lambdas import postgres
from tests.sandbox.deploying import Deployer
from tests.template import compiled

rabbitmq = pytest.importorskip("tests.lambdas.rabbitmq")
HEAD = """
msaspec: 1
name: shop
region: us-east-1
network: {placement: public}
"""
DATABASE = HEAD + "databases: {main: {protect: false}}\n"
BROKER = HEAD + "brokers: {bus: {}}\n"
USED = """
services: {{cart: {{image: "docker.io/library/cart:1", uses: [{store}]}}, web: {{image: "docker.io/library/web:1"}}}}
"""
LEFT = """
services: {web: {image: "docker.io/library/web:1"}}
"""


def template(text: str) -> str:
    """The main stack of a manifest."""
    return render.to_yaml(compiled(text).stack)


def login(world: Any, deployer: Deployer, secret: str) -> dict[str, Any]:
    """What a secret of the stack holds."""
    text = world.client("secretsmanager").get_secret_value(SecretId=deployer.ids()[secret])["SecretString"]
    found: dict[str, Any] = json.loads(text)
    return found


def test_the_last_user_of_a_database(server: postgres.Server) -> None:
    """Its password opens nothing any more, and opens the same again once it is back."""
    stands_in = sandbox.Postgres(postgres.HOST, server.port, server.ca, server.superuser, server.password)
    with sandbox.start(stands_in) as world:
        deployer = Deployer(world.client("cloudformation"), "left")
        assert deployer.deploy(template(DATABASE + USED.format(store="main"))) == "CREATE_COMPLETE"
        cart = login(world, deployer, "CartToMainSecret")
        place = server.dsn("cart", cart["username"], cart["password"])
        psycopg.connect(place).close()
        assert deployer.deploy(template(DATABASE + LEFT)) == "UPDATE_COMPLETE", deployer.events()[-5:]
        assert "CartToMainSecret" not in deployer.ids()
        with pytest.raises(psycopg.OperationalError, match="is not permitted to log in"):
            psycopg.connect(place)
        assert deployer.deploy(template(DATABASE + USED.format(store="main"))) == "UPDATE_COMPLETE"
        cart = login(world, deployer, "CartToMainSecret")
        psycopg.connect(server.dsn("cart", cart["username"], cart["password"])).close()


@pytest.fixture
def broker() -> Iterator[Any]:
    """A running RabbitMQ; skipped with the reason where there is none."""
    try:
        with rabbitmq.serve() as running:
            yield running
    except postgres.Unavailable as reason:
        pytest.skip(str(reason))


def test_the_last_user_of_a_broker(broker: Any) -> None:
    """RabbitMQ has no such user any more."""
    stands_in = sandbox.RabbitMq(postgres.HOST, broker.api, broker.ca, broker.administrator, broker.password)
    with sandbox.start(rabbitmq=stands_in) as world:
        deployer = Deployer(world.client("cloudformation"), "left")
        assert deployer.deploy(template(BROKER + USED.format(store="bus"))) == "CREATE_COMPLETE"
        assert broker.ask("GET", "/api/users/cart")[0] == 200
        assert deployer.deploy(template(BROKER + LEFT)) == "UPDATE_COMPLETE", deployer.events()[-5:]
        assert broker.ask("GET", "/api/users/cart")[0] == 404
