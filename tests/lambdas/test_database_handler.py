"""The handler between stand-ins of AWS' clients, real web servers, and, end to end, the runner on a real server."""

from __future__ import annotations

import http.server
import io
import json
import logging
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from msaspec.aws import bootstrap
from msaspec.aws.lambdas import database_handler, database_runner
from tests.lambdas import postgres
from tests.lambdas.world import MASTER, Context, World

BUNDLE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@dataclass
class Web:
    """A web server that gives one text and takes CloudFormation's answers."""

    url: str = ""
    text: str = BUNDLE
    statuses: list[int] = field(default_factory=list)  # of the next requests; 200 when empty
    puts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    gets: int = 0

    def answer(self) -> dict[str, Any]:
        """The only answer that CloudFormation took."""
        (put,) = self.puts
        found = json.loads(put[1])
        assert isinstance(found, dict)
        return found


@contextmanager
def serve_web(context: ssl.SSLContext | None = None) -> Iterator[Web]:
    """Runs such a server, with TLS if there is a context."""
    web = Web()

    class Handler(http.server.BaseHTTPRequestHandler):
        def reply(self, text: bytes, put: bytes | None = None) -> None:
            status = web.statuses.pop(0) if web.statuses else 200
            if put is not None and status == 200:
                web.puts.append((dict(self.headers.items()), put))
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self) -> None:
            web.gets += 1
            self.reply(web.text.encode())

        def do_PUT(self) -> None:
            self.reply(b"", put=self.rfile.read(int(self.headers["Content-Length"])))

        def log_message(self, *arguments: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        scheme = "http"
        if context:
            scheme, server.socket = "https", context.wrap_socket(server.socket, server_side=True)
        web.url = f"{scheme}://localhost:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield web
        finally:
            server.shutdown()
            thread.join()


ADDRESS = ["postgresql://cart:", "@db.example.com:5432/cart_database?sslmode=require"]
"""The address with which the role logs in, around its password."""


class Cloud:
    """Secrets Manager and Lambda, as far as the handler knows them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.secrets: dict[str, str] = {}
        self.answers: list[dict[str, Any] | Exception] = []  # of the runner; success when empty
        self.payloads: list[dict[str, Any]] = []
        self.puts: list[str] = []
        self.configs: list[Any] = []
        self.run: Callable[[dict[str, Any]], Any] | None = None  # the runner itself
        self.denials = 0  # of the next calls
        monkeypatch.setattr(boto3, "client", self.client)

    def client(self, name: str, config: Any = None) -> Cloud:
        assert name in ("secretsmanager", "lambda")
        self.configs += [config] if config else []
        return self

    def admit(self, operation: str) -> None:
        """Refuses as long as the role's policy is not everywhere."""
        if self.denials:
            self.denials -= 1
            raise client_error("AccessDeniedException", "not authorized to perform", operation)

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:
        self.admit("GetSecretValue")
        if SecretId not in self.secrets:
            raise client_error("AccessDeniedException", "not authorized", "GetSecretValue")
        return {"SecretString": self.secrets[SecretId]}

    def put_secret_value(self, *, SecretId: str, SecretString: str) -> dict[str, str]:
        self.admit("PutSecretValue")
        self.secrets[SecretId] = SecretString
        self.puts.append(SecretId)
        return {"ARN": SecretId}

    def invoke(self, *, FunctionName: str, Payload: str) -> dict[str, Any]:
        assert FunctionName == "the-runner"
        self.admit("Invoke")
        self.payloads.append(json.loads(Payload))
        answer = self.answers.pop(0) if self.answers else None
        if self.run:
            try:
                answer = self.run(json.loads(Payload))
            except Exception as raised:  # as Lambda does
                answer = {"errorMessage": str(raised), "errorType": type(raised).__name__, "stackTrace": []}
        if isinstance(answer, Exception):
            raise answer
        error = {"FunctionError": "Unhandled"} if answer else {}
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer).encode()), **error}


@cache
def lambda_client() -> Any:
    """A real client, for the errors that its model knows."""
    return botocore.session.Session().create_client("lambda", region_name="ap-northeast-2")


