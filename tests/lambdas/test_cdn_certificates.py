"""The function that makes certificates for CloudFront, between stand-ins of AWS's clients and a real web server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from msaspec.aws.lambdas import cdn_certificates
from tests.lambdas.test_database_handler import Web, serve_web
from tests.lambdas.world import Context

ARN = "arn:aws:acm:us-east-1:123456789012:certificate/{}"


class InUse(Exception):
    """ACM's ResourceInUseException."""


class Missing(Exception):
    """ACM's ResourceNotFoundException."""


class Account:
    """ACM and Route 53, each answer of which needs a few questions, as at AWS."""

    exceptions = SimpleNamespace(ResourceInUseException=InUse, ResourceNotFoundException=Missing)

    def __init__(self) -> None:
        self.certificates: dict[str, list[str]] = {}
        self.records: dict[str, dict[str, Any]] = {}
        self.zones: list[str] = []
        self.asked: list[dict[str, Any]] = []
        self.status, self.looks, self.users = "ISSUED", 0, 0

    def client(self, service: str, **region: str) -> Any:
        """Return itself; ACM only in the Region of CloudFront."""
        assert service == "route53" or region == {"region_name": "us-east-1"}
        return self

    def request_certificate(self, **words: Any) -> dict[str, str]:
        self.asked.append(words)
        token = words["IdempotencyToken"]
        self.certificates[token] = [words["DomainName"], *words.get("SubjectAlternativeNames", [])]
        return {"CertificateArn": ARN.format(token)}

    def describe_certificate(self, CertificateArn: str) -> dict[str, Any]:
        self.looks += 1
        names = self.certificates[CertificateArn.rpartition("/")[2]]
        options: list[dict[str, Any]] = [{"DomainName": name} for name in names]
        if self.looks > 2:
            for option in options:
                bare = option["DomainName"].removeprefix("*.")
                option["ResourceRecord"] = {"Name": f"_x.{bare}.", "Type": "CNAME", "Value": "_y.acm-validations.aws."}
        proven = {f"_x.{name.removeprefix('*.')}." for name in names} <= set(self.records)
        status = self.status if proven and self.looks > 5 else "PENDING_VALIDATION"
        return {"Certificate": {"Status": status, "DomainValidationOptions": options}}

    def change_resource_record_sets(self, HostedZoneId: str, ChangeBatch: dict[str, Any]) -> dict[str, Any]:
        self.zones.append(HostedZoneId)
        for change in ChangeBatch["Changes"]:
            assert change["Action"] == "UPSERT"
            self.records[change["ResourceRecordSet"]["Name"]] = change["ResourceRecordSet"]
        return {"ChangeInfo": {"Id": "1"}}

    def delete_certificate(self, CertificateArn: str) -> None:
        if self.users > 0:
            self.users -= 1
            raise InUse
        if self.certificates.pop(CertificateArn.rpartition("/")[2], None) is None:
            raise Missing


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    """An account without certificates."""
    found = Account()
    monkeypatch.setattr(boto3, "client", found.client)
    monkeypatch.setattr(cdn_certificates.time, "sleep", lambda seconds: None)
    return found


@pytest.fixture
def web() -> Iterator[Web]:
    """Where CloudFormation takes the answer."""
    with serve_web() as server:
        yield server


def answer(web: Web) -> dict[str, Any]:
    """The last answer that CloudFormation took."""
    found: dict[str, Any] = json.loads(web.puts[-1][1])
    return found


def event(web: Web, *names: str, **more: Any) -> dict[str, Any]:
    """What CloudFormation sends."""
    ids = {"StackId": "stack", "RequestId": "request", "LogicalResourceId": "WebCertificate", "ResponseURL": web.url}
    wanted = {"Names": list(names), "HostedZoneId": "Z1", "Stack": "shop"}
    return {**ids, "RequestType": "Create", "ResourceProperties": wanted, **more}


def test_a_certificate_is_requested_proved_and_issued(account: Account, web: Web) -> None:
    """By records of every name, once where two names share one, in the zone; a repeated call asks for the same."""
    cdn_certificates.handler(event(web, "example.com", "*.example.com", "shop.example.org"), Context())
    assert set(account.records) == {"_x.example.com.", "_x.shop.example.org."}
    assert account.zones == ["Z1"]
    assert account.asked[0]["Tags"] == [{"Key": "msaspec:stack", "Value": "shop"}]
    assert answer(web)["Status"] == "SUCCESS"
    arn = answer(web)["PhysicalResourceId"]
    assert arn.startswith("arn:aws:acm:us-east-1:")
    cdn_certificates.handler(event(web, "example.com", "*.example.com", "shop.example.org"), Context())
    assert answer(web)["PhysicalResourceId"] == arn


def test_only_other_names_are_another_certificate(account: Account, web: Web) -> None:
    """CloudFormation then deletes the one before, once the distribution has the new one."""
    cdn_certificates.handler(event(web, "a.example.com"), Context())
    arn = answer(web)["PhysicalResourceId"]
    again: dict[str, Any] = {"RequestType": "Update", "PhysicalResourceId": arn}
    cdn_certificates.handler(
        event(web, "a.example.com", OldResourceProperties={"Names": ["a.example.com"]}, **again), Context()
    )
    assert answer(web)["PhysicalResourceId"] == arn
    cdn_certificates.handler(
        event(web, "b.example.com", OldResourceProperties={"Names": ["a.example.com"]}, **again), Context()
    )
    assert answer(web)["PhysicalResourceId"] != arn


def test_a_certificate_is_deleted_once_nobody_uses_it(account: Account, web: Web) -> None:
    """CloudFront lets go of it late; one that is gone is no failure, and neither is a creation that never began."""
    cdn_certificates.handler(event(web, "a.example.com"), Context())
    account.users = 3
    gone: dict[str, Any] = {"RequestType": "Delete", "PhysicalResourceId": answer(web)["PhysicalResourceId"]}
    for _ in range(2):
        cdn_certificates.handler(event(web, "a.example.com", **gone), Context())
        assert answer(web)["Status"] == "SUCCESS"
        assert account.certificates == {}
    cdn_certificates.handler(event(web, RequestType="Delete", PhysicalResourceId="none"), Context())
    assert answer(web)["Status"] == "SUCCESS"


def test_one_that_stays_in_use_is_left(account: Account, web: Web) -> None:
    """It costs nothing, and the deletion of the stack goes on."""
    account.users = 10**6
    arn = ARN.format("x")
    cdn_certificates.handler(event(web, RequestType="Delete", PhysicalResourceId=arn), Context(1))
    assert answer(web)["Status"] == "SUCCESS"
    assert "left" in answer(web)["Reason"]


def test_what_is_never_issued_fails_with_its_id(account: Account, web: Web) -> None:
    """So that CloudFormation deletes what was requested, and says why."""
    account.status = "FAILED"
    cdn_certificates.handler(event(web, "a.example.com"), Context())
    assert answer(web)["Status"] == "FAILED"
    assert "FAILED" in answer(web)["Reason"]
    assert answer(web)["PhysicalResourceId"].startswith("arn:")
    account.looks = 3
    account.records.clear()
    cdn_certificates.handler(event(web, "b.example.com"), Context(1))
    assert answer(web)["Status"] == "FAILED"
    assert "hosted zone" in answer(web)["Reason"]
