"""The function that composes texts, between stand-ins of AWS's clients and a real web server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from msaspec.aws.lambdas import secret_texts
from tests.lambdas.test_database_handler import Web, serve_web
from tests.lambdas.world import Context

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:main-AbCdEf"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Secrets by ARN, as Secrets Manager gives and takes them."""
    found = {ARN: json.dumps({"password": "hunter2", "port": 5432})}

    def get(SecretId: str) -> dict[str, str]:
        if SecretId not in found:
            raise LookupError(f"ResourceNotFoundException: {SecretId}")
        return {"SecretString": found[SecretId]}

    def put(SecretId: str, SecretString: str) -> None:
        found[SecretId] = SecretString

    def parameter(Name: str, WithDecryption: bool) -> dict[str, Any]:
        return {"Parameter": {"Value": f"{Name} {WithDecryption}"}}

    clients = {
        "secretsmanager": SimpleNamespace(get_secret_value=get, put_secret_value=put),
        "ssm": SimpleNamespace(get_parameter=parameter),
    }
    monkeypatch.setattr(boto3, "client", lambda service, **region: clients[service])
    monkeypatch.setattr(secret_texts.time, "sleep", lambda seconds: None)
    return found


@pytest.fixture
def web() -> Iterator[Web]:
    """Where CloudFormation takes the answer."""
    with serve_web() as server:
        yield server


def event(web: Web, texts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What CloudFormation sends."""
    ids = {"StackId": "stack", "RequestId": "request", "LogicalResourceId": "WebTexts", "ResponseURL": web.url}
    return {**ids, "RequestType": "Create", "ResourceProperties": {"SecretArn": "own", "Texts": texts}, **more}


def test_pieces_are_joined(store: dict[str, str], web: Web) -> None:
    """Texts, a key of a secret, a whole secret and a number become one text; the answer names none of it."""
    secret_texts.handler(
        event(web, {"A_1": ["x=", [ARN, "password", "secretsmanager"], ";", [ARN, "port", "secretsmanager"]]}),
        Context(),
    )
    assert json.loads(store["own"]) == {"A_1": "x=hunter2;5432"}
    assert web.answer()["Status"] == "SUCCESS"
    assert "hunter2" not in json.dumps(web.answer())


def test_a_parameter_is_a_piece(store: dict[str, str], web: Web) -> None:
    """By its path, decrypted."""
    secret_texts.handler(event(web, {"A": ["key ", ["/shop/key", "", "ssm"]]}), Context())
    assert json.loads(store["own"]) == {"A": "key /shop/key True"}


def test_what_is_gone_leaves_out_only_what_was_before(store: dict[str, str], web: Web) -> None:
    """A text of the version before may name a secret that is gone."""
    before = {"Texts": {"OLD": [["gone", "password", "secretsmanager"]], "SAME": ["a"]}}
    again = event(web, {"SAME": ["b"]}, RequestType="Update", PhysicalResourceId="id", OldResourceProperties=before)
    secret_texts.handler(again, Context())
    assert json.loads(store["own"]) == {"SAME": "b"}
    assert (web.answer()["Status"], web.answer()["PhysicalResourceId"]) == ("SUCCESS", "id")


@pytest.mark.parametrize("pieces", [[["gone", "", "secretsmanager"]], [[ARN, "token", "secretsmanager"]]])
def test_what_cannot_be_read_is_said(store: dict[str, str], web: Web, pieces: list[Any]) -> None:
    """With the name of what is missing, and without any value."""
    secret_texts.handler(event(web, {"A": pieces}), Context())
    assert web.answer()["Status"] == "FAILED"
    assert ("token" if pieces[0][1] else "gone") in web.answer()["Reason"]
    assert "hunter2" not in web.answer()["Reason"]
    assert "own" not in store


def test_a_deletion_reads_and_writes_nothing(store: dict[str, str], web: Web) -> None:
    """The secret goes with the stack."""
    secret_texts.handler(event(web, {"A": [["gone", "", "secretsmanager"]]}, RequestType="Delete"), Context())
    assert web.answer()["Status"] == "SUCCESS"
    assert "own" not in store