def client_error(code: str, message: str, operation: str) -> ClientError:
    """An error as boto3 raises it: of a class of its own if the service's model knows it."""
    error = lambda_client().exceptions.from_code(code)({"Error": {"Code": code, "Message": message}}, operation)
    assert isinstance(error, ClientError)
    return error


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cloud:
    """AWS with the secrets of a master and of one service; waiting takes no time."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(BUNDLE)
    monkeypatch.setenv("CA_BUNDLE_URL", bundle.as_uri())
    monkeypatch.setenv("AWS_REGION", "ap-northeast-2")
    monkeypatch.setenv("RUNNER", "the-runner")
    monkeypatch.setattr(database_handler, "time", SimpleNamespace(sleep=lambda seconds: None))
    stub = Cloud(monkeypatch)
    stub.secrets = {
        "arn:master": json.dumps({"username": MASTER, "password": "master-secret"}),
        "arn:cart": json.dumps({"username": "cart", "password": "cart-secret", "url": "jdbc:..."}),
    }
    return stub


@pytest.fixture
def web() -> Iterator[Web]:
    """Where CloudFormation waits for the answer."""
    with serve_web() as running:
        yield running


def request(web: Web, kind: str = "Create", **properties: Any) -> dict[str, Any]:
    """A request as CloudFormation makes it: all scalars are strings."""
    event: dict[str, Any] = {
        "RequestType": kind,
        "ResponseURL": web.url + "answer?signature=abc",
        "StackId": "arn:aws:cloudformation:ap-northeast-2:111122223333:stack/shop/guid",
        "RequestId": "request-1",
        "LogicalResourceId": "Databases",
        "ResourceProperties": {
            "ServiceToken": "arn:handler",
            "Host": "localhost",
            "Port": "5432",
            "MasterSecretArn": "arn:master",
            "Databases": [{"Name": "cart_database", "Owner": "cart", "ReadWrite": [], "ReadOnly": ["audit"]}],
            "Roles": [{"Name": "cart", "SecretArn": "arn:cart", "Url": ADDRESS}],
            "Revision": "1",
            **properties,
        },
    }
    if kind != "Create":
        event["PhysicalResourceId"] = "what-create-said"
    return event


# What the runner is told


def test_the_secret_gets_the_whole_address(cloud: Cloud, web: Web) -> None:
    """The address with the password in it stands in the secret, with all else that was there; a second run writes
    nothing."""
    for _ in range(2):
        database_handler.handler(request(web), Context())
    url = "postgresql://cart:cart-secret@db.example.com:5432/cart_database?sslmode=require"
    assert json.loads(cloud.secrets["arn:cart"]) == {"username": "cart", "password": "cart-secret", "url": url}
    assert cloud.puts == ["arn:cart"]


def test_runner_gets_verifiers_instead_of_passwords(cloud: Cloud, web: Web) -> None:
    """The payload holds the master's login, the authorities and the databases; of services, SCRAM verifiers only."""
    database_handler.handler(request(web), Context())
    (payload,) = cloud.payloads
    verifier = payload["logins"].pop("cart")
    assert payload == {
        **request(web)["ResourceProperties"],
        "username": MASTER,
        "password": "master-secret",
        "ca": BUNDLE,
        "logins": {},
    }
    assert verifier.startswith("SCRAM-SHA-256$4096:")
    assert "cart-secret" not in json.dumps(payload)


def test_runner_is_called_once_and_given_its_time(cloud: Cloud, web: Web) -> None:
    """boto3 neither repeats the call nor gives up before the runner does, and leaves time for the answer."""
    database_handler.handler(request(web), Context(bootstrap.HANDLER_SECONDS))
    (config,) = (config for config in cloud.configs if config.retries != {"total_max_attempts": 5})
    assert config.retries == {"total_max_attempts": 1}
    assert bootstrap.RUNNER_SECONDS < config.read_timeout <= bootstrap.HANDLER_SECONDS - 15


def test_verifiers_are_salted(cloud: Cloud) -> None:
    """The same password never gives the same verifier."""
    assert database_handler.verifier("x") != database_handler.verifier("x")


