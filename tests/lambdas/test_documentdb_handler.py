"""What the handler does otherwise for Amazon DocumentDB: passwords as they are, and that of a restored master user."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from msaspec.aws import bootstrap
from msaspec.engines import engines
from tests.lambdas.test_database_handler import BUNDLE, Cloud, Web, serve_web
from tests.lambdas.world import Context

MASTER, CART = {"username": "dbadmin", "password": "m" * 32}, {"username": "cart", "password": "c" * 32}
URL = ["mongodb://cart:", "@db.example.com:27017/cart?tls=true"]


class Aws(Cloud):
    """Secrets Manager and Lambda, and DocumentDB, whose requests the real client checks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.documents = boto3.client(
            "docdb", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        self.stub = Stubber(self.documents)
        self.stub.activate()
        super().__init__(monkeypatch)
        self.secrets = {"master": json.dumps(MASTER), "cart": json.dumps(CART)}

    def client(self, name: str, config: Any = None) -> Any:
        return self.documents if name == "docdb" else super().client(name, config)


def answer(monkeypatch: pytest.MonkeyPatch, web: Web, bundle: Path, **properties: Any) -> dict[str, Any]:
    """What the program of a template says to CloudFormation."""
    monkeypatch.setenv("RUNNER", "the-runner")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("CA_BUNDLE_URL", bundle.as_uri())
    module = types.ModuleType("index")
    exec(bootstrap.sources(engines()["documentdb"].bootstrap)[0], vars(module))
    wanted = {"MasterSecretArn": "master", "Roles": [{"Name": "cart", "SecretArn": "cart", "Url": URL}], **properties}
    ids = {"StackId": "stack", "RequestId": "request", "LogicalResourceId": "OrdersBootstrap"}
    event = {**ids, "RequestType": "Create", "ResponseURL": web.url, "ResourceProperties": wanted}
    module.handler(event, Context(200))
    return web.answer()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle of certificates."""
    (tmp_path / "ca.pem").write_text(BUNDLE)
    return tmp_path / "ca.pem"


def test_the_runner_gets_the_passwords(monkeypatch: pytest.MonkeyPatch, bundle: Path) -> None:
    """DocumentDB takes no verifier. The address of the secret has the password; what CloudFormation hears has none."""
    aws = Aws(monkeypatch)
    aws.answers = [{"errorMessage": f"refused {CART['password']}"}]
    with serve_web() as web:
        said = answer(monkeypatch, web, bundle)
    (payload,) = aws.payloads
    assert payload["logins"] == {"cart": CART["password"]}
    assert payload["username"] == "dbadmin"
    assert json.loads(aws.secrets["cart"])["url"] == CART["password"].join(URL)
    assert (said["Status"], said["Reason"]) == ("FAILED", "The database runner failed: refused ***")


def test_a_restored_master_user_gets_the_password(monkeypatch: pytest.MonkeyPatch, bundle: Path) -> None:
    """The cluster of a snapshot has a master user of its own name, and its password is set before anyone logs in."""
    aws = Aws(monkeypatch)
    words = {"DBClusterIdentifier": "shop", "MasterUserPassword": MASTER["password"], "ApplyImmediately": True}
    aws.stub.add_response("modify_db_cluster", {"DBCluster": {"MasterUsername": "chief"}}, words)
    with serve_web() as web:
        said = answer(monkeypatch, web, bundle, Restored="shop")
    aws.stub.assert_no_pending_responses()
    (payload,) = aws.payloads
    assert (payload["username"], payload["password"]) == ("chief", MASTER["password"])
    assert said["Status"] == "SUCCESS"


def test_a_refused_password_is_told_without_it(monkeypatch: pytest.MonkeyPatch, bundle: Path) -> None:
    """The reason names what failed."""
    aws = Aws(monkeypatch)
    aws.stub.add_client_error("modify_db_cluster", "InvalidDBClusterStateFault", f"not now: {MASTER['password']}")
    with serve_web() as web:
        said = answer(monkeypatch, web, bundle, Restored="shop")
    assert said["Reason"].startswith("The master user of shop could not get its password (")
    assert MASTER["password"] not in said["Reason"]
    assert aws.payloads == []
