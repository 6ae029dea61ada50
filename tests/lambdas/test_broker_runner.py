"""The runner of brokers against a real RabbitMQ over TLS, with Pika as the services' client."""

from __future__ import annotations

import contextlib
import secrets
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from msaspec.aws import bootstrap
from msaspec.aws.lambdas import broker_handler, broker_runner
from tests.lambdas import postgres, rabbitmq
from tests.lambdas.world import Context

pika: Any = pytest.importorskip("pika")


class World:
    """A server, its administrator, and the services with their passwords."""

    def __init__(self, server: rabbitmq.Server) -> None:
        self.server = server
        self.passwords: dict[str, str] = {}
        for each in server.ask("GET", "/api/users")[1]:
            if each["name"] != server.administrator:
                server.ask("DELETE", f"/api/users/{each['name']}")
        for each in server.ask("GET", "/api/vhosts")[1]:
            if each["name"] != "/":
                server.ask("DELETE", f"/api/vhosts/{each['name']}")

    def event(self, *users: tuple[str, str, str], gone: tuple[str, ...] = ()) -> dict[str, Any]:
        """The runner's payload for users, each with its access and its virtual host."""
        for name, _, _ in users:
            self.passwords.setdefault(name, secrets.token_hex(16))
        return {
            "Host": postgres.HOST,
            "Api": str(self.server.api),
            "ca": self.server.ca.read_text(),
            "username": self.server.administrator,
            "password": self.server.password,
            "Users": [{"Name": name, "Access": access, "Vhost": vhost} for name, access, vhost in users],
            "Gone": list(gone),
            "hashes": {name: broker_handler.kept(self.passwords[name]) for name, _, _ in users},
        }

    def run(self, *users: tuple[str, str, str], gone: tuple[str, ...] = ()) -> None:
        """Declare the users and expect success."""
        broker_runner.handler(self.event(*users, gone=gone), Context())

    def refusal(self, *users: tuple[str, str, str], **changes: Any) -> str:
        """Declare the users and return the sentence about the failure."""
        with pytest.raises(broker_runner.Failure) as failure:
            broker_runner.handler({**self.event(*users), **changes}, Context())
        return str(failure.value)

    @contextlib.contextmanager
    def channel(self, user: str, vhost: str = "/") -> Iterator[Any]:
        """A session of a service: over verified TLS, with the clear password."""
        tls = pika.SSLOptions(ssl.create_default_context(cafile=str(self.server.ca)), postgres.HOST)
        login = pika.PlainCredentials(user, self.passwords[user])
        words = pika.ConnectionParameters(
            postgres.HOST, self.server.port, vhost, login, ssl_options=tls, socket_timeout=20
        )
        connection = pika.BlockingConnection(words)
        try:
            yield connection.channel()
        finally:
            if connection.is_open:
                connection.close()

    def can(self, user: str, act: Any, vhost: str = "/") -> bool:
        """Whether RabbitMQ lets a service do it; anything but missing rights is an error of the test."""
        try:
            with self.channel(user, vhost) as channel:
                act(channel)
        except pika.exceptions.ChannelClosedByBroker as error:
            if error.reply_code != 403:
                raise
            return False
        except (pika.exceptions.ProbableAccessDeniedError, pika.exceptions.ProbableAuthenticationError):
            return False
        return True

    def state(self) -> Any:
        """All that the runner sets, but for hashes, which get a new salt each time."""
        users = [{**each, "password_hash": ""} for each in self.server.ask("GET", "/api/users")[1]]
        names = [each["name"] for each in self.server.ask("GET", "/api/vhosts")[1]]
        return users, names, self.server.ask("GET", "/api/permissions")[1]


def declare(channel: Any) -> None:
    """Make a queue."""
    channel.queue_declare("jobs", durable=True)


def send(channel: Any) -> None:
    """Send a message into it, and wait until it has arrived or was refused."""
    channel.confirm_delivery()
    channel.basic_publish("", "jobs", b"hello", mandatory=True)


def receive(channel: Any) -> None:
    """Take a message out of it."""
    method, _, _ = channel.basic_get("jobs", auto_ack=True)
    assert method is not None


def connect(channel: Any) -> None:
    """Do nothing further."""


@pytest.fixture(scope="module")
def server() -> Iterator[rabbitmq.Server]:
    """A running server; skipped with the reason where Debian's package is not installed."""
    try:
        with rabbitmq.serve() as running:
            yield running
    except postgres.Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def world(server: rabbitmq.Server) -> World:
    """A server with nothing but its administrator."""
    return World(server)


