"""`msaspec verify`: what a deployment will need, looked at in the account before it begins."""

from __future__ import annotations

import json
import time

import pytest
from moto.route53.models import route53_backends

from msaspec.deploy.preconditions.front_door import _covers
from msaspec.deploy.preconditions.images import _platforms
from msaspec.sandbox.account import Account as Allowed
from tests import told
from tests.deploy.account import OWNING, SMALL, Account

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret"
SECRETS = SMALL.replace(
    "uses: [media]",
    f"uses: [media], secrets: {{A: /shop/a, B: /shop/b, C: '{ARN}:shop-AbCdEf', D: '{ARN}:other-AbCdEf#key'}}",
)
DOMAIN = SMALL.replace("network:", "ingress: {domain: shop.example.com, hosted_zone: ZONE}\nnetwork:").replace(
    "uses: [media]", "uses: [media], paths: [/], runtime: fargate"
)


def test_nothing_is_missing(account: Account) -> None:
    """Says so, and changes nothing."""
    account.write(SMALL)
    result = account.run("verify")
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    assert "Nothing is missing" in result.stderr
    assert account.stack() is None


def test_each_miss_is_on_its_line(account: Account) -> None:
    """Parameters and secrets that are not there, and keys that a secret does not have, with the commands to make them;
    no value is shown. It takes seconds at most."""
    account.world.client("ssm").put_parameter(Name="/shop/b", Value="x", Type="String")
    made = account.world.client("secretsmanager").create_secret(Name="other", SecretString='{"one": "hunter2"}')["ARN"]
    account.write(SECRETS.replace(f"{ARN}:other-AbCdEf", made))
    begun = time.monotonic()
    result = account.run("verify", "--format", "json")
    assert time.monotonic() - begun < 60  # the target is 3 s on a machine of one's own
    assert result.exit_code == 1
    found = told.rows(result.stdout, "diagnostic")
    missing = {row["path"]: row for row in found if row["severity"] == "error"}
    assert {path: row["code"] for path, row in missing.items()} == {
        "services.cart.secrets.A": "MSA671",
        "services.cart.secrets.C": "MSA671",
        "services.cart.secrets.D": "MSA672",
    }
    assert "aws ssm put-parameter --name /shop/a" in missing["services.cart.secrets.A"]["hint"]
    assert missing["services.cart.secrets.D"]["hint"] == "It has: one."
    assert "hunter2" not in result.stdout + result.stderr


def test_an_image_that_is_not_pushed(account: Account) -> None:
    """The same as `deploy` says of it, without a stack of repositories."""
    account.write(OWNING)
    result = account.run("verify")
    assert result.exit_code == 1
    assert "MSA522" in result.stderr
    assert "msaspec push cart" in result.stderr


@pytest.mark.parametrize(("domain", "code"), [("example.com", None), ("other.org", "MSA674")])
def test_a_hosted_zone_has_to_fit(account: Account, domain: str, code: str | None) -> None:
    """It has to be there, and to be of the domain; a record of somebody else is in the way."""
    route53 = account.world.client("route53")
    made = route53.create_hosted_zone(Name=domain, CallerReference="1")["HostedZone"]["Id"].rpartition("/")[2]
    zone = "Z0123456789ABC"  # Route 53's begin with a Z, and moto's with anything.
    known = route53_backends["123456789012"]["aws"].zones
    known[zone] = known.pop(made)
    known[zone].resource_id = zone
    account.write(DOMAIN.replace("ZONE", zone))
    result = account.run("verify")
    assert (result.exit_code, code is None or code in result.stderr) == (int(code is not None), True), result.stderr
    if code is None:
        record = {"Name": "shop.example.com", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
        changes = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=changes)
        result = account.run("verify")
        assert (result.exit_code, "MSA675" in result.stderr) == (1, True)


def test_a_zone_that_is_not_there(account: Account) -> None:
    """With the command that lists those that are."""
    account.write(DOMAIN.replace("ZONE", "Z0123456789ABC"))
    result = account.run("verify")
    assert (result.exit_code, "MSA674" in result.stderr) == (1, True), result.stderr
    assert "aws route53 list-hosted-zones" in result.stderr


def test_what_may_not_be_read_is_said_once_and_skipped(account: Account) -> None:
    """No miss is made up of it."""
    account.write(SECRETS)
    statements = json.loads(account.run("policy", "--for", "verify").stdout)["Statement"]
    allowed = frozenset(action for each in statements for action in each["Action"])
    account.world.account = Allowed(allowed=allowed)
    full = account.run("verify")
    assert "msaspec cannot verify everything" not in full.stderr
    account.world.account = Allowed(allowed=allowed - {"secretsmanager:DescribeSecret", "ssm:GetParameters"})
    result = account.run("verify")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.count("secretsmanager:DescribeSecret` is missing") == 1


@pytest.mark.parametrize(
    ("pattern", "name", "covered"),
    [
        ("a.example.com", "A.example.com", True),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "a.b.example.com", False),
    ],
)
def test_what_a_certificate_covers(pattern: str, name: str, covered: bool) -> None:
    """A star is one label."""
    assert _covers(pattern, name) is covered


def test_the_platforms_of_an_image() -> None:
    """Those of an index, without the attestations in it; a single image tells none."""
    listed = [{"platform": {"architecture": each}} for each in ("arm64", "unknown", "amd64")]
    assert _platforms(json.dumps({"manifests": listed})) == ["amd64", "arm64"]
    assert _platforms(json.dumps({"config": {}})) == []
    assert _platforms("no JSON") == []