# What CloudFormation is told


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_success_is_answered(cloud: Cloud, web: Web, kind: str) -> None:
    """The physical id is constant, as another one would make CloudFormation delete the old; no content type is sent."""
    database_handler.handler(request(web, kind), Context())
    assert web.answer() == {
        "Status": "SUCCESS",
        "Reason": "The databases are as declared.",
        "PhysicalResourceId": "msaspec-databases-Databases" if kind == "Create" else "what-create-said",
        "StackId": "arn:aws:cloudformation:ap-northeast-2:111122223333:stack/shop/guid",
        "RequestId": "request-1",
        "LogicalResourceId": "Databases",
    }
    assert web.puts[0][0]["Content-Type"] == ""


def test_delete_touches_nothing(cloud: Cloud, web: Web) -> None:
    """Data outlives the stack: no secret is read, no function is called, whatever the properties are."""
    cloud.secrets = {}
    event = request(web, "Delete") | {"ResourceProperties": {}}
    database_handler.handler(event, Context())
    assert web.answer()["Status"] == "SUCCESS"
    assert web.answer()["PhysicalResourceId"] == "what-create-said"
    assert cloud.payloads == []
    assert cloud.configs == []


def test_sentence_of_the_runner_is_passed_on(cloud: Cloud, web: Web) -> None:
    """What PostgreSQL said is what whoever deploys reads in the stack's events."""
    sentence = 'PostgreSQL refused CREATE DATABASE "cart" (42501: permission denied).'
    cloud.answers = [{"errorMessage": sentence, "errorType": "Failure"}]
    database_handler.handler(request(web), Context())
    assert web.answer()["Status"] == "FAILED"
    assert web.answer()["Reason"] == f"The database runner failed: {sentence}"


def test_runner_that_breaks_off_is_told(cloud: Cloud, web: Web) -> None:
    """Lambda's word about a timeout or a crash becomes a sentence."""
    cloud.answers = [{"errorMessage": "Task timed out after 120.00 seconds"}]
    database_handler.handler(request(web), Context())
    assert web.answer()["Reason"] == "The database runner failed: Task timed out after 120.00 seconds"


def test_runner_that_does_not_answer_is_told(cloud: Cloud, web: Web) -> None:
    """The end of boto3's patience is told, and the call is not repeated."""
    cloud.answers = [ReadTimeoutError(endpoint_url="https://lambda")]
    database_handler.handler(request(web), Context())
    assert web.answer()["Reason"] == (
        'The database runner could not be called (ReadTimeoutError: Read timeout on endpoint URL: "https://lambda").'
    )
    assert len(cloud.payloads) == 1


def test_runner_whose_network_sleeps_is_woken(cloud: Cloud, web: Web) -> None:
    """Weeks without a deployment cost a function its network interface; the first calls fail, a later one succeeds."""
    asleep = client_error("ResourceConflictException", "The function is Pending", "Invoke")
    cloud.answers = [asleep, asleep]
    database_handler.handler(request(web), Context(180))
    assert web.answer()["Status"] == "SUCCESS"
    assert len(cloud.payloads) == 3


