"""The handler of brokers between stand-ins of AWS' clients and real web servers, and the runner on a real RabbitMQ."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from msaspec.aws import bootstrap
from msaspec.aws.lambdas import broker_handler, broker_runner
from tests.lambdas import postgres, rabbitmq
from tests.lambdas.test_database_handler import Cloud, Web, client_error, serve_web
from tests.lambdas.world import Context

ENDPOINT = "amqps://b-1.mq.us-east-1.on.aws:5671"


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """AWS with the secrets of an administrator and of one service; waiting takes no time."""
    monkeypatch.setenv("RUNNER", "the-runner")
    monkeypatch.setattr(broker_handler, "time", SimpleNamespace(sleep=lambda seconds: None))
    stub = Cloud(monkeypatch)
    stub.secrets = {
        "arn:administrator": json.dumps({"username": "msaspec_admin", "password": "admin-secret"}),
        "arn:cart": json.dumps({"username": "cart", "password": "cart-secret"}),
    }
    return stub


@pytest.fixture
def web() -> Iterator[Web]:
    """Where CloudFormation waits for the answer."""
    with serve_web() as running:
        yield running


def request(web: Web, kind: str = "Create", vhost: str = "/", **others: Any) -> dict[str, Any]:
    """A request as CloudFormation makes it: all scalars are strings."""
    event: dict[str, Any] = {
        "RequestType": kind,
        "ResponseURL": web.url + "answer?signature=abc",
        "StackId": "arn:aws:cloudformation:ap-northeast-2:111122223333:stack/shop/guid",
        "RequestId": "request-1",
        "LogicalResourceId": "BusBootstrap",
        "ResourceProperties": {
            "ServiceToken": "arn:handler",
            "Endpoint": ENDPOINT,
            "AdministratorSecretArn": "arn:administrator",
            "Users": [{"Name": "cart", "SecretArn": "arn:cart", "Vhost": vhost, "Access": "configure"}],
            "Revision": "1",
        },
        **others,
    }
    if kind != "Create":
        event["PhysicalResourceId"] = "what-create-said"
    return event


@pytest.mark.parametrize(("vhost", "spelled"), [("/", "%2F"), ("orders", "orders"), ("a/b c", "a%2Fb%20c")])
def test_the_secret_gets_all_that_a_client_needs(cloud: Cloud, web: Web, vhost: str, spelled: str) -> None:
    """Beside the password the address, also as one URL; a second run writes nothing."""
    for _ in range(2):
        broker_handler.handler(request(web, vhost=vhost), Context())
    assert json.loads(cloud.secrets["arn:cart"]) == {
        "username": "cart",
        "password": "cart-secret",
        "host": "b-1.mq.us-east-1.on.aws",
        "port": 5671,
        "vhost": vhost,
        "url": f"amqps://cart:cart-secret@b-1.mq.us-east-1.on.aws:5671/{spelled}",
    }
    assert cloud.puts == ["arn:cart"]


def test_the_runner_gets_hashes_instead_of_passwords(cloud: Cloud, web: Web) -> None:
    """The payload holds the administrator's login and the users; of services, salted hashes only."""
    broker_handler.handler(request(web), Context())
    (payload,) = cloud.payloads
    assert len(payload["hashes"].pop("cart")) == 48
    assert payload == {
        **request(web)["ResourceProperties"],
        "Host": "b-1.mq.us-east-1.on.aws",
        "username": "msaspec_admin",
        "password": "admin-secret",
        "Gone": [],
        "hashes": {},
    }


def test_the_runner_is_told_who_is_gone(cloud: Cloud, web: Web) -> None:
    """An update removes the users of the declaration before that are in this one no more."""
    before = {"Users": [{"Name": name} for name in ("old", "cart", "older")]}
    broker_handler.handler(request(web, "Update", OldResourceProperties=before), Context())
    assert cloud.payloads[0]["Gone"] == ["old", "older"]


