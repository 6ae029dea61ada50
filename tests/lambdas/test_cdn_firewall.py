"""The function that makes rules for CloudFront, between a stand-in of AWS WAF and a real web server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from msaspec.aws.lambdas import cdn_firewall
from tests.lambdas.test_database_handler import Web, serve_web
from tests.lambdas.world import Context

STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/6f1b0c2e-0000-1111-2222-333344445555"
NAME = "shop-6f1b0c2e-0000-1111-2222-333344445555"
RULES = [{"Name": "CommonRuleSet", "Priority": 0}]


class WAFOptimisticLockException(Exception):
    """The list has changed since it was looked at."""


class WAFAssociatedItemException(Exception):
    """A distribution still has the list."""


class WAFUnavailableEntityException(Exception):
    """WAF does not know the list everywhere yet."""


class WAFNonexistentItemException(Exception):
    """There is no such list."""


class WAFDuplicateItemException(Exception):
    """A list has that name."""


class AccessDeniedException(Exception):
    """What a new role gets for a moment."""


class Waf:
    """AWS WAF, which refuses as often as it is told to."""

    def __init__(self) -> None:
        self.lists: dict[str, dict[str, Any]] = {}
        self.refusals: list[Exception] = []
        self.tokens = 0

    def client(self, service: str, region_name: str) -> Any:
        """Return itself; rules for CloudFront are in one Region."""
        assert (service, region_name) == ("wafv2", "us-east-1")
        return self

    def _refuse(self) -> None:
        if self.refusals:
            raise self.refusals.pop()

    def create_web_acl(self, **words: Any) -> dict[str, Any]:
        self._refuse()
        if any(each["Name"] == words["Name"] for each in self.lists.values()):
            raise WAFDuplicateItemException
        arn = f"arn:aws:wafv2:us-east-1:123456789012:global/webacl/{words['Name']}/id-{len(self.lists) + 1}"
        self.lists[arn] = words
        return {"Summary": {"ARN": arn}}

    def list_web_acls(self, Scope: str, Limit: int, NextMarker: str = "") -> dict[str, Any]:
        assert Scope == "CLOUDFRONT"
        found = [{"Name": each["Name"], "ARN": arn} for arn, each in self.lists.items()]
        return {"WebACLs": found, "NextMarker": "x"} if NextMarker else {"WebACLs": [], "NextMarker": "x"}

    def _of(self, words: dict[str, Any]) -> str:
        for arn, each in self.lists.items():
            if (each["Name"], arn.rpartition("/")[2], "CLOUDFRONT") == (words["Name"], words["Id"], words["Scope"]):
                return arn
        raise WAFNonexistentItemException

    def get_web_acl(self, **words: Any) -> dict[str, Any]:
        self._of(words)
        self.tokens += 1
        return {"LockToken": str(self.tokens)}

    def update_web_acl(self, LockToken: str, **words: Any) -> None:
        self._refuse()
        assert LockToken == str(self.tokens)
        self.lists[self._of(words)].update(words)

    def delete_web_acl(self, LockToken: str, **words: Any) -> None:
        self._refuse()
        assert LockToken == str(self.tokens)
        del self.lists[self._of(words)]


@pytest.fixture
def waf(monkeypatch: pytest.MonkeyPatch) -> Waf:
    """An account without rules; waiting takes no time."""
    found = Waf()
    monkeypatch.setattr(boto3, "client", found.client)
    monkeypatch.setattr(cdn_firewall, "time", SimpleNamespace(sleep=lambda seconds: None))
    return found


@pytest.fixture
def web() -> Iterator[Web]:
    """Where CloudFormation takes the answer."""
    with serve_web() as server:
        yield server


def call(web: Web, kind: str, id: str | None = None, rules: Any = RULES, seconds: float = 60) -> dict[str, Any]:
    """Send a request, and return the answer that CloudFormation took."""
    event = {"StackId": STACK, "RequestId": "request", "LogicalResourceId": "AuditCdnRules", "ResponseURL": web.url}
    event |= {"RequestType": kind, **({"PhysicalResourceId": id} if id else {})}
    wanted = {"Rules": json.dumps(rules), "Stack": "shop"}
    cdn_firewall.handler({**event, "ResourceProperties": wanted}, Context(seconds))
    found: dict[str, Any] = json.loads(web.puts[-1][1])
    return found


def test_rules_are_made_changed_and_deleted(waf: Waf, web: Web) -> None:
    """Their ARN, which a distribution takes, is the id and stays through updates."""
    made = call(web, "Create")
    (arn,) = waf.lists
    assert (made["Status"], made["PhysicalResourceId"]) == ("SUCCESS", arn)
    there = waf.lists[arn]
    assert (there["Name"], there["Scope"], there["Rules"]) == (NAME, "CLOUDFRONT", RULES)
    assert there["Tags"] == [{"Key": "msaspec:stack", "Value": "shop"}]
    assert there["DefaultAction"] == {"Allow": {}}
    changed = call(web, "Update", arn, [])
    assert (changed["Status"], changed["PhysicalResourceId"], waf.lists[arn]["Rules"]) == ("SUCCESS", arn, [])
    assert call(web, "Delete", arn)["Status"] == "SUCCESS"
    assert waf.lists == {}
    assert call(web, "Delete", arn)["Status"] == "SUCCESS"


def test_what_is_refused_for_a_moment_is_tried_again(waf: Waf, web: Web) -> None:
    """A new role, another change at the same time, a list that is not everywhere yet, a distribution that is slow."""
    waf.refusals = [AccessDeniedException("AccessDeniedException: not authorized")]
    arn = call(web, "Create")["PhysicalResourceId"]
    waf.refusals = [WAFOptimisticLockException(), WAFUnavailableEntityException()]
    assert call(web, "Update", arn)["Status"] == "SUCCESS"
    waf.refusals = [WAFAssociatedItemException(), WAFAssociatedItemException()]
    assert call(web, "Delete", arn)["Status"] == "SUCCESS"
    assert waf.refusals == []
    assert waf.lists == {}


def test_a_repeated_call_takes_what_the_first_made(waf: Waf, web: Web) -> None:
    """As where the answer was lost; the name is that of this stack alone."""
    first = call(web, "Create")["PhysicalResourceId"]
    assert call(web, "Create", rules=[])["PhysicalResourceId"] == first
    assert [each["Rules"] for each in waf.lists.values()] == [[]]


def test_what_somebody_deleted_is_made_anew(waf: Waf, web: Web) -> None:
    """Another list has another ARN, so CloudFormation replaces it."""
    arn = call(web, "Create")["PhysicalResourceId"]
    waf.lists.clear()
    waf.lists["arn:aws:wafv2:us-east-1:123456789012:global/webacl/other/x"] = {"Name": "other"}
    anew = call(web, "Update", arn)
    assert anew["Status"] == "SUCCESS"
    assert anew["PhysicalResourceId"] != arn
    assert anew["PhysicalResourceId"] in waf.lists


def test_rules_that_stay_in_use_are_left(waf: Waf, web: Web) -> None:
    """A deletion does not fail for them, and says which they are; an update that cannot be made fails."""
    arn = call(web, "Create")["PhysicalResourceId"]
    waf.refusals = [WAFAssociatedItemException("in use")]
    left = call(web, "Delete", arn, seconds=20)
    assert left["Status"] == "SUCCESS"
    assert arn in left["Reason"]
    waf.refusals = [WAFOptimisticLockException("changed")]
    late = call(web, "Update", arn, seconds=20)
    assert (late["Status"], late["PhysicalResourceId"]) == ("FAILED", arn)
    assert "WAFOptimisticLockException" in late["Reason"]


def test_what_waf_refuses_is_told(waf: Waf, web: Web) -> None:
    """A creation that fails leaves nothing, and its deletion has nothing to do."""
    waf.refusals = [ValueError("WAFLimitsExceededException: too many")]
    failed = call(web, "Create")
    assert (failed["Status"], failed["PhysicalResourceId"]) == ("FAILED", "none")
    assert "too many" in failed["Reason"]
    assert call(web, "Delete", "none")["Status"] == "SUCCESS"