@pytest.mark.parametrize("before", ["read_secret", "put", "invoke"])
def test_a_policy_that_is_not_everywhere_yet_is_waited_for(
    cloud: Cloud, web: Web, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    """An update grants what it then uses at once, and IAM takes seconds: whichever call is refused is tried again."""
    if before != "read_secret":
        name = {"put": "put_secret_value", "invoke": "invoke"}[before]
        original = getattr(cloud, name)

        def late(**words: Any) -> Any:
            monkeypatch.setattr(cloud, name, original)
            cloud.denials = 3
            return original(**words)

        monkeypatch.setattr(cloud, name, late)
    else:
        cloud.denials = 3
    database_handler.handler(request(web), Context(240))
    assert web.answer()["Status"] == "SUCCESS", web.answer()
    assert cloud.denials == 0


def test_a_refusal_that_stays_is_told_in_time(cloud: Cloud, web: Web) -> None:
    """After about a minute a permission that is missing is told as what it is, while there is time to answer."""
    context, waited = Context(240), 0

    def passing() -> int:
        nonlocal waited
        context.seconds -= 5
        waited += 5
        return int(context.seconds * 1000)

    context.get_remaining_time_in_millis = passing  # type: ignore[method-assign]
    cloud.denials = 10**6
    database_handler.handler(request(web), context)
    assert web.answer()["Status"] == "FAILED"
    assert "AccessDeniedException" in web.answer()["Reason"]
    assert 60 <= waited <= 90


def test_waking_ends_while_there_is_time_to_answer(cloud: Cloud, web: Web) -> None:
    """CloudFormation is not left without an answer for a function that stays asleep."""
    context = Context(180)
    cloud.answers = [client_error("ResourceNotReadyException", "asleep", "Invoke")] * 100
    original = context.get_remaining_time_in_millis

    def passing() -> int:
        context.seconds -= 5
        return original()

    context.get_remaining_time_in_millis = passing  # type: ignore[method-assign]
    database_handler.handler(request(web), context)
    assert web.answer()["Status"] == "FAILED"
    assert "NotReadyException: An error occurred" in web.answer()["Reason"]
    assert context.seconds > 30


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        (None, "ClientError: An error occurred (AccessDeniedException) when calling the GetSecretValue operation: not"),
        ("no json, but cart-secret", "JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
        ('{"username": "cart"}', "KeyError: 'password'"),
        ('{"username": "cart", "password": "cart-secret-é"}', "ValueError: the password is not ASCII"),
    ],
)
def test_unreadable_secret_is_told(cloud: Cloud, web: Web, secret: str | None, reason: str) -> None:
    """The sentence names the role and the reason, never what is in the secret."""
    if secret is None:
        del cloud.secrets["arn:cart"]
    else:
        cloud.secrets["arn:cart"] = secret
    database_handler.handler(request(web), Context())
    assert web.answer()["Status"] == "FAILED"
    assert web.answer()["Reason"].startswith(f'The secret of role "cart" could not be read ({reason}')
    assert "cart-secret" not in web.answer()["Reason"]


def test_unexpected_error_is_one_sentence(cloud: Cloud, web: Web) -> None:
    """A request that nobody foresaw is answered as well."""
    database_handler.handler(request(web, Roles=[{"Name": "cart"}]), Context())
    assert web.answer()["Status"] == "FAILED"
    assert web.answer()["Reason"] == "The secret of role \"cart\" could not be read (KeyError: 'SecretArn')."


@pytest.mark.parametrize("letter", ["x", '"', "é", "\U0001f6d2", "\x01"])
def test_long_error_is_cut(cloud: Cloud, web: Web, letter: str) -> None:
    """CloudFormation refuses more than 4096 bytes, however they are written."""
    cloud.answers = [{"errorMessage": "PostgreSQL refused " + letter * 9000}]
    database_handler.handler(request(web), Context())
    assert len(web.puts[0][1]) <= 4096
    assert web.answer()["Reason"].startswith("The database runner failed: PostgreSQL refused " + letter * 200)


def test_answer_is_sent_again_when_it_fails(cloud: Cloud, web: Web) -> None:
    """One lost answer would make CloudFormation wait for its timeout."""
    web.statuses = [500, 503, 500]
    database_handler.handler(request(web), Context())
    assert web.answer()["Status"] == "SUCCESS"


def test_answer_that_cannot_be_sent_makes_the_function_fail(cloud: Cloud, web: Web) -> None:
    """So that Lambda runs it again."""
    web.statuses = [500] * 9
    with pytest.raises(OSError, match="500"):
        database_handler.handler(request(web), Context())