# What a service gets


def test_a_user_declares_sends_and_receives(world: World) -> None:
    """One run makes the user, and its password opens the broker."""
    world.run(("cart", "configure", "/"))
    for act in (declare, send, receive):
        assert world.can("cart", act)
    with world.channel("cart") as channel:
        channel.exchange_declare("events", "topic")
        name = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(name, "events", "cart.#")
        channel.basic_publish("events", "cart.paid", b"1")
        for _, _, body in channel.consume(name, auto_ack=True, inactivity_timeout=20):
            assert body == b"1"
            break


@pytest.mark.parametrize(
    ("access", "allowed"),
    [("configure", {declare, send, receive}), ("both", {send, receive}), ("send", {send}), ("consume", {receive})],
)
def test_access_is_what_the_service_may_do(world: World, access: str, allowed: set[Any]) -> None:
    """Whoever may not declare uses what others have declared."""
    world.run(("owner", "configure", "/"), ("cart", access, "/"))
    for act in (declare, send):
        assert world.can("owner", act)
    for act in (declare, send, receive):
        assert world.can("cart", act) == (act in allowed)


def test_users_have_no_power_over_the_broker(world: World) -> None:
    """No user, no virtual host, not even a look: the management API refuses them."""
    world.run(("cart", "configure", "/"))
    login = "cart", world.passwords["cart"]
    for method, path in (("GET", "/api/users"), ("PUT", "/api/vhosts/other"), ("GET", "/api/overview")):
        assert world.server.ask(method, path, {}, login)[0] == 401


def test_a_virtual_host_is_apart(world: World) -> None:
    """Its users have nothing of another one, and services of the same one exchange messages."""
    world.run(("cart", "configure", "orders"), ("mail", "consume", "orders"), ("web", "configure", "/"))
    assert world.can("cart", declare, "orders")
    assert world.can("cart", send, "orders")
    assert world.can("mail", receive, "orders")
    assert not world.can("cart", connect, "/")
    assert not world.can("web", connect, "orders")


def test_second_run_changes_nothing(world: World) -> None:
    """The desired state is declared, so a repetition is one; messages stay, and a virtual host its settings."""
    declared = ("cart", "configure", "orders"), ("mail", "consume", "/")
    world.run(*declared)
    assert world.can("cart", declare, "orders")
    assert world.can("cart", send, "orders")
    world.server.ask("PUT", "/api/vhosts/orders", {"description": "Of people", "tags": "theirs"})
    before = world.state()
    world.run(*declared)
    assert world.state() == before
    assert world.server.ask("GET", "/api/vhosts/orders")[1]["description"] == "Of people"
    assert world.can("cart", receive, "orders")


def test_access_follows_the_declaration(world: World) -> None:
    """Up and down, and into another virtual host; what is no longer declared is gone."""
    world.run(("owner", "configure", "/"), ("cart", "send", "/"))
    assert world.can("owner", declare)
    assert not world.can("cart", receive)
    world.run(("owner", "configure", "/"), ("cart", "both", "/"))
    assert world.can("cart", send)
    assert world.can("cart", receive)
    world.run(("owner", "configure", "/"), ("cart", "both", "orders"))
    assert not world.can("cart", connect, "/")
    assert world.can("cart", connect, "orders")


def test_a_service_that_is_gone_has_no_user(world: World) -> None:
    """What it declared and sent stays, and to remove it again is no error."""
    world.run(("cart", "configure", "/"), ("mail", "consume", "/"))
    for act in (declare, send):
        assert world.can("cart", act)
    for _ in range(2):
        world.run(("mail", "consume", "/"), gone=("cart",))
    assert not world.can("cart", connect)
    assert world.can("mail", receive)


def test_users_made_by_people_are_left_alone(world: World) -> None:
    """Only users that are declared, or were, are touched."""
    world.server.ask("PUT", "/api/users/analyst", {"password": "secret-of-people", "tags": "monitoring"})
    world.run(("cart", "configure", "/"), gone=("mail",))
    assert world.server.ask("GET", "/api/overview", None, ("analyst", "secret-of-people"))[0] == 200


