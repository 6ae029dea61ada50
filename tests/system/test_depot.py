"""A database of MariaDB, a cache and a broker with real servers behind them, used from a host and from a task."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from msaspec import sandbox
from tests.lambdas import postgres, rabbitmq
from tests.system import cache
from tests.system.account import Instance
from tests.system.booted import ENVIRONMENT, tasks
from tests.system.shop import Shop
from tests.system.site import Beside, running

mariadb = pytest.importorskip("tests.lambdas.mariadb")
OfMaria = pytest.importorskip("tests.lambdas.test_mysql_runner").World
pytest.importorskip("pika")

FOLDER = Path(__file__).parent / "depot"
REGION = "eu-west-1"


@pytest.fixture(scope="module")
def depot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The system, with the master of MariaDB that RDS makes, and certificates with AWS's names."""
    directory = tmp_path_factory.mktemp("depot")
    if missing := cache.lacking():
        pytest.skip(missing)
    with ExitStack() as stack:
        try:
            maria = stack.enter_context(mariadb.serve(names=(f"*.aaaaaaaaaa.{REGION}.rds.amazonaws.com",)))
            rabbit = stack.enter_context(rabbitmq.serve(names=(f"*.mq.{REGION}.on.aws",)))
        except postgres.Unavailable as reason:
            pytest.skip(str(reason))
        trusted = directory / "trusted.pem"
        authorities = (maria.ca, rabbit.ca, postgres.make_authority(directory, "ca"))
        trusted.write_bytes(b"".join(each.read_bytes() for each in authorities))
        variables = ENVIRONMENT | {"SSL_CERT_FILE": str(trusted)}
        images = {"app": {"entrypoint": ["python", "app.py"], "directory": str(FOLDER), "environment": variables}}
        database = sandbox.MariaDb(postgres.HOST, maria.port, maria.ca, "dbadmin", OfMaria(maria).master_password)
        broker = sandbox.RabbitMq(postgres.HOST, rabbit.api, rabbit.ca, rabbit.administrator, rabbit.password)
        world = stack.enter_context(
            sandbox.serve(mariadb=database, rabbitmq=broker, images=[("depot/app", "1.0")], signals=True, anyone=True)
        )
        site = stack.enter_context(running(world, REGION, directory, images, Beside(directory, rabbit.port)))
        system = Shop(world, site, directory, (FOLDER / "msa.yaml").read_text("utf-8"))
        system.run("deploy", "--yes")
        yield system


def keeper_of(depot: Shop) -> str:
    """The one host."""
    (host,) = [name for name, box in depot.site.boxes.items() if isinstance(box, Instance)]
    return host


class Service:
    """A service that does what is asked of it: from inside the network of a task, which may call both."""

    def __init__(self, depot: Shop, name: str) -> None:
        (task,) = tasks(depot, "reader")
        host = keeper_of(depot)
        self._within = depot.site.namespaces[task]
        self._url = f"http://{depot.site.boxes[task if name == 'reader' else host].address}:8080"
        depot.site.until(self._well, f"{name} is well")

    def _well(self) -> bool:
        try:
            with self._within.entered():
                return httpx.get(self._url, timeout=20).status_code == 200
        except httpx.TransportError:
            return False

    def does(self, store: str, act: str, key: str = "item:a") -> Any:
        """What came of it; what a server refuses is an error of this test."""
        status, said = self._asked(store, act, key)
        assert status == 200, said
        return said

    def refused(self, store: str, act: str, key: str = "item:a") -> str:
        """What the server said, which did not do it."""
        status, said = self._asked(store, act, key)
        assert status == 403, said
        return str(said)

    def _asked(self, store: str, act: str, key: str) -> tuple[int, Any]:
        with self._within.entered():
            answer = httpx.post(self._url, json={"store": store, "act": act, "key": key}, timeout=60)
        return answer.status_code, answer.json()


@pytest.fixture
def keeper(depot: Shop) -> Service:
    """On a host, with all rights that a service gets."""
    return Service(depot, "keeper")


@pytest.fixture
def reader(depot: Shop) -> Service:
    """A task that only reads."""
    return Service(depot, "reader")


def test_a_row_is_written_by_one_and_read_by_the_other(keeper: Service, reader: Service) -> None:
    """MariaDB lets both in with the passwords of their secrets, and refuses a write of who reads."""
    assert keeper.does("main", "put") == "written"
    assert (keeper.does("main", "get"), reader.does("main", "get")) == (1, 1)
    assert "1142" in reader.refused("main", "put")
    assert reader.does("main", "get") == 1


def test_keys_are_those_of_a_prefix(keeper: Service, reader: Service) -> None:
    """Redis holds each user to its prefix and its commands; nobody but the control plane sees the users."""
    assert keeper.does("sessions", "put") == "+OK"
    assert reader.does("sessions", "get") == "here"
    assert "NOPERM" in reader.refused("sessions", "put")
    for service in (keeper, reader):
        assert "NOPERM" in service.refused("sessions", "get", "other:a")
        assert "NOPERM" in service.refused("sessions", "users")
    assert "NOPERM" in keeper.refused("sessions", "put", "other:a")
    assert "NOPERM" in keeper.refused("sessions", "flush")


def test_a_message_is_sent_by_one_and_received_by_the_other(keeper: Service, reader: Service) -> None:
    """RabbitMQ lets both in, and refuses what is not of their access."""
    assert keeper.does("bus", "put") == "sent"
    assert reader.does("bus", "get") == "item:a"
    assert "ACCESS_REFUSED" in reader.refused("bus", "put")


def test_the_passwords_are_those_of_the_secrets(depot: Shop) -> None:
    """What a person reads in Secrets Manager logs in, another password does not, and each of the two has its own."""
    api, said = depot.client("secretsmanager"), {}
    resources = depot.client("cloudformation").describe_stack_resources(StackName="depot")["StackResources"]
    ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources}
    for name in ("KeeperToBus", "ReaderToBus", "KeeperToSessions", "ReaderToSessions"):
        said[name] = json.loads(api.get_secret_value(SecretId=ids[f"{name}Secret"])["SecretString"])
    assert len({each["password"] for each in said.values()}) == len(said)
    (task,) = tasks(depot, "reader")
    variables = depot.site.tasks[task].environment(depot.site.tasks[task].container)
    assert variables["BUS_URL"] == said["ReaderToBus"]["url"]
    assert variables["SESSIONS_URL"] == said["ReaderToSessions"]["url"]


def test_names_and_ports(depot: Shop) -> None:
    """Only who uses a store reaches it, and it is verified by the name that its variables hold, no other."""
    site = depot.site
    (task,), host = tasks(depot, "reader"), keeper_of(depot)
    for box in site.boxes.values():
        port = getattr(box, "port", 0)
        if port:
            assert site.namespaces[task].reaches(box.address, port)
            assert site.namespaces[host].reaches(box.address, port)
            assert not site.internet.reaches(box.address, port, 0.3)
    assert site.permissions.denied == []