def test_no_secret_is_written(
    cloud: Cloud, web: Web, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Even when an error repeats passwords and verifiers, they are in no answer and no log."""
    original = cloud.invoke

    def talkative(*, FunctionName: str, Payload: str) -> dict[str, Any]:
        cloud.answers = [{"errorMessage": f"it was {Payload}"}]
        return original(FunctionName=FunctionName, Payload=Payload)

    cloud.invoke = talkative  # type: ignore[method-assign]
    with caplog.at_level(logging.DEBUG):
        database_handler.handler(request(web), Context())
    written = "".join((*capfd.readouterr(), caplog.text, web.puts[0][1].decode()))
    assert "it was" in written
    for secret in ("master-secret", "cart-secret", cloud.payloads[0]["logins"]["cart"]):
        assert secret not in written


# The certificate authorities


@pytest.fixture
def https(tmp_path: Path) -> Iterator[tuple[Web, Path]]:
    """A server with a certificate, and the authority that vouches for it."""
    try:
        authority = postgres.make_authority(tmp_path, "ca")
        certificate = postgres.make_certificate(tmp_path, "ca", "web", "localhost")
    except postgres.Unavailable as reason:
        pytest.skip(str(reason))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with serve_web(context) as running:
        yield running, authority


def test_authorities_come_over_verified_https(
    cloud: Cloud, web: Web, https: tuple[Web, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate that nobody vouches for is refused; with its authority, the bundle is read, at the second try."""
    monkeypatch.setenv("CA_BUNDLE_URL", https[0].url)
    database_handler.handler(request(web), Context())
    assert "CERTIFICATE_VERIFY_FAILED" in web.answer()["Reason"]
    assert https[0].gets == 0
    monkeypatch.setenv("SSL_CERT_FILE", str(https[1]))
    monkeypatch.setattr("urllib.request._opener", None)  # it has read the authorities, from Python 3.12 on
    https[0].statuses = [503]
    database_handler.handler(request(web), Context())
    assert https[0].gets == 2
    assert cloud.payloads[0]["ca"] == BUNDLE


def test_authorities_are_not_read_in_clear_text(cloud: Cloud, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is between would otherwise decide which server is trusted."""
    monkeypatch.setenv("CA_BUNDLE_URL", web.url)
    database_handler.handler(request(web), Context())
    assert web.answer()["Status"] == "FAILED"
    assert "https" in web.answer()["Reason"]
    assert web.gets == 0


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("ap-northeast-2", "truststore.pki.rds.amazonaws.com"),
        ("ap-east-2", "truststore.pki.rds.amazonaws.com"),
        ("eusc-de-east-1", "truststore.pki.rds.amazonaws.com"),
        ("us-gov-east-1", "truststore.pki.us-gov-west-1.rds.amazonaws.com"),
        ("cn-northwest-1", "rds-truststore.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_authorities_of_the_partition(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, region: str, host: str) -> None:
    """Each partition has its own place for RDS' authorities, those of every Region in one file: also of the newest,
    whose own files no page lists."""
    monkeypatch.delenv("CA_BUNDLE_URL")
    monkeypatch.setenv("AWS_REGION", region)
    assert database_handler.authorities() == f"https://{host}/global/global-bundle.pem"


def test_authorities_that_cannot_be_read_are_told(cloud: Cloud, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the address."""
    monkeypatch.setenv("CA_BUNDLE_URL", "file:///nowhere/bundle.pem")
    database_handler.handler(request(web), Context())
    assert web.answer()["Reason"].startswith("The certificates at file:///nowhere/bundle.pem could not be read (")


# Both functions on a real server


def test_end_to_end(cloud: Cloud, web: Web, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """From CloudFormation's request to a service that logs in with its secret's password and owns its database."""
    cloud.run = lambda payload: database_runner.handler(payload, Context())
    monkeypatch.setenv("CA_BUNDLE_URL", world.server.ca.as_uri())
    cloud.secrets["arn:master"] = json.dumps({"username": MASTER, "password": world.master_password})
    cloud.secrets["arn:audit"] = json.dumps({"username": "audit", "password": "audit-secret"})
    world.passwords.update(cart="cart-secret", audit="audit-secret")
    roles = [{"Name": name, "SecretArn": f"arn:{name}", "Url": ADDRESS} for name in ("cart", "audit")]
    with ExitStack() as stack:
        database_handler.handler(request(web, Port=str(world.server.port), Roles=roles), Context())
        assert web.answer()["Status"] == "SUCCESS", web.answer()
        session = stack.enter_context(world.service("cart", "cart_database"))
        session.execute("CREATE TABLE item (id int)")
        assert world.can("audit", "cart_database", "SELECT * FROM item")
        assert not world.can("audit", "cart_database", "DELETE FROM item")


def test_end_to_end_failure(cloud: Cloud, web: Web, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong master password reaches CloudFormation as the server's words."""
    cloud.run = lambda payload: database_runner.handler(payload, Context())
    monkeypatch.setenv("CA_BUNDLE_URL", world.server.ca.as_uri())
    database_handler.handler(request(web, Port=str(world.server.port)), Context())
    assert web.answer()["Reason"] == (
        f'The database runner failed: PostgreSQL refused to let "{MASTER}" use database "postgres"'
        f' (28P01: password authentication failed for user "{MASTER}").'
    )