def test_a_hand_made_user_is_taken_over(world: World) -> None:
    """Its password, its tags and its rights are then those that are declared."""
    world.server.ask("PUT", "/api/vhosts/other", {})
    world.server.ask("PUT", "/api/users/cart", {"password": "x", "tags": "administrator"})
    world.server.ask("PUT", "/api/permissions/other/cart", {"configure": ".*", "write": ".*", "read": ".*"})
    world.run(("cart", "consume", "/"))
    assert world.server.ask("GET", "/api/users/cart")[1]["tags"] == []
    assert not world.can("cart", connect, "other")
    assert not world.can("cart", declare)


def test_a_new_password_replaces_the_old_one(world: World) -> None:
    """As after a secret was made anew."""
    world.run(("cart", "configure", "/"))
    old = world.passwords["cart"]
    world.passwords["cart"] = secrets.token_hex(16)
    world.run(("cart", "configure", "/"))
    assert world.can("cart", connect)
    world.passwords["cart"] = old
    assert not world.can("cart", connect)


# Secrets and names


def test_clear_passwords_never_reach_the_broker(world: World) -> None:
    """The payload has hashes only, and neither these nor the administrator's password are in the log."""
    event = world.event(("cart", "configure", "/"))
    assert world.passwords["cart"] not in str(event)
    broker_runner.handler(event, Context())
    log = world.server.log()
    assert "cart" in log
    for word in (world.passwords["cart"], event["hashes"]["cart"], world.server.password):
        assert word not in log


def test_hashes_are_salted() -> None:
    """The same password is kept as something else each time."""
    assert broker_handler.kept("x") != broker_handler.kept("x")


@pytest.mark.parametrize("vhost", ["a/b", "a b", "a?b=c", "%2F", "a#b", 'a"b', "\u8868"])
def test_names_are_data(world: World, vhost: str) -> None:
    """Whatever the name of a virtual host holds, it names."""
    before = world.state()[1]
    world.run(("cart", "configure", vhost))
    assert sorted(world.state()[1]) == sorted([*before, vhost])
    assert world.can("cart", declare, vhost)
    broker_runner.ask(world.event(), "", "DELETE", "vhosts", vhost)


def test_the_administrator_cannot_be_a_service(world: World) -> None:
    """Its password would be overwritten, and it is never removed."""
    said = world.refusal(("administrator", "configure", "/"))
    assert said == 'The user "administrator" of a service is the administrator.'
    world.run(gone=("administrator",))
    assert world.server.ask("GET", "/api/overview")[0] == 200


# The connection


def test_certificate_of_another_authority_is_refused(world: World) -> None:
    """Without the right authority nothing is sent, and waiting would not help."""
    postgres.make_authority(world.server.directory, "other")
    other = (world.server.directory / "other.pem").read_text()
    said = world.refusal(("cart", "configure", "/"), ca=other)
    assert said.startswith("The broker at localhost could not be reached (")
    assert "CERTIFICATE_VERIFY_FAILED" in said
    said = world.refusal(("cart", "configure", "/"), ca=None)
    assert "CERTIFICATE_VERIFY_FAILED" in said
    said = world.refusal(("cart", "configure", "/"), Host="127.0.0.1")
    assert "certificate is not valid for '127.0.0.1'" in said


def test_wrong_password_of_the_administrator_is_told_at_once(world: World) -> None:
    """The sentence says what was asked, and holds no password."""
    said = world.refusal(("cart", "configure", "/"), password="not-the-password")
    assert said.startswith('The broker refused to make the virtual host "/" (401: ')
    assert "not-the-password" not in said


def test_what_the_broker_refuses_is_told(world: World) -> None:
    """With its own reason: here of a user without a sound hash."""
    event = world.event(("cart", "configure", "/"))
    said = world.refusal(("cart", "configure", "/"), hashes={**event["hashes"], "cart": "no hash"})
    assert said.startswith('The broker refused to set the user "cart" (400: ')


def test_broker_that_is_never_there_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience ends with a sentence that names the host."""
    monkeypatch.setattr(broker_runner, "PATIENCE", 0.1)
    said = world.refusal(("cart", "configure", "/"), Api=str(postgres.free_port()))
    assert said.startswith('The broker at localhost did not answer to make the virtual host "/" (')
    assert "refused" in said


def test_silent_broker_is_given_up_before_lambda_kills_the_function(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that accepts connections and says nothing does not use up the time for the answer."""
    assert 2 * broker_runner.PATIENCE + 20 < bootstrap.RUNNER_SECONDS
    monkeypatch.setattr(broker_runner, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = world.refusal(("cart", "configure", "/"), Api=str(silent.getsockname()[1]))
    assert "timed out" in said
