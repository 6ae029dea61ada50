"""`msaspec export compose` of brokers, and a real RabbitMQ that loads what the file gives it."""

from __future__ import annotations

import json
import ssl
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from msaspec import pipeline
from msaspec.exporters import compose
from msaspec.importers import compose as importer
from msaspec.importing.imported import Options
from tests.lambdas import postgres, rabbitmq

MANIFEST = """\
msaspec: 1
name: shop
network: {placement: public}
brokers: {bus: {version: "3.13"}}
services:
  cart: {image: "docker.io/library/cart:1", uses: {bus: {vhost: orders}}}
  mail: {image: "docker.io/library/mail:1", framework: spring-boot, uses: {bus: {access: consume, vhost: orders}}}
"""


def exported() -> tuple[dict[str, Any], list[str]]:
    """The file, and the variables that get random values."""
    plan, _ = pipeline.plan_of(pipeline.load(MANIFEST, "msa.yaml"))
    made = compose.export(plan, "msa.yaml", None)
    tree: dict[str, Any] = yaml.safe_load(made.text)
    return tree, list(made.generated)


def test_a_broker_is_a_container_with_the_same_users() -> None:
    """Services have the variables of AWS with what holds here: another host, another port, no TLS."""
    tree, generated = exported()
    assert generated == ["BUS_CART_PASSWORD", "BUS_MAIL_PASSWORD"]
    bus = tree["services"]["bus"]
    assert bus["image"] == "docker.io/library/rabbitmq:3.13"
    url = "amqp://cart:${BUS_CART_PASSWORD}@bus:5672/orders"
    assert tree["services"]["cart"]["environment"] == {
        "BUS_ADDRESS": "bus:5672",
        "BUS_HOST": "bus",
        "BUS_PASSWORD": "${BUS_CART_PASSWORD}",
        "BUS_PORT": "5672",
        "BUS_URL": url,
        "BUS_USERNAME": "cart",
        "BUS_VHOST": "orders",
        "RABBITMQ_URL": url,
    }
    spring = tree["services"]["mail"]["environment"]
    assert (spring["spring.rabbitmq.port"], spring["spring.rabbitmq.ssl.enabled"]) == ("5672", "false")
    assert tree["services"]["cart"]["depends_on"] == {"bus": {"condition": "service_healthy"}}
    sources = {each["target"]: tree["configs"][each["source"]]["content"] for each in bus["configs"]}
    assert sources["/etc/rabbitmq/conf.d/90-definitions.conf"] == "load_definitions = /etc/rabbitmq/definitions.json\n"


def test_rabbitmq_takes_the_definitions() -> None:
    """With values for the variables, the users log in and may do what the manifest says."""
    pika: Any = pytest.importorskip("pika")
    tree, generated = exported()
    text = tree["configs"]["bus-definitions-json"]["content"]
    for variable in generated:
        text = text.replace(f"${{{variable}}}", f"value-of-{variable}")
    assert "$" not in text
    with ExitStack() as stack:
        try:
            server = stack.enter_context(rabbitmq.serve(json.loads(text)))
        except postgres.Unavailable as reason:
            pytest.skip(str(reason))
        tls = pika.SSLOptions(ssl.create_default_context(cafile=str(server.ca)), postgres.HOST)
        channels = {}
        for user in ("cart", "mail"):
            login = pika.PlainCredentials(user, f"value-of-BUS_{user.upper()}_PASSWORD")
            words = pika.ConnectionParameters(postgres.HOST, server.port, "orders", login, ssl_options=tls)
            channels[user] = stack.enter_context(pika.BlockingConnection(words)).channel()
        channels["cart"].queue_declare("mails", durable=True)
        channels["cart"].confirm_delivery()
        channels["cart"].basic_publish("", "mails", b"hello", mandatory=True)
        assert channels["mail"].basic_get("mails", auto_ack=True)[2] == b"hello"
        with pytest.raises(pika.exceptions.ChannelClosedByBroker):
            channels["mail"].queue_declare("others", durable=True)


def test_the_importer_reads_it_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The container becomes a broker again, in the version that Amazon MQ has."""
    tree, _ = exported()
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump(tree))
    monkeypatch.chdir(tmp_path)
    data = yaml.safe_load(importer.load((), Options()).text)
    assert data["brokers"] == {"bus": {"version": "3.13"}}
    assert data["services"]["cart"]["env"]["BUS_ADDRESS"] == "${bus.address}"