def test_success_gives_the_address(cloud: Cloud, web: Web) -> None:
    """What refers to the host of the broker has it from this answer, after every update."""
    for kind, id in (("Create", "msaspec-broker-BusBootstrap"), ("Update", "what-create-said")):
        web.puts.clear()
        broker_handler.handler(request(web, kind), Context())
        assert web.answer() == {
            "Status": "SUCCESS",
            "Reason": "The users are as declared.",
            "PhysicalResourceId": id,
            "Data": {"Host": "b-1.mq.us-east-1.on.aws", "Port": "5671"},
            "StackId": "arn:aws:cloudformation:ap-northeast-2:111122223333:stack/shop/guid",
            "RequestId": "request-1",
            "LogicalResourceId": "BusBootstrap",
        }


def test_delete_touches_nothing(cloud: Cloud, web: Web) -> None:
    """The broker goes with its users, or keeps them: no function is called, whatever the properties are."""
    broker_handler.handler(request(web, "Delete") | {"ResourceProperties": {}}, Context())
    assert (web.answer()["Status"], web.answer()["PhysicalResourceId"]) == ("SUCCESS", "what-create-said")
    assert cloud.payloads == []


def test_what_fails_is_told_without_a_secret(cloud: Cloud, web: Web) -> None:
    """The sentence of the runner is passed on, and a secret in it is not; nor is it in the log."""
    said = 'The broker refused to set the user "cart" (400: cart-secret).'
    cloud.answers = [{"errorMessage": said, "errorType": "Failure"}]
    broker_handler.handler(request(web), Context())
    assert web.answer()["Status"] == "FAILED"
    assert web.answer()["Reason"] == f"The broker runner failed: {said.replace('cart-secret', '***')}"


def test_a_secret_that_cannot_be_read_is_told(cloud: Cloud, web: Web) -> None:
    """With the name of its user."""
    del cloud.secrets["arn:cart"]
    broker_handler.handler(request(web), Context(20))
    assert web.answer()["Reason"].startswith('The secret of user "cart" could not be read (ClientError: ')


def test_a_long_reason_is_cut(cloud: Cloud, web: Web) -> None:
    """CloudFormation takes answers of 4 KiB."""
    cloud.answers = [{"errorMessage": "\u8868" * 5000, "errorType": "Failure"}]
    broker_handler.handler(request(web), Context())
    assert len(web.puts[0][1]) <= 4096
    assert web.answer()["Status"] == "FAILED"


def test_what_is_refused_for_a_moment_is_asked_again(cloud: Cloud, web: Web) -> None:
    """A role whose policy is not everywhere yet, and a function whose network interface sleeps."""
    cloud.denials = 2
    cloud.answers = [client_error("ResourceConflictException", "The function is Pending", "Invoke")]
    broker_handler.handler(request(web), Context(bootstrap.HANDLER_SECONDS))
    assert web.answer()["Status"] == "SUCCESS"
    config = [each for each in cloud.configs if each.retries != {"total_max_attempts": 5}][-1]
    assert bootstrap.RUNNER_SECONDS < config.read_timeout <= bootstrap.HANDLER_SECONDS - 15


def test_from_the_secrets_to_a_login(cloud: Cloud, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both functions, one behind the other, on a real RabbitMQ: the URL of the secret logs in."""
    pika: Any = pytest.importorskip("pika")
    try:
        with rabbitmq.serve() as server:
            login = {"username": server.administrator, "password": server.password}
            cloud.secrets["arn:administrator"] = json.dumps(login)
            here = {"Api": str(server.api), "ca": server.ca.read_text()}
            monkeypatch.setattr(cloud, "run", lambda payload: broker_runner.handler({**payload, **here}, Context()))
            event = request(web, vhost="orders")
            event["ResourceProperties"]["Endpoint"] = f"amqps://localhost:{server.port}"
            broker_handler.handler(event, Context())
            assert web.answer()["Status"] == "SUCCESS", web.answer()
            words = pika.URLParameters(json.loads(cloud.secrets["arn:cart"])["url"])
            words.ssl_options.context.load_verify_locations(server.ca)
            with pika.BlockingConnection(words) as connection:
                connection.channel().queue_declare("jobs", durable=True)
            assert [each["vhost"] for each in server.ask("GET", "/api/queues")[1]] == ["orders"]
    except postgres.Unavailable as reason:
        pytest.skip(str(reason))
